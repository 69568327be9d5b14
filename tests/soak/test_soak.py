"""The short form of `make soak`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import soak


@pytest.mark.timeout(120)
@pytest.mark.parametrize("language", list(soak.COMMANDS))
def test_twenty_seconds_of_everything(language: str) -> None:
    assert soak.verdict(language, soak.soak(language, 20)) == []
