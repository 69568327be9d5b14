"""The little Atlassian, seen from outside: its control API and its log, which is what the driver believes."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from judge import PATIENCE, Untrue, seen, within
from processes import SANDBOX, Process

TOKEN = "/oauth/token"
CLIENT = {
    "client_id": "sandbox-client",
    "secret": "sandbox-secret",
    "redirect_uri": "http://localhost:3000/callback",
    "scopes": ["read:jira-work", "read:jira-user"],
}


class Sandbox:
    """A running sandbox."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def control(self, method: str, path: str, body: object = None) -> Any:
        """A call to the control API: JSON in, JSON out."""
        return await asyncio.to_thread(self._control, method, path, body)

    def _control(self, method: str, path: str, body: object) -> Any:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        try:
            headers = {"content-type": "application/json"}
            connection.request(method, f"/_sandbox{path}", json.dumps(body or {}), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{method} /_sandbox{path}: {answer.status} {text[:200]}")
        return json.loads(text)

    async def settings(self, **changes: object) -> None:
        await self.control("PATCH", "/settings", changes)

    async def fault(self, kind: object, times: int = 1, path: str = TOKEN, **more: object) -> int:
        order = {"path": path, "kind": kind, "times": times, **more}
        return int((await self.control("POST", "/faults", order))["id"])

    async def hit(self, fault: int) -> None:
        """Waits until a fault has hit a request."""
        await seen(
            "a fault hits",
            lambda: any(one["id"] == fault and one["hits"] for one in self._control("GET", "/faults", None)),
        )

    async def mend(self, fault: int) -> None:
        """Takes a fault back."""
        await self.control("DELETE", f"/faults/{fault}")

    async def expire(self, account: str | None = None) -> None:
        await self.control("POST", "/tokens/expire", {"account": account} if account else {})

    async def counts(self) -> dict[str, int]:
        return dict((await self.control("GET", "/log"))["counts"])

    async def exchanges(self) -> dict[str, list[dict[str, Any]]]:
        """What was asked of the token endpoint with a refresh token, by account and in order of arrival."""
        found = defaultdict(list)
        for request in (await self.control("GET", "/log"))["requests"]:
            if request["path"] == TOKEN and request.get("grant_type") == "refresh_token":
                found[request.get("account", "")].append(request)
        return found

    async def grants(self) -> dict[str, dict[str, Any]]:
        """What each account consented to, by its name."""
        return {grant["account"]: grant for grant in await self.control("GET", "/grants")}


@asynccontextmanager
async def sandbox(folder: Path, accounts: int, **settings: object) -> AsyncIterator[Sandbox]:
    """A sandbox of our own with accounts `a0`, `a1` and so on, and one site."""
    world = {
        "accounts": [
            {"name": f"a{n}", "id": f"712020:00000000-0000-4000-8000-{n:012}", "display_name": f"Person {n}"}
            for n in range(accounts)
        ],
        "sites": [{"subdomain": "acme", "products": ["jira"], "issues": 3, "projects": 1}],
        "settings": settings,
    }
    file = folder / "world.json"
    file.write_text(json.dumps(world))
    command = [SANDBOX, "--world", str(file)]
    process = await Process.start("sandbox", command, folder / "sandbox.stderr")
    try:
        said = await within("the sandbox starts", process.hear())
        if said is None:
            raise Untrue(f"{SANDBOX} does not start; is it built?\n{process.last_words()}")
        yield Sandbox(said["url"])
    finally:
        await process.end()
