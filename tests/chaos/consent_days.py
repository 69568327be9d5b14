"""Days on which people consent, again or elsewhere, or take a consent back."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import parse_qsl, urlencode, urlsplit

from day import NOTICED, ordered, outcomes, pair
from judge import Untrue, check, within
from processes import Worker
from world import Grant, World


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
        call = await ordered(grant, one)
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


async def scopes_lost(felt: str, made: World, language: str) -> str:
    """The person consents to less, somewhere else: that takes scopes from this consent as well (F1.9), at
    once or with the next rotation. Calls say which kind of failure it is and rotate nothing for it; what is
    still allowed goes on, and a reconnect asks for all of it again.
    """
    grant, _ = made.grants
    await made.sandbox.settings(scope_override=felt)
    async with pair(made, language) as (one, two):
        await asyncio.gather(grant.request(one), grant.request(two))
        await consent_elsewhere(made, two, grant, "read:jira-work offline_access")
        if felt == "at_refresh":
            await grant.request(one)
            await grant.ask(one, "refresh")
            await noticed(grant, two, 401)
        exchanges = await outcomes(made, grant)
        for worker in (one, two):
            answer = await grant.ask(worker, "request")
            check("what was lost", (answer.get("status"), answer.get("means")), (401, "missing_scope"))
            answer = await grant.ask(worker, "request", path="/rest/api/3/issue/ACME-1")
            check("what was not", answer.get("status", answer), 200)
        check("the token endpoint", await outcomes(made, grant), exchanges)
        check("death", made.row(grant).death, None)
        await made.connect(two, grant)
        await grant.request(two)
        waited = await noticed(grant, one, 200)
    return f"the other process had it back after {waited:.1f} s"


async def consent_elsewhere(made: World, worker: Worker, grant: Grant, scopes: str) -> None:
    """The person accepts at Atlassian what some other system of the same app asked for."""
    url = urlsplit((await grant.ask(worker, "connect", site="acme"))["url"])
    query = urlencode({**dict(parse_qsl(url.query)), "scope": scopes})
    choice = {"url": url._replace(query=query).geturl(), "account": grant.account, "sites": ["acme"]}
    await made.sandbox.control("POST", "/consent", choice)


async def noticed(grant: Grant, worker: Worker, status: int) -> float:
    """Waits until this process's calls end like this; how many seconds that took."""
    begun = time.monotonic()
    while (answer := await grant.ask(worker, "request")).get("status") != status:
        if time.monotonic() - begun > NOTICED:
            raise Untrue(f"still not {status} after {NOTICED:g} s, but {answer}")
        await asyncio.sleep(0.5)
    return time.monotonic() - begun
