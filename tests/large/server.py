"""Jira and its media host, for bodies of any size: bytes are made up and hashed, and none is held."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Self

BLOCK = bytes(range(256)) * 4096
"""What all content repeats: 1 MiB."""
END = b"\r\n\r\n"


def content(size: int) -> Iterator[bytes]:
    """The content of a file of this size."""
    while size > 0:
        yield BLOCK[:size]
        size -= len(BLOCK)


def digest(pieces: Iterator[bytes]) -> str:
    hashed = hashlib.sha256()
    for piece in pieces:
        hashed.update(piece)
    return hashed.hexdigest()


class Incoming:
    """One connection, read piece by piece."""

    def __init__(self, taken: socket.socket) -> None:
        self._taken = taken
        self._rest = b""

    def head(self) -> tuple[str, dict[str, str]] | None:
        while END not in self._rest:
            if not self._more():
                return None
        head, _, self._rest = self._rest.partition(END)
        first, *lines = head.decode().split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        return first, {name.lower(): value.strip() for name, value in pairs}

    def body(self, headers: dict[str, str]) -> Iterator[bytes]:
        if headers.get("transfer-encoding") != "chunked":
            yield from self._exactly(int(headers.get("content-length", 0)))
            return
        while size := int(self._line(), 16):
            yield from self._exactly(size)
            self._line()
        self._line()

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size > 0:
            if not self._rest and not self._more():
                raise ConnectionError("a body broke off")
            piece, self._rest = self._rest[:size], self._rest[size:]
            size -= len(piece)
            yield piece

    def _line(self) -> bytes:
        while b"\r\n" not in self._rest:
            if not self._more():
                raise ConnectionError("a chunk broke off")
        line, _, self._rest = self._rest.partition(b"\r\n")
        return line

    def _more(self) -> bool:
        received = self._taken.recv(1 << 18)
        self._rest += received
        return bool(received)


def file_of(body: Iterator[bytes], content_type: str) -> Iterator[bytes]:
    """The content of the one file of a multipart form."""
    closing = f"\r\n--{content_type.partition('boundary=')[2]}--\r\n".encode()
    held = b""
    for piece in body:
        held += piece
        if END in held:
            break
    held = held.partition(END)[2]
    for piece in body:
        held += piece
        ready = len(held) - len(closing)
        if ready > 0:
            yield held[:ready]
            held = held[ready:]
    if not held.endswith(closing):
        raise ConnectionError("the form has no end")
    yield held.removesuffix(closing)


class Server:
    """Takes connections, each on a thread of its own."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(taken,), daemon=True).start()

    def _serve(self, taken: socket.socket) -> None:
        # Whoever goes away in the middle is seen by the test that went.
        try:
            with taken:
                incoming = Incoming(taken)
                while head := incoming.head():
                    self._answer(taken, incoming, *head)
        except ConnectionError:
            pass

    def _answer(self, taken: socket.socket, incoming: Incoming, first: str, headers: dict[str, str]) -> None:
        method, target, _ = first.split()
        if method == "POST":
            size = 0

            def counted() -> Iterator[bytes]:
                nonlocal size
                for piece in file_of(incoming.body(headers), headers["content-type"]):
                    size += len(piece)
                    yield piece

            hashed = digest(counted())
            answer(taken, json.dumps([{"size": size, "sha256": hashed}]).encode())
        elif "/attachment/content/" in target:
            size = int(target.rsplit("/", 1)[1])
            place = f"{self.url}/file/{size}/binary?token=canary"
            taken.sendall(f"HTTP/1.1 303 X\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())
        elif "authorization" in headers:
            taken.sendall(b"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n")
        else:
            size = int(target.split("/")[2])
            taken.sendall(f"HTTP/1.1 200 X\r\nContent-Length: {size}\r\n\r\n".encode())
            for piece in content(size):
                taken.sendall(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


def answer(taken: socket.socket, body: bytes) -> None:
    taken.sendall(f"HTTP/1.1 200 X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
