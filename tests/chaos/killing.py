"""Kills at the points of a rotation, and what becomes of the connections."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from judge import Missed, Untrue, check
from points import LOCKING, POINTS, Scene, settle
from processes import LANGUAGES, Call, Worker, other
from sqlite_store import SqliteStore
from world import Grant, StoreMaker, World, world

LIFE = 5
"""Seconds an access token lives in these worlds: after them its grant has to rotate."""

TRIES = 3
"""How often a kill may miss its point."""

LONGEST_WAIT = 50.0
"""Seconds: an attempt's twenty, after which a dead holder's lease is free (api.toml), and what a busy machine
adds. A survivor that waits longer has waited for the lease itself to lapse, which takes sixty.
"""


@dataclass(frozen=True)
class Kill:
    """One kill, all of it decided beforehand."""

    point: str
    language: str
    waiting: bool
    """The survivor has been waiting for the victim; else it comes after its death."""
    linger: float
    """Seconds the survivor waits before the kill."""
    late: bool
    """See `points.Scene`."""

    def __str__(self) -> str:
        survivor = "waiting" if self.waiting else "fresh"
        return f"{self.point} of {self.language}, {survivor} survivor{', late arrival' if self.late else ''}"


@dataclass(frozen=True)
class Loss:
    """Something that must not happen."""

    grant: str
    what: str
    log: Sequence[object] = ()

    def __str__(self) -> str:
        return "\n    ".join([f"{self.grant}: {self.what}", *map(str, self.log)])


@dataclass
class Toll:
    """What a run came to."""

    kills: Counter[str] = field(default_factory=Counter)
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds from the kill, or from the survivor's coming where that was later, to its answer; by point."""
    missed: Counter[str] = field(default_factory=Counter)
    losses: list[Loss] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """The sandbox's."""

    def add(self, other: Toll) -> None:
        """Takes in what another world came to."""
        self.kills += other.kills
        self.missed += other.missed
        self.losses += other.losses
        for point, waits in other.waits.items():
            self.waits[point] += waits
        for what, count in other.counts.items():
            self.counts[what] = self.counts.get(what, 0) + count


def every_point() -> list[Kill]:
    """Each point once for each language and each kind of survivor."""
    return [
        Kill(point, language, waiting, 0.1, late=point == "request-out" and not waiting)
        for point, language, waiting in itertools.product(POINTS, LANGUAGES, (True, False))
    ]


def plan(kills: int, seed: int) -> list[Kill]:
    """Kills spread evenly over all points and both languages, in an order that the seed decides."""
    chance = random.Random(seed)
    places = itertools.islice(itertools.cycle(itertools.product(POINTS, LANGUAGES)), kills)
    planned = [
        Kill(
            point,
            language,
            waiting=chance.random() < 0.7,
            linger=chance.choice([0.0, 0.02, 0.1, 0.4]),
            late=point == "request-out" and chance.random() < 0.5,
        )
        for point, language in places
    ]
    chance.shuffle(planned)
    return planned


class Run:
    """Many grants, each with kills of its own, one after the other."""

    def __init__(self, world: World, survivors: dict[str, list[Worker]], say: Callable[[str], None]) -> None:
        self._world, self._survivors, self._say = world, survivors, say
        self._at_once = asyncio.Semaphore(48)
        self.toll = Toll()

    async def grant(self, grant: Grant, kills: Sequence[Kill]) -> None:
        """Kills one grant's rotations. One loss ends it: a grant that is lost proves nothing more."""
        for kill in kills:
            try:
                await self._once(grant, kill)
            except Untrue as untrue:
                log = (await self._world.sandbox.exchanges()).get(grant.account, [])
                self.toll.losses.append(Loss(grant.id, f"{kill}: {untrue}", log[-8:]))
                return
            if not sum(self.toll.kills.values()) % 100:
                self._say(f"{sum(self.toll.kills.values())} kills")

    async def _once(self, grant: Grant, kill: Kill) -> None:
        for _ in range(TRIES):
            try:
                await self._world.expired(grant)
                async with self._at_once:
                    return await self._kill(grant, kill)
            except Missed as missed:
                self.toll.missed[f"{kill.point}: {missed}"] += 1
        raise Untrue(f"missed {TRIES} times")

    async def _kill(self, grant: Grant, kill: Kill) -> None:
        world, loop, order = self._world, asyncio.get_running_loop(), {"id": grant.id, "auth": grant.gate.url}
        calls: list[Call] = []
        survivor = random.Random(grant.id).choice(self._survivors[other(kill.language)])

        async def join() -> None:
            if kill.waiting:
                calls.extend(await survivor.order({"do": "request", **order}))
                await asyncio.sleep(kill.linger)

        async with AsyncExitStack() as stack:
            victim = await stack.enter_async_context(world.nursery.worker(kill.language))
            await victim.do("connection", grant.gate.url, id=grant.id)
            scene = Scene(world, grant, victim, world.row(grant), join, kill.late)
            try:
                async with POINTS[kill.point](scene):
                    victim.process.kill()
                    killed = loop.time()
            except Missed:
                # What the victim and the survivor have begun is let go to its end.
                for call in calls:
                    await call.result()
                await settle(scene)
                raise
            await victim.process.gone()
            if not kill.waiting:
                fresh = await stack.enter_async_context(world.nursery.worker(other(kill.language)))
                killed = loop.time()
                calls.extend(await fresh.order({"do": "request", **order}))
            answer = await calls[0].result()
            await settle(scene)
            check("the survivor's call is answered", answer.get("status", answer), 200)
            await world.moved_once(grant, scene.before)
        assert calls[0].answered_at is not None
        wait = calls[0].answered_at - killed
        self.toll.kills[f"{kill.point} {kill.language}"] += 1
        self.toll.waits[kill.point].append(wait)
        if wait > LONGEST_WAIT:
            raise Untrue(f"the survivor waited {wait:.1f} s")


async def run(
    kills: Sequence[Kill],
    grants: int,
    make: StoreMaker = SqliteStore,
    say: Callable[[str], None] = lambda _: None,
    each: int = 3,
    **settings: object,
) -> Toll:
    """Deals the kills out to as many grants, all of which go on at once, with `each` standing survivors of
    each language; then proves every connection. Kills that lock the store have a world of their own: nobody
    else is to find it locked for longer than SQLite waits.
    """
    parts = [[kill for kill in kills if (kill.point in LOCKING) == locks] for locks in (True, False)]
    shares = [max(1, round(grants * len(part) / len(kills))) for part in parts]
    both = zip(parts, shares, strict=True)
    tolls = await asyncio.gather(
        *(_run(part, share, make, say, each, settings) for part, share in both if part)
    )
    whole = Toll()
    for toll in tolls:
        whole.add(toll)
    return whole


async def _run(
    kills: Sequence[Kill],
    grants: int,
    make: StoreMaker,
    say: Callable[[str], None],
    each: int,
    settings: Mapping[str, object],
) -> Toll:
    async with world(grants, make, expires_in=LIFE, **settings) as made, AsyncExitStack() as stack:
        survivors: dict[str, list[Worker]] = {language: [] for language in LANGUAGES}
        for language in [*LANGUAGES] * each:
            worker = await stack.enter_async_context(made.nursery.worker(language))
            survivors[language].append(worker)
        going = Run(made, survivors, say)
        await asyncio.gather(*(going.grant(grant, kills[n::grants]) for n, grant in enumerate(made.grants)))
        toll = going.toll
        try:
            await made.all_good(survivors["python"][0], survivors["node"][0])
            await made.nothing_old_spent()
        except Untrue as untrue:
            toll.losses.append(Loss("at the end", str(untrue)))
        toll.counts = await made.sandbox.counts()
        return toll
