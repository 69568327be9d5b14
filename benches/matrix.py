"""Which clients meet in which cells, and how they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from stand import HERE, ROOT, TARGET, Entry

VENV = HERE / ".venv"
NODE = HERE / ".node"

PYTHON = ("threelo", "threelo+uvloop", "wreq", "pyreqwest", "aiohttp", "httpx")
BLOCKING = ("threelo-sync", "requests")
JAVASCRIPT = ("threelo", "undici", "fetch", "axios")
RUST = ("core", "hyper", "reqwest")

ONLY_H1 = {"aiohttp", "requests", "fetch", "axios"}
"""Clients that speak no HTTP/2: left out where the server speaks nothing else."""


@dataclass(frozen=True)
class Cell:
    """What is asked for, over which protocol, by how many callers at once."""

    read: str
    protocol: str
    inflight: int

    @property
    def title(self) -> str:
        what = {"text": "700 B", "json": "100 KB with JSON", "stream": "10 MB streamed"}[self.read]
        how = {"http": "http", "h1": "https h1", "h2": "https h2"}[self.protocol]
        return f"{what}, {how}, {self.inflight} in flight"


FULL = (
    *(Cell("text", protocol, inflight) for protocol in ("http", "h1", "h2") for inflight in (1, 16, 64, 256)),
    *(Cell("json", protocol, 64) for protocol in ("http", "h1", "h2")),
    *(Cell("stream", protocol, 16) for protocol in ("http", "h1", "h2")),
)
QUICK = (Cell("text", "http", 1), Cell("text", "http", 64), Cell("json", "http", 64))


def groups(cell: Cell) -> Iterator[tuple[str, list[Entry]]]:
    """The clients that run side by side in a cell, by language; ours is the first of each."""
    python, node = str(VENV / "bin" / "python"), shutil.which("node") or "node"
    scripts = {"python": str(HERE / "clients" / "client.py"), "node": str(HERE / "clients" / "client.mjs")}
    for group, names in (
        ("Python, asyncio", PYTHON),
        ("Python, threads", BLOCKING),
        ("Node", JAVASCRIPT),
        ("Rust", RUST),
    ):
        speaking = [name for name in names if not (cell.protocol == "h2" and name in ONLY_H1)]
        if group.startswith("Python"):
            yield group, [Entry(name, (python, scripts["python"]), name) for name in speaking]
        elif group == "Node":
            known = {"BENCH_MODULES": str(NODE)}
            yield group, [Entry(name, (node, scripts["node"]), name, known) for name in speaking]
        else:
            yield group, [Entry(name, (str(TARGET / "bench-client"),), name) for name in speaking]


def install() -> None:
    """The packages of `make dist` and the others, each into a folder of this one's own."""
    if not (VENV / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--requirement", str(HERE / "requirements.txt")], check=True)
    wheel = next((ROOT / "dist").glob("threelo-*.whl"))
    subprocess.run([*pip, "--force-reinstall", "--no-deps", str(wheel)], check=True)
    NODE.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / "clients" / name, NODE / name)
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(["npm", "ci", *quiet], cwd=NODE, check=True)
    tarballs = sorted(str(path) for path in (ROOT / "dist").glob("*.tgz"))
    subprocess.run(["npm", "install", "--no-save", *quiet, *tarballs], cwd=NODE, check=True)


def loading() -> dict[str, float]:
    """Milliseconds that importing takes, the least of ten; in Python beyond asyncio."""
    python, node = str(VENV / "bin" / "python"), shutil.which("node") or "node"
    timed = (
        "import asyncio, ssl, time; begun = time.perf_counter(); import {};"
        " print((time.perf_counter() - begun) * 1e3)"
    )
    least = {
        f"Python {name}": min(_told(python, "-c", timed.format(name)) for _ in range(10))
        for name in ("threelo", "wreq", "pyreqwest.client", "aiohttp", "httpx", "requests")
    }
    required = "const a = performance.now(); require('{}'); console.log(performance.now() - a)"
    for name in ("threelo", "undici", "axios"):
        least[f"Node {name}"] = min(_told(node, "-e", required.format(name)) for _ in range(10))
    return least


def _told(*command: str) -> float:
    told = subprocess.run(
        command,
        cwd=NODE,
        env=os.environ | {"NODE_PATH": str(NODE)},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(told.stdout)
