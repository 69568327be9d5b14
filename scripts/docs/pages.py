"""Which of the repository's pages make up the site, and under which names. Links are changed with them."""

from __future__ import annotations

import os.path
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# Pages that stand beside what they tell of, and the names they have on the site.
ELSEWHERE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "sandbox/README.md": "sandbox.md",
    "tests/conformance/README.md": "conformance.md",
    "tests/interop/README.md": "interop.md",
}

LINK = re.compile(r"\]\((?!https?://|#)([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def staged() -> dict[str, str]:
    """Path in the repository to name on the site."""
    own = {f"docs/{path.name}": path.name for path in sorted((ROOT / "docs").glob("*.md"))}
    return own | ELSEWHERE


def menu() -> set[str]:
    def names(entry: Any) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        else:
            for value in entry.values() if isinstance(entry, dict) else entry:
                yield from names(value)

    return set(names(tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]))


def not_in_menu() -> list[str]:
    return sorted(set(staged().values()) - menu())


def stage(folder: Path) -> None:
    folder.mkdir(parents=True)
    names = staged()
    for path, name in names.items():
        (folder / name).write_text(moved((ROOT / path).read_text(), path, names))


def moved(text: str, path: str, names: dict[str, str]) -> str:
    """The page's text with its links as they are on the site: to its other pages, and for the rest to the
    repository.
    """
    pieces, at = [], 0
    for fence in [*FENCE.finditer(text), None]:
        end = fence.start() if fence else len(text)
        pieces.append(LINK.sub(lambda link: target(link, path, names), text[at:end]))
        if fence:
            pieces.append(fence[0])
            at = fence.end()
    return "".join(pieces)


def target(link: re.Match[str], path: str, names: dict[str, str]) -> str:
    wanted = os.path.normpath(os.path.join(os.path.dirname(path), link[1]))
    if wanted in names:
        return f"]({names[wanted]}{link[2] or ''})"
    if not (ROOT / wanted).exists():
        raise SystemExit(f"{path} links to {link[1]}, which does not exist")
    return f"]({repository()}/blob/main/{wanted}{link[2] or ''})"


def repository() -> str:
    told = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["repository"]
    assert isinstance(told, str)
    return told
