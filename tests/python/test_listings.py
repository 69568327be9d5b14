"""Every listing Atlassian documents, and every row of F8, as `core/tests/listings.rs` walks them: each of 257
items comes once and in order, from both clients, and from Python and Node in turn.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import threelo
from support import PATIENCE, ROOT, OnePageServer, Person, Sandbox, for_node

PLAIN = {"listing_items": 257, "barred_operations": "served"}
CLAMPED = PLAIN | {"page_size_limit": 20, "cursor_page_end": "last", "listing_fault": "wobbling_total"}
HOLED = PLAIN | {
    "page_size_limit": 50,
    "last_page_token": "null",
    "listing_short_pages": True,
    "listing_empty_page": True,
}
HIDDEN = PLAIN | {"page_size_limit": 50, "hidden_users_every": 5}
WORLDS = [
    (PLAIN, {}),
    (CLAMPED, {"parallel": 6}),
    (HOLED, {"page_size": 50, "deduplicate": True}),
    (HIDDEN, {}),
]
NAMES = [
    "as they are",
    "clamped, with totals that change, in parallel",
    "with short and empty pages",
    "with people who are hidden from searches",
]


@pytest.fixture
def own() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def everything(sandbox: Sandbox, settings: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Client options for a world whose app may call all listings, and the listings."""
    sandbox.control("PATCH", "/settings", settings)
    told = sandbox.control("GET", "/listings")
    sandbox.control("PUT", "/world", {"apps": [{"scopes": told["scopes"]}], "settings": settings})
    return sandbox.options(scopes=told["scopes"]), told["listings"]


def asked(listing: dict[str, Any]) -> dict[str, Any]:
    given = {"params": listing["params"]}
    return given if listing["json"] is None else given | {"method": "POST", "json": listing["json"]}


def identity(listing: dict[str, Any], item: Any) -> Any:
    return item if listing["id"] is None else item[listing["id"]]


def judge(listings: list[Any], outcomes: list[Any]) -> None:
    """An outcome is what came, or the error."""
    assert len(listings) >= 135
    wrong = []
    for listing, outcome in zip(listings, outcomes, strict=True):
        gone = listing["status"] == 410 and isinstance(outcome, threelo.EndpointRemovedError)
        if not gone and (outcome != listing["ids"] or len(outcome) != 257):
            wrong.append(f"row {listing['row']} {listing['name']}: {str(outcome)[:200]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("settings", "options"), WORLDS, ids=NAMES)
def test_every_listing(own: Sandbox, settings: dict[str, Any], options: dict[str, Any]) -> None:
    given, listings = everything(own, settings)
    with threelo.Client(**given) as client:
        Person(own).connect(client, "user-1")

        def walk(listing: dict[str, Any]) -> Any:
            try:
                items = client.paginate("user-1", listing["path"], **asked(listing), **options)
                return [identity(listing, item) for item in items]
            except threelo.ThreeloError as error:
                return error

        with ThreadPoolExecutor(8) as threads:
            judge(listings, list(threads.map(walk, listings)))


@pytest.mark.parametrize(("settings", "options"), WORLDS, ids=NAMES)
async def test_every_listing_awaited(
    own: Sandbox, settings: dict[str, Any], options: dict[str, Any], tmp_path: Path
) -> None:
    given, listings = everything(own, settings)
    given["store"] = str(tmp_path / "threelo.db")
    with threelo.Client(**given) as blocking:
        Person(own).connect(blocking, "user-1")
    few = asyncio.Semaphore(8)
    async with threelo.AsyncClient(**given) as client:

        async def walk(listing: dict[str, Any]) -> Any:
            async with few:
                try:
                    pages = client.paginate("user-1", listing["path"], **asked(listing), **options).pages()
                    return [identity(listing, item) async for page in pages for item in page]
                except threelo.ThreeloError as error:
                    return error

        judge(listings, await asyncio.gather(*map(walk, listings)))


class Odd(OnePageServer):
    """Its one page has what JSON allows and readers stumble over."""

    ITEMS = (
        rb'[{"id": 123456789012345678901234567890, "cut": "\ud83d", "whole": "\ud83d\ude00 \u00fc"},'
        rb'{"same": 1, "same": 2.50, "big": 1e300, "least": -0.0, "deep": %s}, null, "text", []]'
    ) % (b"[" * 100 + b"]" * 100)
    PAGE = b'{"startAt":0,"maxResults":5,"total":5,"isLast":true,"values":' + ITEMS + b"}"


def test_items_are_read_as_the_json_module_reads_them(stuck: dict[str, Any]) -> None:
    with Odd() as server:
        given = stuck | {"endpoints": stuck["endpoints"] | {"api": server.url}}
        with threelo.Client(**given) as client:
            items = list(client.paginate("user-42", "/rest/api/3/project/search"))
    assert items == json.loads(Odd.ITEMS)
    assert [repr(item) for item in items] == [repr(item) for item in json.loads(Odd.ITEMS)]


def test_a_body_is_read_as_the_json_module_reads_it(stuck: dict[str, Any]) -> None:
    with Odd() as server:
        given = stuck | {"endpoints": stuck["endpoints"] | {"api": server.url}}
        with threelo.Client(**given) as client:
            response = client.proxy_request("user-42", "GET", "/rest/api/3/project/search")
    assert repr(response.json()) == repr(json.loads(Odd.PAGE))


def in_node(given: dict[str, Any], listings: list[Any], take: int) -> list[Any]:
    """What Node makes of listings that go on from their `cursor`."""
    program = ROOT / "tests" / "node" / "programs" / "listings.mjs"
    orders = json.dumps({"options": for_node(given), "listings": listings, "take": take})
    run = subprocess.run(
        ["node", program], input=orders, capture_output=True, text=True, timeout=3 * PATIENCE, check=False
    )
    assert run.returncode == 0, run.stderr
    return list(json.loads(run.stdout))


@pytest.mark.parametrize("settings", [CLAMPED, HOLED, HIDDEN], ids=NAMES[1:])
def test_listings_change_hands_between_the_languages(
    own: Sandbox, settings: dict[str, Any], tmp_path: Path
) -> None:
    given, told = everything(own, settings)
    given["store"] = str(tmp_path / "threelo.db")
    listings = [listing for listing in told if listing["status"] != 410]
    with threelo.Client(**given) as client:
        Person(own).connect(client, "user-1")

        def take(listing: dict[str, Any], count: int | None, cursor: str | None) -> Any:
            items = client.paginate("user-1", listing["path"], **asked(listing), cursor=cursor)
            return [identity(listing, item) for item in islice(items, count)], items.cursor

        with ThreadPoolExecutor(8) as threads:
            begun = list(threads.map(lambda listing: take(listing, 67, None), listings))
            orders = [one | {"cursor": cursor} for one, (_, cursor) in zip(listings, begun, strict=True)]
            middle = in_node(given, orders, 71)
            rest = list(threads.map(lambda one, part: take(one, None, part["cursor"]), listings, middle))
    for listing, (first, _), second, (third, end) in zip(listings, begun, middle, rest, strict=True):
        assert first + second["found"] + third == listing["ids"], listing["name"]
        assert (len(first), len(second["found"]), end) == (67, 71, None), listing["name"]
