"""What an API call comes back with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from ._stream import Pieces

if TYPE_CHECKING:
    from ._native import NativeResponse


class Headers(Mapping[str, str]):
    """Response headers. Names are found in any case; a name that came several times has its values joined
    with commas, and `get_list()` gives them one by one.
    """

    __slots__ = ("_values",)

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), []).append(value)

    def get_list(self, name: str) -> list[str]:
        """All values of a name, in the order they came; empty when there are none."""
        return list(self._values.get(name.lower(), ()))

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._values[name.lower()])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({list(self._values)})"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What came before an answer: an attempt that was not the last, or a wait."""

    reason: Literal[
        "network",
        "truncated",
        "rate_limited",
        "unavailable",
        "token_too_fresh",
        "token_rejected",
        "paused",
    ]
    """What came of it: the connection or the answer broke; 429; 502, 503 or 504; the token was sent once more
    (F3.14), or replaced; or nothing was sent, because Jira had asked for a pause."""
    status: int | None
    """The status it was answered with, if it was."""
    waited_ms: int
    """How long was waited after it, in milliseconds."""


class Response:
    """An answer of Jira, whatever its status. The body is decompressed, and does not show in the
    representation. It has been read, unless the call said `stream`; then it is read by `iter_bytes()` or
    `save()`, and closed by a `with` block.
    """

    # Nothing is converted before somebody asks: most callers want the status and the body.
    __slots__ = ("_headers", "_native")

    _native: NativeResponse
    _headers: Headers | None

    @classmethod
    def _read(cls, native: NativeResponse) -> Self:
        response = cls.__new__(cls)
        response._native, response._headers = native, None
        return response

    def __init__(self) -> None:
        raise TypeError("responses come from proxy_request()")

    @property
    def status(self) -> int:
        """HTTP status."""
        return self._native.status

    @property
    def headers(self) -> Headers:
        """Response headers; names in lower case."""
        if self._headers is None:
            self._headers = Headers(self._native.headers)
        return self._headers

    @property
    def url(self) -> str:
        """The URL that answered, without its query."""
        return self._native.url

    @property
    def attempts(self) -> int:
        """How many requests it took."""
        return self._native.attempts

    @property
    def history(self) -> list[HistoryEntry]:
        """What came before the answer, in order: every attempt but the last, and waits for Jira's rate
        limits.
        """
        return [HistoryEntry(**entry) for entry in json.loads(self._native.history)]

    def __repr__(self) -> str:
        return f"Response(status={self.status}, url={self.url!r}, attempts={self.attempts})"

    @property
    def content(self) -> bytes:
        """The body as bytes.

        Raises:
            InvalidArgumentError: the body is streamed.
        """
        return self._native.body

    def iter_bytes(self) -> Pieces:
        """The body, piece by piece: while it arrives if the call said `stream`, otherwise what was read. Goes
        with `for`, and with `async for`. `timeout` of the call is the longest wait for a piece.

            with client.proxy_request("user-42", "GET", path, stream=True) as response:
                for piece in response.iter_bytes():
                    file.write(piece)

        Raises, while iterating:
            ResponseTruncatedError: the body broke off; it never just ends.
            TimeoutError, CancelledError: nothing came; the response or the client was closed.
        """
        return Pieces(self._native.reader)

    def save(self, path: str | PathLike[str]) -> int:
        """Writes the body, or what is left of it, to a file, and returns how many bytes that were. The file
        has its name only when it is whole.

            client.proxy_request("user-42", "GET", path, stream=True).save("report.pdf")

        Raises:
            InvalidArgumentError: the file cannot be written.
            ResponseTruncatedError, TimeoutError, CancelledError: as for `iter_bytes()`.
        """
        return int(self._native.reader.save(path))

    async def save_async(self, path: str | PathLike[str]) -> int:
        """As `save()`, awaited."""
        return int(await self._native.reader.save_async(path))

    def close(self) -> None:
        """Gives up what has not been read of a streamed body, and with it the connection."""
        if self._native.streamed:
            self._native.reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def text(self) -> str:
        """The body as text, in the charset the answer names, else UTF-8; what does not decode is replaced."""
        message = Message()
        message["content-type"] = self.headers.get("content-type", "")
        try:
            return self.content.decode(message.get_content_charset("utf-8"), "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body read as JSON.

        Raises:
            ValueError: it is not JSON.
        """
        try:
            return self._native.json()
        except ValueError:
            # Python's own reader takes what is not quite JSON, and words what it does not take.
            return json.loads(self.content)

    def raise_for_status(self) -> None:
        """Does nothing for a status below 400, and raises what the others mean.

        Raises:
            MissingScopeError, PermissionDeniedError, AppNotInstalledError, RateLimitedError,
            EndpointRemovedError, HttpError: see each.
        """
        self._native.raise_for_status()
