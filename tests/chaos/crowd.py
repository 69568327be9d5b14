"""A crowd meets an expired token: many processes of both languages, or very many callers in one process. And
two processes that keep the same grants alive.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass

from judge import check
from processes import LANGUAGES
from sqlite_store import SqliteStore
from world import StoreMaker, world

EACH = 8
"""Processes of each language."""

CALLS = 25
"""Calls of each process."""


DELAYS = (0.3, 11.0)
"""Seconds the token endpoint takes: an everyday exchange, and one that outlasts most people's patience."""


CALLERS = 10_000
"""Calls in one process."""

EXCHANGE = 1.0
"""Seconds the token endpoint takes for them."""


KEPT = 24
"""Grants that two processes keep alive together."""

AT_ONCE = 4
"""How many of them each rotates at once."""


@dataclass(frozen=True)
class Answered:
    """What a crowd came to."""

    calls: int
    last: float
    """Seconds from the first call to the last answer."""


async def gather(delay: float, make: StoreMaker = SqliteStore, **settings: object) -> Answered:
    """The token endpoint takes `delay` seconds.

    Raises:
        Untrue: there was another number of exchanges than one, or a call was not answered.
    """
    async with world(1, make, **settings) as made, AsyncExitStack() as stack:
        grant = made.grants[0]
        starts = [made.nursery.worker(language) for language in [*LANGUAGES] * EACH]
        workers = await asyncio.gather(*(stack.enter_async_context(start) for start in starts))
        await asyncio.gather(*(grant.request(worker) for worker in workers))
        await made.sandbox.fault({"delay_ms": round(delay * 1000)}, times=0, grant_type="refresh_token")
        await made.sandbox.expire()
        begun = time.monotonic()
        order = {"do": "request", "id": grant.id, "auth": grant.gate.url}
        ordered = await asyncio.gather(*(worker.order(*[order] * CALLS) for worker in workers))
        answers = await asyncio.gather(*(call.result() for calls in ordered for call in calls))
        last = time.monotonic() - begun
        outcomes = Counter(str(answer.get("status", answer)) for answer in answers)
        check("answers", outcomes, Counter({"200": len(workers) * CALLS}))
        check("exchanges", (await made.sandbox.counts())["refresh_exchanges"], 1)
        return Answered(len(answers), last)


async def one_process(language: str, make: StoreMaker = SqliteStore, callers: int = CALLERS) -> Answered:
    """Callers of `access_token`, all in one process, while the token endpoint takes a second.

    Raises:
        Untrue: there was another number of exchanges than one, or a call was not answered.
    """
    async with world(1, make, expires_in=2) as made, made.nursery.worker(language) as worker:
        grant = made.grants[0]
        await grant.request(worker)
        await made.expired(grant)
        # The token that comes outlives the slowest caller on the busiest machine.
        await made.sandbox.settings(expires_in=3600)
        await made.sandbox.fault({"delay_ms": round(EXCHANGE * 1000)}, times=0, grant_type="refresh_token")
        before = (await made.sandbox.counts())["refresh_exchanges"]
        answer = await grant.ask(worker, "callers", count=callers)
        check("answers", answer.get("answered", answer), callers)
        check("exchanges", (await made.sandbox.counts())["refresh_exchanges"] - before, 1)
        return Answered(callers, answer["last"])


async def kept_alive(make: StoreMaker = SqliteStore) -> Counter[str]:
    """One pass of `keep_alive` in a process of each language, at the same time, over the same grants. How
    many each of them rotated, by its name in the ledgers.

    Raises:
        Untrue: a grant was not rotated, or twice, or one of the two had nothing to do.
    """
    async with world(KEPT, make, one_gate=True) as made, AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(made.nursery.worker(language)) for language in LANGUAGES]
        gate = made.grants[0].gate.url
        # Neither is to begin later because its store is not open yet.
        await asyncio.gather(*(made.grants[0].ask(worker, "connection") for worker in workers))
        await made.sandbox.fault({"delay_ms": 500}, times=0, grant_type="refresh_token")
        passes = (worker.do("keep_alive", gate, concurrency=AT_ONCE) for worker in workers)
        for report in await asyncio.gather(*passes):
            check("a pass", (report.get("rotated", report), report.get("failed")), (KEPT, 0))
        check("exchanges", (await made.sandbox.counts())["refresh_exchanges"], KEPT)
        shown = await asyncio.gather(*(grant.ask(workers[0], "connection") for grant in made.grants))
        by = Counter(str(each["worker"]) for each in shown)
        check("processes that rotated", len(by), len(workers))
        return by
