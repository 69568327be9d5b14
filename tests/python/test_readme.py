"""README's programs do what it says, links lead somewhere, and facts that are cited are told. Whether the
blocks of all pages work is for `tests/docs`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support import PATIENCE, ROOT, Sandbox

PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))

LANGUAGES = {"python": ".py", "js": ".mjs"}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FACT = re.compile(r"\bF\d+\.\d+\b")


class Block(NamedTuple):
    page: str
    language: str
    text: str


def blocks() -> Iterator[Block]:
    for page in PAGES:
        for language, text in BLOCK.findall(page.read_text()):
            if language in LANGUAGES:
                yield Block(page.name, language, text)


BLOCKS = list(blocks())

# README's programs are run as they stand, but for this: the sandbox is put in Atlassian's place.
SANDBOXED = {
    "python": (
        'redirect_uri="http://localhost:3000/callback",',
        'endpoints={"auth": "SANDBOX", "api": "SANDBOX"},',
    ),
    "js": (
        'redirectUri: "http://localhost:3000/callback",',
        'endpoints: { auth: "SANDBOX", api: "SANDBOX" },',
    ),
}


def program(language: str, sandbox: Sandbox) -> str:
    """The one program of README in this language, to be run against the sandbox."""
    found = [block.text for block in BLOCKS if (block.page, block.language) == ("README.md", language)]
    assert len(found) == 1
    line, endpoints = SANDBOXED[language]
    assert found[0].count(line) == 1
    return found[0].replace(line, f"{line} {endpoints.replace('SANDBOX', sandbox.url)}")


def play(language: str, sandbox: Sandbox, folder: Path) -> list[str]:
    """Runs README's program as a person would: opens the address it shows, consents, and pastes the one the
    browser ends at. Returns what it prints after that.
    """
    path = folder / f"readme{LANGUAGES[language]}"
    path.write_text(program(language, sandbox))
    command = [sys.executable if language == "python" else "node", path.name]
    told = {"JIRA_CLIENT_ID": "sandbox-client", "JIRA_CLIENT_SECRET": "sandbox-secret"}
    running = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | told | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    try:
        asked = ""
        while not asked.endswith("you end up at: ") and (letter := running.stdout.read(1)):
            asked += letter
        address = re.search(r"Open (\S+) and paste", asked)
        answer = sandbox.consent(address[1], sites=["acme"]) + "\n" if address else None
        said, complained = running.communicate(answer, timeout=PATIENCE)
    finally:
        running.kill()
    assert address, complained
    assert running.returncode == 0, complained
    return said.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of somebody who has installed the Node package."""
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "threelo").symlink_to(ROOT, target_is_directory=True)
    return tmp_path


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_program_of_readme_does_the_whole_job(language: str, sandbox: Sandbox, folder: Path) -> None:
    site, name, *issues = play(language, sandbox, folder)
    assert site == "https://acme.atlassian.net"
    assert name == "Ada Lovelace"
    keys = [issue.split()[0] for issue in issues]
    assert sorted(keys) == sorted(f"ACME-{number}" for number in range(1, 58))
    assert sandbox.counts()["code_exchanges"] == 1


def test_the_programs_of_readme_share_what_they_store(sandbox: Sandbox, folder: Path) -> None:
    for language in LANGUAGES:
        play(language, sandbox, folder)
    grants = sandbox.control("GET", "/grants")
    assert [grant["account"] for grant in grants] == ["ada"]
    assert (folder / "threelo.db").exists()


def anchors(page: Path) -> set[str]:
    """Where links into a page can lead: its headings as GitHub names them, and what is marked by hand."""
    text = BLOCK.sub("", page.read_text())
    headings = [line.lstrip("#").strip() for line in text.splitlines() if re.match(r"#{1,6} ", line)]
    named = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return named | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    lost = []
    for link in LINK.findall(BLOCK.sub("", page.read_text())):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def sources() -> Iterator[Path]:
    """What people wrote, without what was installed or built beside it."""
    yield ROOT / "api.toml"
    for folder in ("core", "sandbox", "bindings-python", "bindings-node", "tests", "demo", "docs"):
        for path in (ROOT / folder).rglob("*"):
            if (
                path.suffix in {".rs", ".md", ".py", ".ts", ".mjs", ".json"}
                and "node_modules" not in path.parts
            ):
                yield path


def test_every_fact_that_is_cited_is_told() -> None:
    cited = {fact for path in sources() for fact in FACT.findall(path.read_text())}
    assert len(cited) > 50
    assert sorted(cited - {fact.upper() for fact in anchors(ROOT / "docs" / "facts.md")}) == []
