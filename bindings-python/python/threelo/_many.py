"""Iterators over the results of one call for many connections."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from ._native import NativeMany, NativeResponse
from ._response import Response
from ._types import Site
from .errors import ThreeloError

_Arrived = tuple[str, NativeResponse | None, ThreeloError | None]


@dataclass(frozen=True, slots=True)
class RequestResult:
    """What became of the call for one connection at one site."""

    id: str
    """The connection."""
    site: Site | None
    """The site that was asked; None where the connection could not be looked up."""
    response: Response | None
    """The answer, whatever its status; None where there is none."""
    error: ThreeloError | None
    """Why there is no answer."""

    @classmethod
    def _read(cls, arrived: _Arrived) -> RequestResult:
        head, native, error = arrived
        fields = json.loads(head)
        site = Site._read(fields["site"]) if fields["site"] else None
        return cls(fields["id"], site, Response._read(native) if native else None, error)


class RequestResults(Iterator[RequestResult]):
    """Results as they come. Calls that are under way end when it is let go of."""

    __slots__ = ("_lock", "_native")

    def __init__(self, native: NativeMany) -> None:
        self._native = native
        self._lock = threading.Lock()

    def __next__(self) -> RequestResult:
        with self._lock:
            arrived = self._native.next()
        if arrived is None:
            raise StopIteration
        return RequestResult._read(arrived)


class AsyncRequestResults(AsyncIterator[RequestResult]):
    """As `RequestResults`, for `async for`."""

    __slots__ = ("_lock", "_native")

    def __init__(self, native: NativeMany) -> None:
        self._native = native
        self._lock = asyncio.Lock()

    async def __anext__(self) -> RequestResult:
        async with self._lock:
            arrived = await self._native.next_async()
        if arrived is None:
            raise StopAsyncIteration
        return RequestResult._read(arrived)
