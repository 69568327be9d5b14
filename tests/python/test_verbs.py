"""The verbs against the sandbox, through both clients."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import threelo
from support import Sandbox


class Blocking:
    """`Client`, as it is."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.client = threelo.Client(**options)

    def __getattr__(self, verb: str) -> Any:
        return getattr(self.client, verb)

    def every(self, listing: Any) -> list[Any]:
        return list(listing)

    def at_once(self, listing: Any, times: int) -> list[list[Any]]:
        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(list, [listing] * times))

    def one(self, listing: Any) -> Any:
        return next(listing)

    def end(self) -> None:
        self.client.close()


class Awaited:
    """`AsyncClient`, with each call run to its end."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.runner = asyncio.Runner()
        self.client = threelo.AsyncClient(**options)

    def __getattr__(self, verb: str) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            result = getattr(self.client, verb)(*args, **options)
            return self.run(result) if inspect.iscoroutine(result) else result

        return call

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    def every(self, listing: Any) -> list[Any]:
        async def collect() -> list[Any]:
            return [item async for item in listing]

        return list(self.run(collect()))

    def at_once(self, listing: Any, times: int) -> list[list[Any]]:
        async def collect() -> list[Any]:
            return [item async for item in listing]

        async def together() -> list[list[Any]]:
            return await asyncio.gather(*(collect() for _ in range(times)))

        parts: list[list[Any]] = self.run(together())
        return parts

    def one(self, listing: Any) -> Any:
        async def first() -> Any:
            return await anext(listing)

        return self.run(first())

    def end(self) -> None:
        self.close()
        self.runner.close()


@pytest.fixture(params=[Blocking, Awaited])
def client(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Iterator[Any]:
    made = request.param(sandbox.options(store=tmp_path / "threelo.db"))
    yield made
    made.end()


def connect(client: Any, sandbox: Sandbox, id: str = "user-42", site: str = "acme", **options: Any) -> Any:
    session = client.connect(id, binding="browser", site=site, **options)
    assert "canary" not in repr(session)
    assert session.state not in repr(session)
    return client.complete(sandbox.consent(session.url, sites=[site]), binding="browser")


def test_a_connection_and_what_it_knows(client: Any, sandbox: Sandbox) -> None:
    connection = connect(client, sandbox, tags={"team": "red"}, metadata={"seats": 5})
    assert isinstance(connection, threelo.Connection)
    assert connection.id == "user-42"
    assert connection.site is not None
    assert connection.site.url == "https://acme.atlassian.net"
    assert connection.site_choice == "named"
    assert "jira" in connection.site.products
    assert connection.account_id == "712020:ada00000-0000-4000-8000-000000000001"
    assert (connection.tags, connection.metadata) == ({"team": "red"}, {"seats": 5})
    assert (connection.health, connection.health_reason) == ("active", None)
    for time in (connection.created_at, connection.consented_at, connection.refreshed_at):
        assert time.tzinfo is UTC
        assert abs(datetime.now(UTC) - time) < timedelta(minutes=1)
    assert connection.access_expires_at > datetime.now(UTC)
    assert client.connection("user-42") == connection


def test_what_will_end_is_told_with_its_day(client: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    connect(client, sandbox)
    consented = datetime.now(UTC).replace(microsecond=0) - timedelta(days=350)
    with contextlib.closing(sqlite3.connect(tmp_path / "threelo.db")) as store, store:
        store.execute("UPDATE grants SET first_consented_at = ?", [int(consented.timestamp()) * 1000])
    ends = consented + timedelta(days=365)
    connection = client.connection("user-42")
    told = (connection.health, connection.health_reason, connection.reconnect_by)
    assert told == ("attention", "old_consent", ends)
    report = client.keep_alive()
    assert [(one.connection_id, one.reason, one.reconnect_by) for one in report.attention] == [
        ("user-42", "old_consent", ends)
    ]
    assert connection.reconnect_by.tzinfo is UTC


def test_the_session_says_until_when(client: Any) -> None:
    session = client.connect("user-42", binding=None)
    assert timedelta(minutes=29) < session.expires_at - datetime.now(UTC) < timedelta(minutes=31)
    assert session.state in session.url


def test_a_callback_in_another_browser(client: Any, sandbox: Sandbox) -> None:
    session = client.connect("user-42", binding="browser")
    callback = sandbox.consent(session.url)
    with pytest.raises(threelo.StateInvalidError):
        client.complete(callback, binding="another browser")


def test_a_person_who_declines(client: Any, sandbox: Sandbox) -> None:
    session = client.connect("user-42", binding="browser")
    callback = sandbox.consent(session.url, decision="decline")
    with pytest.raises(threelo.AuthorizationDeniedError):
        client.complete(callback, binding="browser")


def test_requests_arrive_as_they_were_meant(client: Any, sandbox: Sandbox) -> None:
    connect(client, sandbox)

    def echo(method: str, **options: Any) -> Any:
        response = client.proxy_request("user-42", method, "/rest/api/3/_echo", **options)
        assert (response.status, response.attempts) == (200, 1)
        return response.json()

    assert echo("GET", params={"a": 1, "b": ["x", "y"], "c": None})["query"] == "a=1&b=x&b=y"
    assert json.loads(echo("POST", json={"ä": [1, 2.5, None, True]})["body"]) == {"ä": [1, 2.5, None, True]}
    assert echo("PUT", data="grüße")["body_base64"] == "Z3LDvMOfZQ=="
    assert echo("PUT", data=b"\x00\xff")["body_base64"] == "AP8="
    assert echo("PUT", data=bytearray(b"\x00\xff"))["body_base64"] == "AP8="
    assert echo("PUT", data=memoryview(b"\x00\xff"))["body_base64"] == "AP8="
    assert echo("GET", headers={"X-Of-Ours": "1"})["headers"]["x-of-ours"] in ("1", ["1"])


def test_a_response(client: Any, sandbox: Sandbox) -> None:
    connect(client, sandbox)
    response = client.proxy_request("user-42", "GET", "/rest/api/3/myself")
    assert response.json()["displayName"] == "Ada Lovelace"
    assert response.content is response.content
    assert response.text == response.content.decode()
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.headers.get_list("content-type") == [response.headers["content-type"]]
    assert "X-RateLimit-Limit" in response.headers
    assert response.url.endswith("/rest/api/3/myself")
    assert "Ada" not in repr(response)
    response.raise_for_status()


def test_a_listing_item_by_item_and_page_by_page(client: Any, sandbox: Sandbox) -> None:
    connect(client, sandbox)
    options = {"params": {"jql": "project = ACME", "maxResults": 10, "fields": "summary"}}

    def listing(**more: Any) -> Any:
        return client.paginate("user-42", "/rest/api/3/search/jql", **options, **more)

    keys = [issue["key"] for issue in client.every(listing())]
    assert len(keys) == len(set(keys)) == 57
    pages = client.every(listing().pages())
    assert [len(page) for page in pages] == [10, 10, 10, 10, 10, 7]
    assert [issue["key"] for page in pages for issue in page] == keys
    assert [issue["key"] for issue in client.every(listing(limit=12))] == keys[:12]


def test_a_listing_goes_on_from_its_cursor(client: Any, sandbox: Sandbox) -> None:
    connect(client, sandbox)
    options = {"params": {"jql": "project = ACME", "maxResults": 10, "fields": "summary"}}
    first = client.paginate("user-42", "/rest/api/3/search/jql", **options)
    begun = [client.one(first)["key"] for _ in range(13)]
    second = client.paginate("user-42", "/rest/api/3/search/jql", cursor=first.cursor, **options)
    rest = [issue["key"] for issue in client.every(second)]
    assert len({*begun, *rest}) == len(begun) + len(rest) == 57
    assert second.cursor is None
    # What is left of the page at hand is a page of its own.
    pages = client.every(first.pages())
    assert [issue["key"] for page in pages for issue in page] == rest
    assert len(pages[0]) == 7


def test_a_page_whose_delivery_was_cut_short_comes_again(client: Any, sandbox: Sandbox) -> None:
    connect(client, sandbox)
    options = {"params": {"jql": "project = ACME", "maxResults": 10, "fields": "summary"}}
    listing = client.paginate("user-42", "/rest/api/3/search/jql", **options)
    begun = [client.one(listing)["key"] for _ in range(10)]
    cursor = listing.cursor
    # The core fetches the second page and nobody takes it, as when a task is cancelled at that very moment.
    listing._native.next_page(1)
    assert listing.cursor == cursor
    keys = begun + [issue["key"] for issue in client.every(listing)]
    assert len(keys) == len(set(keys)) == 57


def test_loops_that_share_a_listing_lose_nothing(client: Any, sandbox: Sandbox) -> None:
    connect(client, sandbox)
    options = {"params": {"jql": "project = ACME", "maxResults": 5, "fields": "summary"}}
    listing = client.paginate("user-42", "/rest/api/3/search/jql", **options)
    keys = [issue["key"] for part in client.at_once(listing, 4) for issue in part]
    assert len(keys) == len(set(keys)) == 57


def test_a_damaged_cursor(client: Any, sandbox: Sandbox) -> None:
    connect(client, sandbox)
    with pytest.raises(threelo.CursorInvalidError):
        client.every(client.paginate("user-42", "/rest/api/3/project/search", cursor="damaged"))


def test_sites_and_moving_between_them(client: Any, sandbox: Sandbox) -> None:
    connect(client, sandbox, site="zeta")
    connect(client, sandbox, site="acme")
    sites = client.sites("user-42")
    assert {site.url for site in sites} == {"https://zeta.atlassian.net", "https://acme.atlassian.net"}
    assert all(isinstance(site, threelo.Site) for site in sites)
    moved = client.select_site("user-42", "zeta")
    assert (moved.site.url, moved.site_choice) == ("https://zeta.atlassian.net", "selected")
    with pytest.raises(threelo.SiteNotFoundError) as caught:
        client.select_site("user-42", "elsewhere")
    assert len(caught.value.context["sites"]) == 2


def test_refreshing(client: Any, sandbox: Sandbox) -> None:
    before = connect(client, sandbox)
    token = client.access_token("user-42")
    assert isinstance(token, str)
    after = client.refresh("user-42")
    assert after.generation == before.generation + 1
    assert client.access_token("user-42") != token
    assert sandbox.counts()["rotations"] == 1


def test_a_dead_grant(client: Any, sandbox: Sandbox) -> None:
    connect(client, sandbox)
    sandbox.control("POST", "/accounts/ada/revoke", {})
    with pytest.raises(threelo.ReauthorizationRequiredError):
        client.refresh("user-42")
    assert client.connection("user-42").health == "reauthorization_required"


def test_listing_connections(client: Any, sandbox: Sandbox) -> None:
    for number in range(5):
        connect(client, sandbox, id=f"user-{number}", tags={"team": "red" if number % 2 else "blue"})
    assert [each.id for each in client.every(client.connections())] == [
        f"user-{number}" for number in range(5)
    ]
    assert [each.id for each in client.every(client.connections(tags={"team": "red"}))] == [
        "user-1",
        "user-3",
    ]
    first = client.connections()
    assert first.cursor is None
    assert [client.one(first).id for _ in range(2)] == ["user-0", "user-1"]
    second = client.connections(cursor=first.cursor)
    assert [each.id for each in client.every(second)] == ["user-2", "user-3", "user-4"]
    assert second.cursor is None


def test_updating_and_disconnecting(client: Any, sandbox: Sandbox) -> None:
    connect(client, sandbox, tags={"team": "red"}, metadata={"a": 1})
    assert client.update("user-42", tags={"team": "blue"}).tags == {"team": "blue"}
    updated = client.update("user-42", metadata={})
    assert (updated.tags, updated.metadata) == ({"team": "blue"}, {})
    assert client.disconnect("user-42") is None
    with pytest.raises(threelo.ConnectionNotFoundError):
        client.connection("user-42")


def test_importing(client: Any, sandbox: Sandbox) -> None:
    tokens = sandbox.tokens_of_another_system()
    expires_at = datetime.now(UTC) + timedelta(seconds=tokens["expires_in"])
    refresh_token, access_token = tokens["refresh_token"], tokens["access_token"]
    imported = client.import_connection(
        "user-42",
        refresh_token=refresh_token,
        access_token=access_token,
        expires_at=expires_at,
        site="acme",
        tags={"a": "b"},
    )
    assert (imported.site.url, imported.tags) == ("https://acme.atlassian.net", {"a": "b"})
    assert abs(imported.access_expires_at - expires_at) < timedelta(milliseconds=1)
    assert client.access_token("user-42") == access_token
    assert sandbox.counts()["rotations"] == 0
    with pytest.raises(threelo.AlreadyImportedError):
        client.import_connection("user-43", refresh_token=refresh_token)


def test_closing(client: Any, sandbox: Sandbox) -> None:
    connect(client, sandbox)
    assert client.close(timeout=1) is None
    with pytest.raises(threelo.ClosedError):
        client.connection("user-42")
    assert client.close() is None


def test_a_result_whose_delivery_was_cut_short_comes_again(client: Any, sandbox: Sandbox) -> None:
    connect(client, sandbox)
    results = client.proxy_request_many(["user-42"] * 5, "GET", "/rest/api/3/myself", concurrency=2)
    first = client.one(results)
    assert (first.id, first.error, first.response.status) == ("user-42", None, 200)

    # An awaited result that nobody takes, as when a task is cancelled at that very moment, is not lost.
    async def cut_short() -> None:
        results._native.next_async().close()

    if isinstance(client, Awaited):
        client.run(cut_short())
    assert [result.response.status for result in client.every(results)] == [200] * 4
