"""Bad days: what goes wrong at the provider, in a store or in a deployment, and the list of all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from functools import partial

import clock_days
import consent_days
from day import REFRESH, Day, good, ordered, outcomes, pair
from judge import check, seen, within
from processes import LANGUAGES
from sqlite_store import SqliteStore
from stores import blocked
from world import StoreMaker, World

WINDOW = 600
"""Seconds in which the provider takes a spent token again (F3.3)."""

LIFE = 8
"""Seconds an access token lives where a day needs it to end by itself."""


async def reply_dropped(made: World, language: str) -> None:
    """The connection breaks after the provider has rotated: the same token is spent again, inside the
    window.
    """
    grant = made.grants[0]
    before = await made.expired(grant)
    await made.sandbox.fault({"reset": "after"}, **REFRESH)
    async with pair(made, language) as (one, _):
        await grant.request(one)
    check("the token endpoint", await outcomes(made, grant), ["rotated", "replayed"])
    check("generation", made.row(grant).generation, before.generation + 1)


async def killed_and_unused(made: World, language: str) -> str:
    """The holder dies after the provider has rotated, and until the window is over nobody uses the
    connection. A process that does no more than have the store open spends the same token again in time.
    """
    grant, before = made.grants[0], made.row(made.grants[0])
    await made.sandbox.expire(grant.account)
    async with pair(made, language) as (one, two):
        hold = grant.gate.hold("after")
        await ordered(grant, one)
        await within("the provider answers", hold.reached.wait())
        one.process.kill()
        await one.process.gone()
        hold.release()
        begun = time.monotonic()
        await grant.ask(two, "connection")
        await seen("the pair is stored", lambda: made.row(grant).generation == before.generation + 1)
        waited = time.monotonic() - begun
        check("the token endpoint", await outcomes(made, grant), ["rotated", "replayed"])
        await made.sandbox.control("POST", "/time", {"advance_s": WINDOW + 60})
    return f"taken up after {waited:.1f} s"


async def store_locked(made: World, language: str) -> str:
    """The store cannot be written for longer than SQLite waits, just when a new pair has come. The caller
    gets the new token all the same, and the pair is stored once it can be.
    """
    grant = made.grants[0]
    generation = made.row(grant).generation
    async with pair(made, language) as (one, two):
        await made.sandbox.expire(grant.account)
        hold = grant.gate.hold("after")
        call = await ordered(grant, one)
        await within("the provider answers", hold.reached.wait())
        begun = time.monotonic()
        async with made.store.locked():
            hold.release()
            await blocked(made.store, one.process.pid)
            answer = await call.result(30)
            waited = time.monotonic() - begun
            check("the call, the store still locked", answer.get("status", answer), 200)
            check("generation, the store still locked", made.row(grant).generation, generation)
        await seen("the pair is stored", lambda: made.row(grant).generation == generation + 1)
        mine, theirs = await grant.ask(one, "access_token"), await grant.ask(two, "access_token")
        check("the token is the same for all", theirs.get("token", theirs), mine.get("token", mine))
        check("the token endpoint", await outcomes(made, grant), ["rotated"])
    return f"answered after {waited:.1f} s of it"


async def server_restarted(made: World, language: str) -> str:
    """The server goes away just when a new pair has come. It is stored when the server is back."""
    grant = made.grants[0]
    generation = made.row(grant).generation
    async with pair(made, language) as (one, two):
        await made.sandbox.expire(grant.account)
        hold = grant.gate.hold("after")
        call = await ordered(grant, one)
        await within("the provider answers", hold.reached.wait())
        begun = time.monotonic()
        async with made.store.stopped():
            hold.release()
            answer = await call.result(30)
            waited = time.monotonic() - begun
            check("the call, without a server", answer.get("status", answer), 200)
        await seen("the pair is stored", lambda: made.row(grant).generation == generation + 1)
        await grant.request(two)
        check("the token endpoint", await outcomes(made, grant), ["rotated"])
    return f"answered after {waited:.1f} s of it"


async def server_lost_with_holder(made: World, language: str) -> None:
    """The server goes away just when a new pair has come, and before it is back whoever got the pair has
    died: the same token is spent again, inside the window.
    """
    grant = made.grants[0]
    generation = made.row(grant).generation
    async with pair(made, language) as (one, two):
        await made.sandbox.expire(grant.account)
        hold = grant.gate.hold("after")
        await ordered(grant, one)
        await within("the provider answers", hold.reached.wait())
        async with made.store.stopped():
            hold.release()
            await within("the answer is delivered", hold.done.wait())
            one.process.kill()
            await one.process.gone()
        await good(await ordered(grant, two), "the survivor's call")
    check("generation", made.row(grant).generation, generation + 1)
    check("the token endpoint", await outcomes(made, grant), ["rotated", "replayed"])


async def wrong_secret(made: World, language: str) -> None:
    """A deployment with the wrong client secret harms no connection, and nobody keeps the lease."""
    expired, valid = made.grants
    await made.sandbox.expire(expired.account)
    async with pair(made, language) as (one, two):
        before = made.row(expired)
        answer = await expired.ask(one, "request", secret="a wrong one")
        check("with the wrong secret", answer.get("error", answer), "client_credentials_rejected")
        answer = await valid.ask(one, "request", secret="a wrong one")
        check("with a token that is still good", answer.get("status", answer), 200)
        check("the grant", made.row(expired), before)
        await asyncio.gather(expired.request(one), expired.request(two))


async def weather(kind: object, made: World, language: str) -> str:
    """The token endpoint answers nonsense for a while. Good tokens are served, others told to come later,
    and nothing is given up.
    """
    expired, valid = made.grants
    await made.sandbox.expire(expired.account)
    fault = await made.sandbox.fault(kind, times=0, **REFRESH)
    async with pair(made, language) as (one, two):
        first = await ordered(expired, one)
        await within("the first attempt", made.sandbox.hit(fault))
        later = await expired.ask(two, "request", timeout=5)
        # Who waits for another process's attempts hears nothing of how they go.
        heard = later.get("error") in ("identity_unavailable", "timeout")
        check(f"a call that waits for them is told, {later}", heard, True)
        answer = await first.result()
        check("a call without a token", answer.get("error", answer), "identity_unavailable")
        check("both may be made again", [answer["retryable"], later["retryable"]], [True, True])
        check("a call with one", (await valid.ask(two, "request")).get("status"), 200)
        check("death", made.row(expired).death, None)
        await made.sandbox.mend(fault)
        begun = time.monotonic()
        await asyncio.gather(expired.request(one), expired.request(two))
    return f"good {time.monotonic() - begun:.1f} s after its end"


async def no_refresh_token(made: World, language: str) -> None:
    """An answer without a refresh token: the one that was sent stays good (F3.2)."""
    grant = made.grants[0]
    await made.sandbox.settings(omit_refresh_token=1)
    await made.expired(grant)
    async with pair(made, language) as (one, two):
        await grant.request(one)
        await made.expired(grant)
        await grant.request(two)
    check("the token endpoint", await outcomes(made, grant), ["kept", "rotated"])


LONGEST = 600.0
"""Seconds; a day that takes longer hangs. Most are over in a minute or two."""

AT_ONCE = 16
"""Days lived through at the same time. They mostly wait, but all begin by starting processes."""

SHORT = {"expires_in": LIFE}
PAUSED = {"expires_in": 6}
"""A little less, because these days are the longest."""

DOWN = {"expires_in": 7200, "date_header": "sandbox"}
"""Tokens outlive the hour, and the provider's clock goes with it."""

DAYS: dict[str, Day] = {
    # The longest come first: not all are lived through at once.
    "paused while connecting": Day(clock_days.paused_connecting, PAUSED),
    "paused with the answer on its way": Day(clock_days.paused_answered, PAUSED),
    "the machine suspended while connecting": Day(clock_days.suspended, PAUSED),
    "the reply dropped": Day(reply_dropped, SHORT),
    "killed, and nobody uses the connection": Day(killed_and_unused, {}),
    "the store locked at the commit": Day(store_locked, {}),
    "the wrong client secret": Day(wrong_secret, {}),
    "429 at the token endpoint": Day(partial(weather, {"status": 429, "headers": {"retry-after": "1"}}), {}),
    "a page of HTML at the token endpoint": Day(partial(weather, {"html": 200}), {}),
    "503 at the token endpoint": Day(partial(weather, {"status": 503}), {}),
    "broken JSON at the token endpoint": Day(partial(weather, {"malformed": True}), {}),
    "no refresh token in the answer": Day(no_refresh_token, SHORT),
    "the provider down for an hour": Day(clock_days.down_for_an_hour, DOWN),
    "revoked by the user": Day(consent_days.revoked, {}),
    "reconnected before the exchange": Day(partial(consent_days.reconnected, "before"), SHORT),
    "reconnected after the exchange": Day(partial(consent_days.reconnected, "after"), SHORT),
    "scopes lost at once": Day(partial(consent_days.scopes_lost, "at_once"), {}),
    "scopes lost with a rotation": Day(partial(consent_days.scopes_lost, "at_refresh"), {}),
    "a clock set forward by 8 h": Day(partial(clock_days.clock_set, clock_days.HOURS), {}),
    "a clock set back by 8 h": Day(partial(clock_days.clock_set, -clock_days.HOURS), {}),
    "killed, the survivor's clock 8 h ahead": Day(
        partial(clock_days.killed_and_clock_set, clock_days.HOURS), {}
    ),
    "killed, the survivor's clock 8 h behind": Day(
        partial(clock_days.killed_and_clock_set, -clock_days.HOURS), {}
    ),
}

LEASE_DAYS = (
    "paused while connecting",
    "paused with the answer on its way",
    "the machine suspended while connecting",
    "the reply dropped",
    "killed, and nobody uses the connection",
    "a clock set forward by 8 h",
    "a clock set back by 8 h",
    "killed, the survivor's clock 8 h ahead",
    "killed, the survivor's clock 8 h behind",
)
"""Days that turn on leases and the store's clock, which each kind of store has its own way with."""

SERVER_DAYS: dict[str, Day] = {
    "the server of the store restarted": Day(server_restarted, {}),
    "the server of the store lost, and the holder with it": Day(server_lost_with_holder, {}),
}
"""Days only a store with a server has."""


async def live_through(
    make: StoreMaker = SqliteStore, names: Iterable[str] = DAYS, at_once: int = AT_ONCE
) -> dict[tuple[str, str], str | Exception]:
    """Bad days in both languages; by name and language what was seen, or what was lost."""
    lived = [(name, language) for name in names for language in LANGUAGES]
    turn = asyncio.Semaphore(at_once)

    async def live(name: str, language: str) -> str:
        async with turn:
            return await within(name, (DAYS | SERVER_DAYS)[name].live(language, make), LONGEST)

    told = await asyncio.gather(*(live(*one) for one in lived), return_exceptions=True)
    for one in told:
        if isinstance(one, BaseException) and not isinstance(one, Exception):
            raise one
    return dict(zip(lived, told, strict=True))  # type: ignore[arg-type]
