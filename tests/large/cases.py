"""The ways to send and to fetch a large body, and one run of one of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server import content, digest
from support import for_node

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BOTH = ("fetch", "save", "upload_path", "upload_file", "upload_iterator")
CASES = [("python", way) for way in (*BOTH, "fetch_async", "upload_async")]
CASES += [("node", way) for way in (*BOTH, "upload_stream")]
BOUND_KB = 32 << 10
"""More than this no process may grow, whatever the size."""


@dataclass(frozen=True)
class Found:
    """What a run came to."""

    whole: bool
    grown_kb: int
    seconds: float


def options(language: str, api: str, auth: str, store: Path) -> dict[str, Any]:
    """A client's options, as its language writes them."""
    snake = {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "redirect_uri": "http://localhost:3000/callback",
        "scopes": ["read:jira-work", "write:jira-work", "read:jira-user", "read:me"],
        "store": str(store),
        "endpoints": {"auth": auth, "api": api},
    }
    return snake if language == "python" else for_node(snake)


def run(language: str, way: str, size: int, given: dict[str, Any], folder: Path) -> Found:
    """One way, in a process of its own."""
    asked = json.dumps({"way": way, "size": size, "folder": str(folder), "options": given})
    program = [sys.executable, HERE / "client.py"] if language == "python" else ["node", HERE / "client.mjs"]
    # A minute for a gigabyte is slow; what takes longer hangs.
    limit = 60 + size / (1 << 24)
    done = subprocess.run(
        [*program, asked],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{language} {way}: {done.stderr}")
    told = json.loads(done.stdout)
    return Found(told["sha256"] == digest(content(size)), told["grown_kb"], told["seconds"])
