"""The pytest fixture `atlassian`: a fresh sandbox for each test. In a `conftest.py`:

pytest_plugins = ["threelo.testing.fixtures"]
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import Sandbox


@pytest.fixture
def atlassian() -> Iterator[Sandbox]:
    """A little Atlassian of this test's own."""
    with Sandbox() as sandbox:
        yield sandbox
