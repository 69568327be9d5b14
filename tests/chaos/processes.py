"""The processes the driver starts. None of them outlives it: each ends with its standard input, and is ended
by its own handle where it does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from clocks import Clocks
from judge import PATIENCE, Untrue, within

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SANDBOX = os.environ.get("THREELO_SANDBOX", str(ROOT / "target" / "debug" / "threelo-sandbox"))
LANGUAGES = ("python", "node")
COMMANDS = {
    "python": [sys.executable, str(HERE / "worker.py")],
    "node": [os.environ.get("NODE", "node"), str(HERE / "worker.mjs")],
}

Answer = dict[str, Any]


def other(language: str) -> str:
    return LANGUAGES[1 - LANGUAGES.index(language)]


class Process:
    """A child with a pipe at its standard input and output, and a file for its complaints."""

    def __init__(self, name: str, child: asyncio.subprocess.Process, complaints: Path) -> None:
        self.name, self._child, self._complaints = name, child, complaints

    @classmethod
    async def start(
        cls, name: str, command: Sequence[str], complaints: Path, environment: Mapping[str, str] | None = None
    ) -> Process:
        with complaints.open("wb") as stderr:
            child = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env=os.environ | (environment or {}),
                # The driver's own Ctrl-C is not theirs: they end with it, one by one.
                start_new_session=True,
            )
        return cls(name, child, complaints)

    @property
    def pid(self) -> int:
        return self._child.pid

    async def tell(self, what: object) -> None:
        assert self._child.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._child.stdin.write(json.dumps(what).encode() + b"\n")
            await self._child.stdin.drain()

    async def hear(self) -> Any:
        """The next line it says, or None at the end."""
        assert self._child.stdout is not None
        line = await self._child.stdout.readline()
        return json.loads(line) if line else None

    def kill(self) -> None:
        self._child.send_signal(signal.SIGKILL)

    def pause(self) -> None:
        self._child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._child.send_signal(signal.SIGCONT)

    async def gone(self) -> int:
        """Its exit status, once it has ended."""
        return await within(f"{self.name} ends", self._child.wait())

    async def end(self, patience: float = 15.0) -> None:
        """Closes its standard input; ends it by force where that is not enough."""
        if self._child.returncode is None:
            assert self._child.stdin is not None
            self._child.stdin.close()
            # One that is still paused would neither read its end nor close.
            with contextlib.suppress(ProcessLookupError):
                self.resume()
            try:
                async with asyncio.timeout(patience):
                    await self._child.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self.kill()
                await self._child.wait()

    def last_words(self) -> str:
        """The end of what it wrote to its standard error."""
        return self._complaints.read_text(errors="replace").strip()[-2000:]


class Call:
    """One order a worker was given."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.began: asyncio.Future[None] = loop.create_future()
        self.answer: asyncio.Future[Answer] = loop.create_future()
        self.answered_at: float | None = None
        """On the event loop's clock."""

    async def result(self, seconds: float = PATIENCE) -> Answer:
        """What came of it; `{"gone": True}` where the worker ended first."""
        return await within("a worker answers", asyncio.shield(self.answer), seconds)


class Worker:
    """A process that uses threelo."""

    def __init__(self, language: str, process: Process) -> None:
        self.language, self.process = language, process
        self._numbers = itertools.count(1)
        self._calls: dict[int, Call] = {}
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while (said := await self.process.hear()) is not None:
            call = self._calls[said["n"]]
            if "began" in said:
                call.began.set_result(None)
                continue
            call.answered_at = asyncio.get_running_loop().time()
            call.answer.set_result(said)
            del self._calls[said["n"]]
        for call in self._calls.values():
            if not call.began.done():
                call.began.set_result(None)
            call.answer.set_result({"gone": True})
        self._calls.clear()

    async def order(self, *orders: dict[str, Any]) -> list[Call]:
        """Gives orders in one line, so that their calls begin together, and waits until they have."""
        calls = [Call() for _ in orders]
        numbers = [next(self._numbers) for _ in orders]
        self._calls.update(zip(numbers, calls, strict=True))
        spelled = [{"n": n, "timeout": PATIENCE, **each} for n, each in zip(numbers, orders, strict=True)]
        await self.process.tell(spelled)
        for call in calls:
            await within("a call begins", asyncio.shield(call.began))
        return calls

    async def do(self, do: str, auth: str, **order: Any) -> Answer:
        """One order and what came of it."""
        (call,) = await self.order({"do": do, "auth": auth, **order})
        answer = await call.result(order.get("timeout", PATIENCE) + 10)
        if "gone" in answer:
            raise Untrue(f"{self.process.name} ended by itself\n{self.process.last_words()}")
        return answer

    async def end(self) -> None:
        await self.process.end()
        await self._listening


class Nursery:
    """Starts workers on one store and one sandbox, a few at a time, and ends whatever is left of them."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        self._folder, self._options = folder, options
        self._numbers = itertools.count(1)
        self._starting = asyncio.Semaphore(2 * (os.cpu_count() or 1))

    def clocks(self) -> Clocks:
        """Clocks that can be moved, for workers that are started with them."""
        return Clocks(self._folder, str(next(self._numbers)))

    async def start(self, language: str, clocks: Clocks | None = None) -> Worker:
        name = f"{language}-{next(self._numbers)}"
        async with self._starting:
            complaints, moved = self._folder / f"{name}.stderr", clocks.environment if clocks else None
            process = await Process.start(name, COMMANDS[language], complaints, moved)
            try:
                await process.tell(self._options)
                if await within(f"{name} starts", process.hear()) is None:
                    raise Untrue(f"{name} does not start\n{process.last_words()}")
            except BaseException:
                await process.end(0.0)
                raise
        return Worker(language, process)

    @asynccontextmanager
    async def worker(self, language: str, clocks: Clocks | None = None) -> AsyncIterator[Worker]:
        worker = await self.start(language, clocks)
        try:
            yield worker
        finally:
            await worker.end()
