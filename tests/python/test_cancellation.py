"""A call that nobody waits for any more is ended, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import weakref
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import threelo
from support import PATIENCE, OnePageServer, Person, Sandbox, SilentServer, busy


def start(client: threelo.AsyncClient) -> asyncio.Task[threelo.Response]:
    return asyncio.create_task(client.proxy_request("user-42", "GET", "/rest/api/3/myself"))


async def came(silent: SilentServer) -> None:
    await asyncio.to_thread(silent.came.get, timeout=PATIENCE)


async def gone(silent: SilentServer) -> None:
    await asyncio.to_thread(silent.gone.get, timeout=PATIENCE)


async def test_cancelling_the_task_ends_the_call(stuck: dict[str, Any], silent: SilentServer) -> None:
    async with threelo.AsyncClient(**stuck) as client:
        task = start(client)
        await came(silent)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await gone(silent)


async def test_wait_for_ends_the_call(stuck: dict[str, Any], silent: SilentServer) -> None:
    async with threelo.AsyncClient(**stuck) as client:
        task = start(client)
        await came(silent)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(task, 0.01)
        await gone(silent)


async def test_the_calls_own_timeout_is_an_error_of_ours(stuck: dict[str, Any]) -> None:
    async with threelo.AsyncClient(**stuck) as client:
        with pytest.raises(threelo.TimeoutError) as caught:
            await client.proxy_request("user-42", "GET", "/rest/api/3/myself", timeout=0.2)
        assert caught.value.retryable


async def test_a_coroutine_that_is_closed_ends_the_call(stuck: dict[str, Any], silent: SilentServer) -> None:
    async with threelo.AsyncClient(**stuck) as client:
        coroutine = client.proxy_request("user-42", "GET", "/rest/api/3/myself")
        coroutine.send(None)
        await came(silent)
        coroutine.close()
        await gone(silent)


async def test_a_cancelled_task_frees_its_memory(stuck: dict[str, Any], silent: SilentServer) -> None:
    async with threelo.AsyncClient(**stuck) as client:
        task = start(client)
        await came(silent)
        task.cancel()
        await asyncio.wait([task])
        await gone(silent)
        freed = weakref.ref(task)
        del task
        gc.collect()
        assert freed() is None


async def test_many_cancelled_at_once(stuck: dict[str, Any], silent: SilentServer) -> None:
    async with threelo.AsyncClient(**stuck) as client:
        tasks = [start(client) for _ in range(50)]
        for _ in tasks:
            await came(silent)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        for _ in tasks:
            await gone(silent)


async def by_their_tasks(calls: list[asyncio.Task[threelo.Response]]) -> None:
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)


async def by_wait_for(calls: list[asyncio.Task[threelo.Response]]) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*calls), 0)


async def by_a_task_group(calls: list[asyncio.Task[threelo.Response]]) -> None:
    async def follow(call: asyncio.Task[threelo.Response]) -> None:
        await call

    async def group_with_one_that_fails() -> None:
        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(follow(call))
            await asyncio.sleep(0)  # so that each follows its call before the group ends
            raise ValueError("one of the group fails")

    with pytest.raises(ExceptionGroup) as caught:
        await group_with_one_that_fails()
    assert caught.group_contains(ValueError)


def pending() -> int:
    """Awaitables of the native half that are there."""
    return sum(type(it).__name__ == "PendingCall" for it in gc.get_objects())


def descriptors() -> int:
    """How many are open, without the store's: it opens what it reads with when it comes to need it."""
    leads_to = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the list itself
            leads_to.append(os.readlink(f"/proc/self/fd/{number}"))
    return sum("threelo.db" not in where for where in leads_to)


@pytest.mark.parametrize("cancel", [by_their_tasks, by_wait_for, by_a_task_group])
async def test_whatever_cancels_them_all_calls_end_and_all_is_freed(
    cancel: Callable[[list[asyncio.Task[threelo.Response]]], Awaitable[None]],
    stuck: dict[str, Any],
    silent: SilentServer,
) -> None:
    async with threelo.AsyncClient(**stuck) as client:

        async def round_of_calls() -> int:
            """30 calls that are cancelled when all have reached the server. Descriptors that are left."""
            calls = [start(client) for _ in range(30)]
            for _ in calls:
                await came(silent)
            assert pending() == 30
            await cancel(calls)
            assert all(call.cancelled() for call in calls)
            for _ in calls:
                await gone(silent)
            del calls
            gc.collect()
            assert pending() == 0
            return descriptors()

        await round_of_calls()
        first = await round_of_calls()
        assert await round_of_calls() == first
        assert silent.came.empty()


async def test_closing_ends_calls_under_way(stuck: dict[str, Any], silent: SilentServer) -> None:
    client = threelo.AsyncClient(**stuck)
    task = start(client)
    await came(silent)
    await client.close()
    with pytest.raises(threelo.CancelledError):
        await task
    with pytest.raises(threelo.ClosedError):
        await client.connection("user-42")
    await client.close()


async def test_a_call_is_awaited_once(stuck: dict[str, Any]) -> None:
    async with threelo.AsyncClient(**stuck) as client:
        call = client._native.call_async("connection", '{"id":"user-42"}')
        await call
        with pytest.raises(RuntimeError, match="only once"):
            await call


async def test_cancelling_at_any_turn_of_the_loop_neither_cancels_nor_repeats_a_rotation(
    sandbox: Sandbox, person: Person, tmp_path: Path
) -> None:
    options = sandbox.options(store=str(tmp_path / "threelo.db"))
    with threelo.Client(**options) as blocking:
        person.connect(blocking, "user-42")
    cancelled = 0
    async with threelo.AsyncClient(**options) as client:
        for turns in range(25):
            before = (await client.connection("user-42")).generation
            task = asyncio.create_task(client.refresh("user-42"))
            for _ in range(turns):
                await asyncio.sleep(0)
            cancelled += task.cancel()
            await asyncio.wait([task])
            assert (await client.refresh("user-42")).generation > before
        generation = (await client.connection("user-42")).generation
    counts = sandbox.counts()
    assert cancelled > 0
    assert (counts["refresh_exchanges"], counts["replays"]) == (generation - 1, 0)


@pytest.mark.parametrize("prefetch", [True, False])
async def test_a_listing_keeps_its_place_while_a_page_is_on_its_way(
    sandbox: Sandbox, person: Person, tmp_path: Path, prefetch: bool
) -> None:
    options = sandbox.options(store=str(tmp_path / "threelo.db"))
    with threelo.Client(**options) as blocking:
        person.connect(blocking, "user-42")
    async with threelo.AsyncClient(**options) as client:
        query = {"jql": "project = ACME", "maxResults": 10, "fields": "summary"}
        listing = client.paginate("user-42", "/rest/api/3/search/jql", params=query, prefetch=prefetch)
        fault = {"path": "/ex/*", "kind": {"hold": "after"}, "times": 0, "skip": 1}
        held = sandbox.control("POST", "/faults", fault)["id"]
        begun = [(await anext(listing))["key"] for _ in range(10)]
        place = listing.cursor
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(listing)
        assert listing.cursor == place
        sandbox.control("DELETE", f"/faults/{held}")
        keys = begun + [issue["key"] async for issue in listing]
        assert len(keys) == len(set(keys)) == 57


@pytest.fixture
def one_page(stuck: dict[str, Any]) -> Iterator[tuple[dict[str, Any], OnePageServer]]:
    """Options of a client whose listings have a second page that never comes, and the server."""
    with OnePageServer() as server:
        yield stuck | {"endpoints": stuck["endpoints"] | {"api": server.url}}, server


LISTING = ("user-42", "/rest/api/3/project/search")


def test_a_loop_that_is_left_ends_what_was_fetched_ahead(
    one_page: tuple[dict[str, Any], OnePageServer],
) -> None:
    options, server = one_page
    with threelo.Client(**options) as client:
        for _ in client.paginate(*LISTING, parallel=4):
            fetched = {server.came.get(timeout=PATIENCE) for _ in range(4)}
            break
        assert {server.gone.get(timeout=PATIENCE) for _ in range(4)} == fetched


@pytest.mark.parametrize("whole_pages", [True, False])
async def test_an_awaited_loop_that_is_left_ends_what_was_fetched_ahead(
    one_page: tuple[dict[str, Any], OnePageServer], whole_pages: bool
) -> None:
    options, server = one_page
    async with threelo.AsyncClient(**options) as client:
        items = client.paginate(*LISTING)
        async for _ in items.pages() if whole_pages else items:
            await came(server)
            break
        del items
        await gone(server)


async def test_a_loop_whose_task_is_cancelled_ends_what_was_fetched_ahead(
    one_page: tuple[dict[str, Any], OnePageServer],
) -> None:
    options, server = one_page
    async with threelo.AsyncClient(**options) as client:
        items = client.paginate(*LISTING, parallel=4)
        pages = items.pages()
        await anext(pages)
        for _ in range(4):
            await came(server)
        waiting = asyncio.ensure_future(anext(pages))
        await asyncio.sleep(0)
        others = busy(client)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        for _ in range(4):
            await gone(server)
        assert items.cursor
        del others


async def test_pages_that_are_closed_end_what_was_fetched_ahead_and_can_be_gone_on_with(
    one_page: tuple[dict[str, Any], OnePageServer],
) -> None:
    options, server = one_page
    async with threelo.AsyncClient(**options) as client:
        items = client.paginate(*LISTING)
        async with contextlib.aclosing(items.pages()) as pages:
            assert [item["id"] for item in await anext(pages)] == ["1", "2"]
            await came(server)
        await gone(server)
        again = asyncio.ensure_future(anext(items))
        await came(server)
        again.cancel()


async def test_a_cancelled_task_is_told_why(stuck: dict[str, Any], silent: SilentServer) -> None:
    async with threelo.AsyncClient(**stuck) as client:
        told: list[object] = []

        async def follow() -> None:
            try:
                await client.proxy_request("user-42", "GET", "/rest/api/3/myself")
            except asyncio.CancelledError as error:
                told.extend(error.args)
                raise

        task = asyncio.create_task(follow())
        await came(silent)
        assert task.cancel("the page was left")
        assert not task.done(), "a task learns of it in the loop's next round"
        await asyncio.wait([task])
        assert (task.cancelled(), told) == (True, ["the page was left"])


async def test_a_task_that_stays_after_being_cancelled_goes_on(
    stuck: dict[str, Any], silent: SilentServer
) -> None:
    async with threelo.AsyncClient(**stuck) as client:

        async def stay() -> str:
            with contextlib.suppress(asyncio.CancelledError):
                await client.proxy_request("user-42", "GET", "/rest/api/3/myself")
            with pytest.raises(threelo.ConnectionNotFoundError):
                await client.proxy_request("nobody", "GET", "/rest/api/3/myself")
            return "stayed"

        task = asyncio.create_task(stay())
        await came(silent)
        task.cancel()
        assert await task == "stayed"
        await gone(silent)
