"""What every generator needs: api.toml itself, and how names are spelt in each language."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
API: dict[str, Any] = tomllib.loads((ROOT / "api.toml").read_text())
NOTE = "Generated from api.toml; `make generate` writes it anew."


def offered(options: dict[str, Any], language: str) -> dict[str, Any]:
    """Options of a language: all but those that another one alone has use for."""
    return {name: option for name, option in options.items() if option.get("only", language) == language}


def pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def camel(name: str) -> str:
    whole = pascal(name)
    return whole[0].lower() + whole[1:]


def quoted(text: str) -> str:
    """A string literal that Rust, Python and TypeScript read alike."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
