"""The little Atlassian, seen from outside: its control API and its log, which is what the demo believes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import parse_qs, urlsplit

from story import check

PATIENCE = 20.0
"""How long, in seconds, one answer may take."""


@dataclass(frozen=True)
class Log:
    """What the sandbox saw since the log was last cleared."""

    counts: dict[str, int]
    requests: list[dict[str, Any]]

    def at(self, path_end: str, **fields: object) -> list[dict[str, Any]]:
        """Requests whose path ends so, with these fields."""
        return [
            request
            for request in self.requests
            if request["path"].endswith(path_end)
            and all(request.get(name) == value for name, value in fields.items())
        ]

    def accounts(self, path_end: str) -> list[str]:
        """Whose requests to such a path were answered with 200, one by one."""
        return [request["account"] for request in self.at(path_end, status=200)]

    def sites_called(self) -> set[str]:
        """Cloud ids of the sites that got a request."""
        return {path[3] for request in self.requests if (path := request["path"].split("/"))[1] == "ex"}

    def callers(self, status: int) -> list[str]:
        """Who got this status, by the `caller` parameter of their calls."""
        queries = (parse_qs(request["query"]) for request in self.requests if request["status"] == status)
        return [caller for query in queries for caller in query.get("caller", [])]

    def summary(self) -> list[str]:
        """What helps to find a fault: the counts, each token exchange, and all else by how it ended."""
        exchanges = [json.dumps(request) for request in self.at("/oauth/token")]
        kinds = Counter(
            f"{request['method']} {request['path']} {request['status']} {request.get('outcome')}"
            for request in self.requests
            if request["path"] != "/oauth/token"
        )
        return [json.dumps(self.counts), *exchanges, *(f"{times} × {kind}" for kind, times in kinds.items())]


class Sandbox:
    """A running sandbox."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, method: str, path: str, body: object = None) -> Any:
        """A call to the control API: JSON in, JSON out."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        try:
            headers = {"content-type": "application/json"}
            connection.request(method, f"/_sandbox{path}", json.dumps(body or {}), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        check(f"{method} /_sandbox{path} is answered", (answer.status, text[:200]), (200, text[:200]))
        return json.loads(text)

    def log(self) -> Log:
        return Log(**self.control("GET", "/log"))

    def clear_log(self) -> None:
        self.control("DELETE", "/log")

    def sites(self) -> dict[str, dict[str, Any]]:
        """All sites of this Atlassian by subdomain, in its own order."""
        return {site["subdomain"]: site for site in self.control("GET", "/world")["sites"]}

    def granted(self, account: str) -> list[dict[str, Any]]:
        """The Jira sites this account has let the app into."""
        grants = self.control("GET", "/grants")
        reached = [site for grant in grants if grant["account"] == account for site in grant["sites"]]
        return [site for name, site in self.sites().items() if name in reached and "jira" in site["products"]]
