"""Runs one conformance vector against one of Python's clients. See tests/conformance/README.md."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import functools
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import threelo
from conformance_matchers import MISSING, Json, at, matches, plain, query

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "conformance"
SANDBOX = os.environ.get("THREELO_SANDBOX", str(ROOT / "target" / "debug" / "threelo-sandbox"))
# A copy: pytest writes to the environment while other threads start programs with it.
ENVIRONMENT = dict(os.environ)
REDIRECT_URI = "http://localhost:3000/callback"
KEY = "dGhyZWVsby1jb25mb3JtYW5jZS10ZXN0LWtleS0wMDE="
SCOPES = ["read:jira-work", "write:jira-work", "read:jira-user", "read:me"]
PATIENCE = 15.0
LEADING = {
    "complete": ["callback_url"],
    "proxy_request": ["id", "method", "path"],
    "proxy_request_many": ["ids", "method", "path"],
    "paginate": ["id", "path"],
    "select_site": ["id", "site"],
    "authorize": ["id", "path"],
    "connections": [],
    "keep_alive": [],
    "rekey": [],
    "close": [],
}
OTHER_SYSTEM = {
    "client_id": "sandbox-client",
    "redirect_uri": REDIRECT_URI,
    "response_type": "code",
    "prompt": "consent",
    "audience": "api.atlassian.com",
    "state": "of-another-system",
    "scope": " ".join([*SCOPES, "offline_access"]),
}


def load_vectors() -> list[dict[str, Json]]:
    return [json.loads(path.read_text()) for path in sorted((FOLDER / "vectors").glob("*.json"))]


# ---------------------------------------------------------------------------------------- faces
class Face:
    """Calls one of Python's two clients; the sync one on threads, so that one runner serves both."""

    def __init__(self, *, sync: bool) -> None:
        self.sync = sync
        self.threads = ThreadPoolExecutor(40)

    async def run(self, work: Callable[[], Any]) -> Any:
        if self.sync:
            return await asyncio.get_running_loop().run_in_executor(self.threads, work)
        result = work()
        return await result if hasattr(result, "__await__") else result

    async def open(self, options: dict[str, Json]) -> Any:
        client = threelo.Client if self.sync else threelo.AsyncClient
        return await self.run(lambda: client(**options))

    async def call(self, client: Any, verb: str, options: dict[str, Json], step: dict[str, Json]) -> Json:
        options = {name: argument(name, value, sync=self.sync) for name, value in options.items()}
        leading = [options.pop(name) for name in LEADING.get(verb, ["id"])]
        method = getattr(client, verb)
        if "collect" in step:
            if self.sync:
                return await self.run(lambda: collect(method(*leading, **options), step))
            return await collect_async(method(*leading, **options), step)
        result = await self.run(lambda: method(*leading, **options))
        if verb != "proxy_request":
            return plain(result)
        if step.get("raise_for_status"):
            result.raise_for_status()
        if not options.get("stream"):
            return response(result)
        if self.sync:
            return response(result, await self.run(lambda: b"".join(result.iter_bytes())))
        async with result:
            return response(result, b"".join([piece async for piece in result.iter_bytes()]))


def argument(name: str, value: Json, *, sync: bool) -> Any:
    if name == "files" and isinstance(value, list):
        return [file(each, sync=sync) for each in value]
    if name == "files":
        return file(value, sync=sync)
    if name == "expires_at" and isinstance(value, int):
        return dt.datetime.fromtimestamp(value / 1000, dt.UTC)
    return raw(value)


def raw(value: Json) -> Any:
    return base64.b64decode(value["$base64"]) if isinstance(value, dict) and "$base64" in value else value


def file(value: Json, *, sync: bool) -> Any:
    if not isinstance(value, dict) or "$file" not in value:
        return raw(value)
    given = dict(value["$file"])
    kind, text, path = given.pop("as", "bytes"), given.pop("text", None), given.pop("path", None)
    if kind == "path" and text is not None:
        Path(path).write_text(text)
    if kind == "path":
        return threelo.File(path, **given)
    pieces = [text.encode()[at : at + 3] for at in range(0, len(text), 3)]
    stream = (piece for piece in pieces) if sync else each_of(pieces)
    return threelo.File(stream if kind == "stream" else text.encode(), **given)


async def each_of(pieces: list[bytes]) -> Any:
    for piece in pieces:
        yield piece


def response(result: Any, streamed: bytes | None = None) -> Json:
    body = result.content if streamed is None else streamed
    record = {name: plain(getattr(result, name)) for name in ("status", "url", "attempts", "history")}
    record["headers"] = {name.lower(): value for name, value in dict(result.headers).items()}
    record["text"] = body.decode(errors="replace")
    with contextlib.suppress(ValueError):
        record["json"] = json.loads(body)
    return record


def collect(iterator: Any, step: dict[str, Json]) -> Json:
    if step["collect"] == "results":
        return results(list(meanwhile(iterator, step)))
    source = iterator.pages() if step["collect"] == "pages" else iterator
    found = [plain(item) for item in itertools.islice(source, step.get("take"))]
    return {step["collect"]: found, "cursor": iterator.cursor}


def meanwhile(iterator: Any, step: dict[str, Json]) -> Any:
    """The same items; after so many of them, what the step wants done meanwhile."""
    for count, each in enumerate(iterator, 1):
        yield each
        if count == step.get("meanwhile", {}).get("after"):
            step["meanwhile"]["control"]()


async def meanwhile_async(iterator: Any, step: dict[str, Json]) -> Any:
    count = 0
    async for each in iterator:
        count += 1
        yield each
        if count == step.get("meanwhile", {}).get("after"):
            await asyncio.to_thread(step["meanwhile"]["control"])


def results(found: list[Any]) -> Json:
    """Results of many calls in an order of their own, and beside them the order they came in."""
    records = [
        {
            "id": each.id,
            "site": plain(each.site),
            "response": response(each.response) if each.response else None,
            "error": {"code": each.error.code} if each.error else None,
        }
        for each in found
    ]
    place = sorted(records, key=lambda each: (each["id"], (each["site"] or {}).get("url", "")))
    return {"results": place, "order": [each["id"] for each in records]}


async def collect_async(iterator: Any, step: dict[str, Json]) -> Json:
    if step["collect"] == "results":
        return results([each async for each in meanwhile_async(iterator, step)])
    found: list[Json] = []
    async for item in iterator.pages() if step["collect"] == "pages" else iterator:
        found.append(plain(item))
        if len(found) == step.get("take"):
            break
    return {step["collect"]: found, "cursor": iterator.cursor}


# ---------------------------------------------------------------------------------------- the run
class Run:
    """One vector, one sandbox, one folder."""

    def __init__(self, vector: dict[str, Json], face: Face, folder: Path, codes: dict[str, bool]) -> None:
        self.vector, self.face, self.folder, self.codes = vector, face, folder, codes
        self.clients: dict[str, Any] = {}
        self.jobs: dict[str, asyncio.Task[None]] = {}
        self.events: list[Json] = []
        self.opening = asyncio.Lock()
        # Bound, and nobody listens: the port stays taken, and refuses.
        self.closed = socket.socket()
        self.closed.bind(("127.0.0.1", 0))
        self.secrets = ["sandbox-secret", "not-the-secret", KEY, "browser-1"]

    async def go(self) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen([SANDBOX, "--port", "0"], env=ENVIRONMENT, **pipes)  # noqa: ASYNC220
        try:
            assert process.stdout is not None
            self.sandbox = json.loads(process.stdout.readline())["url"]
            now = round(time.time() * 1000)
            times = {"now": now, "hour_ago": now - 3_600_000, "hour_ahead": now + 3_600_000}
            self.saved: dict[str, Json] = times | {
                "sandbox": self.sandbox,
                "redirect_uri": REDIRECT_URI,
                "encryption_key": KEY,
                "dir": str(self.folder),
                "closed_port": self.closed.getsockname()[1],
            }
            if "world" in self.vector:
                await self.control("PUT", "/_sandbox/world", self.vector["world"])
            for number, step in enumerate(self.vector["steps"], 1):
                try:
                    await self.step(step)
                except Exception as error:
                    error.add_note(f"in step {number}: {json.dumps(step)}")
                    raise
            self.check_fixture()
            self.check_secrets("an event", json.dumps(self.events))
        finally:
            # Whoever still waits at the sandbox is let go first, so that closing cannot hang.
            process.communicate()
            for job in self.jobs.values():
                job.cancel()
            for client in self.clients.values():
                await self.face.run(lambda client=client: client.close(timeout=1))
            self.face.threads.shutdown()
            self.closed.close()

    def fill(self, value: Json) -> Json:
        """Puts in what was saved: `${name.path}`, and `${name?parameter}` for a URL."""
        if isinstance(value, dict):
            return {name: self.fill(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if not isinstance(value, str):
            return value
        if whole := re.fullmatch(r"\$\{([^}]*)\}", value):
            return self.look_up(whole[1])
        return re.sub(r"\$\{([^}]*)\}", lambda found: str(self.look_up(found[1])), value)

    def look_up(self, name: str) -> Json:
        name, _, parameter = name.partition("?")
        found = at(self.saved, name)
        assert found is not MISSING, f"nothing was saved as {name}"
        return query(found, parameter) if parameter else found

    async def step(self, step: dict[str, Json]) -> None:
        if "background" in step:
            self.jobs[step["as"]] = asyncio.create_task(self.step(step["background"]))
            await asyncio.sleep(0)
        elif "join" in step:
            await asyncio.wait_for(self.jobs.pop(step["join"]), PATIENCE * 2)
        elif "parallel" in step:
            names = step.get("clients", [step.get("client", "main")])
            single = {name: value for name, value in step.items() if name not in ("parallel", "clients")}
            calls = ({**single, "client": names[number % len(names)]} for number in range(step["parallel"]))
            await asyncio.gather(*map(self.step, calls))
        elif "await" in step or "event" in step:
            await self.wait(step)
        else:
            await self.judge(step)

    async def judge(self, step: dict[str, Json]) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                result, failed = await self.act(step), None
            except threelo.ThreeloError as error:
                result, failed = self.error(error), error
            patient = step.get("patient") and time.monotonic() < until
            if not (patient and failed and failed.retryable):
                break
            await asyncio.sleep(0.05)
        if step.get("any_outcome"):
            return
        expected, code = step.get("error"), result["code"] if failed else None
        if code != expected:
            raise AssertionError(f"expected {expected or 'success'}, got {result}") from failed
        if "save" in step:
            self.saved[step["save"]] = result
            self.secrets += secrets_in(result)
        self.check(result, self.fill(step.get("expect", {})))

    def check(self, result: Json, expected: dict[str, Json]) -> None:
        for path, wanted in expected.items():
            actual = at(result, path)
            shown = "nothing" if actual is MISSING else json.dumps(actual, default=repr)[:2000]
            assert matches(actual, wanted), (
                f"{path or 'the result'} is {shown}, expected {json.dumps(wanted)}\nin {result}"
            )

    async def act(self, step: dict[str, Json]) -> Json:
        if "open" in step:
            client = await self.face.open(self.options(step["open"]))
            await self.face.run(lambda: client.close())
            return None
        if "control" in step:
            request = self.fill(step["control"])
            return await self.control(request["method"], request["path"], request.get("body"))
        if "consent" in step:
            answer = await self.control("POST", "/_sandbox/consent", self.fill(step["consent"]))
            return answer["callback"]
        if "other_system" in step:
            return await self.other_system(step["other_system"])
        client = await self.client(step.get("client", "main"))
        if "connected" in step:
            return await self.connected(client, self.fill(step["connected"]))
        if "meanwhile" in step:
            request = self.fill(step["meanwhile"]["control"])
            control = functools.partial(self.ask, request["method"], request["path"], request.get("body"))
            step = step | {"meanwhile": {"after": step["meanwhile"]["after"], "control": control}}
        return await self.face.call(client, step["call"], self.fill(step.get("with", {})), step)

    async def connected(self, client: Any, options: dict[str, Json]) -> Json:
        person = {name: options.pop(name) for name in ("account", "sites")}
        session = await self.face.call(client, "connect", {"binding": "browser-1", **options}, {})
        answer = await self.control("POST", "/_sandbox/consent", {"url": session["url"], **person})
        self.secrets += secrets_in([session, answer["callback"]])
        done = {"callback_url": answer["callback"], "binding": "browser-1"}
        return await self.face.call(client, "complete", done, {})

    async def other_system(self, person: dict[str, Json]) -> Json:
        url = f"{self.sandbox}/authorize?{urllib.parse.urlencode(OTHER_SYSTEM)}"
        answer = await self.control("POST", "/_sandbox/consent", {"url": url, **person})
        body = {
            "grant_type": "authorization_code",
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
            "redirect_uri": REDIRECT_URI,
            "code": query(answer["callback"], "code"),
        }
        return await self.control("POST", "/oauth/token", body)

    def options(self, own: dict[str, Json]) -> dict[str, Json]:
        store = self.vector.get("store", "memory")
        fixture = store["fixture"] if isinstance(store, dict) else None
        file = self.folder / (fixture or "threelo.db")
        if fixture and not file.exists():
            shutil.copyfile(FOLDER / "fixtures" / fixture, file)
        options = {
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
            "redirect_uri": REDIRECT_URI,
            "scopes": SCOPES,
            "store": "memory:" if store == "memory" else str(file),
            "encryption_key": KEY,
            "endpoints": {"auth": self.sandbox, "api": self.sandbox},
            "on_event": lambda event: self.events.append(plain(event)),
            **self.vector.get("client", {}),
            **own,
        }
        return {name: raw(self.fill(value)) for name, value in options.items() if value is not None}

    def check_fixture(self) -> None:
        """Who refuses a file must not have written to it."""
        if isinstance(self.vector.get("store"), dict):
            name = self.vector["store"]["fixture"]
            assert (self.folder / name).read_bytes() == (FOLDER / "fixtures" / name).read_bytes(), (
                f"{name} was changed"
            )

    async def client(self, name: str) -> Any:
        async with self.opening:
            if name not in self.clients:
                own = self.vector.get("clients", {"main": {}})[name]
                self.clients[name] = await self.face.open(self.options(own))
        return self.clients[name]

    async def wait(self, step: dict[str, Json]) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            if "await" in step:
                state = await self.control("GET", step["await"])
                wanted = self.fill(step["expect"])
                happened = all(matches(at(state, path), value) for path, value in wanted.items())
            else:
                state, wanted = self.events, self.fill(step["event"])
                happened = any(
                    all(matches(at(event, path), value) for path, value in wanted.items())
                    for event in list(state)
                )
            if happened:
                return
            assert time.monotonic() < deadline, f"{wanted} did not happen; there is {state}"
            await asyncio.sleep(0.01)

    def error(self, error: threelo.ThreeloError) -> Json:
        """An error as a record, and what holds for every error: its class, flags and silence on secrets."""
        names = ("code", "message", "hint", "retryable", "status", "context")
        record = {name: plain(getattr(error, name)) for name in names}
        assert type(error) is not threelo.ThreeloError, f"{record['code']} has a class of its own"
        assert record["retryable"] is self.codes[record["code"]]
        assert record["message"]
        assert record["hint"]
        assert record["context"].get("option", "") in record["message"]
        told = json.dumps(record) + str(error) + repr(error)
        self.check_secrets(record["code"], told)
        return record

    def check_secrets(self, who: str, told: str) -> None:
        leaked = [secret for secret in self.secrets if secret in told]
        assert not leaked, f"{who} tells {leaked}"

    async def control(self, method: str, path: str, body: Json = None) -> Json:
        return await asyncio.to_thread(self.ask, method, path, body)

    def ask(self, method: str, path: str, body: Json = None) -> Json:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(self.sandbox + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error


def secrets_in(value: Json) -> list[str]:
    """Long texts under secret names: what must never stand in an error."""
    if isinstance(value, dict):
        named = ("state", "access_token", "refresh_token")
        return [value[name] for name in named if isinstance(value.get(name), str)]
    if isinstance(value, list):
        return [secret for item in value for secret in secrets_in(item)]
    if isinstance(value, str) and value.startswith(REDIRECT_URI):
        return [secret for secret in (query(value, "code"), query(value, "state")) if isinstance(secret, str)]
    return []


def run_vector(vector: dict[str, Json], *, sync: bool, codes: dict[str, bool]) -> None:
    with tempfile.TemporaryDirectory(prefix="threelo-") as folder:
        asyncio.run(asyncio.wait_for(Run(vector, Face(sync=sync), Path(folder), codes).go(), 120))
