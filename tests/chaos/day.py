"""What all bad days are made of. Each has a world of its own and says what it saw."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from clocks import Clocks
from judge import PATIENCE, Untrue, check
from processes import Call, Worker, other
from sqlite_store import SqliteStore
from world import Grant, StoreMaker, World, world

LEASE = 60.0
"""Seconds; what api.toml says of it."""

NOTICED = 30.0
"""Seconds in which every process knows what another one has written (DESIGN rule 12)."""

REFRESH = {"grant_type": "refresh_token"}

Story = Callable[[World, str], Awaitable[str | None]]


@dataclass(frozen=True)
class Day:
    """One bad day, gone through once in each language."""

    story: Story
    settings: dict[str, object]

    async def live(self, language: str, make: StoreMaker = SqliteStore) -> str:
        """What was seen, in a few words.

        Raises:
            Untrue: something was lost.
        """
        async with world(2, make, **self.settings) as made:
            told = await self.story(made, language)
            async with pair(made, language) as (one, two):
                if made.life < LEASE:
                    await made.all_good(one, two)
                else:
                    await made.sandbox.expire()
                    for grant in made.grants:
                        await grant.request(two)
                await made.nothing_old_spent()
        return told or ""


@asynccontextmanager
async def pair(
    made: World, language: str, clocks: Clocks | None = None, others: Clocks | None = None
) -> AsyncIterator[tuple[Worker, Worker]]:
    """A worker of this language and one of the other, with clocks of their own where some are given."""
    async with (
        made.nursery.worker(language, clocks) as one,
        made.nursery.worker(other(language), others) as two,
    ):
        yield one, two


async def outcomes(made: World, grant: Grant) -> list[str]:
    """How the provider answered this grant's rotations."""
    exchanges = (await made.sandbox.exchanges()).get(grant.account, [])
    return [each.get("outcome", "unanswered") for each in exchanges]


async def ordered(grant: Grant, worker: Worker, do: str = "request", **more: object) -> Call:
    """A call by way of the grant's gate, which has begun."""
    (call,) = await worker.order({"do": do, "id": grant.id, "auth": grant.gate.url, **more})
    return call


async def good(call: Call, what: str, seconds: float = PATIENCE) -> None:
    """The call is answered as it should be."""
    answer = await call.result(seconds)
    check(what, answer.get("status", answer), 200)


async def agreed(grant: Grant, *workers: Worker) -> None:
    """Waits until these processes use the same access token."""
    begun = time.monotonic()
    while len({(await grant.ask(worker, "access_token")).get("token") for worker in workers}) > 1:
        if time.monotonic() - begun > NOTICED:
            raise Untrue(f"{grant.id}: two tokens in use after {NOTICED:g} s")
        await asyncio.sleep(0.5)


async def outwait(made: World, grant: Grant, worker: Worker, begun: float) -> str:
    """Somebody else's call, which has to wait for the lease of a process that lives and does nothing. It has
    taken the lease after `begun`.
    """
    generation = made.row(grant).generation
    call = await ordered(grant, worker, timeout=2 * LEASE)
    await good(call, "the other one's call", 2 * LEASE)
    waited = time.monotonic() - begun
    check("generation", made.row(grant).generation, generation + 1)
    check("a living process's lease is heeded", waited > LEASE - 1, True)
    return f"waited {waited:.1f} s for the lease"
