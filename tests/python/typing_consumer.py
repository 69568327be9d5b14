"""A user's program as type checkers see it: checked with `mypy --strict`, never run."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_type

import httpx
import requests

import threelo
import threelo.httpx
import threelo.requests
from threelo import AsyncClient, Client, Connection, ConnectSession, Event, Response, Site


def listener(event: Event) -> None:
    assert_type(event.kind, str)
    assert_type(event.at, datetime)


def make() -> Client:
    return Client(
        client_id="id",
        client_secret=os.environ["SECRET"],
        redirect_uri="https://app.example.com/callback",
        scopes=["read:jira-work"],
        store=Path("threelo.db"),
        encryption_key=[b"0" * 32, "in base64"],
        site_policy="ask",
        on_event=listener,
    )


def blocking() -> None:
    with make() as client:
        session = client.connect("user-42", binding=None, site="acme", tags={"team": "red"}, timeout=2.5)
        assert_type(session, ConnectSession)
        connection = client.complete("https://app.example.com/callback?code=…", binding="session")
        assert_type(connection, Connection)
        assert_type(connection.site, Site | None)
        response = client.proxy_request(
            "user-42",
            "POST",
            "/rest/api/3/issue",
            json={"a": 1},
            params={"n": 1, "many": [1, "b"]},
            retry="none",
        )
        assert_type(response, Response)
        assert_type(response.json(), Any)
        assert_type(response.content, bytes)
        assert_type(response.headers.get_list("set-cookie"), list[str])
        query = {"maxResults": 50, "expand": ["lead", "issueTypes"], "query": "acme"}
        listing = client.paginate("user-42", "/rest/api/3/project/search", params=query, limit=10)
        for item in listing:
            assert_type(item, Any)
        for page in listing.pages():
            assert_type(page, list[Any])
        assert_type(listing.cursor, str | None)
        for each in client.connections(tags={"team": "red"}):
            assert_type(each, Connection)
        assert_type(client.sites("user-42"), list[Site])
        client.import_connection("user-42", refresh_token="…", expires_at=datetime.now(UTC))
        assert_type(client.access_token("user-42"), str)
        assert_type(client.authorize("user-42", "/rest/x", rejected="old").send, bool)
        assert_type(threelo.httpx.session(client, "user-42", retry="none"), httpx.Client)
        assert_type(threelo.requests.session(client, "user-42", site="acme"), threelo.requests.Session)
        requests.get("https://acme.atlassian.net/rest/x", auth=threelo.requests.Auth(client, "user-42"))


async def awaited(client: AsyncClient) -> None:
    async with client:
        assert_type(await client.connect("user-42", binding="session"), ConnectSession)
        assert_type(await client.proxy_request("user-42", "GET", "/rest/api/3/myself"), Response)
        async for item in client.paginate("user-42", "/rest/api/3/project/search"):
            assert_type(item, Any)
        async for page in client.paginate("user-42", "/rest/api/3/project/search").pages():
            assert_type(page, list[Any])
        async for connection in client.connections():
            assert_type(connection, Connection)


def errors(client: Client) -> None:
    try:
        client.refresh("user-42")
    except threelo.SiteNotFoundError as error:
        assert_type(error.context, dict[str, Any])
    except threelo.ThreeloError as error:
        assert_type(error.code, str)
        assert_type(error.status, int | None)


def misspelt(client: Client) -> None:
    # Each of these is an error; `warn_unused_ignores` fails the check when one is not.
    client.connect("user-42")  # type: ignore[call-arg]
    client.connect("user-42", binding=None, sites="acme")  # type: ignore[call-arg]
    client.proxy_request("user-42", "GET", "/", retry="always")  # type: ignore[arg-type]
    Client(client_id="id")  # type: ignore[call-arg]
