"""Files to upload: what they may be, and how they are read while they are sent."""

from __future__ import annotations

import asyncio
import inspect
import io
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, Protocol

from . import _native
from ._native import NativeClient, NativeFeed, NativeResponse
from ._wire import BytesLike, encode_beside
from .errors import ThreeloError

_PIECE = 128 * 1024


class Readable(Protocol):
    """A binary file object: what `open(path, "rb")` returns, or anything else with such a `read()`."""

    def read(self, size: int, /) -> bytes: ...


class AsyncReadable(Protocol):
    """A file object whose `read()` is awaited. For `AsyncClient`."""

    async def read(self, size: int, /) -> bytes: ...


FileContent = (
    str
    | PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | Readable
    | AsyncReadable
    | Iterable[bytes]
    | AsyncIterable[bytes]
)
"""What a file is read from: a path, bytes, a binary file object, or an iterable of bytes. `AsyncClient` also
takes what is read asynchronously.

A file object that can seek is sent from where it stands, and again from there where the call is repeated.
What can be read only once makes the call one that is sent once. File objects stay open; generators are
closed.
"""


@dataclass(frozen=True, slots=True)
class File:
    """A file with what Jira is to know of it.

    picture = File(image_bytes, filename="picture.png")
    client.proxy_request("user-42", "POST", "/rest/api/3/issue/ACME-1/attachments", files=picture)
    """

    content: FileContent = field(repr=False)
    """What it is read from."""
    filename: str | None = None
    """Its name for Jira. Default: that of the path or the file object, otherwise `file`."""
    content_type: str | None = None
    """Its media type. Default: what the name says."""
    field: str | None = None
    """The form's field. Default: `file`, which is what Jira expects (F5.8)."""


FileLike = FileContent | File


class _Pieces:
    """What is asked for pieces on threads of its own. The first failure is kept, for it is the cause."""

    length: int | None = None
    rewinds = False
    failure: Exception | None = None

    def rewind(self) -> None:
        """Begins anew."""

    def next(self) -> bytes | None:
        """The next piece; None at the end."""
        try:
            return self._next()
        except Exception as error:
            self.failure = self.failure or error
            raise

    def close(self) -> None:
        """Nothing more will be asked."""

    def _next(self) -> bytes | None:
        raise NotImplementedError


class _FilePieces(_Pieces):
    def __init__(self, file: Any) -> None:
        self._file = file
        try:
            self._start = file.tell()
            self.length = file.seek(0, os.SEEK_END) - self._start
            self.rewinds = True
            self.rewind()
        except (AttributeError, OSError):
            self.length, self.rewinds = None, False

    def rewind(self) -> None:
        self._file.seek(self._start)

    def _next(self) -> bytes | None:
        return _piece(self._file.read(_PIECE)) or None


class _IteratorPieces(_Pieces):
    def __init__(self, pieces: Iterator[Any]) -> None:
        self._pieces = pieces

    def _next(self) -> bytes | None:
        for piece in self._pieces:
            return _piece(piece)
        return None

    def close(self) -> None:
        getattr(self._pieces, "close", int)()


class _AsyncPieces:
    """What is read by a task of the event loop, when the connection takes more."""

    def __init__(self, source: Any) -> None:
        self.failure: Exception | None = None
        self.feed = NativeFeed()
        self._pieces = aiter(source) if hasattr(source, "__aiter__") else _read(source)

    async def pump(self) -> None:
        try:
            while await self.feed.asked() is not None:
                await self._answer()
        finally:
            await getattr(self._pieces, "aclose", _nothing)()

    async def _answer(self) -> None:
        try:
            self.feed.give(_piece(await anext(self._pieces)))
        except StopAsyncIteration:
            self.feed.give(None)
        except Exception as error:
            self.failure = error
            self.feed.fail(f"{type(error).__name__}: {error}")


async def _nothing() -> None:
    pass


async def _read(source: Any) -> AsyncIterator[bytes]:
    while piece := await source.read(_PIECE):
        yield piece


def _piece(piece: object) -> bytes:
    if isinstance(piece, BytesLike):
        return bytes(piece)
    raise TypeError(f"a file's content comes as bytes, not as {type(piece).__name__}")


_Source = _Pieces | _AsyncPieces
_Part = tuple[object, str | None, str | None, str | None]


def _source(content: Any, *, asynchronous: bool) -> object:
    """What the native half reads a file from; None for what is no file."""
    if isinstance(content, str | PathLike):
        return os.fsdecode(content)
    if isinstance(content, BytesLike):
        return bytes(content)
    if hasattr(content, "__aiter__") or inspect.iscoroutinefunction(getattr(content, "read", None)):
        return _AsyncPieces(content) if asynchronous else None
    if hasattr(content, "read"):
        return None if isinstance(content, io.TextIOBase) else _FilePieces(content)
    return _IteratorPieces(iter(content)) if _is_stream(content) else None


def _is_stream(content: object) -> bool:
    return isinstance(content, Iterable) and not isinstance(content, Mapping | str)


def _name(content: object) -> str | None:
    """The name a file object has: its own, or that of the upload it came from."""
    names = (getattr(content, "filename", None), getattr(content, "name", None))
    return next((os.path.basename(name) for name in names if isinstance(name, str)), None)


class _Upload:
    """The files of one call, and what they are read from."""

    def __init__(self, options: Mapping[str, Any], *, asynchronous: bool) -> None:
        self.rest = dict(options)
        given = self.rest.pop("files")
        listed = given if isinstance(given, list | tuple) else [given]
        files = [file if isinstance(file, File) else File(file) for file in listed]
        read = [_source(file.content, asynchronous=asynchronous) for file in files]
        # What is no file goes on under its name, for the core to refuse.
        unknown = [type(file.content).__name__ for file, one in zip(files, read, strict=True) if one is None]
        self.rest |= {"files": unknown[0]} if unknown else {}
        self.sources = [one for one in read if isinstance(one, _Pieces | _AsyncPieces)]
        self.parts = [] if unknown else list(map(_part, files, read))

    @contextmanager
    def causes(self) -> Iterator[None]:
        """Has errors tell which of the caller's own lies beneath them."""
        try:
            yield
        except ThreeloError as error:
            error.__cause__ = next((one.failure for one in self.sources if one.failure), error.__cause__)
            raise

    @asynccontextmanager
    async def pumps(self) -> AsyncIterator[None]:
        """Has tasks read what is asynchronous; they end with the call."""
        tasks = [asyncio.ensure_future(one.pump()) for one in self.sources if isinstance(one, _AsyncPieces)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _part(file: File, source: object) -> _Part:
    content = source.feed if isinstance(source, _AsyncPieces) else source
    return content, file.filename or _name(file.content), file.content_type, file.field


def upload(client: NativeClient, options: Mapping[str, Any], **leading: Any) -> NativeResponse:
    """`proxy_request` with files."""
    files = _Upload(options, asynchronous=False)
    with files.causes():
        return _native.upload(client, *encode_beside(files.rest, **leading), files.parts)


async def upload_async(client: NativeClient, options: Mapping[str, Any], **leading: Any) -> NativeResponse:
    """The same, awaited."""
    files = _Upload(options, asynchronous=True)
    request = encode_beside(files.rest, **leading)
    async with files.pumps():
        with files.causes():
            return await _native.upload_async(client, *request, files.parts)
