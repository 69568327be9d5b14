"""`make soak`: mixed load with faults for a while, in each language, on SQLite, with tokens that live for
seconds. Memory stays flat, no descriptor is lost, every call ends in time, and the grant is alive at the end.

    python tests/soak/soak.py                 half an hour, both languages at once
    python tests/soak/soak.py --seconds 40    for a look; the tests do this
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python"))

from support import Sandbox  # noqa: E402

COMMANDS = {
    "python": (sys.executable, str(HERE / "worker.py")),
    "node": ("node", "--expose-gc", str(HERE / "worker.mjs")),
}
CALLERS = 16

FAULTS: list[Any] = [
    {"reset": "before"},
    {"reset": "after"},
    {"delay_ms": 300},
    {"delay_after_ms": 300},
    {"status": 503, "headers": {"retry-after": "1"}},
    {"status": 429, "headers": {"retry-after": "1"}},
    {"html": 502},
    {"malformed": True},
    {"truncate": 20},
]

TOKEN_FAULTS: list[Any] = [fault for fault in FAULTS if "malformed" not in fault] + [
    {"malformed": True, "act": False},
]
"""An exchange whose answer is lost leaves a token that works for ten minutes: it is made again."""
TOKENS_LIVE = 5
"""Seconds."""

WARM = 20
"""Seconds at least until a process has the memory it goes on with: Node's heap and threads take so long."""
MEMORY = 24 * 2**20
"""What a process may have more at the end than when it was warm: caches fill, the heap finds its size."""
RISE = 12 * 2**20
"""What the straight line through the samples may rise from the first to the last of them, where they tell
something: in bytes.
"""
SAMPLES = 10
"""Fewer say nothing of a direction; short runs have fewer."""
DESCRIPTORS = CALLERS + 4
"""As many connections may be open as there are callers, and were perhaps not open before."""


def soak(language: str, seconds: float) -> dict[str, Any]:
    """Runs one language's worker under faults; returns what it told."""
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        sandbox.control("PATCH", "/settings", {"expires_in": TOKENS_LIVE})
        tokens = sandbox.tokens_of_another_system()
        given = _given(language, sandbox, tokens, folder)
        given |= {"seconds": seconds, "callers": CALLERS, "every": max(60 * seconds / 1800, 20)}
        given["warm"] = max(seconds / 3, WARM)
        over = threading.Event()
        weather = threading.Thread(target=_weather, args=(sandbox, over))
        weather.start()
        try:
            worker = subprocess.run(
                [*COMMANDS[language], json.dumps(given)],
                capture_output=True,
                text=True,
                timeout=seconds + 240,
                env=os.environ | {"PYTHONPATH": ""},
                check=False,
            )
        finally:
            over.set()
            weather.join()
        counts = sandbox.counts()
    if worker.returncode:
        raise RuntimeError(f"{language}: {worker.stderr}")
    told: dict[str, Any] = json.loads(worker.stdout)
    return told | {"exchanges": counts["refresh_exchanges"], "replays": counts["replays"]}


def _given(language: str, sandbox: Sandbox, tokens: dict[str, Any], folder: str) -> dict[str, Any]:
    options = sandbox.options(store=f"{folder}/threelo.db")
    connection = {"refresh_token": tokens["refresh_token"], "access_token": tokens["access_token"]}
    connection |= {"site": "acme"}
    if language == "python":
        return {"options": options, "connection": connection}
    return {"options": _camel(options), "connection": _camel(connection)}


def _camel(options: dict[str, Any]) -> dict[str, Any]:
    def spelt(name: str) -> str:
        first, *rest = name.split("_")
        return first + "".join(word.title() for word in rest)

    return {spelt(name): value for name, value in options.items()}


def _weather(sandbox: Sandbox, over: threading.Event) -> None:
    """A fault every quarter of a second, for one to five calls. Every five seconds it is one of exchanges."""
    dice = random.Random(42)
    kinds = itertools.cycle(FAULTS)
    token_kinds = itertools.cycle(TOKEN_FAULTS)
    for turn in itertools.count():
        if over.wait(0.25):
            return
        if turn % 20 == 10:
            fault = {"path": "/oauth/token", "kind": next(token_kinds), "times": 1}
        else:
            fault = {"path": "/ex/*", "kind": next(kinds), "times": dice.randint(1, 5)}
        sandbox.control("POST", "/faults", fault)


def verdict(language: str, told: dict[str, Any]) -> list[str]:
    """What is wrong with it; nothing, as a rule."""
    counts, before, after = told["told"], told["before"], told["after"]
    wrong = []
    if counts.get("lost"):
        wrong.append(f"{counts['lost']} calls never ended")
    if not counts.get("answered"):
        wrong.append("no call was answered")
    if after["memory"] - before["memory"] > MEMORY:
        wrong.append(f"memory grew from {before['memory']} to {after['memory']} bytes")
    if after["descriptors"] - before["descriptors"] > DESCRIPTORS:
        wrong.append(f"descriptors grew from {before['descriptors']} to {after['descriptors']}")
    if counts.get("reauthorization_required"):
        wrong.append(f"the grant was lost: {counts['reauthorization_required']} calls said so")
    if not told["exchanges"]:
        wrong.append("no token was exchanged")
    if (rise := _rise(told["samples"])) > RISE:
        wrong.append(f"memory rises by {rise} bytes from sample to sample: {told['samples']}")
    return [f"{language}: {each}" for each in wrong]


def _rise(samples: list[dict[str, float]]) -> int:
    """How far the straight line through the samples rises from the first to the last, in bytes."""
    if len(samples) < SAMPLES:
        return 0
    seconds = [sample["second"] for sample in samples]
    line = statistics.linear_regression(seconds, [sample["memory"] for sample in samples])
    return int(line.slope * (seconds[-1] - seconds[0]))


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--seconds", type=float, default=1800)
    given = parser.parse_args()
    wrong: list[str] = []

    def run(language: str) -> None:
        try:
            told = soak(language, given.seconds)
        except Exception as error:
            wrong.append(f"{language}: {error}")
            return
        print(language, json.dumps(told | {"rise": _rise(told["samples"])}), flush=True)
        wrong.extend(verdict(language, told))

    threads = [threading.Thread(target=run, args=(language,)) for language in COMMANDS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit("\n".join(wrong) or None)


if __name__ == "__main__":
    main()
