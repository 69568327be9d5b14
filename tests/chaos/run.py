"""Crashes and bad days with real processes of both languages. What is printed last is what came of it; the
exit status is not zero when anything was lost.

    python tests/chaos/run.py --kills 1000 --grants 64 --seed 7 --store sqlite
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import crowd
import days
import killing
from judge import Untrue
from postgres_store import PostgresStore, server
from processes import LANGUAGES
from sqlite_store import SqliteStore
from world import StoreMaker

PARTS = ("kills", "dies", "crowd", "callers", "kept", "days")
LONGEST = 1800.0
"""Seconds; no part may take longer."""

Report = dict[str, Any]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--kills", type=int, default=1000, help="how many processes to kill")
    parser.add_argument("--grants", type=int, default=64, help="over how many grants, all at once")
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, help="decides the order of the kills; it is always printed")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part alone; may be repeated")
    parser.add_argument("--json", action="store_true", help="figures as JSON on standard output")
    return parser.parse_args()


@contextmanager
def stores(kind: str) -> Iterator[StoreMaker]:
    """How this kind of store is made, and for PostgreSQL the server to make it on."""
    if kind == "sqlite":
        yield SqliteStore
        return
    with server() as running:
        yield lambda _: PostgresStore(running)


async def kills(given: argparse.Namespace, make: StoreMaker, say: Callable[[str], None]) -> Report:
    begun = time.monotonic()
    toll = await killing.run(killing.plan(given.kills, given.seed), given.grants, make, say)
    waits = {"all": _spread([wait for waits in toll.waits.values() for wait in waits])}
    waits |= {point: _spread(toll.waits[point]) for point in killing.POINTS if toll.waits[point]}
    return {
        "kills": sum(toll.kills.values()),
        "planned": given.kills,
        "by_point_and_language": dict(sorted(toll.kills.items())),
        "grants": given.grants,
        "survivors_waited_s": waits,
        "missed": dict(toll.missed),
        "provider": toll.counts,
        "seconds": round(time.monotonic() - begun, 1),
        "lost": [str(loss) for loss in toll.losses],
    }


async def old_tokens_die(_: argparse.Namespace, make: StoreMaker, say: Callable[[str], None]) -> Report:
    """Every kill once more, and the crowd, where a rotation ends the access tokens before it (F3.10)."""
    settings = {"old_access_token": "dies"}
    planned = killing.every_point()
    toll = await killing.run(planned, len(planned), make, say, **settings)
    report: Report = {"kills": sum(toll.kills.values()), "lost": [str(loss) for loss in toll.losses]}
    came = await crowd.gather(crowd.DELAYS[0], make, **settings)
    return report | {"crowd": f"{came.calls} answered, the last after {came.last:.2f} s"}


async def crowds(_: argparse.Namespace, make: StoreMaker, say: Callable[[str], None]) -> Report:
    report: Report = {"lost": []}
    for delay in crowd.DELAYS:
        try:
            came = await crowd.gather(delay, make)
            told = f"{came.calls} answered, the last after {came.last:.2f} s"
            report[f"token endpoint taking {delay:g} s"] = told
        except Untrue as untrue:
            report["lost"].append(f"token endpoint taking {delay:g} s: {untrue}")
        say(f"crowd, {delay:g} s")
    return report


async def callers(_: argparse.Namespace, make: StoreMaker, say: Callable[[str], None]) -> Report:
    report: Report = {"lost": []}
    for language in LANGUAGES:
        what = f"one {language} process, an exchange of {crowd.EXCHANGE:g} s"
        try:
            came = await crowd.one_process(language, make)
            report[what] = f"{came.calls} answered, 1 exchange, the last after {came.last:.2f} s"
        except Untrue as untrue:
            report["lost"].append(f"{what}: {untrue}")
        say(f"callers, {language}")
    return report


async def kept(_: argparse.Namespace, make: StoreMaker, __: Callable[[str], None]) -> Report:
    shares = sorted((await crowd.kept_alive(make)).values())
    return {"one pass in two processes": f"{sum(shares)} rotated, {shares} by each", "lost": []}


async def bad_days(given: argparse.Namespace, make: StoreMaker, _: Callable[[str], None]) -> Report:
    lived = await days.live_through(make)
    if given.store == "postgresql":
        # Nobody else can be at work on a server that is restarted.
        for name in days.SERVER_DAYS:
            lived |= await days.live_through(make, [name], at_once=1)
    report: Report = {"lost": []}
    for (name, language), told in lived.items():
        if isinstance(told, Exception):
            report["lost"].append(f"{name}, {language}: {type(told).__name__}: {told}")
        else:
            report[f"{name}, {language}"] = told or "good"
    return report


def _spread(waits: list[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum, in seconds."""
    ordered = sorted(waits) or [0.0]
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    figures = {"median": statistics.median(ordered), "p99": p99, "max": ordered[-1]}
    return {name: round(figure, 3) for name, figure in figures.items()}


def print_table(report: Report) -> None:
    for part in (part for part in PARTS if part in report):
        print(f"\n{part}")
        rows = [(name, value) for name, value in report[part].items() if name != "lost"]
        for name, value in rows:
            if isinstance(value, dict):
                print(f"  {name}")
                for key, one in value.items():
                    print(f"    {key:<24} {_line(one)}")
            else:
                print(f"  {name:<48} {value}")
        for loss in report[part]["lost"]:
            print(f"  LOST {loss}")
    lost = sum(len(report[part]["lost"]) for part in PARTS if part in report)
    print(f"\n{report['store']}, seed {report['seed']}: {lost} lost")


def _line(value: object) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{key} {one}" for key, one in value.items())
    return str(value)


async def main() -> int:
    given = arguments()
    if given.seed is None:
        given.seed = random.SystemRandom().randrange(1_000_000)
    begun = time.monotonic()
    task = asyncio.current_task()
    assert task is not None
    # Whoever ends this ends it like Ctrl-C does: processes and folders are cleared away first.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)

    def say(what: str) -> None:
        print(f"{time.monotonic() - begun:7.1f} s  {what}", file=sys.stderr, flush=True)

    say(f"store {given.store}, seed {given.seed}")
    parts = {
        "kills": kills,
        "dies": old_tokens_die,
        "crowd": crowds,
        "callers": callers,
        "kept": kept,
        "days": bad_days,
    }
    report: Report = {"store": given.store, "seed": given.seed}
    with stores(given.store) as make:
        for part in given.only or PARTS:
            try:
                async with asyncio.timeout(LONGEST):
                    report[part] = await parts[part](given, make, say)
            except (Untrue, TimeoutError) as error:
                report[part] = {"lost": [f"{type(error).__name__}: {error}"]}
            say(f"{part}: done")
    if given.json:
        print(json.dumps(report, indent=2))
    else:
        print_table(report)
    whole = "kills" not in report or report["kills"].get("kills") == given.kills
    return 0 if whole and not any(report[part]["lost"] for part in PARTS if part in report) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
