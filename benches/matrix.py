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

ALONE = "One call at a time, all languages"
"""The group in which each language's threelo stands beside bare hyper, which is its first."""

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


PROTOCOLS = ("http", "h1", "h2")
FULL = (
    *(Cell("text", protocol, inflight) for protocol in PROTOCOLS for inflight in (1, 16, 64, 256)),
    *(Cell("json", "http", inflight) for inflight in (1, 16, 64, 256)),
    *(Cell("json", protocol, inflight) for protocol in ("h1", "h2") for inflight in (1, 64)),
    # More in flight would be gigabytes at once.
    *(Cell("stream", protocol, inflight) for protocol in PROTOCOLS for inflight in (1, 16)),
)
QUICK = (Cell("text", "http", 1), Cell("text", "http", 64), Cell("json", "http", 64))


def groups(cell: Cell) -> Iterator[tuple[str, list[Entry]]]:
    """The clients that run side by side in a cell, by language; ours is the first of each."""
    by_language = (
        ("Python, asyncio", [_python(name) for name in PYTHON]),
        ("Python, threads", [_python(name) for name in BLOCKING]),
        ("Node", [_node(name) for name in JAVASCRIPT]),
        ("Rust", [_rust(name) for name in RUST]),
    )
    for group, entries in by_language:
        yield group, [entry for entry in entries if not (cell.protocol == "h2" and entry.client in ONLY_H1)]
    if cell == Cell("text", "http", 1):
        threelo = [_python("threelo", "Python async"), _python("threelo-sync", "Python sync")]
        yield ALONE, [_rust("hyper"), _rust("core"), *threelo, _node("threelo", "Node")]


def _python(client: str, name: str | None = None) -> Entry:
    return Entry(name or client, (str(VENV / "bin" / "python"), str(HERE / "clients" / "client.py")), client)


def _node(client: str, name: str | None = None) -> Entry:
    command = (shutil.which("node") or "node", str(HERE / "clients" / "client.mjs"))
    return Entry(name or client, command, client, {"BENCH_MODULES": str(NODE)})


def _rust(client: str) -> Entry:
    return Entry(client, (str(TARGET / "bench-client"),), client)


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
