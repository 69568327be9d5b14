"""threelo against an authorization server nobody here wrote, which shares no mistake with the sandbox."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import threelo

HERE = Path(__file__).resolve().parent
BINDING = "browser-1"


class Authority:
    """The foreign server and its adapter, as a process that ends with this object."""

    def __init__(self, *arguments: str) -> None:
        command = ["node", str(HERE / "main.mjs"), *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.told: dict[str, str] = json.loads(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def counts(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.told["url"] + "/_adapter/counts") as answer:
            return json.load(answer)

    def consent(self, url: str, *options: str) -> str:
        command = ["node", str(HERE / "consent.mjs"), url, self.told["consent_account"], *options]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()

    def client(self, store: Path, **changes: Any) -> threelo.Client:
        return threelo.Client(
            **{
                "client_id": self.told["client_id"],
                "client_secret": self.told["client_secret"],
                "redirect_uri": self.told["redirect_uri"],
                "scopes": ["read:jira-work", "read:jira-user", "read:me"],
                "store": store,
                "endpoints": {"auth": self.told["url"], "api": self.told["url"]},
                **changes,
            }
        )


@pytest.fixture(params=[()], ids=["default"])
def authority(request: pytest.FixtureRequest) -> Iterator[Authority]:
    running = Authority(*request.param)
    yield running
    running.close()


def connect(authority: Authority, client: threelo.Client, **options: Any) -> threelo.Connection:
    session = client.connect("user-1", binding=BINDING, **options)
    return client.complete(authority.consent(session.url), binding=BINDING)


def status(client: threelo.Client) -> int:
    return client.proxy_request("user-1", "GET", "/rest/api/3/myself").status


def test_connect_and_call(authority: Authority, tmp_path: Path) -> None:
    with authority.client(tmp_path / "store.db") as client:
        connection = connect(authority, client, site="globex")
        assert connection.site is not None
        assert "globex" in connection.site.url
        assert connection.account_id
        assert status(client) == 200


def test_every_refresh_spends_the_newest_token(authority: Authority, tmp_path: Path) -> None:
    """This server forgives nothing: one spent token sent again ends the grant."""
    with authority.client(tmp_path / "store.db") as client:
        connect(authority, client, site="acme")
        for generation in range(2, 8):
            assert client.refresh("user-1").generation == generation
            assert status(client) == 200


def test_many_callers_share_one_exchange(authority: Authority, tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    with authority.client(store) as one, authority.client(store) as other:
        connect(authority, one, site="acme")
        before = authority.counts()["refresh_token"]
        barrier = threading.Barrier(16)
        generations: list[int] = []

        def refresh(client: threelo.Client) -> None:
            barrier.wait()
            generations.append(client.refresh("user-1").generation)

        threads = [threading.Thread(target=refresh, args=(client,)) for client in [one, other] * 8]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        exchanges = authority.counts()["refresh_token"] - before
        assert len(generations) == 16
        assert max(generations) == 1 + exchanges, "each exchange made one generation, and none was refused"
        assert status(one) == status(other) == 200


@pytest.mark.parametrize("authority", [("--access-token-ttl", "2")], indirect=True, ids=["short life"])
def test_an_expired_token_is_renewed_by_the_call_that_needs_it(authority: Authority, tmp_path: Path) -> None:
    with authority.client(tmp_path / "store.db") as client:
        connection = connect(authority, client, site="acme")
        threading.Event().wait(2.5)  # the life of the token itself, not a wait for anything to happen
        assert status(client) == 200
        assert client.connection("user-1").generation > connection.generation


def test_a_token_that_was_spent_elsewhere_needs_a_person(authority: Authority, tmp_path: Path) -> None:
    token = token_of_another_system(authority)
    with authority.client(tmp_path / "first.db") as first, authority.client(tmp_path / "late.db") as late:
        first.import_connection("user-1", refresh_token=token)
        assert first.refresh("user-1").generation == 2
        late.import_connection("user-1", refresh_token=token)
        with pytest.raises(threelo.ReauthorizationRequiredError):
            late.refresh("user-1")
        assert late.connection("user-1").health == "reauthorization_required"
        with pytest.raises(threelo.AlreadyImportedError):
            late.import_connection("user-2", refresh_token=token)


def token_of_another_system(authority: Authority) -> str:
    """A refresh token from a consent without threelo, as a platform one moves away from would hold it."""
    told = authority.told
    query = {
        "client_id": told["client_id"],
        "redirect_uri": told["redirect_uri"],
        "scope": "read:jira-work read:jira-user read:me offline_access",
        "response_type": "code",
        "prompt": "consent",
        "audience": "api.atlassian.com",
        "state": "elsewhere",
    }
    callback = authority.consent(f"{told['url']}/authorize?{urllib.parse.urlencode(query)}")
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(callback).query)["code"][0]
    body = {name: told[name] for name in ("client_id", "client_secret", "redirect_uri")}
    body |= {"grant_type": "authorization_code", "code": code}
    request = urllib.request.Request(
        told["url"] + "/oauth/token", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["refresh_token"]


def test_wrong_credentials_are_the_deployments_fault(authority: Authority, tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    with authority.client(store) as client:
        connect(authority, client, site="acme")
        wrong = authority.client(store, client_secret="wrong")
        with wrong, pytest.raises(threelo.ClientCredentialsRejectedError):
            wrong.refresh("user-1")
        assert client.refresh("user-1").generation == 2


def test_a_declined_consent_is_told(authority: Authority, tmp_path: Path) -> None:
    with authority.client(tmp_path / "store.db") as client:
        session = client.connect("user-1", binding=BINDING)
        with pytest.raises(threelo.AuthorizationDeniedError):
            client.complete(authority.consent(session.url, "--decline"), binding=BINDING)
