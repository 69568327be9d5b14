"""The short form of `make large`: 64 MB in every way, in both languages, with memory that stays flat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cases
from server import Server
from support import Person, Sandbox
from threelo import Client

SIZE = 64 << 20


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """Jira, the authorization server, and a store whose connection `user-42` is good."""
    store = tmp_path_factory.mktemp("store") / "threelo.db"
    with Sandbox() as sandbox, Server() as server:
        with Client(**sandbox.options(store=str(store))) as client:
            Person(sandbox).connect(client, "user-42")
        yield server.url, sandbox.url, store


@pytest.mark.parametrize(("language", "way"), cases.CASES)
def test_every_byte_arrives_and_memory_stays_flat(
    language: str, way: str, hosts: Any, tmp_path: Path
) -> None:
    found = cases.run(language, way, SIZE, cases.options(language, *hosts), tmp_path)
    assert found.whole
    assert found.grown_kb < cases.BOUND_KB
