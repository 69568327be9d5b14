"""Jira connections for httpx. `pip install threelo[httpx]` brings httpx along.

    with threelo.httpx.session(client, "user-42") as jira:
        jira.get("/rest/api/3/myself").json()["displayName"]

    async with threelo.httpx.async_session(async_client, "user-42") as jira:
        await jira.get("/rest/api/3/myself")

`Transport` and `AsyncTransport` send requests through `proxy_request()`, so tokens, retries, rate limits and
the question of where a request may go are threelo's. `Auth` leaves the sending to httpx and gives it address
and token only.

What threelo cannot do is raised as its `ThreeloError`. `timeout`, `network` and `response_truncated` come as
`httpx.ReadTimeout`, `httpx.ConnectError` and `httpx.RemoteProtocolError`, with the `ThreeloError` as cause.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Unpack

import httpx

from . import errors
from ._async_client import AsyncClient
from ._client import Client
from ._relay import SITE, RelayOptions, SiteOptions, place, relayed
from ._response import Response
from ._types import Authorization

__all__ = ["SITE", "AsyncTransport", "Auth", "Transport", "async_session", "session"]

_FAULTS: Mapping[str, type[httpx.TransportError]] = {
    "timeout": httpx.ReadTimeout,
    "network": httpx.ConnectError,
    "response_truncated": httpx.RemoteProtocolError,
}


def session(client: Client, id: str, **options: Unpack[RelayOptions]) -> httpx.Client:
    """An httpx client of the connection's site: paths such as /rest/api/3/myself are below it.

    Args:
        client: a `Client`; it stays open when the session is closed.
        id: the connection's id.
        **options: see `RelayOptions`.
    """
    return httpx.Client(transport=Transport(client, id, **options), base_url=SITE, timeout=None)


def async_session(client: AsyncClient, id: str, **options: Unpack[RelayOptions]) -> httpx.AsyncClient:
    """As `session()`, for asyncio."""
    return httpx.AsyncClient(transport=AsyncTransport(client, id, **options), base_url=SITE, timeout=None)


class Transport(httpx.BaseTransport):
    """Sends the requests of an `httpx.Client` through threelo.

        jira = httpx.Client(transport=Transport(client, "user-42"), base_url=SITE)

    URLs are paths below `SITE`, or those of the connection's own site; any other is refused. httpx's `read`
    timeout, where it is not None, is how long a call may take until its answer begins, and each wait for
    more. Request bodies are read into memory; `proxy_request(files=…)` is for large uploads. Responses are
    streamed, and have threelo's own `Response` in `response.extensions["threelo"]`, whose
    `raise_for_status()` explains.

    Args:
        client: a `Client`.
        id: the connection's id.
        **options: see `RelayOptions`.
    """

    def __init__(self, client: Client, id: str, **options: Unpack[RelayOptions]) -> None:
        self._client, self._id, self._options = client, id, options

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends one request.

        Raises:
            ThreeloError, httpx.TransportError: there is no answer; see the module.
        """
        request.read()
        with _worded(request):
            answer = self._client.proxy_request(self._id, *_asked(request), **_given(self._options, request))
        return _response(answer, _Stream(request, answer))


class AsyncTransport(httpx.AsyncBaseTransport):
    """As `Transport`, for `httpx.AsyncClient` and an `AsyncClient`."""

    def __init__(self, client: AsyncClient, id: str, **options: Unpack[RelayOptions]) -> None:
        self._client, self._id, self._options = client, id, options

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends one request, awaited."""
        await request.aread()
        with _worded(request):
            asked, given = _asked(request), _given(self._options, request)
            answer = await self._client.proxy_request(self._id, *asked, **given)
        return _response(answer, _AsyncStream(request, answer))


class Auth(httpx.Auth):
    """Gives the requests of an httpx client their address at Atlassian's gateway and the token, and has a
    rejected token healed once. Retries and rate limits are the httpx client's own affair; `Transport` takes
    care of them.

        httpx.get("https://acme.atlassian.net/rest/api/3/myself", auth=Auth(client, "user-42"))

    Args:
        client: a `Client` for `httpx.Client`, an `AsyncClient` for `httpx.AsyncClient`.
        id: the connection's id.
        **options: see `SiteOptions`.

    Raises, with each request:
        DestinationRefusedError: its URL is not the connection's own site's; nothing was sent.
        ThreeloError: there is no token.
    """

    def __init__(self, client: Client | AsyncClient, id: str, **options: Unpack[SiteOptions]) -> None:
        self._client, self._id, self._options = client, id, options

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """httpx's part."""
        asked = _asked(request)[1]
        leave = self._authorize(asked)
        answer = yield _authorized(request, leave)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            answer.read()
            leave = self._authorize(asked, rejected=leave.access_token, answer=answer.text)
            if leave.send:
                yield _authorized(request, leave)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The same, awaited."""
        asked = _asked(request)[1]
        leave = await self._authorize_async(asked)
        answer = yield _authorized(request, leave)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            await answer.aread()
            leave = await self._authorize_async(asked, rejected=leave.access_token, answer=answer.text)
            if leave.send:
                yield _authorized(request, leave)

    def _authorize(self, asked: str, **rejected: Any) -> Authorization:
        if not isinstance(self._client, Client):
            raise TypeError("an httpx.Client needs a threelo.Client; AsyncClient is for httpx.AsyncClient")
        return self._client.authorize(self._id, asked, **self._options, **rejected)

    async def _authorize_async(self, asked: str, **rejected: Any) -> Authorization:
        if not isinstance(self._client, AsyncClient):
            raise TypeError("an httpx.AsyncClient needs a threelo.AsyncClient")
        return await self._client.authorize(self._id, asked, **self._options, **rejected)


def _asked(request: httpx.Request) -> tuple[str, str]:
    return request.method, place(str(request.url))


def _given(options: RelayOptions, request: httpx.Request) -> Any:
    timeout = request.extensions.get("timeout", {}).get("read")
    return {**relayed(request.headers.items(), request.content, timeout), **options, "stream": True}


def _authorized(request: httpx.Request, leave: Authorization) -> httpx.Request:
    request.url = httpx.URL(leave.url)
    request.headers["Host"] = request.url.netloc.decode("ascii")
    request.headers["Authorization"] = f"Bearer {leave.access_token}"
    return request


def _response(answer: Response, stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> httpx.Response:
    headers = [(name, value) for name in answer.headers for value in answer.headers.get_list(name)]
    return httpx.Response(answer.status, headers=headers, stream=stream, extensions={"threelo": answer})


@contextmanager
def _worded(request: httpx.Request) -> Iterator[None]:
    """Has what httpx has errors of its own for come as these."""
    try:
        yield
    except errors.ThreeloError as error:
        if fault := _FAULTS.get(error.code):
            raise fault(str(error), request=request) from error
        raise


class _Stream(httpx.SyncByteStream):
    def __init__(self, request: httpx.Request, answer: Response) -> None:
        self._request, self._answer = request, answer

    def __iter__(self) -> Iterator[bytes]:
        with _worded(self._request):
            yield from self._answer.iter_bytes()

    def close(self) -> None:
        self._answer.close()


class _AsyncStream(httpx.AsyncByteStream):
    def __init__(self, request: httpx.Request, answer: Response) -> None:
        self._request, self._answer = request, answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _worded(self._request):
            async for piece in self._answer.iter_bytes():
                yield piece

    async def aclose(self) -> None:
        self._answer.close()
