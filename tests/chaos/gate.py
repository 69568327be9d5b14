"""The way to the token endpoint. It can be shut, so that nobody's connection comes about, and it can hold a
request on its way in or its answer on its way out. Each grant has a gate of its own, so that what is held is
one rotation's.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from judge import PATIENCE, seen

BACKLOG = 128
SYN_SENT = "02"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Hold:
    """One exchange that is kept from going on."""

    def __init__(self, when: str) -> None:
        self.when = when
        """`before` the provider hears of it, or `after` it has answered."""
        self.reached = asyncio.Event()
        self._released = asyncio.Event()
        self.done = asyncio.Event()
        """The provider has answered, and the answer was written to whoever asked, or there is nobody left."""

    def release(self) -> None:
        self._released.set()

    async def stand(self) -> None:
        self.reached.set()
        await self._released.wait()


class Gate:
    """A listener that passes requests on to the sandbox, one for each connection."""

    def __init__(self, target: str) -> None:
        address = urlsplit(target)
        self._target = (address.hostname, address.port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self._listener.setblocking(False)
        self._port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.refreshes = 0
        """How many requests to rotate have come."""
        self._holds: deque[Hold] = deque()
        self._fillers: list[socket.socket] = []
        self._passing: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = asyncio.create_task(self._accept())

    def hold(self, when: str) -> Hold:
        """Holds the next request to rotate that is not yet spoken for."""
        self._holds.append(Hold(when))
        return self._holds[-1]

    async def shut(self) -> None:
        """From here on connections stay half-way: the queue of those not yet accepted is full, so the kernel
        answers no more of them.
        """
        await self._stop_accepting()
        self._listener.listen(0)
        while not self._knocks():
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self._port))
            self._fillers.append(filler)
        # The last one is the one that did not get in.
        self._fillers.pop().close()
        await seen("the gate is shut", lambda: not self._knocks())

    async def knock(self) -> None:
        """Waits until somebody is trying to connect to the shut gate."""
        await seen("somebody knocks", self._knocks)

    async def let_in(self) -> None:
        """Opens the shut gate, and waits until the one that was trying has got in."""
        self.open()
        await seen("a connection stands", lambda: not self._knocks() and len(self._passing) == 1)

    def open(self) -> None:
        """Who has been trying gets in with the next try; the first of those comes a second after it began."""
        self._listener.listen(BACKLOG)
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        self._accepting = asyncio.create_task(self._accept())

    def _knocks(self) -> bool:
        ending = f":{self._port:04X}"
        lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines())
        return any(fields[3] == SYN_SENT and fields[2].endswith(ending) for fields in lines)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            taken, _ = await loop.sock_accept(self._listener)
            task = asyncio.create_task(self._pass(taken))
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)

    async def _pass(self, taken: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=taken)
        hold = None
        try:
            request = await _message(reader)
            if request is None:
                return
            if _is_refresh(request):
                self.refreshes += 1
                hold = self._holds.popleft() if self._holds else None
            if hold and hold.when == "before":
                await hold.stand()
            answer = await self._ask(request)
            if hold and hold.when == "after":
                await hold.stand()
            if answer is None:
                # The provider broke the connection, so it breaks here.
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                writer.transport.abort()
                return
            writer.write(answer)
            await writer.drain()
        except ConnectionError:
            # Whoever asked is gone.
            pass
        finally:
            if hold:
                hold.done.set()
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _ask(self, request: bytes) -> bytes | None:
        reader, writer = await asyncio.open_connection(*self._target)
        try:
            writer.write(request)
            await writer.drain()
            return await _message(reader)
        except ConnectionError:
            return None
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _stop_accepting(self) -> None:
        if self._accepting:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
            self._accepting = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop_accepting()
        for filler in self._fillers:
            filler.close()
        self._listener.close()
        for task in self._passing:
            task.cancel()
        if self._passing:
            await asyncio.wait(self._passing, timeout=PATIENCE)


async def _message(reader: asyncio.StreamReader) -> bytes | None:
    """A request or an answer whose length is told, or None where the connection ends before its head does."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = head.lower().split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
    try:
        return head + await reader.readexactly(length)
    except asyncio.IncompleteReadError as cut:
        return head + cut.partial


def _is_refresh(request: bytes) -> bool:
    try:
        asked = json.loads(request.partition(b"\r\n\r\n")[2])
    except ValueError:
        return False
    return isinstance(asked, dict) and asked.get("grant_type") == "refresh_token"
