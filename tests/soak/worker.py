"""Mixed load on one AsyncClient for a while: what ended late, what went wrong, and what was kept."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import sys
import time
from collections import Counter
from typing import Any

import threelo

TIMEOUT = 5.0
"""Every call's own, in seconds."""
GRACE = 5.0
"""A call that takes longer than its timeout by so much was lost."""


def kept() -> dict[str, int]:
    gc.collect()
    with open("/proc/self/statm") as told:
        pages = int(told.read().split()[1])
    return {"memory": pages * os.sysconf("SC_PAGE_SIZE"), "descriptors": len(os.listdir("/proc/self/fd"))}


def read(response: threelo.Response) -> None:
    response.raise_for_status()
    response.json()


async def call(client: threelo.AsyncClient, dice: random.Random) -> None:
    """One of the things a service does."""
    what = dice.randrange(20)
    if what < 10:
        read(await client.proxy_request("user-42", "GET", "/rest/api/3/myself", timeout=TIMEOUT))
    elif what < 12:
        body = {"jql": "project = ACME", "maxResults": 50}
        path = "/rest/api/3/search/jql"
        read(await client.proxy_request("user-42", "POST", path, json=body, timeout=TIMEOUT))
    elif what < 14:
        path, params = "/rest/api/3/search/jql", {"jql": "project = ACME", "maxResults": 20}
        async for _ in client.paginate("user-42", path, params=params, timeout=TIMEOUT):
            pass
    elif what < 16:
        await client.access_token("user-42", timeout=TIMEOUT)
    elif what < 17:
        await client.connection("user-42", timeout=TIMEOUT)
    elif what < 18:
        await client.proxy_request("nobody", "GET", "/rest/api/3/myself", timeout=TIMEOUT)
    else:
        # Given up half-way.
        asked = client.proxy_request("user-42", "GET", "/rest/api/3/myself", timeout=TIMEOUT)
        await asyncio.wait_for(asked, dice.random() * 0.005)


async def caller(client: threelo.AsyncClient, until: float, seed: int, told: Counter[str]) -> None:
    dice = random.Random(seed)
    while time.monotonic() < until:
        # A listing is several calls.
        limit = 8 * (TIMEOUT + GRACE)
        begun = time.monotonic()
        try:
            await asyncio.wait_for(call(client, dice), limit)
            told["answered"] += 1
        except threelo.ThreeloError as error:
            told[error.code] += 1
        except ValueError:
            told["malformed"] += 1
        except TimeoutError:
            told["lost" if time.monotonic() - begun >= limit else "given_up"] += 1


async def main() -> None:
    given: dict[str, Any] = json.loads(sys.argv[1])
    told: Counter[str] = Counter()
    async with threelo.AsyncClient(
        **given["options"], on_event=lambda event: told.update(["events"])
    ) as client:
        await client.import_connection("user-42", **given["connection"])
        begun = time.monotonic()
        warm = begun + given["seconds"] / 3
        await asyncio.gather(*(caller(client, warm, seed, told) for seed in range(given["callers"])))
        before = kept()
        until = begun + given["seconds"]
        await asyncio.gather(*(caller(client, until, 1000 + seed, told) for seed in range(given["callers"])))
        after = kept()
    print(json.dumps({"told": told, "before": before, "after": after}))


asyncio.run(main())
