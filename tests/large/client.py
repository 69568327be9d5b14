"""One process that sends or fetches one large body, and tells how much it grew meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from server import content
from threelo import AsyncClient, Client

ATTACHMENTS = "/rest/api/3/issue/ACME-1/attachments"
CONTENT = "/rest/api/3/attachment/content/{}"
SMALL = 1 << 20
# An upload has the time it takes; a download too, but its beginning and each piece.
Way = Any


def kilobytes(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0])


class Ways:
    """What each way does with a body of some size; the result is its hash, or what the server made of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fetch(self, client: Client, size: int) -> str:
        hashed = hashlib.sha256()
        with client.proxy_request("user-42", "GET", CONTENT.format(size), stream=True) as response:
            response.raise_for_status()
            for piece in response.iter_bytes():
                hashed.update(piece)
        return hashed.hexdigest()

    def save(self, client: Client, size: int) -> str:
        path = self._folder / "saved"
        client.proxy_request("user-42", "GET", CONTENT.format(size), stream=True).save(path)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def upload_path(self, client: Client, size: int) -> str:
        return sent(client, self._file(size))

    def upload_file(self, client: Client, size: int) -> str:
        with self._file(size).open("rb") as file:
            return sent(client, file)

    def upload_iterator(self, client: Client, size: int) -> str:
        return sent(client, content(size))

    async def fetch_async(self, client: AsyncClient, size: int) -> str:
        hashed = hashlib.sha256()
        response = await client.proxy_request("user-42", "GET", CONTENT.format(size), stream=True)
        async with response:
            async for piece in response.iter_bytes():
                hashed.update(piece)
        return hashed.hexdigest()

    async def upload_async(self, client: AsyncClient, size: int) -> str:
        async def pieces() -> AsyncIterator[bytes]:
            for piece in content(size):
                yield piece

        made = await client.proxy_request("user-42", "POST", ATTACHMENTS, files=pieces())
        return str(made.json()[0]["sha256"])

    def _file(self, size: int) -> Path:
        path = self._folder / f"{size}.bin"
        with path.open("wb") as file:
            file.writelines(content(size))
        return path


def sent(client: Client, file: Path | Any | Iterator[bytes]) -> str:
    made = client.proxy_request("user-42", "POST", ATTACHMENTS, files=file)
    made.raise_for_status()
    return str(made.json()[0]["sha256"])


def main() -> None:
    asked = json.loads(sys.argv[1])
    way = getattr(Ways(Path(asked["folder"])), asked["way"])
    measure = measure_async if asked["way"].endswith("_async") else measure_sync
    print(json.dumps(measure(asked, way)))


def begin() -> tuple[int, float]:
    Path("/proc/self/clear_refs").write_text("5")
    return kilobytes("VmRSS"), time.monotonic()


def end(begun: tuple[int, float], hashed: str) -> dict[str, Any]:
    baseline, since = begun
    grown = kilobytes("VmHWM") - baseline
    return {"sha256": hashed, "grown_kb": grown, "seconds": time.monotonic() - since}


def measure_sync(asked: dict[str, Any], way: Way) -> dict[str, Any]:
    with Client(**asked["options"]) as client:
        way(client, SMALL)
        begun = begin()
        return end(begun, way(client, asked["size"]))


def measure_async(asked: dict[str, Any], way: Way) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        async with AsyncClient(**asked["options"]) as client:
            await way(client, SMALL)
            begun = begin()
            return end(begun, await way(client, asked["size"]))

    return asyncio.run(run())


if __name__ == "__main__":
    main()
