"""What `threelo.httpx` and `threelo.requests` share: requests that another HTTP client made up, sent by
threelo's core.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NotRequired, TypedDict

SITE = "https://connection.invalid"
"""Stands for the connection's own site, whichever that is when a request is sent. No name under `.invalid`
can ever be looked up (RFC 6761), so a request that leaves threelo by mistake goes nowhere."""


class SiteOptions(TypedDict, total=False):
    """Options of every request that is authorized."""

    site: NotRequired[str]
    """Another site of the same grant."""


class RelayOptions(SiteOptions, total=False):
    """Options of every request that goes through, as in `ProxyRequestOptions`."""

    retry: NotRequired[Literal["safe", "idempotent", "none"]]
    """When a call may be repeated. Default: 'safe'."""


def place(url: str) -> str:
    """What the core is asked for: a path where the URL is a session's own, otherwise the URL."""
    return url.removeprefix(SITE)


def relayed(
    headers: Iterable[tuple[str, str]], body: bytes | str | None, timeout: float | None
) -> Mapping[str, Any]:
    """Options of `proxy_request` for a request of another client."""
    beside: dict[str, Any] = {"data": body} if body else {}
    return {"relay": True, "headers": dict(headers), "timeout": timeout} | beside
