"""Requests of httpx clients on a connection: sent by threelo, or authorized by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest

import threelo
from support import Person, Sandbox, SilentServer
from threelo.httpx import SITE, AsyncTransport, Auth, Transport, async_session, session

ECHO = "/rest/api/3/_echo"
MYSELF = "/rest/api/3/myself"
FILES = "/rest/api/3/attachment/content/"

Make = Callable[[threelo.Client], httpx.Client]


def authorized(client: threelo.Client) -> httpx.Client:
    return httpx.Client(auth=Auth(client, "user-42"), base_url=SITE)


BOTH = pytest.mark.parametrize("make", [lambda client: session(client, "user-42"), authorized])


@pytest.fixture
def client(sandbox: Sandbox, person: Person) -> Iterator[threelo.Client]:
    with threelo.Client(**sandbox.options()) as client:
        person.connect(client, "user-42")
        yield client


@pytest.fixture
async def aclient(sandbox: Sandbox) -> AsyncIterator[threelo.AsyncClient]:
    async with threelo.AsyncClient(**sandbox.options()) as client:
        started = await client.connect("user-42", binding="browser", site="acme")
        await client.complete(sandbox.consent(started.url, sites=["acme"]), binding="browser")
        yield client


def test_a_session_is_the_connections_site(client: threelo.Client) -> None:
    with session(client, "user-42") as jira:
        assert jira.get(MYSELF).json()["displayName"] == "Ada Lovelace"
        by_url = jira.get(f"https://acme.atlassian.net{MYSELF}")
        assert (by_url.status_code, by_url.reason_phrase) == (200, "OK")
    assert client.proxy_request("user-42", "GET", MYSELF).status == 200, "the client stays open"


def test_what_httpx_sends_arrives(client: threelo.Client) -> None:
    with session(client, "user-42") as jira:
        params, headers = {"a": ["1", "2"], "b": "ä+ %"}, {"X-One": "1", "Authorization": "Basic eDp5"}
        echo = jira.put(ECHO, params=params, headers=headers, json={"k": "ü"}).json()
        assert (echo["method"], echo["body"]) == ("PUT", '{"k":"ü"}')
        assert httpx.QueryParams(echo["query"]).multi_items() == [("a", "1"), ("a", "2"), ("b", "ä+ %")]
        assert (echo["headers"]["x-one"], echo["headers"]["content-type"]) == ("1", "application/json")
        assert echo["headers"]["accept-encoding"] == "gzip, br, zstd", "threelo decompresses, not httpx"
        form = jira.post(ECHO, data={"a": "b"}, files={"file": ("a.txt", b"content")}).json()
        assert form["headers"]["content-type"].startswith("multipart/form-data; boundary=")
        assert "content" in form["body"]
        streamed = jira.post(ECHO, content=(piece for piece in (b"one", b"two"))).json()
        assert streamed["body"] == "onetwo"
        assert jira.head(MYSELF).status_code == 200


@BOTH
def test_no_other_site_is_asked(sandbox: Sandbox, client: threelo.Client, make: Make) -> None:
    sandbox.control("DELETE", "/log")
    hosts = ("https://evil.example.com", "https://zeta.atlassian.net", f"{SITE}.evil.example", "http://x")
    with make(client) as jira:
        for host in hosts:
            with pytest.raises(threelo.DestinationRefusedError):
                jira.get(f"{host}{MYSELF}")
    assert sandbox.counts()["api_calls"] == 0


@BOTH
def test_a_rejected_token_is_healed_once(sandbox: Sandbox, client: threelo.Client, make: Make) -> None:
    with make(client) as jira:
        assert jira.get(MYSELF).status_code == 200
        sandbox.control("POST", "/tokens/expire", {})
        sandbox.control("DELETE", "/log")
        assert jira.post(ECHO, json={"k": 1}).json()["body"] == '{"k":1}'
        assert sandbox.counts()["refresh_exchanges"] == 1
        sandbox.control("POST", "/tokens/expire", {})
        assert jira.get(MYSELF).status_code == 401, "the second time in a minute another cure is needed"
        assert sandbox.counts()["refresh_exchanges"] == 1


@BOTH
def test_a_missing_scope_costs_no_token(sandbox: Sandbox, client: threelo.Client, make: Make) -> None:
    sandbox.control("DELETE", "/log")
    with make(client) as jira:
        assert jira.get("/rest/agile/1.0/board").status_code == 401
    assert sandbox.counts()["refresh_exchanges"] == 0


def test_an_answer_has_threelos_with_it(client: threelo.Client) -> None:
    with session(client, "user-42") as jira:
        answer = jira.get("/rest/agile/1.0/board")
    with pytest.raises(threelo.MissingScopeError) as caught:
        answer.extensions["threelo"].raise_for_status()
    assert caught.value.context["missing_scopes"]


def test_options_go_with_every_request(client: threelo.Client, sandbox: Sandbox) -> None:
    with session(client, "user-42", site="nowhere") as jira, pytest.raises(threelo.SiteNotFoundError):
        jira.get(MYSELF)
    fault = {"path": "/ex/jira/*", "method": "PUT", "kind": {"reset": "after"}, "times": 1}
    with session(client, "user-42") as careful, session(client, "user-42", retry="idempotent") as bold:
        sandbox.control("POST", "/faults", fault)
        with pytest.raises(threelo.OutcomeUnknownError):
            careful.put(ECHO, json={})
        sandbox.control("POST", "/faults", fault)
        assert bold.put(ECHO, json={}).extensions["threelo"].attempts == 2


def test_a_body_is_streamed_and_can_be_given_up(client: threelo.Client) -> None:
    large = b"x" * 3_000_000
    attachments = "/rest/api/3/issue/ACME-1/attachments"
    posted = client.proxy_request("user-42", "POST", attachments, files=threelo.File(large, filename="a"))
    path = FILES + posted.json()[0]["id"]
    with session(client, "user-42") as jira:
        with jira.stream("GET", path) as answer:
            assert sum(map(len, answer.iter_bytes())) == len(large)
        with jira.stream("GET", path) as answer:
            assert next(answer.iter_bytes())
        assert jira.get(path, headers={"Range": "bytes=0-9"}).content == b"x" * 10


def test_what_httpx_follows_itself_goes_without_the_token(client: threelo.Client) -> None:
    attachments = "/rest/api/3/issue/ACME-1/attachments"
    posted = client.proxy_request("user-42", "POST", attachments, files=threelo.File(b"x", filename="a"))
    with authorized(client) as jira:
        answer = jira.get(FILES + posted.json()[0]["id"], follow_redirects=True)
    # The sandbox's media host turns requests with a token away.
    assert (answer.status_code, answer.content, len(answer.history)) == (200, b"x", 1)


def test_failures_are_those_that_httpx_knows(stuck: dict[str, object], silent: SilentServer) -> None:
    with threelo.Client(**stuck) as client, session(client, "user-42") as jira:  # type: ignore[arg-type]
        with pytest.raises(httpx.ReadTimeout) as caught:
            jira.get(MYSELF, timeout=0.2)
        assert isinstance(caught.value.__cause__, threelo.TimeoutError)
        with pytest.raises(threelo.OutcomeUnknownError):
            jira.post(ECHO, timeout=3)


async def test_it_is_the_same_awaited(sandbox: Sandbox, aclient: threelo.AsyncClient) -> None:
    auth = Auth(aclient, "user-42")
    for jira in (async_session(aclient, "user-42"), httpx.AsyncClient(auth=auth, base_url=SITE)):
        async with jira:
            assert (await jira.get(MYSELF)).json()["displayName"] == "Ada Lovelace"
            with pytest.raises(threelo.DestinationRefusedError):
                await jira.get("https://evil.example.com/rest/x")
    transport = AsyncTransport(aclient, "user-42")
    async with (
        httpx.AsyncClient(transport=transport, base_url=SITE) as jira,
        jira.stream("GET", MYSELF) as answer,
    ):
        assert b"".join([piece async for piece in answer.aiter_bytes()]).startswith(b"{")


async def test_a_rejected_token_is_healed_awaited(sandbox: Sandbox, aclient: threelo.AsyncClient) -> None:
    async with httpx.AsyncClient(auth=Auth(aclient, "user-42"), base_url=SITE) as jira:
        sandbox.control("POST", "/tokens/expire", {})
        sandbox.control("DELETE", "/log")
        assert (await jira.get(MYSELF)).status_code == 200
    assert sandbox.counts()["refresh_exchanges"] == 1


def test_the_client_must_be_of_the_senders_kind(client: threelo.Client, aclient: threelo.AsyncClient) -> None:
    request = httpx.Request("GET", f"{SITE}{MYSELF}")
    with pytest.raises(TypeError, match=r"threelo\.Client"):
        next(Auth(aclient, "user-42").sync_auth_flow(request))
    with pytest.raises(TypeError, match=r"threelo\.AsyncClient"):
        asyncio.run(anext(Auth(client, "user-42").async_auth_flow(request)))  # type: ignore[arg-type]


def test_a_transport_goes_into_any_client(client: threelo.Client) -> None:
    mounts = {"https://acme.atlassian.net": Transport(client, "user-42")}
    with httpx.Client(mounts=mounts) as jira:
        assert jira.get(f"https://acme.atlassian.net{MYSELF}").status_code == 200
