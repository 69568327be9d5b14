"""A store as it is seen from outside: what stands in a grant's row, and how to keep everybody from writing
to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from judge import seen


@dataclass(frozen=True)
class Row:
    """What tells how far a rotation has come."""

    generation: int
    expires_at: float
    """Seconds since the epoch."""
    leased: bool
    intent: int | None
    """The generation whose token is about to be spent, or was, for all anybody knows."""
    death: str | None
    spare: bool


class Store(Protocol):
    """What the driver needs of one kind of store, and nothing else does."""

    url: str
    key: str

    def row(self, id: str) -> Row:
        """The grant of a connection."""

    def locked(self) -> Any:
        """An asynchronous context in which nobody can write."""

    def blocked(self, pid: int) -> bool:
        """Whether a process is waiting to write."""

    def close(self) -> None:
        """Lets everything go."""


async def blocked(store: Store, pid: int) -> None:
    """Waits until a process is waiting to write to a locked store."""
    await seen("a process waits for the store", lambda: store.blocked(pid))
