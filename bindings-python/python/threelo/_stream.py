"""A body that is read while it arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from ._native import NativeBody


class Pieces(Iterator[bytes], AsyncIterator[bytes]):
    """The pieces of a body, for `for` and for `async for`. Iterating goes on where it stopped."""

    __slots__ = ("_native", "_received")

    def __init__(self, native: NativeBody) -> None:
        self._native = native
        self._received = 0

    def __next__(self) -> bytes:
        piece = self._native.read(self._received)
        if piece is None:
            raise StopIteration
        self._received += 1
        return piece

    async def __anext__(self) -> bytes:
        piece = await self._native.read_async(self._received)
        if piece is None:
            raise StopAsyncIteration
        self._received += 1
        return piece
