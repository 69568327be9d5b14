"""How a client is driven, the same in every language: one process, what to do in its first argument as JSON,
then a line `{"calls": n, "inflight": k}` on standard input for each burst and a line with what was measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

CLOUD_ID = "7d3f7b4c-8f5e-4c0e-9c36-3f0a4e1d2b11"


def task() -> dict[str, Any]:
    """What to do, with the whole URL as a client asks for it that knows nothing of sites."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    url = f"{given['base']}/ex/jira/{CLOUD_ID}{given['path']}"
    return given | {"url": url, "headers": {"authorization": f"Bearer {given['token']}"}}


def tell(took: list[float], seconds: float, cpu: float) -> None:
    took.sort()
    at = {f"p{share}": took[len(took) * share // 100] for share in (50, 99)}
    print(json.dumps({"calls": len(took), "seconds": seconds, "cpu": cpu, **at}), flush=True)


async def serve(call: Callable[[], Awaitable[object]]) -> None:
    """Answers bursts of a client that is awaited."""

    async def worker(calls: int, took: list[float]) -> None:
        for _ in range(calls):
            begun = time.perf_counter()
            await call()
            took.append(time.perf_counter() - begun)

    print("ready", flush=True)
    for line in sys.stdin:
        burst = json.loads(line)
        calls, inflight = burst["calls"], burst["inflight"]
        took: list[float] = []
        cpu, begun = time.process_time(), time.perf_counter()
        await asyncio.gather(*(worker(calls // inflight, took) for _ in range(inflight)))
        tell(took, time.perf_counter() - begun, time.process_time() - cpu)


def serve_threads(call: Callable[[], object]) -> None:
    """Answers bursts of a client that blocks: as many threads as calls in flight."""

    def worker(calls: int, took: list[float]) -> None:
        for _ in range(calls):
            begun = time.perf_counter()
            call()
            took.append(time.perf_counter() - begun)

    print("ready", flush=True)
    for line in sys.stdin:
        burst = json.loads(line)
        calls, inflight = burst["calls"], burst["inflight"]
        took: list[float] = []
        cpu, begun = time.process_time(), time.perf_counter()
        threads = [threading.Thread(target=worker, args=(calls // inflight, took)) for _ in range(inflight)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tell(took, time.perf_counter() - begun, time.process_time() - cpu)
