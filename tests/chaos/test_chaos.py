"""The short form of `make chaos`: every point of a rotation once for each language and each kind of
survivor, all bad days, and the crowd. What takes long is waiting, so all of it goes on at once, once for all
tests.
"""

from __future__ import annotations

import asyncio
from typing import Any

import crowd
import days
import killing
import pytest
from processes import LANGUAGES

pytestmark = pytest.mark.timeout(180)
KILLS = killing.every_point()


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What came of everything, by the name of its part; an exception where that came of it."""

    async def all_at_once() -> dict[str, Any]:
        crowds = {str(delay): crowd.gather(delay) for delay in crowd.DELAYS}
        going = {"kills": killing.run(KILLS, len(KILLS), each=1), "days": days.live_through(), **crowds}
        came = await asyncio.gather(*going.values(), return_exceptions=True)
        return dict(zip(going, came, strict=True))

    return asyncio.run(all_at_once())


def _of(seen: dict[str, Any], part: str) -> Any:
    if isinstance(seen[part], BaseException):
        raise seen[part]
    return seen[part]


def test_no_kill_at_any_point_loses_a_connection(seen: dict[str, Any]) -> None:
    toll: killing.Toll = _of(seen, "kills")
    assert not toll.losses, "\n".join(map(str, toll.losses))
    assert sum(toll.kills.values()) == len(KILLS)
    assert toll.counts["replays"] > 0, "no kill came between the provider's act and the commit"


@pytest.mark.parametrize("point", killing.POINTS)
def test_a_dead_holder_is_not_waited_for(seen: dict[str, Any], point: str) -> None:
    waits = _of(seen, "kills").waits[point]
    assert len(waits) == 4
    assert max(waits) < killing.LONGEST_WAIT


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", days.DAYS)
def test_a_bad_day_loses_nothing(seen: dict[str, Any], name: str, language: str) -> None:
    told = _of(seen, "days")[name, language]
    if isinstance(told, Exception):
        raise told


@pytest.mark.parametrize("delay", crowd.DELAYS)
def test_a_crowd_makes_one_exchange_and_all_are_answered(seen: dict[str, Any], delay: float) -> None:
    assert _of(seen, str(delay)).calls == 2 * crowd.EACH * crowd.CALLS
