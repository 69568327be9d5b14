"""The store in a PostgreSQL server, from outside: through psql, which comes with the server."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from judge import PATIENCE, Untrue
from processes import ROOT
from stores import Row

SERVER = ROOT / "scripts" / "postgres.sh"
ENDED = "-- ended --"


class Psql:
    """A session that is talked to through pipes."""

    def __init__(self, url: str, database: str) -> None:
        address = urlsplit(url)
        reach = {
            "PGHOST": address.hostname or "",
            "PGPORT": str(address.port),
            "PGUSER": address.username or "",
            "PGPASSWORD": address.password or "",
            "PGDATABASE": database,
        }
        self._child = subprocess.Popen(
            ["psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | reach,
            start_new_session=True,
        )

    def ask(self, sql: str) -> list[list[str]]:
        """The rows that come back, every field as text."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"{sql};\n\\echo {ENDED}\n")
        self._child.stdin.flush()
        rows = []
        while (line := self._child.stdout.readline().rstrip("\n")) != ENDED:
            if not line and self._child.poll() is not None:
                raise RuntimeError("psql has ended")
            if line.startswith(("ERROR", "FATAL", "psql:")):
                raise RuntimeError(line)
            rows.append(line.split("|"))
        return rows

    def end(self) -> None:
        try:
            self._child.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.communicate()


class Server:
    """A server of our own."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [str(SERVER), "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._child.stdout is not None
        said = self._child.stdout.readline().split()
        if not said:
            self._child.communicate()
            raise RuntimeError("PostgreSQL does not start")
        self.url = said[0]

    def order(self, what: str) -> None:
        """`stop` or `start`; returns when it is done."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"{what}\n")
        self._child.stdin.flush()
        if self._child.stdout.readline().strip() != f"{what}: done":
            raise RuntimeError(f"PostgreSQL does not {what}")

    def end(self) -> None:
        try:
            self._child.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            # Its own clean-up begins with a signal that it can hear.
            self._child.terminate()
            self._child.communicate()


@contextmanager
def server() -> Iterator[Server]:
    running = Server()
    try:
        yield running
    finally:
        running.end()


class PostgresStore:
    """A database of its own on a server."""

    def __init__(self, server: Server) -> None:
        self._server, self._name = server, f"chaos_{secrets.token_hex(6)}"
        self.url = f"{server.url}/{self._name}"
        self.key = b64encode(secrets.token_bytes(32)).decode()
        maker = Psql(server.url, "postgres")
        maker.ask(f"CREATE DATABASE {self._name}")
        maker.end()
        self._looking, self._locking = self._session(), self._session()
        self._turn = asyncio.Lock()

    def _session(self) -> Psql:
        return Psql(self._server.url, self._name)

    def row(self, id: str) -> Row:
        found = self._looking.ask(
            "SELECT generation, expires_at, lease IS NOT NULL, intent::json->>'generation', "
            "death::json->>'reason', spare_pair IS NOT NULL FROM threelo_grants "
            f"WHERE id = (SELECT grant_id FROM threelo_connections WHERE id = '{id}')"
        )
        if not found:
            raise Untrue(f"{id} has no grant")
        ((generation, expires_at, leased, intent, death, spare),) = found
        return Row(
            generation=int(generation),
            expires_at=int(expires_at) / 1000,
            leased=leased == "t",
            intent=int(intent) if intent else None,
            death=death or None,
            spare=spare == "t",
        )

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        # Every writer begins with this row.
        async with self._turn:
            await asyncio.to_thread(self._locking.ask, "BEGIN; SELECT one FROM threelo_store FOR UPDATE")
            try:
                yield
            finally:
                await asyncio.to_thread(self._locking.ask, "ROLLBACK")

    def blocked(self, pid: int) -> bool:
        waiting = self._looking.ask(
            "SELECT client_port FROM pg_stat_activity "
            "WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return not {int(port) for (port,) in waiting}.isdisjoint(_ports(pid))

    @asynccontextmanager
    async def stopped(self) -> AsyncIterator[None]:
        """The server is stopped, and started again in the end."""
        self.close()
        await asyncio.to_thread(self._server.order, "stop")
        try:
            yield
        finally:
            await asyncio.to_thread(self._server.order, "start")
            self._looking, self._locking = self._session(), self._session()

    def close(self) -> None:
        self._looking.end()
        self._locking.end()


def _ports(pid: int) -> set[int]:
    """The local ports a process is connected from."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            kind, _, inode = os.readlink(descriptor).partition(":")
        except OSError:
            continue
        if kind == "socket":
            inodes.add(inode.strip("[]"))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(fields[1].rpartition(":")[2], 16) for fields in lines if fields[9] in inodes}
