"""The store in an SQLite file, from outside."""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from judge import Untrue
from stores import Row

BREATH = 0.25
"""Seconds in which everybody can write, between two locks."""


class SqliteStore:
    """An SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "threelo.db"
        self.url = str(self._path)
        self.key = b64encode(secrets.token_bytes(32)).decode()
        self._reader: sqlite3.Connection | None = None
        self._turn = asyncio.Lock()

    def row(self, id: str) -> Row:
        if self._reader is None:
            self._reader = sqlite3.connect(
                f"file:{self._path}?mode=ro", uri=True, timeout=30, isolation_level=None
            )
        found = self._reader.execute(
            "SELECT generation, expires_at, lease, intent, death, spare_pair IS NOT NULL FROM grants "
            "WHERE id = (SELECT grant_id FROM connections WHERE id = ?)",
            [id],
        ).fetchone()
        if found is None:
            raise Untrue(f"{id} has no grant")
        generation, expires_at, lease, intent, death, spare = found
        return Row(
            generation=generation,
            expires_at=expires_at / 1000,
            leased=lease is not None,
            intent=json.loads(intent)["generation"] if intent else None,
            death=json.loads(death)["reason"] if death else None,
            spare=bool(spare),
        )

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        # One at a time, or the driver's own waiting would be mixed up with that of the processes.
        async with self._turn:
            writer = await asyncio.to_thread(self._lock)
            try:
                yield
            finally:
                await asyncio.to_thread(self._unlock, writer)
                # Whoever has been waiting tries again ten times a second, and gives up in the end: the next
                # one comes after them.
                await asyncio.sleep(BREATH)

    def _lock(self) -> sqlite3.Connection:
        writer = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        writer.execute("BEGIN IMMEDIATE")
        return writer

    def _unlock(self, writer: sqlite3.Connection) -> None:
        writer.execute("ROLLBACK")
        writer.close()

    def blocked(self, pid: int) -> bool:
        """SQLite waits for a lock by sleeping and trying again, on a thread that threelo gives its name."""
        for task in Path(f"/proc/{pid}/task").iterdir():
            try:
                name, wait = (task / "comm").read_text(), (task / "wchan").read_text()
            except OSError:
                continue
            if name.startswith("threelo-sqlite") and "nanosleep" in wait:
                return True
        return False

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
