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


def ratio(ours: Bursts, theirs: Bursts, name: str = "rate") -> tuple[float, float, float]:
    """Median of the ratios of bursts that ran side by side, and its 95 % interval by bootstrap (seeded: the
    same measurements always give the same interval).
    """
    pairs = [our[name] / their[name] for our, their in zip(ours, theirs, strict=True)]
    dice = random.Random(42)
    medians = sorted(median(dice.choices(pairs, k=len(pairs))) for _ in range(2000))
    return median(pairs), medians[49], medians[1949]
