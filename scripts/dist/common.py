"""Places and facts that all kinds of packages share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"
LICENSE = ROOT / "LICENSE"


def platforms() -> list[dict[str, Any]]:
    """The platforms packages are published for: the release workflow's matrix and npm's optional dependencies."""
    return json.loads((Path(__file__).parent / "platforms.json").read_text())
