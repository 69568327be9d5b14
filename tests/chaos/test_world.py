"""The judge is judged: which rotations it takes for due."""

from __future__ import annotations

import asyncio

import pytest
from judge import Untrue, within
from world import world

LIFE = 8


async def test_a_second_rotation_for_one_call_is_undue_while_its_token_lives() -> None:
    async with world(1, expires_in=3600) as made, made.nursery.worker("python") as worker:
        grant, before = made.grants[0], made.row(made.grants[0])
        await grant.ask(worker, "refresh")
        await made.moved_once(grant, before)
        await grant.ask(worker, "refresh")
        with pytest.raises(Untrue, match="2 rotations for one call"):
            await made.moved_once(grant, before)


async def test_a_second_rotation_is_due_when_the_answer_came_after_the_tokens_end() -> None:
    async with world(1, expires_in=LIFE) as made, made.nursery.worker("python") as worker:
        grant = made.grants[0]
        before = await made.expired(grant)
        hold = grant.gate.hold("after")
        (call,) = await worker.order({"do": "request", "id": grant.id, "auth": grant.gate.url})
        await within("the provider answers", hold.reached.wait())
        await asyncio.sleep(LIFE + 0.1)
        hold.release()
        assert (await call.result())["status"] == 200
        assert made.row(grant).generation == before.generation + 2
        await made.moved_once(grant, before)
