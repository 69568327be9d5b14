"""What the tests stand on: a little Atlassian, a server that never answers, and scripts of their own."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from threelo import AsyncClient, Client, Connection

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = os.environ.get("THREELO_SANDBOX", str(ROOT / "target" / "debug" / "threelo-sandbox"))
PATIENCE = 20.0
"""No wait of a test is longer, in seconds; none is meant to come near."""


class Sandbox:
    """The `threelo-sandbox` program. It ends with its standard input, so it cannot outlive the tests."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([SANDBOX], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        if not ready:
            self._process.communicate()
            raise RuntimeError(f"{SANDBOX} does not start; is it built?")
        self.url: str = json.loads(ready)["url"]

    def control(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox{path}", data, method=method)
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or b"null")

    def consent(self, url: str, **choice: Any) -> str:
        """Plays the person at the consent page; returns where the browser is sent."""
        return str(self.control("POST", "/consent", {"url": url, **choice})["callback"])

    def tokens_of_another_system(self) -> dict[str, Any]:
        """A pair of tokens that somebody else's code got for the same app."""
        options = self.options()
        asked = {
            "audience": "api.atlassian.com",
            "client_id": options["client_id"],
            "scope": " ".join([*options["scopes"], "offline_access"]),
            "redirect_uri": options["redirect_uri"],
            "state": "state",
            "response_type": "code",
            "prompt": "consent",
        }
        callback = self.consent(f"{self.url}/authorize?{urlencode(asked)}", sites=["acme"])
        wanted = {
            "grant_type": "authorization_code",
            "client_id": options["client_id"],
            "client_secret": options["client_secret"],
            "code": parse_qs(urlsplit(callback).query)["code"][0],
            "redirect_uri": options["redirect_uri"],
        }
        request = urllib.request.Request(f"{self.url}/oauth/token", json.dumps(wanted).encode())
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            tokens: dict[str, Any] = json.load(answer)
        return tokens

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.control("GET", "/log")["counts"]
        return counts

    def options(self, **more: Any) -> dict[str, Any]:
        """A client's options for the sandbox's own app."""
        return (
            offline_options(
                client_id="sandbox-client",
                client_secret="sandbox-secret",
                scopes=["read:jira-work", "write:jira-work", "read:jira-user", "read:me"],
                endpoints={"auth": self.url, "api": self.url},
            )
            | more
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def offline_options(**more: Any) -> dict[str, Any]:
    """A client's options with nobody at the other end."""
    return {
        "client_id": "client",
        "client_secret": "canary-client-secret",
        "redirect_uri": "http://localhost:3000/callback",
        "scopes": ["read:jira-work"],
        "store": "memory:",
        "endpoints": {"auth": "http://127.0.0.1:9", "api": "http://127.0.0.1:9"},
    } | more


def for_node(options: Mapping[str, Any]) -> dict[str, Any]:
    """A client's options under the names they have in Node."""

    def camel(name: str) -> str:
        first, *rest = name.split("_")
        return first + "".join(word.title() for word in rest)

    return {camel(name): value for name, value in options.items()}


class SilentServer:
    """Takes requests and never answers. Tells when one came and when its sender hung up."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.came: queue.Queue[bytes] = queue.Queue()
        self.gone: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._listen, args=(taken,), daemon=True).start()

    def _listen(self, taken: socket.socket) -> None:
        first = b""
        with taken:
            try:
                while received := taken.recv(65536):
                    if not first:
                        first = received.split(b"\r\n", 1)[0]
                        self.came.put(first)
            except OSError:
                pass
        self.gone.put(first)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


class HalfServer(SilentServer):
    """Begins every answer, and is silent from then on."""

    def _listen(self, taken: socket.socket) -> None:
        taken.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nfirst")
        super()._listen(taken)


class OnePageServer(SilentServer):
    """Gives the first page of a listing, and is silent from then on."""

    PAGE = b'{"startAt":0,"maxResults":2,"total":100,"isLast":false,"values":[{"id":"1"},{"id":"2"}]}'

    def __init__(self) -> None:
        self._gave = False
        super().__init__()

    def _listen(self, taken: socket.socket) -> None:
        if self._gave:
            super()._listen(taken)
            return
        self._gave = True
        with taken:
            taken.recv(65536)
            head = f"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {len(self.PAGE)}\r\n\r\n"
            taken.sendall(head.encode() + self.PAGE)


class Person:
    """Consents, with a blocking client."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def connect(self, client: Client, id: str, *, site: str = "acme", **choice: Any) -> Connection:
        session = client.connect(id, binding="browser", site=site)
        callback = self._sandbox.consent(session.url, **{"sites": [site], **choice})
        return client.complete(callback, binding="browser")


def busy(client: AsyncClient) -> list[Any]:
    """Gives the native half's one worker so much to do that what is asked of it next comes late. It ends with
    what is returned.
    """
    return [client._native.request_async(("nobody", "GET", "/rest/api/3/myself")) for _ in range(2000)]


def run(script: str, *arguments: str, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
    """Runs a script in an interpreter of its own, with this folder on its path."""
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(),
        check=False,
    )


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parent), "PYTHONFAULTHANDLER": "1"}
