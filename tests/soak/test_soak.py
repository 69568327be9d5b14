"""The short form of `make soak`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import soak


def judged(**changes: Any) -> list[str]:
    """What is said of a run in which all is well but for the changes."""
    flat = [{"second": 60.0 * minute, "memory": 80 * 2**20, "descriptors": 40} for minute in range(20)]
    well = {"told": {"answered": 1}, "before": flat[0], "after": flat[-1], "exchanges": 1, "samples": flat}
    return soak.verdict("it", well | changes)


def test_what_is_wrong_is_said() -> None:
    assert judged() == []
    grown = {"memory": 110 * 2**20, "descriptors": 40}
    open_files = {"memory": 80 * 2**20, "descriptors": 61}
    rising = [{"second": 60.0 * minute, "memory": (80 + minute) * 2**20} for minute in range(20)]
    for changes in (
        {"told": {}},
        {"told": {"answered": 1, "lost": 1}},
        {"told": {"answered": 1, "reauthorization_required": 1}},
        {"exchanges": 0},
        {"after": grown},
        {"after": open_files},
        {"samples": rising},
    ):
        assert len(judged(**changes)) == 1, changes


@pytest.mark.timeout(120)
@pytest.mark.parametrize("language", list(soak.COMMANDS))
def test_forty_seconds_of_everything(language: str) -> None:
    assert soak.verdict(language, soak.soak(language, 40)) == []
