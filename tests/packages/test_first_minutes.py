"""A newcomer's first minutes, with what is installed and nothing else: from the packages to a
first successful `threelo request` in four commands, and to a first call in ten lines of code.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import ROOT, run

sys.path.insert(0, str(ROOT / "tests" / "docs"))
import browser
from blocks import blocks

pytestmark = pytest.mark.timeout(120)

NAME = "Ada Lovelace"


@pytest.fixture(params=["wheel", "npm"])
def desk(
    request: pytest.FixtureRequest,
    clean: dict[str, str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """The environment of somebody who has installed one of the packages, at a machine with a browser."""
    if request.param == "wheel":
        programs = request.getfixturevalue("python").parent
    else:
        programs = request.getfixturevalue("node_folder") / "node_modules" / ".bin"
    desktop = tmp_path_factory.mktemp("desktop")
    (desktop / "xdg-open").write_text(f"#!{sys.executable}\n{Path(browser.__file__).read_text()}")
    (desktop / "xdg-open").chmod(0o755)
    path = f"{programs}{os.pathsep}{desktop}{os.pathsep}{clean['PATH']}"
    return clean | {"PATH": path, "HOME": str(tmp_path), "PERSON_SITES": "acme"}


@contextmanager
def first_terminal(desk: dict[str, str], folder: Path) -> Iterator[str]:
    """`threelo sandbox`, until the second terminal is done; what it says is to be copied into that one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        callback = f"http://localhost:{free.getsockname()[1]}/callback"
    running = subprocess.Popen(
        [find("threelo", desk), "sandbox", "--callback", callback],
        cwd=folder,
        env=desk,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    try:
        said = ""
        for line in running.stdout:
            if line.startswith("Ctrl-C"):
                break
            said += line
        yield said
    finally:
        running.terminate()
        running.wait(30)
        running.stdout.close()


def find(program: str, desk: dict[str, str]) -> Path:
    """The program that somebody who types its name gets."""
    places = (Path(folder) / program for folder in desk["PATH"].split(os.pathsep))
    return next(place for place in places if place.exists())


def test_four_commands_lead_from_the_package_to_a_request(desk: dict[str, str], tmp_path: Path) -> None:
    """Installing it, `threelo sandbox`, and in another terminal what that prints: settings, two commands."""
    with first_terminal(desk, tmp_path) as said:
        pasted = said.partition("In another terminal:\n")[2].strip().splitlines()
        settings = [line for line in pasted if line.startswith("export ")]
        commands = [one.strip() for line in pasted if line not in settings for one in line.split("&&")]
        assert commands == ["threelo connect me", "threelo request me /rest/api/3/myself"]
        told = run(["sh", "-ec", "\n".join(pasted)], desk, cwd=tmp_path)
    assert f'"{NAME}"' in told
    assert "https://acme.atlassian.net" in told


@pytest.mark.parametrize(("language", "suffix"), [("python", ".py"), ("js", ".mjs")])
def test_ten_lines_of_code_lead_to_a_first_call(
    language: str, suffix: str, clean: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The first program of the page for beginners."""
    page = f"docs/quickstart-{'node' if language == 'js' else language}.md"
    first = next(block.text for block in blocks(page) if block.language == language)
    assert len([line for line in first.splitlines() if line.strip()]) <= 10
    if language == "python":
        folder, program = tmp_path, [request.getfixturevalue("python")]
    else:
        folder, program = request.getfixturevalue("node_folder"), ["node"]
    (folder / f"first{suffix}").write_text(first)
    told = run([*program, f"first{suffix}"], clean, cwd=folder)
    assert told.splitlines() == ["https://acme.atlassian.net", NAME]
