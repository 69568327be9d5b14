"""Fixtures: see `support`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import Sandbox, SilentServer


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
