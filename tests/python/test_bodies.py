"""Files on their way out and bodies on their way in, as Python has them. The vectors have what both languages
promise.
"""

from __future__ import annotations

import asyncio
import gc
import io
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

import threelo
from support import PATIENCE, Person, Sandbox, busy, environment
from threelo import AsyncClient, Client, File

ATTACHMENTS = "/rest/api/3/issue/ACME-1/attachments"
CONTENT = "/rest/api/3/attachment/content/"
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"


class Steps:
    """A server that answers one request piece by piece, when the test says so."""

    def __init__(self, length: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._length = length
        self._taken: socket.socket | None = None
        self._ready = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        taken, _ = self._listener.accept()
        # Known before the client hears anything: it may be gone, and this server with it, right after.
        self._taken = taken
        received = b""
        while b"\r\n\r\n" not in received:
            received += taken.recv(65536)
        taken.sendall(HEAD % self._length)
        self._ready.set()

    def send(self, piece: bytes) -> None:
        assert self._ready.wait(PATIENCE)
        assert self._taken
        self._taken.sendall(piece)

    def is_left(self) -> bool:
        """Waits for the client to go."""
        assert self._ready.wait(PATIENCE)
        assert self._taken
        self._taken.settimeout(PATIENCE)
        try:
            return self._taken.recv(1) == b""
        except ConnectionResetError:
            return True

    def cut(self) -> None:
        assert self._ready.wait(PATIENCE)
        assert self._taken
        self._taken.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        if self._taken:
            self._taken.close()


@pytest.fixture
def store(sandbox: Sandbox, person: Person, tmp_path: Path) -> dict[str, Any]:
    """Options of a client whose connection `user-42` is good."""
    options = sandbox.options(store=str(tmp_path / "threelo.db"))
    with Client(**options) as client:
        person.connect(client, "user-42")
    return options


@pytest.fixture
def client(store: dict[str, Any]) -> Iterator[Client]:
    with Client(**store) as client:
        yield client


def at(server: Steps, store: dict[str, Any]) -> dict[str, Any]:
    return store | {"endpoints": {"auth": store["endpoints"]["auth"], "api": server.url}}


def upload(client: Client, files: Any, **options: Any) -> list[tuple[str, bytes]]:
    """Uploads and fetches back: names and contents."""
    made = client.proxy_request("user-42", "POST", ATTACHMENTS, files=files, **options)
    made.raise_for_status()
    fetched = [client.proxy_request("user-42", "GET", CONTENT + one["id"]) for one in made.json()]
    return [(one["filename"], each.content) for one, each in zip(made.json(), fetched, strict=True)]


class Generator:
    """A source that tells on which thread it was read, and that it was closed."""

    def __init__(self, pieces: int | None = 2) -> None:
        self.threads: set[int] = set()
        self.begun, self.closed = threading.Event(), threading.Event()
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        try:
            sent = 0
            while self._pieces is None or sent < self._pieces:
                self.threads.add(threading.get_ident())
                self.begun.set()
                yield b"piece " * 1000
                sent += 1
        finally:
            self.closed.set()


def test_every_kind_of_file_arrives(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_bytes(b"from a path")
    file = io.BytesIO(b"skipped, the rest")
    file.seek(9)
    with path.open("rb") as opened:
        arrived = upload(
            client,
            [
                path,
                str(path),
                b"bytes",
                bytearray(b"bytearray"),
                memoryview(b"memoryview"),
                opened,
                file,
                iter([b"one ", b"", bytearray(b"two")]),
                File([b"listed ", b"pieces"], filename="pieces.bin"),
                File(path, filename="other.txt"),
            ],
        )
        assert not opened.closed
    assert arrived == [
        ("report.txt", b"from a path"),
        ("report.txt", b"from a path"),
        ("file", b"bytes"),
        ("file", b"bytearray"),
        ("file", b"memoryview"),
        ("report.txt", b"from a path"),
        ("file", b"the rest"),
        ("file", b"one two"),
        ("pieces.bin", b"listed pieces"),
        ("other.txt", b"from a path"),
    ]
    assert upload(client, b"alone") == [("file", b"alone")]


def test_a_file_object_that_can_seek_is_sent_again_from_where_it_stood(
    client: Client, sandbox: Sandbox
) -> None:
    fault = {"path": "/ex/jira/*", "kind": {"status": 503, "headers": {"retry-after": "0"}}, "times": 1}
    sandbox.control("POST", "/faults", fault)
    file = io.BytesIO(b"skipped, the rest")
    file.seek(9)
    assert upload(client, file) == [("file", b"the rest")]


def test_a_pipe_is_read_once(client: Client) -> None:
    out, into = os.pipe()
    os.write(into, b"through a pipe")
    os.close(into)
    with open(out, "rb", buffering=0) as reader:
        assert upload(client, File(reader, filename="pipe.txt")) == [("pipe.txt", b"through a pipe")]


@pytest.mark.parametrize("files", [7, None, io.StringIO("text"), {"a": b"b"}, [b"x", object()]])
def test_what_is_no_file_is_refused(client: Client, files: Any) -> None:
    with pytest.raises(threelo.InvalidArgumentError) as raised:
        client.proxy_request("user-42", "POST", ATTACHMENTS, files=files)
    assert raised.value.context["option"] == "files"


def test_what_a_source_raises_is_the_cause(client: Client) -> None:
    def broken() -> Iterator[bytes]:
        yield b"begun"
        raise KeyError("mine")

    def text() -> Iterator[Any]:
        yield "text"

    for files, cause in ((broken(), KeyError), (text(), TypeError)):
        with pytest.raises(threelo.InvalidArgumentError, match=cause.__name__) as raised:
            client.proxy_request("user-42", "POST", ATTACHMENTS, files=files)
        assert isinstance(raised.value.__cause__, cause)


def test_a_blocking_client_refuses_what_is_read_asynchronously(client: Client) -> None:
    with pytest.raises(threelo.InvalidArgumentError, match="async_generator"):
        client.proxy_request("user-42", "POST", ATTACHMENTS, files=pieces())


async def pieces() -> AsyncIterator[bytes]:
    yield b"one "
    await asyncio.sleep(0)
    yield b"two"


def test_generators_are_closed_after_success_and_after_failure(client: Client, sandbox: Sandbox) -> None:
    good, refused = Generator(), Generator()
    assert len(upload(client, iter(good))[0][1]) == 12_000
    assert good.closed.wait(PATIENCE)
    begun = iter(refused)
    next(begun)
    with pytest.raises(threelo.InvalidArgumentError):
        client.proxy_request("user-42", "POST", ATTACHMENTS, files=begun, json={})
    assert refused.closed.wait(PATIENCE)


def test_asynchronous_files_are_read_on_the_loop_and_others_off_it(store: dict[str, Any]) -> None:
    class Reader:
        """As the uploaded files of web frameworks are."""

        filename = "/tmp/upload.txt"

        def __init__(self) -> None:
            self._rest = [b"read ", b"asynchronously", b""]

        async def read(self, size: int, /) -> bytes:
            return self._rest.pop(0)

    async def scenario() -> None:
        source = Generator()
        async with AsyncClient(**store) as client:
            files = [File(pieces(), filename="a.txt"), iter(source), Reader()]
            made = await client.proxy_request("user-42", "POST", ATTACHMENTS, files=files)
            names = [(one["filename"], one["size"]) for one in made.json()]
            assert names == [("a.txt", 7), ("file", 12_000), ("upload.txt", 19)]
            assert source.threads
            assert threading.get_ident() not in source.threads

            async def broken() -> AsyncIterator[bytes]:
                yield b"begun"
                raise KeyError("mine")

            with pytest.raises(threelo.InvalidArgumentError, match="KeyError") as raised:
                await client.proxy_request("user-42", "POST", ATTACHMENTS, files=broken())
            assert isinstance(raised.value.__cause__, KeyError)

    asyncio.run(scenario())


def test_cancelling_an_upload_closes_its_sources(stuck: dict[str, Any]) -> None:
    async def scenario() -> None:
        source, begun, closed = Generator(None), asyncio.Event(), asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            try:
                begun.set()
                while True:
                    yield b"piece"
            finally:
                closed.set()

        async with AsyncClient(**stuck) as client:
            has_begun = asyncio.to_thread(source.begun.wait, PATIENCE)
            for files, started in ((endless(), begun.wait()), (iter(source), has_begun)):
                call = client.proxy_request("user-42", "POST", ATTACHMENTS, files=files)
                task = asyncio.create_task(call)
                await asyncio.wait_for(started, PATIENCE)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            await asyncio.wait_for(closed.wait(), PATIENCE)
            assert await asyncio.to_thread(source.closed.wait, PATIENCE)

    asyncio.run(scenario())


# Takes one request whole, answers nothing, and says when its sender hangs up.
TAKER = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
taken, _ = listener.accept()
received = b""
while not received.endswith(b"--\\r\\n"):
    received += taken.recv(65536)
print("taken", flush=True)
while taken.recv(65536):
    pass
print("gone", flush=True)
"""

HOLDING = """
import asyncio, ctypes, io, json, select, struct, sys, threelo

# Unlike `select.poll`, a function that is called in this way keeps the interpreter to itself.
poll = ctypes.PyDLL(None).poll

async def main():
    async with threelo.AsyncClient(**json.loads(sys.argv[1])) as client:
        call = client.proxy_request("user-42", "POST", "/rest/api/3/x", files=io.BytesIO(b"content"))
        call.send(None)
        await asyncio.to_thread(sys.stdin.readline)
        # From here on no other thread has its turn.
        sys.setswitchinterval(1000)
        call.close()
        watched = ctypes.create_string_buffer(struct.pack("ihh", 0, select.POLLIN, 0))
        print(poll(watched, 1, 10_000))

asyncio.run(main())
"""


def test_the_end_of_an_upload_waits_for_no_thread_that_keeps_the_interpreter(store: dict[str, Any]) -> None:
    # What serves all calls lets the connection go, though no Python code can run meanwhile.
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", TAKER], stdout=pipe) as taker:
        assert taker.stdout is not None
        api = f"http://127.0.0.1:{int(taker.stdout.readline())}"
        given = json.dumps(store | {"endpoints": {"auth": store["endpoints"]["auth"], "api": api}})
        holding = subprocess.run(
            [sys.executable, "-c", HOLDING, given],
            stdin=taker.stdout,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            env=environment(),
            check=False,
        )
        assert (holding.returncode, holding.stdout, holding.stderr) == (0, "1\n", "")


def test_a_body_is_read_while_it_arrives(store: dict[str, Any]) -> None:
    with (
        Steps(10) as server,
        Client(**at(server, store)) as client,
        client.proxy_request("user-42", "GET", "/rest/api/3/x", stream=True) as response,
    ):
        with pytest.raises(threelo.InvalidArgumentError):
            _ = response.content
        arriving = response.iter_bytes()
        server.send(b"first")
        assert next(arriving) == b"first"
        server.send(b"second"[:5])
        assert list(arriving) == [b"secon"]
        assert list(arriving) == []


def test_a_body_that_breaks_off_is_an_error_each_time_it_is_asked(store: dict[str, Any]) -> None:
    with Steps(10) as server, Client(**at(server, store)) as client:
        response = client.proxy_request("user-42", "GET", "/rest/api/3/x", stream=True)
        arriving = response.iter_bytes()
        server.send(b"first")
        assert next(arriving) == b"first"
        server.cut()
        for _ in range(2):
            with pytest.raises(threelo.ResponseTruncatedError):
                next(arriving)


def test_a_cancelled_read_loses_nothing(store: dict[str, Any]) -> None:
    async def scenario() -> None:
        with Steps(10) as server:
            async with AsyncClient(**at(server, store)) as client:
                response = await client.proxy_request("user-42", "GET", "/rest/api/3/x", stream=True)
                arriving = response.iter_bytes()
                for piece in (b"first", b"later"):
                    waiting = asyncio.ensure_future(anext(arriving))
                    await asyncio.sleep(0)
                    waiting.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await waiting
                    server.send(piece)
                    assert await asyncio.wait_for(anext(arriving), PATIENCE) == piece
                with pytest.raises(StopAsyncIteration):
                    await anext(arriving)

    asyncio.run(scenario())


def test_a_response_that_is_closed_or_forgotten_gives_its_connection_up(store: dict[str, Any]) -> None:
    for forget in (False, True):
        with Steps(10) as server, Client(**at(server, store)) as client:
            response = client.proxy_request("user-42", "GET", "/rest/api/3/x", stream=True)
            arriving = response.iter_bytes()
            server.send(b"first")
            assert next(arriving) == b"first"
            if forget:
                del response, arriving
                gc.collect()
                assert server.is_left()
                continue
            response.close()
            assert server.is_left()
            with pytest.raises(threelo.CancelledError):
                next(arriving)


def test_a_response_closed_right_after_a_cancelled_read_gives_its_connection_up(
    store: dict[str, Any],
) -> None:
    async def scenario() -> None:
        with Steps(10) as server:
            async with AsyncClient(**at(server, store)) as client:
                response = await client.proxy_request("user-42", "GET", "/rest/api/3/x", stream=True)
                waiting = asyncio.ensure_future(anext(response.iter_bytes()))
                await asyncio.sleep(0)
                others = busy(client)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                response.close()
                assert await asyncio.to_thread(server.is_left)
                del others

    asyncio.run(scenario())


def test_closing_a_response_or_the_client_ends_who_reads_it(store: dict[str, Any]) -> None:
    async def scenario(*, whole: bool) -> None:
        with Steps(10) as server:
            async with AsyncClient(**at(server, store)) as client:
                response = await client.proxy_request("user-42", "GET", "/rest/api/3/x", stream=True)
                waiting = asyncio.ensure_future(anext(response.iter_bytes()))
                await asyncio.sleep(0)
                if whole:
                    await client.close()
                else:
                    response.close()
                with pytest.raises(threelo.CancelledError):
                    await asyncio.wait_for(waiting, PATIENCE)

    asyncio.run(scenario(whole=False))
    asyncio.run(scenario(whole=True))


def test_a_file_has_its_name_only_when_it_is_whole(store: dict[str, Any], tmp_path: Path) -> None:
    wanted = tmp_path / "folder" / "report.txt"
    wanted.parent.mkdir()
    wanted.write_bytes(b"what was there before")
    with Steps(10) as server, Client(**at(server, store)) as client:
        response = client.proxy_request("user-42", "GET", "/rest/api/3/x", stream=True)
        server.send(b"first")
        server.cut()
        with pytest.raises(threelo.ResponseTruncatedError):
            response.save(wanted)
        assert [each.read_bytes() for each in wanted.parent.iterdir()] == [b"what was there before"]
    with Steps(10) as server, Client(**at(server, store)) as client:
        response = client.proxy_request("user-42", "GET", "/rest/api/3/x", stream=True)
        server.send(b"0123456789")
        assert response.save(wanted) == 10
    assert [each.read_bytes() for each in wanted.parent.iterdir()] == [b"0123456789"]
    with Client(**store) as client:
        response = client.proxy_request("user-42", "GET", "/rest/api/3/myself")
        for place in (tmp_path, tmp_path / "absent" / "x"):
            with pytest.raises(threelo.InvalidArgumentError):
                response.save(place)


def test_a_body_that_was_read_can_be_had_in_pieces_and_saved(client: Client, tmp_path: Path) -> None:
    response = client.proxy_request("user-42", "GET", "/rest/api/3/myself")
    assert b"".join(response.iter_bytes()) == response.content
    again = client.proxy_request("user-42", "GET", "/rest/api/3/myself")
    assert again.save(tmp_path / "me.json") == len(again.content)
    assert (tmp_path / "me.json").read_bytes() == again.content


def test_saving_is_awaited_too(store: dict[str, Any], tmp_path: Path) -> None:
    async def scenario() -> int:
        async with AsyncClient(**store) as client:
            response = await client.proxy_request("user-42", "GET", "/rest/api/3/myself", stream=True)
            async with response:
                return await response.save_async(tmp_path / "me.json")

    assert asyncio.run(scenario()) == (tmp_path / "me.json").stat().st_size
