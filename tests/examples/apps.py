"""Starts the examples with the commands of their READMEs, each in a process of its own on a free port.

What is put in place of what a reader has: the packages are installed already (`make test-examples`), so that
commands that install are left out; port 3000 is a free one; and of `npm` itself only the scripts are run,
since what is asked of an example is how it ends.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from threelo.testing import Sandbox

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "tests" / "docs"))
from blocks import parse  # noqa: E402

EXAMPLES = ROOT / "examples"
PROGRAMS = HERE / "node_modules" / ".bin"
READMES_PORT = "3000"
PATIENCE = 30.0
BUILDING = 240.0
"""Seconds. No wait is longer; none is meant to come near."""

Command = list[str]


@dataclass(frozen=True)
class App:
    """How an example is run."""

    name: str
    ends_with: int = 0
    """Its exit code after SIGTERM."""

    @property
    def folder(self) -> Path:
        return EXAMPLES / self.name

    @property
    def modules(self) -> bool:
        """Whether it needs node_modules."""
        return (self.folder / "package.json").exists()

    def commands(self, port: int) -> list[Command]:
        """What its README says, without what installs: it is started by the last."""
        told = [one.text for one in parse(self.name, (self.folder / "README.md").read_text())]
        lines = [shlex.split(line) for block in told for line in block.splitlines()]
        starts = [line for line in lines if "install" not in line]
        return [[word.replace(READMES_PORT, str(port)) for word in self._script(line)] for line in starts]

    def _script(self, command: Command) -> Command:
        """What npm runs."""
        if command[0] != "npm":
            return command
        scripts = json.loads((self.folder / "package.json").read_text())["scripts"]
        return shlex.split(scripts[command[-1]])


APPS = [
    # Once all is shut down, uvicorn lets the signal have its way, and Next.js tells it by its exit code.
    App("fastapi", ends_with=-signal.SIGTERM),
    App("flask"),
    App("django"),
    App("express"),
    App("fastify"),
    App("nextjs", ends_with=143),
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
        "PATH": f"{Path(sys.executable).parent}:{PROGRAMS}:{os.environ['PATH']}",
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
    *before, start = app.commands(port)
    for command in before:
        build(command, where, told)
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(start, cwd=where, env=told, stdout=out, stderr=out)
    try:
        wait_for(process, port, log)
        yield f"http://localhost:{port}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == app.ends_with, log.read_text()
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text()


def build(command: Command, where: Path, told: dict[str, str]) -> None:
    built = subprocess.run(
        command,
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
