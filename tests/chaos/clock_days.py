"""Days on which clocks do not agree: processes that stand still, machines that sleep, clocks that are set,
and an hour that passes for everybody.
"""

from __future__ import annotations

import asyncio
import time
from itertools import cycle

from day import LEASE, REFRESH, agreed, good, ordered, outcomes, outwait, pair
from judge import check, within
from world import World

HOURS = 8 * 3600.0
"""How far clocks are set, in seconds: a time zone applied where it should not be."""

STEP = 600.0
"""Seconds that pass at a time in the hour without a provider."""

DOWN = ({"status": 503}, {"reset": "before"}, {"html": 502}, {"status": 429, "headers": {"retry-after": "1"}})
"""What a provider that is down may answer."""


async def paused_connecting(made: World, language: str) -> str:
    """The holder stands still from before its request until after its lease: then it sends nothing more."""
    grant = made.grants[0]
    await made.expired(grant)
    gate, refreshes = grant.gate, grant.gate.refreshes
    async with pair(made, language) as (one, two):
        await gate.shut()
        begun = time.monotonic()
        call = await ordered(grant, one, timeout=2 * LEASE)
        await gate.knock()
        one.process.pause()
        gate.open()
        waited = await outwait(made, grant, two, begun)
        one.process.resume()
        await good(call, "the call of the one that stood still", 2 * LEASE)
        check("requests that came", gate.refreshes, refreshes + 1)
    check("the token endpoint", await outcomes(made, grant), ["rotated"])
    return waited


async def paused_answered(made: World, language: str) -> str:
    """The holder stands still with its answer on the way, until after its lease: it comes back with a pair
    nobody needs any more.
    """
    grant = made.grants[0]
    await made.expired(grant)
    hold = grant.gate.hold("after")
    async with pair(made, language) as (one, two):
        begun = time.monotonic()
        call = await ordered(grant, one, timeout=2 * LEASE)
        await within("the provider answers", hold.reached.wait())
        one.process.pause()
        waited = await outwait(made, grant, two, begun)
        hold.release()
        one.process.resume()
        await good(call, "the call of the one that stood still", 2 * LEASE)
    return waited


async def suspended(made: World, language: str) -> str:
    """The machine sleeps while the holder's connection is coming about, for longer than the lease. Timers
    have not gone on when it wakes, the boot clock has: what was about to be sent is not, and whoever comes
    first rotates.
    """
    grant = made.grants[0]
    await made.expired(grant)
    gate, refreshes, generation = grant.gate, grant.gate.refreshes, made.row(grant).generation
    clocks = made.nursery.clocks(), made.nursery.clocks()
    async with pair(made, language, *clocks) as (one, two):
        # A store that is half open when the machine goes to sleep is no part of this.
        await grant.ask(two, "connection")
        await gate.shut()
        mine = await ordered(grant, one, timeout=2 * LEASE)
        await gate.knock()
        theirs = await ordered(grant, two, timeout=2 * LEASE)
        for worker in (one, two):
            worker.process.pause()
        begun = time.monotonic()
        # The kernel goes on connecting, so the connection stands when the process wakes.
        await gate.let_in()
        await asyncio.sleep(begun + LEASE - time.monotonic())
        slept = time.monotonic() - begun
        for each in clocks:
            each.move(monotonic=-slept)
        two.process.resume()
        await good(theirs, "the call of the one that had waited")
        check("generation", made.row(grant).generation, generation + 1)
        one.process.resume()
        await good(mine, "the call of the one that was connecting")
        check("requests that came", gate.refreshes, refreshes + 1)
    check("the token endpoint", await outcomes(made, grant), ["rotated"])
    return f"slept {slept:.1f} s"


async def clock_set(by: float, made: World, language: str) -> None:
    """One machine's clock is set while it rotates, and set right again later. Its lease holds, calls go on
    in both processes, and a token is spent again only for a newer one.
    """
    grant, idle = made.grants
    clocks = made.nursery.clocks()
    async with pair(made, language, clocks) as (one, two):
        await asyncio.gather(*(each.request(worker) for each in made.grants for worker in (one, two)))
        hold = grant.gate.hold("after")
        mine = await ordered(grant, one, "refresh")
        await within("the provider answers", hold.reached.wait())
        clocks.move(wall=by)
        theirs = await ordered(grant, two, "refresh")
        # They look at the lease before anything else, so they have by the end of this.
        await asyncio.gather(idle.request(one), idle.request(two))
        hold.release()
        for call in (mine, theirs):
            answer = await call.result()
            check("a refresh", answer.get("refreshed", answer), True)
        check("the token endpoint", await outcomes(made, grant), ["rotated"])
        for _ in range(3):
            await asyncio.gather(*(each.request(worker) for each in made.grants for worker in (one, two)))
        clocks.move(wall=0)
        for each in made.grants:
            await agreed(each, one, two)
        await made.sandbox.expire()
        await asyncio.gather(*(each.request(worker) for each in made.grants for worker in (one, two)))
        for each in made.grants:
            answers = await outcomes(made, each)
            check(f"{each.id}: every exchange was of a newest token", set(answers), {"rotated"})
            # Once for each clock by which a token looked old, and once because it was.
            check(f"{each.id}: exchanges, few: {len(answers)}", len(answers) <= 4, True)
            check(f"{each.id}: death", made.row(each).death, None)


async def killed_and_clock_set(by: float, made: World, language: str) -> None:
    """A process dies before it has stored the pair it was sent, and the one that comes after it has a clock
    that is hours off: the token is spent again all the same, inside the window.
    """
    grant = made.grants[0]
    generation = made.row(grant).generation
    await made.sandbox.expire(grant.account)
    clocks = made.nursery.clocks()
    clocks.move(wall=by)
    async with pair(made, language, None, clocks) as (one, two):
        hold = grant.gate.hold("after")
        await ordered(grant, one)
        await within("the provider answers", hold.reached.wait())
        one.process.kill()
        await one.process.gone()
        hold.release()
        await good(await ordered(grant, two), "the survivor's call")
    check("generation", made.row(grant).generation, generation + 1)
    check("the token endpoint", await outcomes(made, grant), ["rotated", "replayed"])


async def down_for_an_hour(made: World, language: str) -> None:
    """The token endpoint is down for an hour, in every way it can be. Valid tokens are served all the time,
    others are told to come again, and nothing is given up.
    """
    expired, valid = made.grants
    clocks = made.nursery.clocks(), made.nursery.clocks()
    async with pair(made, language, *clocks) as (one, two):
        await asyncio.gather(*(grant.request(worker) for grant in made.grants for worker in (one, two)))
        await made.sandbox.expire(expired.account)
        before = made.row(expired), made.row(valid)
        passed, answers = 0.0, cycle(DOWN)
        fault = await made.sandbox.fault(next(answers), times=0, **REFRESH)
        while passed < 3600:
            # Who waits for the other process's attempts hears nothing of how they go.
            told = await asyncio.gather(*(expired.ask(worker, "request", timeout=6) for worker in (one, two)))
            for answer in told:
                kept = answer.get("error") in ("identity_unavailable", "timeout") and answer["retryable"]
                check(
                    f"after {passed:g} s, a call without a token is told to come again: {answer}", kept, True
                )
            await asyncio.gather(valid.request(one), valid.request(two))
            check("death", made.row(expired).death, None)
            # There is no moment without any fault: the next comes before this one goes.
            over, fault = fault, await made.sandbox.fault(next(answers), times=0, **REFRESH)
            await made.sandbox.mend(over)
            passed += STEP
            await made.sandbox.control("POST", "/time", {"advance_s": STEP})
            for each in clocks:
                each.move(wall=passed)
        await made.sandbox.mend(fault)
        await asyncio.gather(*(grant.request(worker) for grant in made.grants for worker in (one, two)))
        check("the one that was expired", made.row(expired).generation, before[0].generation + 1)
        check("the one that was not", made.row(valid).generation, before[1].generation)
    answered = [each for each in await outcomes(made, expired) if each not in ("fault", "unanswered")]
    check("the token endpoint, when it answered", answered, ["rotated"])
