"""One of the Python processes that meet an expired token together: warms its client, says that it is ready,
waits for the word, and makes all its calls at once. The same as worker.mjs.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from app import options
from threelo import AsyncClient, ThreeloError


async def call(client: AsyncClient, task: dict[str, Any], number: object) -> str:
    """One call; what came of it: a status or an error code. The caller's name shows in the sandbox's log."""
    params = {"caller": f"{task['name']}/{number}"}
    try:
        response = await client.proxy_request(task["id"], "GET", "/rest/api/3/myself", params=params)
    except ThreeloError as error:
        return error.code
    return str(response.status)


async def work() -> None:
    task = json.loads(sys.stdin.readline())
    async with AsyncClient(**options(task["url"], task["store"])) as client:
        tell({"ready": await call(client, task, "warm")})
        if await asyncio.to_thread(sys.stdin.readline):
            calls = [call(client, task, number) for number in range(task["calls"])]
            tell({"outcomes": await asyncio.gather(*calls)})


def tell(what: object) -> None:
    print(json.dumps(what), flush=True)


asyncio.run(work())
