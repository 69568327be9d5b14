"""A little Atlassian for your own tests: consent, tokens, sites and a small Jira, without the network.

    from threelo.testing import Sandbox

    with Sandbox() as atlassian, atlassian.client() as client:
        atlassian.connect(client, "user-42")
        assert client.proxy_request("user-42", "GET", "/rest/api/3/myself").status == 200

Each `Sandbox` has a port, a world and a log of its own, so tests can run side by side. With pytest, the
fixture `atlassian` of `threelo.testing.fixtures` gives each test a fresh one.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

from threelo import AsyncClient, Client, Connection
from threelo._native import NativeSandbox

__all__ = ["Sandbox"]

BINDING = "browser"

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy of the environment stands between a program and a sandbox inside it."""


class Sandbox:
    """A running sandbox. It binds 127.0.0.1 only and stops when it is closed, at the latest with the process.

    Args:
        world: apps, accounts, sites, faults and settings, as the sandbox's README describes them; what is
            left out has a default: the account `ada`, and the sites `acme`, `zeta` and others with 57
            issues each.
        port: where it listens; 0 takes a free port.

    Raises:
        ValueError: the world cannot be.
        OSError: the port is taken.
    """

    def __init__(self, world: Mapping[str, Any] | None = None, *, port: int = 0) -> None:
        self._native = NativeSandbox(json.dumps(world) if world else "", port)

    @property
    def url(self) -> str:
        """Address of both hosts, auth and API."""
        return self._native.url

    @property
    def page(self) -> str:
        """A page for a browser: what this sandbox sees, while it sees it."""
        return f"{self.url}/_sandbox/"

    def options(self, **more: Any) -> dict[str, Any]:
        """Options of a client of this sandbox: its app, its scopes without Confluence's, and a
        store in memory, changed by `more`."""
        options: dict[str, Any] = json.loads(self._native.options)
        return options | more

    def client(self, **more: Any) -> Client:
        """A client of this sandbox; `more` are options of `Client`."""
        return Client(**self.options(**more))

    def async_client(self, **more: Any) -> AsyncClient:
        """A client of this sandbox; `more` are options of `AsyncClient`."""
        return AsyncClient(**self.options(**more))

    def consent(
        self,
        url: str,
        *,
        account: str | None = None,
        sites: Sequence[str] | None = None,
        decision: Literal["accept", "decline"] = "accept",
    ) -> str:
        """Plays the person at the consent page a session's `url` leads to.

        Args:
            url: where `connect()` sends the browser.
            account: name, id or address of who is there; the world's first account when left out.
            sites: subdomains, addresses or cloud ids of the sites that are accepted; the first that the
                account may use when left out.
            decision: `decline` sends the browser back without a code.

        Returns:
            The address the browser is sent back to, for `complete()`.
        """
        told = {"url": url, "account": account, "sites": sites and list(sites), "decision": decision}
        return str(self.control("POST", "/consent", told)["callback"])

    def connect(
        self,
        client: Client,
        id: str,
        *,
        account: str | None = None,
        sites: Sequence[str] | None = None,
        decision: Literal["accept", "decline"] = "accept",
        **options: Any,
    ) -> Connection:
        """Connects `id` as a person would.

        Args:
            client: a client of this sandbox.
            id: the connection's id.
            account: as in `consent`.
            sites: as in `consent`; the `site` of the options when left out.
            decision: as in `consent`.
            **options: those of the client's `connect()`, such as `site` and `tags`; `binding` has a value.
        """
        given = {"binding": BINDING} | options
        session = client.connect(id, **given)
        callback = self.consent(
            session.url, account=account, sites=_chosen(sites, options), decision=decision
        )
        return client.complete(callback, binding=given["binding"])

    async def connect_async(
        self,
        client: AsyncClient,
        id: str,
        *,
        account: str | None = None,
        sites: Sequence[str] | None = None,
        decision: Literal["accept", "decline"] = "accept",
        **options: Any,
    ) -> Connection:
        """Connects `id` as a person would; everything as in `connect`."""
        given = {"binding": BINDING} | options
        session = await client.connect(id, **given)
        callback = self.consent(
            session.url, account=account, sites=_chosen(sites, options), decision=decision
        )
        return await client.complete(callback, binding=given["binding"])

    def control(self, method: str, path: str, body: object = None) -> Any:
        """A call of the sandbox's control API, such as `("POST", "/faults", {…})` or `("GET", "/log")`.

        Raises:
            urllib.error.HTTPError: there is no such call, or its body cannot be.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox{path}", data, method=method)
        request.add_header("content-type", "application/json")
        with DIRECT.open(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def close(self) -> None:
        """Stops it. Closing twice is no error."""
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(url={self.url!r})"


def _chosen(sites: Sequence[str] | None, options: Mapping[str, Any]) -> Sequence[str] | None:
    """The sites that the person accepts: whoever is sent for one site takes that one."""
    named = options.get("site")
    return sites if sites is not None or named is None else [named]
