"""The short form of `make chaos`: every point of a rotation once for each language and each kind of survivor,
and the crowd, on both stores; all bad days on SQLite, and on PostgreSQL those that turn on leases and clocks.
What takes long is waiting, so all of it goes on at once, once for all tests.
"""

from __future__ import annotations

import asyncio
from typing import Any

import crowd
import days
import killing
import pytest
from postgres_store import PostgresStore, server
from processes import LANGUAGES
from sqlite_store import SqliteStore
from world import StoreMaker

pytestmark = pytest.mark.timeout(900)
KILLS = killing.every_point()
STORES = ("sqlite", "postgresql")
CALLERS = 1000
OLD_TOKENS = {"sqlite": {"old_access_token": "stays"}, "postgresql": {"old_access_token": "dies"}}
"""Whether a rotation ends the access tokens before it (F3.10)."""

Seen = dict[Any, Any]


async def _on(store: str, make: StoreMaker) -> Seen:
    """One crowd after the other and then the kills: together they are more than a server takes."""
    seen: Seen = {}
    for part in (*crowd.DELAYS, "kept alive", "kills"):
        try:
            if part == "kills":
                # One store for each answer to F3.10.
                seen[store, part] = await killing.run(KILLS, len(KILLS), make, each=1, **OLD_TOKENS[store])
            elif part == "kept alive":
                seen[store, part] = await crowd.kept_alive(make)
            else:
                seen[store, part] = await crowd.gather(part, make, **OLD_TOKENS[store])
        except Exception as error:  # told by the tests of this part
            seen[store, part] = error
    return seen


@pytest.fixture(scope="module")
def seen() -> Seen:
    """What came of everything, by the name of its part; an exception where that came of it."""

    async def all_at_once(make: StoreMaker, restarted: StoreMaker) -> Seen:
        lived, shared, outlived, *stores = await asyncio.gather(
            days.live_through(),
            days.live_through(make, days.LEASE_DAYS),
            days.live_through(restarted, days.SERVER_DAYS, at_once=1),
            _on("sqlite", SqliteStore),
            _on("postgresql", make),
        )
        days_of = {("sqlite", "days"): lived, ("postgresql", "days"): shared | outlived}
        return days_of | stores[0] | stores[1]

    # Nobody else can be at work on a server that is restarted.
    with server() as one, server() as two:
        return asyncio.run(all_at_once(lambda _: PostgresStore(one), lambda _: PostgresStore(two)))


def _of(seen: Seen, part: Any) -> Any:
    if isinstance(seen[part], BaseException):
        raise seen[part]
    return seen[part]


@pytest.mark.parametrize("store", STORES)
def test_no_kill_at_any_point_loses_a_connection(seen: Seen, store: str) -> None:
    toll: killing.Toll = _of(seen, (store, "kills"))
    assert not toll.losses, "\n".join(map(str, toll.losses))
    assert sum(toll.kills.values()) == len(KILLS)
    assert toll.counts["replays"] > 0, "no kill came between the provider's act and the commit"


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("point", killing.POINTS)
def test_a_dead_holders_lease_is_not_waited_for(seen: Seen, store: str, point: str) -> None:
    waits = _of(seen, (store, "kills")).waits[point]
    assert len(waits) == 4
    assert max(waits) < killing.LONGEST_WAIT


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("delay", crowd.DELAYS)
def test_a_crowd_makes_one_exchange_and_all_are_answered(seen: Seen, store: str, delay: float) -> None:
    assert _of(seen, (store, delay)).calls == 2 * crowd.EACH * crowd.CALLS


@pytest.mark.parametrize("store", STORES)
def test_passes_of_two_processes_share_the_work(seen: Seen, store: str) -> None:
    assert _of(seen, (store, "kept alive")).total() == crowd.KEPT


@pytest.mark.parametrize("language", LANGUAGES)
def test_very_many_callers_in_one_process_make_one_exchange(language: str) -> None:
    assert asyncio.run(crowd.one_process(language, callers=CALLERS)).calls == CALLERS


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("store", "name"),
    [("sqlite", name) for name in days.DAYS]
    + [("postgresql", name) for name in (*days.LEASE_DAYS, *days.SERVER_DAYS)],
)
def test_a_bad_day_loses_nothing(seen: Seen, store: str, name: str, language: str) -> None:
    told = _of(seen, (store, "days"))[name, language]
    if isinstance(told, Exception):
        raise told
