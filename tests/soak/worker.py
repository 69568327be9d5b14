"""Mixed load for a while, through one AsyncClient on the loops of several threads and one Client, both on one
store: what ended late, what went wrong, and what was kept.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import threelo

TIMEOUT = 5.0
"""Every call's own, in seconds."""
GRACE = 5.0
"""A call that takes longer than its timeout by so much was lost."""
SEVERAL = 8
"""What is made of calls, such as a listing, may take as many times as long."""
MYSELF = "/rest/api/3/myself"
ECHO = "/rest/api/3/_echo"
SEARCH = "/rest/api/3/search/jql"
SIZE = 40_000
SYNC, LOOPS = 4, 2
"""Threads that call the Client, and threads that make a new event loop for every call."""

told: Counter[str] = Counter()
lock = threading.Lock()


def tell(what: str) -> None:
    with lock:
        told[what] += 1


def kept() -> dict[str, int]:
    gc.collect()
    with open("/proc/self/statm") as status:
        pages = int(status.read().split()[1])
    return {"memory": pages * os.sysconf("SC_PAGE_SIZE"), "descriptors": len(os.listdir("/proc/self/fd"))}


def read(response: threelo.Response) -> None:
    response.raise_for_status()
    response.json()


def pieces() -> Iterator[bytes]:
    for _ in range(8):
        yield b"x" * (SIZE // 8)


async def single(client: threelo.AsyncClient, dice: random.Random) -> None:
    what = dice.randrange(22)
    if what < 11:
        read(await client.proxy_request("user-42", "GET", MYSELF, timeout=TIMEOUT))
    elif what < 13:
        body = {"jql": "project = ACME", "maxResults": 50}
        read(await client.proxy_request("user-42", "POST", SEARCH, json=body, timeout=TIMEOUT))
    elif what < 15:
        await client.access_token("user-42", timeout=TIMEOUT)
    elif what < 16:
        await client.connection("user-42", timeout=TIMEOUT)
    elif what < 17:
        await client.proxy_request("nobody", "GET", MYSELF, timeout=TIMEOUT)
    elif what < 18:
        await client.refresh("user-42", timeout=TIMEOUT)
    elif what < 20:
        files = dice.choice([b"x" * SIZE, pieces()])
        read(await client.proxy_request("user-42", "POST", ECHO, files=files, timeout=TIMEOUT))
    else:
        # Given up half-way.
        asked = client.proxy_request("user-42", "GET", MYSELF, timeout=TIMEOUT)
        await asyncio.wait_for(asked, dice.random() * 0.005)


async def several(client: threelo.AsyncClient, dice: random.Random) -> None:
    what = dice.randrange(4)
    if what == 0:
        params = {"jql": "project = ACME", "maxResults": 20}
        async for _ in client.paginate("user-42", SEARCH, params=params, timeout=TIMEOUT):
            pass
    elif what == 1:
        ids = ["user-42", "nobody", "user-42"]
        async for result in client.proxy_request_many(ids, "GET", MYSELF, timeout=TIMEOUT):
            tell(result.error.code if result.error else "one of many answered")
    else:
        body = b"x" * SIZE
        response = await client.proxy_request(
            "user-42", "POST", ECHO, data=body, stream=True, timeout=TIMEOUT
        )
        async with response:
            async for _ in response.iter_bytes():
                if what == 3:  # the rest is not wanted
                    break


async def judged(call: Callable[[], Awaitable[None]], limit: float) -> None:
    begun = time.monotonic()
    try:
        await asyncio.wait_for(call(), limit)
        tell("answered")
    except threelo.ThreeloError as error:
        tell(error.code)
    except ValueError:
        tell("malformed")
    except TimeoutError:
        tell("lost" if time.monotonic() - begun >= limit else "given_up")


async def caller(client: threelo.AsyncClient, until: float, seed: int) -> None:
    dice = random.Random(seed)
    while time.monotonic() < until:
        if dice.randrange(8):
            await judged(lambda: single(client, dice), TIMEOUT + GRACE)
        else:
            await judged(lambda: several(client, dice), SEVERAL * (TIMEOUT + GRACE))


def blocking(client: threelo.Client, until: float, seed: int) -> None:
    dice = random.Random(seed)
    while time.monotonic() < until:
        begun = time.monotonic()
        try:
            if dice.randrange(4):
                read(client.proxy_request("user-42", "GET", MYSELF, timeout=TIMEOUT))
            else:
                client.access_token("user-42", timeout=TIMEOUT)
            tell("answered")
        except threelo.ThreeloError as error:
            tell(error.code)
        except ValueError:
            tell("malformed")
        if time.monotonic() - begun > TIMEOUT + GRACE:
            tell("lost")


def loop_after_loop(client: threelo.AsyncClient, until: float, seed: int) -> None:
    dice = random.Random(seed)
    while time.monotonic() < until:
        asyncio.run(judged(lambda: single(client, dice), TIMEOUT + GRACE))
        time.sleep(0.02)


async def sampled(samples: list[dict[str, float]], begun: float, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        samples.append({"second": round(time.monotonic() - begun, 1), **kept()})


async def load(
    client: threelo.AsyncClient, sync: threelo.Client, until: float, seeds: int, callers: int
) -> None:
    threads = [asyncio.to_thread(blocking, sync, until, seeds + each) for each in range(SYNC)]
    threads += [asyncio.to_thread(loop_after_loop, client, until, seeds + each) for each in range(LOOPS)]
    await asyncio.gather(*threads, *(caller(client, until, seeds + each) for each in range(callers)))


async def main() -> None:
    given: dict[str, Any] = json.loads(sys.argv[1])
    samples: list[dict[str, float]] = []
    with threelo.Client(**given["options"]) as sync:
        async with threelo.AsyncClient(**given["options"], on_event=lambda event: tell("events")) as client:
            await client.import_connection("user-42", **given["connection"])
            begun = time.monotonic()
            await load(client, sync, begun + given["warm"], 0, given["callers"])
            before = kept()
            sampling = asyncio.create_task(sampled(samples, begun, given["every"]))
            await load(client, sync, begun + given["seconds"], 1000, given["callers"])
            sampling.cancel()
            after = kept()
    print(json.dumps({"told": told, "before": before, "after": after, "samples": samples}))


asyncio.run(main())
