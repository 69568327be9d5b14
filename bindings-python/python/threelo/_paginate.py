"""Iterators over listings. Those of `Client` and `AsyncClient` keep their place in the same way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

from . import _results
from ._native import NativePaginator
from ._types import Connection
from ._wire import encode


class _Items:
    """The place in a listing: how many pages came, the last of them, how much of it was handed out."""

    __slots__ = ("_before", "_native", "_page", "_received", "_used")

    def __init__(self, native: NativePaginator) -> None:
        self._native = native
        self._page: list[Any] = []
        self._received = self._used = 0
        self._before: str | None = None

    @property
    def cursor(self) -> str | None:
        """Where to go on after what was handed out so far: any process, in either language, can pass it as
        `cursor`. None when nothing is left.
        """
        try:
            return self._native.cursor(self._received, self._used)
        except BlockingIOError:
            return self._before

    def _leave(self) -> int:
        """Keeps the place for as long as the next page is on its way; says how many came."""
        self._before = self.cursor
        return self._received

    def _turn(self, page: list[Any] | None) -> bool:
        """Goes on to a page; says whether there was one."""
        if page is not None:
            self._page, self._used = page, 0
            self._received += 1
        return page is not None

    def _has_item(self) -> bool:
        return self._used < len(self._page)

    def _item(self) -> Any:
        self._used += 1
        return self._page[self._used - 1]

    def _rest(self) -> list[Any]:
        rest, self._used = self._page[self._used :], len(self._page)
        return rest


class Paginator(_Items, Iterator[Any]):
    """The items of a listing, one after the other. The next page is fetched while the present one is used, or
    several where `parallel` asks for them; that ends with the iterator.

    Raises, while iterating, what `proxy_request()` and `raise_for_status()` raise, `CursorInvalidError` and
    `PaginationStalledError`.

        issues = client.paginate("user-42", "/rest/api/3/search/jql", params={"jql": "project = ACME"})
        for issue in issues:
            print(issue["key"])
    """

    __slots__ = ("_lock",)

    def __init__(self, native: NativePaginator) -> None:
        super().__init__(native)
        # Threads that share a listing share its pages, and each item comes once.
        self._lock = threading.Lock()

    def _more(self) -> bool:
        return self._has_item() or self._turn(self._native.next_page(self._leave()))

    def __next__(self) -> Any:
        with self._lock:
            if not self._more():
                raise StopIteration
            return self._item()

    def pages(self) -> Iterator[list[Any]]:
        """What is left, page by page: lists of items. A page counts as handed out as a whole."""
        try:
            while page := self._whole():
                yield page
        finally:
            self._native.rest()

    def _whole(self) -> list[Any]:
        with self._lock:
            return self._rest() if self._more() else []


class AsyncPaginator(_Items, AsyncIterator[Any]):
    """As `Paginator`, for `async for`."""

    __slots__ = ("_lock",)

    def __init__(self, native: NativePaginator) -> None:
        super().__init__(native)
        self._lock = asyncio.Lock()

    async def _more(self) -> bool:
        return self._has_item() or self._turn(await self._native.next_page_async(self._leave()))

    async def __anext__(self) -> Any:
        async with self._lock:
            if not await self._more():
                raise StopAsyncIteration
            return self._item()

    async def pages(self) -> AsyncIterator[list[Any]]:
        """What is left, page by page: lists of items. A page counts as handed out as a whole."""
        try:
            while page := await self._whole():
                yield page
        finally:
            self._native.rest()

    async def _whole(self) -> list[Any]:
        async with self._lock:
            return self._rest() if await self._more() else []


class _Connections:
    """The place in the list of connections: a page of it, and after which ids that page and the next one
    begin.
    """

    __slots__ = ("_after", "_ended", "_next", "_options", "_page", "_used")

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = dict(options)
        self._next: str | None = self._options.pop("cursor", None)
        self._after = self._next
        self._page: list[Connection] = []
        self._used, self._ended = 0, False

    @property
    def cursor(self) -> str | None:
        """Where to go on after what was handed out so far: any process, in either language, can pass it as
        `cursor`. None when nothing is left.
        """
        if self._used == len(self._page):
            return self._next
        return self._page[self._used - 1].id if self._used else self._after

    def _request(self) -> str:
        return encode(self._options | ({"cursor": self._next} if self._next is not None else {}))

    def _turn(self, page: str) -> None:
        self._after = self._next
        self._page, self._next = _results.connections(page)
        self._used, self._ended = 0, self._next is None

    def _has_item(self) -> bool:
        return self._used < len(self._page)

    def _item(self) -> Connection:
        self._used += 1
        return self._page[self._used - 1]


class Connections(_Connections, Iterator[Connection]):
    """Connections in the order of their ids; fetched in pages, as they are needed."""

    __slots__ = ("_call", "_lock")

    def __init__(self, call: Callable[[str, str], str], options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self._call = call
        self._lock = threading.Lock()

    def __next__(self) -> Connection:
        with self._lock:
            while not self._has_item():
                if self._ended:
                    raise StopIteration
                self._turn(self._call("connections", self._request()))
            return self._item()


class AsyncConnections(_Connections, AsyncIterator[Connection]):
    """As `Connections`, for `async for`."""

    __slots__ = ("_call", "_lock")

    def __init__(self, call: Callable[[str, str], Awaitable[str]], options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self._call = call
        self._lock = asyncio.Lock()

    async def __anext__(self) -> Connection:
        async with self._lock:
            while not self._has_item():
                if self._ended:
                    raise StopAsyncIteration
                self._turn(await self._call("connections", self._request()))
            return self._item()
