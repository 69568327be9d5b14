"""The site of the documentation: it can be built, and what its builder finds fault with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import built
import pages
from blocks import PAGES, ROOT


@pytest.mark.timeout(120)
def test_the_site_is_built_without_a_warning() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs"], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    missing = [
        name for name in pages.staged().values() if not (ROOT / "site" / name).with_suffix(".html").exists()
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="gone.html">x</a>', "leads nowhere: gone.html"),
        ('<a href="#gone">x</a>', "leads nowhere: #gone"),
        ('<a href="other.html#gone">x</a>', "leads nowhere: other.html#gone"),
        ('<img src="https://a.example/i.png">', "fetched from elsewhere: https://a.example/i.png"),
        ('<script src="//a.example/s.js"></script>', "fetched from elsewhere: //a.example/s.js"),
        ('<link rel="stylesheet" href="https://a.example/s.css">', "fetched from elsewhere"),
        ("<style>@import 'https://a.example/s.css';</style>", "fetched from elsewhere"),
        ('<pre class="mermaid">a</pre>', "its mermaid would load scripts from elsewhere"),
        ("<td><code>a \\| b</code></td>", "shows the backslash that hides a bar from a table"),
    ],
)
def test_what_must_not_be_in_a_page_is_found(html: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text("<p id='here'>")
    (tmp_path / "page.html").write_text(html)
    (found,) = built.faults(tmp_path)
    assert fault in found


def test_what_a_reader_follows_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text("<p id='here'>")
    (tmp_path / "page.html").write_text(
        "<pre class='mermaid'>a</pre><script src='mermaid.tiny.js'></script><a href='other.html#here'>x</a>"
        "<a href='https://a.example/'>y</a><link rel='canonical' href='https://a.example/'>"
    )
    assert built.faults(tmp_path) == []


def test_styles_are_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "s.css").write_text("@font-face { src: url(https://a.example/f.woff) }")
    assert built.faults(tmp_path) == ["s.css: would be fetched from elsewhere: https://a.example/f.woff"]


def test_links_are_those_of_the_site() -> None:
    names = {"docs/a.md": "a.md", "README.md": "index.md"}
    text = "[r](../README.md#x) [l](../LICENSE) [a](a.md) [h](#h) [w](https://a.example/b.md)\n```\n[r](../README.md)\n```\n"
    repository = pages.repository()
    assert pages.moved(text, "docs/a.md", names) == (
        f"[r](index.md#x) [l]({repository}/blob/main/LICENSE) [a](a.md) [h](#h) [w](https://a.example/b.md)\n"
        "```\n[r](../README.md)\n```\n"
    )
    with pytest.raises(SystemExit, match=r"docs/a\.md links to nothing\.md"):
        pages.moved("[n](nothing.md)", "docs/a.md", names)


def test_tables_and_diagrams_are_shown_as_on_github() -> None:
    row = "| `a \\| <b>` | `c` |"
    assert pages.bars(f"{row}\n`a \\| b`\n") == "| <code>a &#124; &lt;b&gt;</code> | `c` |\n`a \\| b`\n"
    assert pages.drawn("a\n") == "a\n"
    diagram = "a\n```mermaid\nflowchart\n```\n"
    assert pages.drawn(diagram) == f'{diagram}\n<script src="mermaid.tiny.js"></script>\n'


def test_every_page_of_the_repository_is_on_the_site() -> None:
    """But for what is only for those who work on the place it stands in."""
    ours = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md")} | {
        path.name for path in ROOT.glob("*.md")
    }
    assert sorted(ours - set(PAGES)) == []
    assert pages.not_in_menu() == []
