"""Starts the examples as their READMEs say, each in a process of its own on a free port."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from threelo.testing import Sandbox

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
EXAMPLES = ROOT / "examples"
NEXT = HERE / "node_modules" / "next" / "dist" / "bin" / "next"
PATIENCE = 30.0
BUILDING = 240.0
"""Seconds. No wait is longer; none is meant to come near."""

Command = list[str | Path]


@dataclass(frozen=True)
class App:
    """How an example is run."""

    name: str
    command: Callable[[int], Command]
    modules: bool = False
    """Whether it needs node_modules."""
    ends_with: int = 0
    """Its exit code after SIGTERM."""

    @property
    def folder(self) -> Path:
        return EXAMPLES / self.name


def gunicorn(application: str) -> Callable[[int], Command]:
    def command(port: int) -> Command:
        where = f"127.0.0.1:{port}"
        return [sys.executable, "-m", "gunicorn", "--threads", "4", "--bind", where, application]

    return command


def uvicorn(port: int) -> Command:
    return [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)]


APPS = [
    # Once all is shut down, uvicorn lets the signal have its way, and Next.js tells it by its exit code.
    App("fastapi", uvicorn, ends_with=-signal.SIGTERM),
    App("flask", gunicorn("app:app")),
    App("django", gunicorn("example.wsgi:application")),
    App("express", lambda _: ["node", "app.mjs"], modules=True),
    App("fastify", lambda _: ["node", "app.mjs"], modules=True),
    App("nextjs", lambda _: ["node", NEXT, "start", "--hostname", "127.0.0.1"], modules=True, ends_with=143),
]


def installed(app: App) -> Path:
    """A copy of an example where Node finds what it needs: threelo as npm's package has it, the rest from
    this folder. Next.js takes what is linked from elsewhere for a part of the application.
    """
    there = HERE / ".apps"
    package = there / "node_modules" / "threelo" / "bindings-node"
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(ROOT / "bindings-node" / "lib", package / "lib")
    shutil.copy(ROOT / "package.json", package.parent)
    for native in (ROOT / "bindings-node").glob("*.node"):
        (package / native.name).symlink_to(native)
    left = shutil.ignore_patterns("node_modules", ".next", "threelo.db*")
    return Path(shutil.copytree(app.folder, there / app.name, ignore=left))


def environment(sandbox: Sandbox, port: int, store: Path) -> dict[str, str]:
    """What the person exports before starting an example: what `threelo sandbox` prints, and a secret."""
    options = sandbox.options()
    return os.environ | {
        "THREELO_CLIENT_ID": options["client_id"],
        "THREELO_CLIENT_SECRET": options["client_secret"],
        "THREELO_REDIRECT_URI": f"http://localhost:{port}/callback",
        "THREELO_ENDPOINTS": f"auth={sandbox.url},api={sandbox.url}",
        "THREELO_STORE": str(store),
        "SESSION_SECRET": "a secret of at least 32 characters for tests",
        "PORT": str(port),
        "NEXT_TELEMETRY_DISABLED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@contextmanager
def running(app: App, sandbox: Sandbox, folder: Path) -> Iterator[str]:
    """Runs an example to its end: SIGTERM has to end it in peace."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    registered = sandbox.control("GET", "/world")["apps"][0]
    callback = {"redirect_uris": [f"http://localhost:{port}/callback"]}
    sandbox.control("PUT", "/world", {"apps": [registered | callback]})
    told = environment(sandbox, port, folder / "threelo.db")
    where = installed(app) if app.modules else app.folder
    if app.name == "nextjs":
        build(where, told)
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(list(app.command(port)), cwd=where, env=told, stdout=out, stderr=out)
    try:
        wait_for(process, port, log)
        yield f"http://localhost:{port}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == app.ends_with, log.read_text()
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text()


def build(where: Path, told: dict[str, str]) -> None:
    built = subprocess.run(
        ["node", NEXT, "build"],
        cwd=where,
        env=told,
        capture_output=True,
        text=True,
        timeout=BUILDING,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr


def wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until somebody listens."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"nobody listens: {log.read_text()}")
