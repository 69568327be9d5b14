"""A sandbox of its own for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from threelo.testing import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox
