"""The named points of a rotation, reached from outside: whoever enters a point finds the victim standing at
it, and what keeps it there ends with the point. Production code knows nothing of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from gate import Hold
from judge import PATIENCE, Missed, Untrue, seen, within
from processes import Call, Worker
from stores import Row, blocked
from world import Grant, World


@dataclass
class Scene:
    """One rotation by a victim that is to die in it."""

    world: World
    grant: Grant
    victim: Worker
    before: Row
    join: Callable[[], Awaitable[None]]
    """Lets those come who are to wait for the victim. Called once, when it holds what there is to wait for.
    """
    late: bool
    """What is still on its way to the provider at the victim's death arrives only after somebody else has
    rotated.
    """
    left_over: list[Hold] = field(default_factory=list)
    """What is still on its way."""
    call: Call | None = None
    """The victim's."""

    async def start(self) -> None:
        """The victim's call, which has to rotate because its token has expired."""
        order = {"do": "request", "id": self.grant.id, "auth": self.grant.gate.url}
        (self.call,) = await self.victim.order(order)

    async def until(self, what: str, reached: Awaitable[object]) -> None:
        """Waits until the victim has come so far.

        Raises:
            Untrue: it has answered instead, or takes too long.
        """
        assert self.call is not None
        coming = asyncio.ensure_future(reached)
        try:
            await asyncio.wait(
                [coming, self.call.answer], return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE
            )
            if not coming.done():
                answer = self.call.answer.result() if self.call.answer.done() else "nothing"
                raise Untrue(f"{what}: the victim has answered {answer}")
            coming.result()
        finally:
            coming.cancel()

    def row(self) -> Row:
        return self.world.row(self.grant)

    def expect(self, *, moved: bool, intent: bool | None) -> None:
        """Raises:
        Missed: the row is not as it is at this point.
        """
        row = self.row()
        generation = self.before.generation + moved
        if row.generation != generation:
            raise Missed(f"generation {row.generation}, not {generation}")
        if intent is not None and (row.intent == generation and row.leased) != intent:
            raise Missed(f"an intent for {row.intent}, leased: {row.leased}")


Point = Callable[[Scene], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def before_intent(scene: Scene) -> AsyncIterator[None]:
    """It has read the row and wants the lease; the store is locked."""
    store = scene.world.store
    async with store.locked():
        await scene.start()
        await scene.until("it waits for the store", blocked(store, scene.victim.process.pid))
        scene.expect(moved=False, intent=False)
        await scene.join()
        yield


@asynccontextmanager
async def after_intent(scene: Scene) -> AsyncIterator[None]:
    """Lease and intent are durable, and its connection does not come about."""
    gate = scene.grant.gate
    await gate.shut()
    refreshes = gate.refreshes
    try:
        await scene.start()
        await scene.until("it connects", gate.knock())
        scene.expect(moved=False, intent=True)
        await scene.join()
        yield
        if gate.refreshes != refreshes:
            raise Missed("a request has left")
    finally:
        gate.open()


@asynccontextmanager
async def request_out(scene: Scene) -> AsyncIterator[None]:
    """Its request has left and not arrived. It does arrive: a request that has left cannot be called back."""
    hold = scene.grant.gate.hold("before")
    try:
        await scene.start()
        await scene.until("its request leaves", hold.reached.wait())
        scene.expect(moved=False, intent=True)
        await scene.join()
        yield
    finally:
        scene.left_over.append(hold)
        if not scene.late:
            hold.release()


@asynccontextmanager
async def provider_acted(scene: Scene) -> AsyncIterator[None]:
    """The provider has rotated, and its answer is on the way."""
    hold = scene.grant.gate.hold("after")
    try:
        await scene.start()
        await scene.until("the provider answers", hold.reached.wait())
        scene.expect(moved=False, intent=True)
        await scene.join()
        yield
    finally:
        hold.release()


@asynccontextmanager
async def before_commit(scene: Scene) -> AsyncIterator[None]:
    """The answer is there, and the store is locked."""
    store, hold = scene.world.store, scene.grant.gate.hold("after")
    try:
        await scene.start()
        await scene.until("the provider answers", hold.reached.wait())
        await scene.join()
        async with store.locked():
            hold.release()
            await within("the answer is delivered", hold.done.wait())
            await scene.until("it waits for the store", blocked(store, scene.victim.process.pid))
            scene.expect(moved=False, intent=True)
            yield
    finally:
        hold.release()


@asynccontextmanager
async def after_commit(scene: Scene) -> AsyncIterator[None]:
    """The new generation is in the store."""
    hold = scene.grant.gate.hold("after")
    try:
        await scene.start()
        await scene.until("the provider answers", hold.reached.wait())
        await scene.join()
        hold.release()
        generation = scene.before.generation
        await seen("the commit", lambda: scene.row().generation > generation)
        scene.expect(moved=True, intent=None)
        yield
    finally:
        hold.release()


POINTS: dict[str, Point] = {
    "before-intent": before_intent,
    "after-intent": after_intent,
    "request-out": request_out,
    "provider-acted": provider_acted,
    "before-commit": before_commit,
    "after-commit": after_commit,
}

LOCKING = ("before-intent", "before-commit")
"""Those at which nobody can write to the store."""


async def settle(scene: Scene) -> None:
    """Lets what is still on its way arrive, and waits until the provider has acted on it."""
    for hold in scene.left_over:
        hold.release()
        await within("what was on its way arrives", hold.done.wait())
    # The event loop gets its turn, so that what has ended is also seen to have ended.
    await asyncio.sleep(0)
