"""Event loops: several at once, of several kinds, closed in the middle of calls."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import pytest
import uvloop

import threelo
from support import PATIENCE, Person, Sandbox, SilentServer, offline_options


class Unwatching(asyncio.SelectorEventLoop):
    """A loop that watches no descriptors, as some do not. (Its own wake-up uses the private method.)"""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:  # type: ignore[override]
        raise NotImplementedError


LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [
    asyncio.SelectorEventLoop,
    Unwatching,
    uvloop.new_event_loop,
]
loops = pytest.mark.parametrize("make_loop", LOOPS, ids=["asyncio", "unwatching", "uvloop"])


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def connected(sandbox: Sandbox, person: Person, tmp_path: object) -> dict[str, Any]:
    options = sandbox.options(store=f"{tmp_path}/threelo.db")
    with threelo.Client(**options) as client:
        person.connect(client, "user-42")
    return options


async def myself(client: threelo.AsyncClient) -> str:
    response = await client.proxy_request("user-42", "GET", "/rest/api/3/myself")
    return str(response.json()["displayName"])


async def many(client: threelo.AsyncClient) -> list[str]:
    return await asyncio.gather(*(myself(client) for _ in range(20)))


@loops
def test_calls_come_back(
    make_loop: Callable[[], asyncio.AbstractEventLoop], connected: dict[str, Any]
) -> None:
    async def main() -> list[str]:
        async with threelo.AsyncClient(**connected) as client:
            return await many(client)

    with asyncio.Runner(loop_factory=make_loop) as runner:
        assert runner.run(main()) == ["Ada Lovelace"] * 20


@loops
def test_loops_of_several_threads_share_a_client(
    make_loop: Callable[[], asyncio.AbstractEventLoop], connected: dict[str, Any]
) -> None:
    client = threelo.AsyncClient(**connected)

    def thread(_: int) -> list[str]:
        with asyncio.Runner(loop_factory=make_loop) as runner:
            return runner.run(many(client))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(thread, range(8))) == [["Ada Lovelace"] * 20] * 8
    asyncio.run(client.close())


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_threads_that_make_a_loop_for_every_call() -> None:
    client = threelo.AsyncClient(**offline_options())

    async def call() -> None:
        with pytest.raises(threelo.ConnectionNotFoundError):
            await client.proxy_request("nobody", "GET", "/rest/api/3/myself")

    def thread(_: int) -> None:
        for _ in range(50):
            asyncio.run(call())

    with contextlib.ExitStack() as others:
        for _ in range(50):
            others.enter_context(asyncio.Runner()).run(call())
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(thread, range(8)))
    asyncio.run(client.close())


@loops
def test_loops_that_end_leave_no_descriptor(
    make_loop: Callable[[], asyncio.AbstractEventLoop], connected: dict[str, Any]
) -> None:
    client = threelo.AsyncClient(**connected)

    async def main() -> None:
        # The store alone is asked: HTTP connections come and go as they like.
        with pytest.raises(threelo.ConnectionNotFoundError):
            await client.proxy_request("nobody", "GET", "/rest/api/3/myself")

    def use() -> None:
        with asyncio.Runner(loop_factory=make_loop) as runner:
            runner.run(main())

    use()
    before = descriptors()
    for _ in range(10):
        use()
    assert descriptors() == before
    asyncio.run(client.close())


@loops
def test_a_loop_closed_with_calls_in_flight(
    make_loop: Callable[[], asyncio.AbstractEventLoop], stuck: dict[str, Any], silent: SilentServer
) -> None:
    client = threelo.AsyncClient(**stuck)
    loop = make_loop()
    task = loop.create_task(client.proxy_request("user-42", "GET", "/rest/api/3/myself"))
    task.set_name("abandoned")
    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(asyncio.to_thread(silent.came.get, timeout=PATIENCE))
    loop.run_until_complete(loop.shutdown_default_executor())
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    freed = weakref.ref(task)
    del task, loop
    # A loop that watches no descriptors is noticed to be closed when the next one comes along.
    with pytest.raises(threelo.ConnectionNotFoundError):
        asyncio.run(client.proxy_request("nobody", "GET", "/rest/api/3/myself"))
    silent.gone.get(timeout=PATIENCE)
    for _ in range(3):
        gc.collect()
    assert freed() is None
    asyncio.run(client.close())


@loops
def test_a_task_goes_on_in_its_own_context_and_as_the_current_one(
    make_loop: Callable[[], asyncio.AbstractEventLoop], connected: dict[str, Any]
) -> None:
    number: ContextVar[int] = ContextVar("number")

    async def main() -> None:
        async with threelo.AsyncClient(**connected) as client:

            async def call(mine: int) -> None:
                number.set(mine)
                for _ in range(3):
                    await myself(client)
                    assert number.get() == mine
                    assert asyncio.current_task() is tasks[mine]

            tasks = [asyncio.create_task(call(mine)) for mine in range(10)]
            await asyncio.gather(*tasks)

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(main())


def test_tasks_written_in_python_wait_for_calls_as_those_in_c_do(connected: dict[str, Any]) -> None:
    def task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        return asyncio.tasks._PyTask(coroutine, loop=loop, **options)  # type: ignore[attr-defined]

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(task)
        async with threelo.AsyncClient(**connected) as client:
            assert await many(client) == ["Ada Lovelace"] * 20
            cancelled = asyncio.create_task(myself(client))
            await asyncio.sleep(0)
            if cancelled.cancel("too late"):
                with pytest.raises(asyncio.CancelledError):
                    await cancelled
            assert await myself(client) == "Ada Lovelace"

    asyncio.run(main())


@loops
def test_what_ends_the_loop_keeps_no_answer_from_the_others(
    make_loop: Callable[[], asyncio.AbstractEventLoop], connected: dict[str, Any]
) -> None:
    client = threelo.AsyncClient(**connected)
    loop = make_loop()

    async def ends(call: Awaitable[object]) -> None:
        await call
        raise SystemExit(7)

    # Tasks that end the loop, as Ctrl-C does, are answered with others, who wait for it to go on.
    calls = [loop.create_task(ends(myself(client)) if at % 2 else myself(client)) for at in range(10)]
    codes = set()
    for _ in calls:
        try:
            loop.run_until_complete(asyncio.wait(calls, timeout=PATIENCE))
        except SystemExit as exit:
            codes.add(exit.code)
        if all(call.done() for call in calls):
            break
    assert codes == {7}
    assert [call.result() for call in calls[::2]] == ["Ada Lovelace"] * 5
    assert all(isinstance(call.exception(), SystemExit) for call in calls[1::2])
    loop.run_until_complete(client.close())
    loop.close()


def test_a_loop_in_debug_mode_names_the_task_that_takes_long(
    connected: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        asyncio.get_running_loop().slow_callback_duration = 0.05
        async with threelo.AsyncClient(**connected) as client:

            async def slow() -> None:
                await myself(client)
                time.sleep(0.1)  # noqa: ASYNC251

            await asyncio.create_task(slow(), name="the slow one")

    asyncio.run(main(), debug=True)
    assert any("the slow one" in record.getMessage() for record in caplog.records)


def test_a_task_nobody_keeps_is_not_lost(connected: dict[str, Any]) -> None:
    # asyncio itself keeps tasks weakly: one that waits for us lives because we keep what it waits for.
    async def main() -> str:
        async with threelo.AsyncClient(**connected) as client:
            result: asyncio.Future[str] = asyncio.get_running_loop().create_future()

            async def forgotten() -> None:
                result.set_result(await myself(client))

            asyncio.create_task(forgotten())  # noqa: RUF006
            await asyncio.sleep(0)
            gc.collect()
            return await asyncio.wait_for(result, PATIENCE)

    assert asyncio.run(main()) == "Ada Lovelace"


def test_without_a_loop_there_is_nothing_to_await_in(connected: dict[str, Any]) -> None:
    client = threelo.AsyncClient(**connected)
    coroutine = client.proxy_request("user-42", "GET", "/rest/api/3/myself")
    with pytest.raises(RuntimeError, match="no running event loop"):
        coroutine.send(None)
    asyncio.run(client.close())
