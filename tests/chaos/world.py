"""A sandbox, a store, and people who have connected their Jira, each through a gate of their own."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from gate import Gate
from judge import check
from processes import Answer, Nursery, Worker
from provider import CLIENT, Sandbox, sandbox
from sqlite_store import SqliteStore
from stores import Row, Store

LAG = 0.5
"""Seconds by which the provider may think a token younger than its holder does."""

StoreMaker = Callable[[Path], Store]


@dataclass
class Grant:
    """One person's consent, and the one connection on it."""

    id: str
    account: str
    gate: Gate

    async def ask(self, worker: Worker, do: str, **order: object) -> Answer:
        return await worker.do(do, self.gate.url, id=self.id, **order)

    async def request(self, worker: Worker) -> Answer:
        """A call to Jira, which has to go well."""
        answer = await self.ask(worker, "request")
        check(f"{self.id}: a call is answered", answer.get("status", answer), 200)
        return answer


@dataclass
class World:
    """Everything a test is about."""

    sandbox: Sandbox
    store: Store
    nursery: Nursery
    grants: list[Grant]
    life: float
    """Seconds an access token lives here."""

    def row(self, grant: Grant) -> Row:
        return self.store.row(grant.id)

    async def expired(self, grant: Grant) -> Row:
        """Waits until the access token is past its life; the grant's row then."""
        row = self.row(grant)
        # The provider counts a token's life from when it answered, and thus lets it live a little longer.
        while (left := row.expires_at + LAG - time.time()) > 0:
            await asyncio.sleep(left)
            row = self.row(grant)
        return row

    async def connect(self, worker: Worker, grant: Grant) -> None:
        """A consent, or a reconnect."""
        callback = await self.callback(worker, grant)
        answer = await worker.do("complete", grant.gate.url, callback=callback)
        check(f"{grant.id} is connected", answer.get("id", answer), grant.id)

    async def callback(self, worker: Worker, grant: Grant) -> str:
        """A consent as far as the browser's coming back."""
        begun = await grant.ask(worker, "connect", site="acme")
        choice = {"url": begun["url"], "account": grant.account, "sites": ["acme"]}
        return str((await self.sandbox.control("POST", "/consent", choice))["callback"])

    async def all_good(self, *workers: Worker, grants: list[Grant] | None = None) -> None:
        """The proof that nothing was lost: every grant's newest refresh token is spent, once by each worker,
        and every connection is answered after it.
        """
        for worker in workers:
            await asyncio.gather(*(self._good(worker, grant) for grant in grants or self.grants))

    async def _good(self, worker: Worker, grant: Grant) -> None:
        before = await self.expired(grant)
        await grant.request(worker)
        await self.moved_once(grant, before)

    async def moved_once(self, grant: Grant, before: Row) -> None:
        """A call has rotated: the grant lives and is one generation on. It may be more of them only where the
        machine stood still for as long as tokens live here: each further one was then asked for in the last
        tenth of the life of the one before it (DESIGN rule 2), by the provider's clock.
        """
        after = self.row(grant)
        check(f"{grant.id}: death", after.death, None)
        moves = after.generation - before.generation
        if moves < 2:
            check(f"{grant.id}: generation", after.generation, before.generation + 1)
            return
        # When each of these tokens was sent: the last time of one is when the next one's life began.
        arrivals = defaultdict(list)
        for exchange in (await self.sandbox.exchanges()).get(grant.account, []):
            if "token_generation" in exchange:
                arrivals[exchange["token_generation"]].append(exchange["at"])
        sent = [arrivals[generation] for generation in sorted(arrivals)[-moves:]]
        lived = [later[0] - max(at for at in earlier if at <= later[0]) for earlier, later in pairwise(sent)]
        due = len(sent) == moves and all(seconds >= 0.9 * self.life - LAG for seconds in lived)
        check(f"{grant.id}: {moves} rotations for one call, after {lived} s, were all due", due, True)

    async def nothing_old_spent(self) -> None:
        """By the provider's own account: no family has died, and no token was sent after a newer one was."""
        families = {name: grant["family_state"] for name, grant in (await self.sandbox.grants()).items()}
        check("families that live", families, dict.fromkeys(families, "live"))
        check("breaches", (await self.sandbox.counts())["breaches"], 0)
        for account, exchanges in (await self.sandbox.exchanges()).items():
            sent = [each["token_generation"] for each in exchanges if "token_generation" in each]
            check(f"{account}: generations spent, in order", sent, sorted(sent))


@asynccontextmanager
async def world(
    grants: int, make: StoreMaker = SqliteStore, one_gate: bool = False, **settings: object
) -> AsyncIterator[World]:
    """A world with all its people connected, who share a gate where that is asked for. Everything in it ends
    with it.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="threelo-chaos-")))
        provider = await stack.enter_async_context(sandbox(folder, grants, **settings))
        store = make(folder)
        stack.callback(store.close)
        options = {**CLIENT, "store": store.url, "key": store.key, "api": provider.url}
        nursery = Nursery(folder, options)
        needed = 1 if one_gate else grants
        gates = [await stack.enter_async_context(Gate(provider.url)) for _ in range(needed)]
        people = [Grant(f"g{n}", f"a{n}", gates[n % needed]) for n in range(grants)]
        life = (await provider.control("PATCH", "/settings", {}))["expires_in"]
        made = World(provider, store, nursery, people, life)
        async with nursery.worker("python") as worker:
            await asyncio.gather(*(made.connect(worker, grant) for grant in people))
        yield made
