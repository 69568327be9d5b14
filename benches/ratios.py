"""What can be said of noisy measurements: medians, spread, and ratios of pairs with an interval."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import median

Bursts = Sequence[dict[str, float]]


def middle(bursts: Bursts, name: str) -> float:
    return median(burst[name] for burst in bursts)


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    return ordered[len(ordered) // 4], ordered[len(ordered) * 3 // 4]


Interval = tuple[float, float, float]
"""A median, and the ends of its 95 % interval."""


def ratio(ours: Bursts, theirs: Bursts, name: str = "rate") -> Interval:
    """Median of the ratios of bursts that ran side by side."""
    return interval([our[name] / their[name] for our, their in zip(ours, theirs, strict=True)])


def difference(ours: Bursts, theirs: Bursts, name: str) -> Interval:
    """Median of the differences of bursts that ran side by side."""
    return interval([our[name] - their[name] for our, their in zip(ours, theirs, strict=True)])


def interval(values: Sequence[float]) -> Interval:
    """The interval is by bootstrap, and seeded: the same measurements always give the same."""
    dice = random.Random(42)
    medians = sorted(median(dice.choices(values, k=len(values))) for _ in range(2000))
    return median(values), medians[49], medians[1949]
