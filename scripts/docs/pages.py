"""Which of the repository's pages make up the site, and under which names. Links are changed with them."""

from __future__ import annotations

import html
import os.path
import re
import shutil
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

IMAGES = "docs/images/"
"""Pictures of the pages in `docs/`, which keep their place beside them."""

HERE = Path(__file__).parent
# The small build of mermaid, which needs nothing else; package.json names its version.
MERMAID = ROOT / "node_modules" / "@mermaid-js" / "tiny" / "dist" / "mermaid.tiny.js"

BAR, CODE = "\\|", re.compile(r"`([^`]+)`")
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
        text = (ROOT / path).read_text()
        (folder / name).write_text(drawn(bars(moved(text, path, names))))
    if (ROOT / IMAGES).is_dir():
        shutil.copytree(ROOT / IMAGES, folder / "images")
    shutil.copy(HERE / "site.css", folder)
    shutil.copy(MERMAID, folder)


def bars(text: str) -> str:
    """In tables GitHub shows a bar in code that has a backslash as a bar; here the backslash would show."""

    def plain(code: re.Match[str]) -> str:
        return (
            f"<code>{html.escape(code[1].replace(BAR, '|')).replace('|', '&#124;')}</code>"
            if BAR in code[1]
            else code[0]
        )

    return re.sub(r"^\|.*$", lambda row: CODE.sub(plain, row[0]), text, flags=re.MULTILINE)


def drawn(text: str) -> str:
    """A page with a diagram brings the script that draws it."""
    return f'{text}\n<script src="{MERMAID.name}"></script>\n' if "\n```mermaid\n" in text else text


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
    if wanted.startswith(IMAGES):
        return f"]({link[1]})"
    if wanted in names:
        return f"]({names[wanted]}{link[2] or ''})"
    if not (ROOT / wanted).exists():
        raise SystemExit(f"{path} links to {link[1]}, which does not exist")
    return f"]({repository()}/blob/main/{wanted}{link[2] or ''})"


def repository() -> str:
    told = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["repository"]
    assert isinstance(told, str)
    return told
