"""How the driver is wrong: what it expected was not seen, or did not come in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""How long, in seconds, any one thing may take that does not say otherwise. Nothing is meant to come near."""

LOOK_EVERY = 0.003
"""Seconds between two looks at what can only be looked at."""


class Untrue(Exception):
    """Something that threelo promises did not come true."""


class Missed(Exception):
    """The driver did not get a process to the point it wanted it at; nothing is said about threelo."""


def check(what: str, seen: object, expected: object) -> None:
    """Raises:
    Untrue: they differ.
    """
    if seen != expected:
        raise Untrue(f"{what}: expected {expected}, seen {seen}")


async def within(what: str, awaited: Awaitable[T], seconds: float = PATIENCE) -> T:
    """The result of what is awaited.

    Raises:
        Untrue: it takes longer.
    """
    try:
        async with asyncio.timeout(seconds):
            return await awaited
    except TimeoutError:
        raise Untrue(f"{what}: not within {seconds:g} s") from None


async def seen(what: str, look: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """What a look shows, once it shows something. For what has no event to wait for.

    Raises:
        Untrue: it takes longer.
    """
    until = time.monotonic() + seconds
    while True:
        if shown := look():
            return shown
        if time.monotonic() > until:
            raise Untrue(f"{what}: not seen within {seconds:g} s")
        await asyncio.sleep(LOOK_EVERY)
