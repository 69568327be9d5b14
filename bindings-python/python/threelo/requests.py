"""Jira connections for requests, and so for the Jira clients built on it.
`pip install threelo[requests]` brings requests along.

    jira = threelo.requests.session(client, "user-42")
    jira.get("/rest/api/3/myself").json()["displayName"]

`Adapter` sends requests through `proxy_request()`, so tokens, retries, rate limits and the question of where
a request may go are threelo's; `mount()` puts it into a session that another library made. `Auth` leaves the
sending to requests and gives it address and token only.

What threelo cannot do is raised as its `ThreeloError`. `timeout`, `network` and `response_truncated` come as
`ReadTimeout`, `ConnectionError` and `ChunkedEncodingError` of requests, with the `ThreeloError` as cause.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.client import responses
from typing import Any, Unpack, cast

import requests
from requests.adapters import BaseAdapter
from requests.auth import AuthBase
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPHeaderDict, HTTPResponse

from . import errors
from ._client import Client
from ._relay import SITE, RelayOptions, SiteOptions, place, relayed
from ._response import Response as Answer
from ._types import Authorization

__all__ = ["SITE", "Adapter", "Auth", "Response", "Session", "mount", "session"]

_FAULTS: Mapping[str, type[requests.RequestException]] = {
    "timeout": requests.ReadTimeout,
    "network": requests.ConnectionError,
    "response_truncated": requests.exceptions.ChunkedEncodingError,
}


def session(client: Client, id: str, **options: Unpack[RelayOptions]) -> Session:
    """A requests session of the connection's site: paths such as /rest/api/3/myself are below it.

    Args:
        client: a `Client`; it stays open when the session is closed.
        id: the connection's id.
        **options: see `RelayOptions`.
    """
    made = Session()
    mount(made, client, id, **options)
    return made


def mount(session: requests.Session, client: Client, id: str, **options: Unpack[RelayOptions]) -> None:
    """Has everything that a session sends go through threelo, to the connection's own site or nowhere.

    Args:
        session: any session, such as one that a Jira client keeps.
        client, id, **options: as for `session()`.
    """
    for scheme in ("https://", "http://"):
        session.mount(scheme, Adapter(client, id, **options))


class Session(requests.Session):
    """A session whose URLs may be paths below the connection's site."""

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """As `requests.Session.request()`; `url` may be a path."""
        path = isinstance(url, str) and url.startswith("/")
        return super().request(method, f"{SITE}{url!s}" if path else url, *args, **kwargs)


class Response(requests.Response):
    """An answer, as requests has it."""

    threelo: Answer
    """The same as threelo has it, with `attempts`, `history`, and a `raise_for_status()` that explains."""


class Adapter(BaseAdapter):
    """Sends the requests of a session through threelo.

        made = requests.Session()
        made.mount("https://", Adapter(client, "user-42"))

    URLs are paths below `SITE`, or those of the connection's own site; any other is refused. `timeout` is how
    long a call may take; of a pair the second. Request bodies are read into memory;
    `proxy_request(files=…)` is for large uploads. Responses are streamed where the call says `stream=True`.
    `verify`, `cert` and `proxies` are without effect: the client has options for that.

    Args:
        client: a `Client`.
        id: the connection's id.
        **options: see `RelayOptions`.
    """

    def __init__(self, client: Client, id: str, **options: Unpack[RelayOptions]) -> None:
        super().__init__()
        self._client, self._id, self._options = client, id, options

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Sends one request.

        Raises:
            ThreeloError, requests.RequestException: there is no answer; see the module.
        """
        span = timeout[1] if isinstance(timeout, tuple) else timeout
        given: Any = {**relayed(request.headers.items(), _body(request), span), **self._options}
        asked = str(request.method), place(str(request.url))
        with _worded(request):
            answer = self._client.proxy_request(self._id, *asked, **given, stream=stream)
        return _response(self, request, answer, stream=stream)

    def close(self) -> None:
        """Nothing is kept."""


class Auth(AuthBase):
    """Gives requests their address at Atlassian's gateway and the token, and has a rejected token healed
    once. Retries and rate limits are the caller's own affair; `Adapter` takes care of them.

        requests.get("https://acme.atlassian.net/rest/api/3/myself", auth=Auth(client, "user-42"))

    A request whose body is read from a stream is not repeated; the next one has the better token.

    Args:
        client: a `Client`.
        id: the connection's id.
        **options: see `SiteOptions`.

    Raises, with each request:
        DestinationRefusedError: its URL is not the connection's own site's; nothing was sent.
        ThreeloError: there is no token.
    """

    def __init__(self, client: Client, id: str, **options: Unpack[SiteOptions]) -> None:
        self._client, self._id, self._options = client, id, options

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Authorizes a request."""
        asked = place(str(request.url))
        leave = self._client.authorize(self._id, asked, **self._options)
        request.register_hook("response", partial(self._heal, asked, leave))  # type: ignore[no-untyped-call]
        return _authorized(request, leave)

    def _heal(
        self, asked: str, leave: Authorization, answer: requests.Response, **kwargs: Any
    ) -> requests.Response:
        # Answers to redirects come here, too. They were asked without the token.
        if answer.status_code != requests.codes.unauthorized or answer.request.url != leave.url:
            return answer
        leave = self._client.authorize(
            self._id, asked, **self._options, rejected=leave.access_token, answer=answer.text
        )
        if not leave.send or not isinstance(answer.request.body, bytes | str | None):
            return answer
        answer.close()
        again = answer.connection.send(_authorized(answer.request.copy(), leave), **kwargs)
        again.history.append(answer)
        return again


def _authorized(request: requests.PreparedRequest, leave: Authorization) -> requests.PreparedRequest:
    request.url = leave.url
    request.headers["Authorization"] = f"Bearer {leave.access_token}"
    return request


def _body(request: requests.PreparedRequest) -> bytes | str | None:
    body: Any = request.body
    if body is None or isinstance(body, bytes | str):
        return body
    return bytes(body.read()) if hasattr(body, "read") else b"".join(body)


def _response(
    adapter: Adapter, request: requests.PreparedRequest, answer: Answer, *, stream: bool
) -> Response:
    headers = HTTPHeaderDict()
    for name in answer.headers:
        for value in answer.headers.get_list(name):
            headers.add(name, value)
    body = io.BufferedReader(_Body(request, answer)) if stream else io.BytesIO(answer.content)
    made, reason = Response(), responses.get(answer.status, "")
    made.raw = HTTPResponse(
        body, headers, answer.status, reason=reason, request_method=request.method, preload_content=False
    )
    made.status_code, made.reason = answer.status, reason
    made.headers = CaseInsensitiveDict(headers)
    made.encoding = get_encoding_from_headers(made.headers)
    made.url, made.request, made.connection = str(request.url), request, cast(Any, adapter)
    made.threelo = answer
    return made


@contextmanager
def _worded(request: requests.PreparedRequest) -> Iterator[None]:
    """Has what requests has errors of its own for come as these."""
    try:
        yield
    except errors.ThreeloError as error:
        if fault := _FAULTS.get(error.code):
            raise fault(str(error), request=request) from error
        raise


class _Body(io.RawIOBase):
    """A body that arrives, as a file."""

    def __init__(self, request: requests.PreparedRequest, answer: Answer) -> None:
        self._request, self._answer = request, answer
        self._pieces, self._rest = iter(answer.iter_bytes()), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _worded(self._request):
            piece = self._rest or next(self._pieces, b"")
        size = min(len(piece), len(buffer))
        buffer[:size], self._rest = piece[:size], piece[size:]
        return size

    def close(self) -> None:
        self._answer.close()
        super().close()
