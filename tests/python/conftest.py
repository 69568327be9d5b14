"""Fixtures: see `support`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import Person, Sandbox, SilentServer
from threelo import Client


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """The sandbox with a new world: nobody consented, nothing logged."""
    running_sandbox.control("PUT", "/world", {})
    return running_sandbox


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    with SilentServer() as server:
        yield server


@pytest.fixture
def person(sandbox: Sandbox) -> Person:
    return Person(sandbox)


@pytest.fixture
def stuck(sandbox: Sandbox, person: Person, silent: SilentServer, tmp_path: Path) -> dict[str, Any]:
    """Options of a client whose connection `user-42` is good and whose API never answers."""
    options = sandbox.options(store=str(tmp_path / "threelo.db"))
    with Client(**options) as client:
        person.connect(client, "user-42")
    return options | {"endpoints": {"auth": sandbox.url, "api": silent.url}}


@pytest.fixture
def stuck_json(stuck: dict[str, Any]) -> str:
    """The same, to hand to a script."""
    return json.dumps(stuck)
