"""The test stand: a server on its own cores, clients as processes on theirs, bursts in turns."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TARGET = ROOT / "target" / "release"

TOKEN = "bench." + "t" * 900
"""About as long as Atlassian's access tokens."""

PATHS = {
    "text": "/rest/api/3/myself",
    "json": "/rest/api/3/search/jql",
    "stream": "/rest/api/3/attachment/content/1",
    "token": "/rest/api/3/myself",
}


def cores() -> tuple[str, str]:
    """For the server and for the clients: half of what this process may use each."""
    mine = sorted(os.sched_getaffinity(0))
    half = max(1, len(mine) // 2)
    server, clients = mine[half:] or mine, mine[:half]
    return ",".join(map(str, server)), ",".join(map(str, clients))


@dataclass(frozen=True)
class Entry:
    """A client: what it is called, and how its process is started."""

    name: str
    command: tuple[str, ...]
    client: str
    environment: Mapping[str, str] | None = None


class Server:
    """`bench-server`, with a certificate of its own. It ends with its standard input."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        self.ca, key = str(folder / "ca.pem"), str(folder / "key.pem")
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", self.ca),
                *("-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"),
            ],
            check=True,
            capture_output=True,
        )
        command = ["taskset", "-c", cores()[0], str(TARGET / "bench-server"), self.ca, key]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout is not None
        self.urls: dict[str, str] = json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self._folder.cleanup()


class Client:
    """A client's process, ready for bursts."""

    def __init__(self, entry: Entry, server: Server, protocol: str, read: str) -> None:
        given = {
            "client": entry.client,
            "base": server.urls[protocol],
            "protocol": protocol,
            "path": PATHS[read],
            "ca": server.ca if protocol != "http" else None,
            "token": TOKEN,
            "read": read,
        }
        # A proxy that this machine may have is not what is measured, and requests would trust the
        # machine's own bundle of authorities instead of the one it is given.
        mine = ("proxy", "ca_bundle")
        environment = {
            name: value for name, value in os.environ.items() if not any(m in name.lower() for m in mine)
        }
        environment |= {"NODE_EXTRA_CA_CERTS": server.ca, "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= entry.environment or {}
        command = ["taskset", "-c", cores()[1], *entry.command, json.dumps(given)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
        self.name = entry.name
        self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self._process.wait()}")
        return line

    def burst(self, calls: int, inflight: int) -> dict[str, float]:
        """Has it make so many calls, and returns what it measured."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"calls": calls, "inflight": inflight}) + "\n")
        self._process.stdin.flush()
        told: dict[str, float] = json.loads(self._read())
        return told | {
            "rate": told["calls"] / told["seconds"],
            "cpu10k": told["cpu"] / told["calls"] * 10_000,
            "peak_mb": self._peak() / 1024,
        }

    def _peak(self) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def in_turns(
    entries: Sequence[Entry],
    server: Server,
    protocol: str,
    read: str,
    inflight: int,
    rounds: int,
    seconds: float,
) -> dict[str, list[dict[str, float]]]:
    """Bursts of about so many seconds of each client, one after another, as many rounds. The order turns
    around each time, so that what slowly changes on the machine hits all alike. All processes run from the
    beginning and wait.
    """
    measured: dict[str, list[dict[str, float]]] = {entry.name: [] for entry in entries}
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(entry, server, protocol, read)) for entry in entries]
        calls = {client.name: _warm(client, inflight, seconds) for client in clients}
        for turn in range(rounds):
            for client in clients if turn % 2 == 0 else reversed(clients):
                measured[client.name].append(client.burst(calls[client.name], inflight))
    return measured


def _warm(client: Client, inflight: int, seconds: float) -> int:
    """Opens its connections, warms it up, and says how many calls it makes in that time."""
    client.burst(4 * inflight, inflight)
    calls = 8 * inflight
    while True:
        told = client.burst(calls, inflight)
        if told["seconds"] > seconds / 4 or calls > 1_000_000:
            return max(inflight, int(told["rate"] * seconds) // inflight * inflight)
        calls *= 3
