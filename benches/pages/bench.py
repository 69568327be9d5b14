"""10,000 items through `paginate`, beside the plain loop one would write without it, in Python and in Node.

A sandbox answers each call after 50 ms. Two listings:

- `/search/jql`, whose pages are chained by tokens, with 50 ms of work after each page: the next one is
  fetched meanwhile;
- `/project/search`, whose pages are counted: ten are fetched at once.

`make bench-pages` prints the figures and fails where a ratio is less than it has to be.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import threelo
from support import Sandbox, for_node

ITEMS = 10_000
PAGE = 100
LATENCY = WORK = 0.05
AT_ONCE = 10
WANTED = {"token": 1.7, "offset": 6.0}
CHAINED = ("/rest/api/3/search/jql", {"jql": "project = ACME", "fields": "key", "maxResults": PAGE})
COUNTED = ("/rest/api/3/project/search", {"maxResults": PAGE})


def main() -> int:
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        options = prepare(sandbox, Path(folder) / "threelo.db")
        figures = {"Python": in_python(options), "Node": in_node(options)}
    print(f"{ITEMS:,} items in pages of {PAGE}, {LATENCY * 1000:.0f} ms for each call")
    print("| listing | language | plain loop | `paginate` | ratio | wanted |\n|---|---|---|---|---|---|")
    slow = 0
    for kind, wanted in WANTED.items():
        for language, figure in figures.items():
            plain, ours = figure[kind]
            ratio = plain / ours
            slow += ratio < wanted
            row = [NAMES[kind], language, f"{plain:.2f} s", f"{ours:.2f} s", f"{ratio:.1f}", f"≥ {wanted}"]
            print(f"| {' | '.join(row)} |")
    return int(slow > 0)


NAMES = {
    "token": f"chained by tokens, {WORK * 1000:.0f} ms of work after each page",
    "offset": f"counted, `parallel={AT_ONCE}`",
}


def prepare(sandbox: Sandbox, store: Path) -> dict[str, Any]:
    """A site with enough in it, a consent, and the delay."""
    sites = sandbox.control("GET", "/world")["sites"]
    acme = next(site for site in sites if site["subdomain"] == "acme")
    acme |= {"issues": ITEMS}
    settings = {"listing_items": ITEMS, "page_size_limit": PAGE}
    sandbox.control("PUT", "/world", {"sites": [acme], "settings": settings})
    options = sandbox.options(store=str(store))
    with threelo.Client(**options) as client:
        session = client.connect("bench", binding=None)
        client.complete(sandbox.consent(session.url, sites=["acme"]), binding=None)
    delay = {"path": "/ex/*", "kind": {"delay_ms": round(LATENCY * 1000)}, "times": 0}
    sandbox.control("POST", "/faults", delay)
    return options


def in_python(options: dict[str, Any]) -> dict[str, tuple[float, float]]:
    with threelo.Client(**options) as client:
        return {
            "token": (timed(lambda: plain_chained(client)), timed(lambda: chained(client))),
            "offset": (timed(lambda: plain_counted(client)), timed(lambda: counted(client))),
        }


def timed(read: Callable[[], int]) -> float:
    begun = time.perf_counter()
    count = read()
    assert count == ITEMS, f"{count} items"
    return time.perf_counter() - begun


def plain_chained(client: threelo.Client) -> int:
    path, params = CHAINED
    count, more = 0, {}
    while True:
        page = client.proxy_request("bench", "GET", path, params=params | more).json()
        count += len(page["issues"])
        time.sleep(WORK)
        if not page.get("nextPageToken"):
            return count
        more = {"nextPageToken": page["nextPageToken"]}


def chained(client: threelo.Client) -> int:
    path, params = CHAINED
    count = 0
    for page in client.paginate("bench", path, params=params).pages():
        count += len(page)
        time.sleep(WORK)
    return count


def plain_counted(client: threelo.Client) -> int:
    path, params = COUNTED
    count = 0
    while True:
        page = client.proxy_request("bench", "GET", path, params=params | {"startAt": count}).json()
        count += len(page["values"])
        if page["isLast"]:
            return count


def counted(client: threelo.Client) -> int:
    path, params = COUNTED
    return sum(1 for _ in client.paginate("bench", path, params=params, parallel=AT_ONCE))


def in_node(options: dict[str, Any]) -> dict[str, tuple[float, float]]:
    order = {
        "options": for_node(options),
        "items": ITEMS,
        "work": WORK * 1000,
        "atOnce": AT_ONCE,
        "chained": CHAINED,
        "counted": COUNTED,
    }
    program = Path(__file__).with_name("bench.mjs")
    run = subprocess.run(["node", program, json.dumps(order)], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(run.stderr)
    figures: dict[str, tuple[float, float]] = json.loads(run.stdout)
    return figures


if __name__ == "__main__":
    sys.exit(main())
