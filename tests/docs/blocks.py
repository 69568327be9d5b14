"""The pages of the documentation and the blocks of code in them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "docs"))

import pages  # noqa: E402

EXAMPLES = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("examples/*/README.md"))
"""Of each example. They are read beside its code, so that the site has none of them."""

PAGES = sorted([*pages.staged(), "examples/README.md", *EXAMPLES])
"""Their paths in the repository: what the site is made of, and the examples'."""

FENCE = re.compile(r"^( *)(```+|~~~+)(.*)$")
FILE = re.compile(r"^ *<!-- file: (\S+) -->$")


class Block(NamedTuple):
    page: str
    line: int
    """Of its first fence, from 1."""
    language: str
    """As the fence says; empty where it says nothing."""
    text: str
    file: str | None
    """The file that the next program finds it in, as the comment before the fence says."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> list[Block]:
    return parse(page, (ROOT / page).read_text())


def parse(page: str, text: str) -> list[Block]:
    """Every fenced block, however it is indented or named. One that is not closed is an error."""
    found: list[Block] = []
    lines = text.splitlines()
    opened: tuple[int, str, str, str] | None = None
    held: list[str] = []
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if opened is None and fence:
            opened, held = (number, fence[1], fence[2], fence[3].strip()), []
        elif opened and fence and fence[2].startswith(opened[2]) and not fence[3].strip():
            start, indent, _, language = opened
            told = FILE.match(lines[start - 2]) if start > 1 else None
            body = "".join(f"{one.removeprefix(indent)}\n" for one in held)
            found.append(Block(page, start, language, body, told[1] if told else None))
            opened = None
        elif opened:
            held.append(line)
    assert opened is None, f"{page}:{opened[0] if opened else 0}: the block is not closed"
    return found
