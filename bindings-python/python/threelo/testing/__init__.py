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
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from threelo import AsyncClient, Client, Connection
from threelo._native import NativeSandbox

__all__ = ["Sandbox"]

BINDING = "browser"


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

    def consent(self, url: str, **choice: Any) -> str:
        """Plays the person at the consent page a session's `url` leads to.

        Args:
            url: where `connect()` sends the browser.
            **choice: `account`, a name; `sites`, a list of subdomains; `decision="decline"`.

        Returns:
            The address the browser is sent back to, for `complete()`.
        """
        return str(self.control("POST", "/consent", {"url": url, **choice})["callback"])

    def connect(self, client: Client, id: str, **choice: Any) -> Connection:
        """Connects `id` as a person would; `choice` as in `consent`."""
        session = client.connect(id, binding=BINDING)
        return client.complete(self.consent(session.url, **choice), binding=BINDING)

    async def connect_async(self, client: AsyncClient, id: str, **choice: Any) -> Connection:
        """Connects `id` as a person would; `choice` as in `consent`."""
        session = await client.connect(id, binding=BINDING)
        return await client.complete(self.consent(session.url, **choice), binding=BINDING)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """A call of the sandbox's control API, such as `("POST", "/faults", {…})` or `("GET", "/log")`.

        Raises:
            urllib.error.HTTPError: there is no such call, or its body cannot be.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox{path}", data, method=method)
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
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
