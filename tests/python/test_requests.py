"""Requests of `requests` on a connection: sent by threelo, or authorized by it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl

import pytest
import requests

import threelo
import threelo.requests
from support import Person, Sandbox, SilentServer
from threelo.requests import SITE, Adapter, Auth, Session, mount, session

ECHO = "/rest/api/3/_echo"
MYSELF = "/rest/api/3/myself"

Make = Callable[[threelo.Client], requests.Session]


def authorized(client: threelo.Client) -> requests.Session:
    made = Session()
    made.auth = Auth(client, "user-42")
    return made


BOTH = pytest.mark.parametrize("make", [lambda client: session(client, "user-42"), authorized])


@pytest.fixture
def client(sandbox: Sandbox, person: Person) -> Iterator[threelo.Client]:
    with threelo.Client(**sandbox.options()) as client:
        person.connect(client, "user-42")
        yield client


@BOTH
def test_a_session_is_the_connections_site(client: threelo.Client, make: Make) -> None:
    with make(client) as jira:
        assert jira.get(MYSELF).json()["displayName"] == "Ada Lovelace"
        by_url = jira.get(f"https://acme.atlassian.net{MYSELF}")
        assert (by_url.status_code, by_url.reason) == (200, "OK")


def test_what_requests_sends_arrives(client: threelo.Client) -> None:
    with session(client, "user-42") as jira:
        jira.cookies.set("session", "x")
        params, headers = {"a": ["1", "2"], "b": "ä+ %"}, {"X-One": "1"}
        echo = jira.put(ECHO, params=params, headers=headers, json={"k": 1}, auth=("x", "y")).json()
        assert (echo["method"], echo["body"]) == ("PUT", '{"k": 1}')
        assert parse_qsl(echo["query"]) == [("a", "1"), ("a", "2"), ("b", "ä+ %")]
        assert (echo["headers"]["x-one"], echo["headers"].get("cookie")) == ("1", None)
        form = jira.post(ECHO, data={"a": "b"}, files={"file": ("a.txt", b"content")}).json()
        assert form["headers"]["content-type"].startswith("multipart/form-data; boundary=")
        assert "content" in form["body"]
        for body in (io.BytesIO(b"onetwo"), iter([b"one", b"two"]), "onetwo"):
            assert jira.post(ECHO, data=body).json()["body"] == "onetwo"
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
        assert jira.post(ECHO, json={"k": 1}).json()["body"] == '{"k": 1}'
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


def test_a_streamed_body_is_not_repeated_but_its_token_healed(
    sandbox: Sandbox, client: threelo.Client
) -> None:
    with authorized(client) as jira:
        sandbox.control("POST", "/tokens/expire", {})
        assert jira.post(ECHO, data=iter([b"once"])).status_code == 401
        assert jira.post(ECHO, data=iter([b"once"])).json()["body"] == "once"


def test_an_answer_has_threelos_with_it(client: threelo.Client) -> None:
    with session(client, "user-42") as jira:
        answer = jira.get("/rest/agile/1.0/board")
    assert isinstance(answer, threelo.requests.Response)
    with pytest.raises(requests.HTTPError):
        answer.raise_for_status()
    with pytest.raises(threelo.MissingScopeError):
        answer.threelo.raise_for_status()


def test_a_body_is_streamed_and_can_be_given_up(client: threelo.Client) -> None:
    large = b"x" * 3_000_000
    attachments = "/rest/api/3/issue/ACME-1/attachments"
    posted = client.proxy_request("user-42", "POST", attachments, files=threelo.File(large, filename="a"))
    path = "/rest/api/3/attachment/content/" + posted.json()[0]["id"]
    with session(client, "user-42") as jira:
        with jira.get(path, stream=True) as answer:
            assert sum(map(len, answer.iter_content(100_000))) == len(large)
        with jira.get(path, stream=True) as answer:
            assert len(answer.raw.read(10)) == 10
        assert jira.get(path).content == large


def test_what_requests_follows_itself_goes_without_the_token(client: threelo.Client) -> None:
    attachments = "/rest/api/3/issue/ACME-1/attachments"
    posted = client.proxy_request("user-42", "POST", attachments, files=threelo.File(b"x", filename="a"))
    with authorized(client) as jira:
        answer = jira.get("/rest/api/3/attachment/content/" + posted.json()[0]["id"])
    # The sandbox's media host turns requests with a token away.
    assert (answer.status_code, answer.content, len(answer.history)) == (200, b"x", 1)


def test_failures_are_those_that_requests_knows(stuck: dict[str, object], silent: SilentServer) -> None:
    with threelo.Client(**stuck) as client, session(client, "user-42") as jira:  # type: ignore[arg-type]
        for timeout in (0.2, (5, 0.2)):
            with pytest.raises(requests.ReadTimeout) as caught:
                jira.get(MYSELF, timeout=timeout)
            assert isinstance(caught.value.__cause__, threelo.TimeoutError)
        with pytest.raises(threelo.OutcomeUnknownError):
            jira.post(ECHO, timeout=3)


def test_a_redirect_elsewhere_is_not_followed_with_a_token(client: threelo.Client) -> None:
    """A task's 303 leads to the site itself and may be followed; nothing leads to another host."""
    with session(client, "user-42") as jira:
        made = jira.get(f"{SITE}{ECHO}", allow_redirects=True)
        assert made.status_code == 200
        made.status_code, made.headers["location"] = 303, "https://evil.example.com/"
        with pytest.raises(threelo.DestinationRefusedError):
            next(jira.resolve_redirects(made, made.request))


def test_any_session_can_be_mounted(client: threelo.Client) -> None:
    made = requests.Session()
    mount(made, client, "user-42")
    assert made.get(f"https://acme.atlassian.net{MYSELF}").status_code == 200
    assert isinstance(made.get_adapter("http://x"), Adapter)
