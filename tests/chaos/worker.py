"""A process that uses threelo as its driver says: one line of JSON with what it works on, then one line for
each order. Every order is answered twice: when its call begins, and with what came of it. The same as
worker.mjs.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import time
import traceback
from typing import Any

from threelo import AsyncClient, Response, ThreeloError

Order = dict[str, Any]


class Worker:
    """Clients of one store, one for each authorization server they are told of."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._clients: dict[tuple[str, str], AsyncClient] = {}

    def _client(self, order: Order) -> AsyncClient:
        auth, secret = order["auth"], order.get("secret", self._options["secret"])
        if (auth, secret) not in self._clients:
            self._clients[auth, secret] = AsyncClient(
                client_id=self._options["client_id"],
                client_secret=secret,
                redirect_uri=self._options["redirect_uri"],
                scopes=self._options["scopes"],
                store=self._options["store"],
                encryption_key=self._options["key"],
                endpoints={"auth": auth, "api": self._options["api"]},
            )
        return self._clients[auth, secret]

    async def carry_out(self, order: Order) -> None:
        tell({"n": order["n"], "began": True})
        begun = time.monotonic()
        try:
            result = await call(self._client(order), order)
        except ThreeloError as error:
            result = {"error": error.code, "message": str(error), "retryable": error.retryable}
        except Exception:
            # Whoever waits for this answer is to learn of it at once.
            traceback.print_exc()
            os._exit(1)
        tell({"n": order["n"], "seconds": time.monotonic() - begun} | result)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()


async def call(client: AsyncClient, order: Order) -> dict[str, Any]:
    """What came of one call, in plain data and without a secret."""
    id, timeout = order.get("id", ""), order["timeout"]
    match order["do"]:
        case "connection":
            shown = await client.connection(id, timeout=timeout)
            return {
                "site": shown.site is not None,
                "worker": shown.ledger[0].worker if shown.ledger else None,
            }
        case "request":
            path = order.get("path", "/rest/api/3/myself")
            response = await client.proxy_request(id, "GET", path, timeout=timeout)
            return {"status": response.status, "means": meaning(response)}
        case "refresh":
            await client.refresh(id, timeout=timeout)
            return {"refreshed": True}
        case "access_token":
            token = await client.access_token(id, timeout=timeout)
            return {"token": hashlib.sha256(token.encode()).hexdigest()[:16]}
        case "keep_alive":
            report = await client.keep_alive(idle_days=0, concurrency=order["concurrency"], timeout=timeout)
            return {"rotated": report.rotated, "failed": report.failed}
        case "callers":
            return await callers(client, order)
        case "connect":
            session = await client.connect(id, binding="browser", site=order["site"], timeout=timeout)
            return {"url": session.url}
        case "complete":
            done = await client.complete(order["callback"], binding="browser", timeout=timeout)
            return {"id": done.id}
        case unknown:
            raise ValueError(unknown)


def meaning(response: Response) -> str | None:
    """The error an answer is, where it is one."""
    try:
        response.raise_for_status()
    except ThreeloError as error:
        return error.code
    return None


async def callers(client: AsyncClient, order: Order) -> dict[str, Any]:
    """Many calls of `access_token` that begin together."""
    begun = time.monotonic()

    async def ask() -> float:
        await client.access_token(order["id"], timeout=order["timeout"])
        return time.monotonic() - begun

    ends = await asyncio.gather(*(ask() for _ in range(order["count"])))
    return {"answered": len(ends), "last": max(ends)}


def tell(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def main() -> None:
    worker = Worker(json.loads(sys.stdin.readline()))
    tell({"ready": True})
    under_way: set[asyncio.Task[None]] = set()
    while line := await asyncio.to_thread(sys.stdin.readline):
        for order in json.loads(line):
            task = asyncio.create_task(worker.carry_out(order))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
    await worker.close()


asyncio.run(main())
