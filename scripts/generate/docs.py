"""The share of: docs."""

from __future__ import annotations

from collections.abc import Callable

OUTPUTS: dict[str, Callable[[], str]] = {}
