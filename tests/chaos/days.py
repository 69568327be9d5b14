"""Bad days: what goes wrong without anybody's being killed. Each has a world of its own and says what it
saw.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from judge import check, seen, within
from processes import LANGUAGES, Worker, other
from sqlite_store import SqliteStore
from stores import blocked
from world import Grant, StoreMaker, World, world

LIFE = 8
"""Seconds an access token lives where a day needs it to end by itself."""

LEASE = 60.0
"""Seconds; what api.toml says of it."""

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
                if "expires_in" in self.settings:
                    await made.all_good(one, two)
                else:
                    await made.sandbox.expire()
                    for grant in made.grants:
                        await grant.request(two)
                await made.nothing_old_spent()
        return told or ""


@asynccontextmanager
async def pair(made: World, language: str) -> AsyncIterator[tuple[Worker, Worker]]:
    """A worker of this language and one of the other."""
    async with made.nursery.worker(language) as one, made.nursery.worker(other(language)) as two:
        yield one, two


async def outcomes(made: World, grant: Grant) -> list[str]:
    """How the provider answered this grant's rotations."""
    exchanges = (await made.sandbox.exchanges()).get(grant.account, [])
    return [each.get("outcome", "unanswered") for each in exchanges]


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


async def store_locked(made: World, language: str) -> str:
    """The store cannot be written for longer than SQLite waits, just when a new pair has come. The caller
    gets the new token all the same, and the pair is stored once it can be.
    """
    grant = made.grants[0]
    generation = made.row(grant).generation
    async with pair(made, language) as (one, two):
        await made.sandbox.expire(grant.account)
        hold = grant.gate.hold("after")
        (call,) = await one.order({"do": "request", "id": grant.id, "auth": grant.gate.url})
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
        (call,) = await one.order({"do": "request", "id": grant.id, "auth": grant.gate.url})
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
        (first,) = await one.order({"do": "request", "id": expired.id, "auth": expired.gate.url})
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


async def revoked(made: World, language: str) -> None:
    """The user removes the app, and comes back."""
    grant = made.grants[0]
    await made.sandbox.control("POST", f"/accounts/{grant.account}/revoke", {})
    async with pair(made, language) as (one, two):
        for worker in (one, two):
            answer = await grant.ask(worker, "request")
            check("after it", answer.get("error", answer), "reauthorization_required")
        check("death", made.row(grant).death, "revoked")
        await made.connect(two, grant)
        await asyncio.gather(grant.request(one), grant.request(two))


async def reconnected(when: str, made: World, language: str) -> str:
    """The user consents again while a rotation is under way. The new consent ends the old one's tokens
    (F3.7), so what the rotation comes back with is of no use, and must do no harm.
    """
    grant = made.grants[0]
    await made.expired(grant)
    hold = grant.gate.hold(when)
    async with pair(made, language) as (one, two):
        (call,) = await one.order({"do": "request", "id": grant.id, "auth": grant.gate.url})
        await within("the rotation is under way", hold.reached.wait())
        begun = time.monotonic()
        await made.connect(two, grant)
        waited = time.monotonic() - begun
        await grant.request(two)
        hold.release()
        answer = await call.result()
        check("the rotation's own call", answer.get("status", answer), 200)
        await asyncio.gather(grant.request(one), grant.request(two))
        check("death", made.row(grant).death, None)
    return f"reconnected in {waited:.1f} s"


async def paused_connecting(made: World, language: str) -> str:
    """The holder stands still from before its request until after its lease: then it sends nothing more."""
    grant = made.grants[0]
    await made.expired(grant)
    gate, refreshes = grant.gate, grant.gate.refreshes
    async with pair(made, language) as (one, two):
        await gate.shut()
        (call,) = await one.order(_patient(grant))
        await gate.knock()
        one.process.pause()
        gate.open()
        waited = await _outwait(made, grant, two)
        one.process.resume()
        answer = await call.result(120)
        check("the call of the one that stood still", answer.get("status", answer), 200)
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
        (call,) = await one.order(_patient(grant))
        await within("the provider answers", hold.reached.wait())
        one.process.pause()
        waited = await _outwait(made, grant, two)
        hold.release()
        one.process.resume()
        answer = await call.result(120)
        check("the call of the one that stood still", answer.get("status", answer), 200)
    return waited


def _patient(grant: Grant) -> dict[str, object]:
    return {"do": "request", "id": grant.id, "auth": grant.gate.url, "timeout": 2 * LEASE}


async def _outwait(made: World, grant: Grant, worker: Worker) -> str:
    """Somebody else's call, which has to wait for the lease of a process that lives and does nothing."""
    generation, begun = made.row(grant).generation, time.monotonic()
    (call,) = await worker.order(_patient(grant))
    answer = await call.result(2 * LEASE)
    waited = time.monotonic() - begun
    check("the other one's call", answer.get("status", answer), 200)
    check("generation", made.row(grant).generation, generation + 1)
    check("a living process's lease is heeded", waited > LEASE - 5, True)
    return f"waited {waited:.1f} s for the lease"


SHORT = {"expires_in": LIFE}
PAUSED = {"expires_in": 6}
"""A little less, because these days are the longest."""

DAYS: dict[str, Day] = {
    "the reply dropped": Day(reply_dropped, SHORT),
    "the store locked at the commit": Day(store_locked, {}),
    "the wrong client secret": Day(wrong_secret, {}),
    "429 at the token endpoint": Day(partial(weather, {"status": 429, "headers": {"retry-after": "1"}}), {}),
    "a page of HTML at the token endpoint": Day(partial(weather, {"html": 200}), {}),
    "503 at the token endpoint": Day(partial(weather, {"status": 503}), {}),
    "broken JSON at the token endpoint": Day(partial(weather, {"malformed": True}), {}),
    "no refresh token in the answer": Day(no_refresh_token, SHORT),
    "revoked by the user": Day(revoked, {}),
    "reconnected before the exchange": Day(partial(reconnected, "before"), SHORT),
    "reconnected after the exchange": Day(partial(reconnected, "after"), SHORT),
    "paused while connecting": Day(paused_connecting, PAUSED),
    "paused with the answer on its way": Day(paused_answered, PAUSED),
}


SERVER_DAYS: dict[str, Day] = {"the server of the store restarted": Day(server_restarted, {})}
"""Days only a store with a server has."""


async def live_through(
    make: StoreMaker = SqliteStore, names: Iterable[str] = DAYS, one_by_one: bool = False
) -> dict[tuple[str, str], str | Exception]:
    """Bad days, all at once, in both languages; by name and language what was seen, or what was lost."""
    lived = [(name, language) for name in names for language in LANGUAGES]
    turn = asyncio.Semaphore(1 if one_by_one else len(lived))

    async def live(name: str, language: str) -> str:
        async with turn:
            return await (DAYS | SERVER_DAYS)[name].live(language, make)

    told = await asyncio.gather(*(live(*one) for one in lived), return_exceptions=True)
    for one in told:
        if isinstance(one, BaseException) and not isinstance(one, Exception):
            raise one
    return dict(zip(lived, told, strict=True))  # type: ignore[arg-type]
