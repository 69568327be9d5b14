"""The release workflow cannot be run here; what can be read off it is held to."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_every_action_is_pinned_to_a_commit_and_says_its_version() -> None:
    used = [line for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    assert used
    pinned = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
    assert [line for line in used if not pinned.search(line)] == []


def test_the_matrix_is_the_list_of_platforms() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "dist"), "--matrix"]
    matrix = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    names = {entry["npm"] for entry in matrix["include"]}
    assert {"linux-x64-gnu", "linux-arm64-gnu", "linux-x64-musl", "darwin-arm64"} <= names
    assert len(names) == len(matrix["include"])
