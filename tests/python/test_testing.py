"""`threelo.testing`: the sandbox that users' own tests stand on, and the command beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

import threelo
from threelo.testing import Sandbox

pytest_plugins = ["pytester"]


@pytest.fixture
def atlassian() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def test_three_lines_lead_to_a_connected_client() -> None:
    with Sandbox() as atlassian, atlassian.client() as client:
        atlassian.connect(client, "user-42")
        assert client.proxy_request("user-42", "GET", "/rest/api/3/myself").status == 200


async def test_the_async_client_is_connected_as_well(atlassian: Sandbox) -> None:
    async with atlassian.async_client() as client:
        connection = await atlassian.connect_async(client, "user-42", account="grace", sites=["zeta"])
    assert connection.site is not None
    assert connection.site.url == "https://zeta.atlassian.net"


def test_each_has_a_world_of_its_own() -> None:
    def alone(number: int) -> int:
        with Sandbox({"seed": number}) as atlassian, atlassian.client() as client:
            atlassian.connect(client, "user-42")
            client.refresh("user-42")
            counts: dict[str, int] = atlassian.control("GET", "/log")["counts"]
            return counts["refresh_exchanges"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(alone, range(8))) == [1] * 8


def test_a_declined_consent_is_played_too(atlassian: Sandbox) -> None:
    with atlassian.client() as client, pytest.raises(threelo.AuthorizationDeniedError):
        atlassian.connect(client, "user-42", decision="decline")


WITH_OPTIONS: dict[str, Any] = {
    "site": "zeta",
    "tags": {"team": "a"},
    "metadata": {"plan": 1},
    "scopes": ["read:jira-work", "offline_access"],
    "binding": "another browser",
}
"""As in tests/node/testing.test.mjs: the twins take the same."""


def test_options_of_the_client_go_to_the_client_and_who_is_sent_for_a_site_takes_it(
    atlassian: Sandbox,
) -> None:
    with atlassian.client() as client:
        connection = atlassian.connect(client, "user-42", account="grace", **WITH_OPTIONS)
        assert connection.site is not None
        assert connection.site.url == "https://zeta.atlassian.net"
        assert (connection.tags, connection.metadata) == ({"team": "a"}, {"plan": 1})
        assert "read:jira-user" not in connection.scopes
        with pytest.raises(threelo.SiteNotFoundError):
            atlassian.connect(client, "user-43", sites=["acme"], site="umbrella")


async def test_so_they_do_with_the_async_client(atlassian: Sandbox) -> None:
    async with atlassian.async_client() as client:
        connection = await atlassian.connect_async(client, "user-42", account="grace", **WITH_OPTIONS)
    assert connection.site is not None
    assert (connection.site.url, connection.tags) == ("https://zeta.atlassian.net", {"team": "a"})


def test_a_proxy_of_the_environment_does_not_stand_between() -> None:
    """In a process of its own, because urllib looks at the environment once in each."""
    proxied = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https", "all")}
    program = """
from threelo.testing import Sandbox

with Sandbox() as atlassian, atlassian.client() as client:
    print(atlassian.connect(client, "user-42").id)
"""
    told = subprocess.run(
        [sys.executable, "-c", program],
        env={name: value for name, value in os.environ.items() if name.lower() != "no_proxy"} | proxied,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.stdout == "user-42\n", told.stderr


def test_faults_of_its_world_are_there_from_the_start_and_its_page_shows_them() -> None:
    lost = {"path": "/oauth/token", "grant_type": "refresh_token", "kind": {"reset": "after"}}
    with Sandbox({"faults": [lost]}) as atlassian, atlassian.client() as client:
        atlassian.connect(client, "user-42")
        client.refresh("user-42")
        assert atlassian.control("GET", "/log")["counts"]["replays"] == 1
        with urlopen(atlassian.page, timeout=5) as answer:
            assert b"refresh_token, fault 1" in answer.read()


def test_it_is_gone_once_it_is_closed(atlassian: Sandbox) -> None:
    atlassian.close()
    atlassian.close()
    with pytest.raises(URLError):
        urlopen(atlassian.url, timeout=5)


def test_a_world_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="sights"):
        Sandbox({"sights": []})


def test_the_fixture_gives_each_test_a_fresh_one(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["threelo.testing.fixtures"]')
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("run", [1, 2])
        def test_one(atlassian, run):
            with atlassian.client() as client:
                assert list(client.connections()) == []
                atlassian.connect(client, "user-42")
            assert atlassian.control("GET", "/log")["counts"]["code_exchanges"] == 1
        """
    )
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=2)
    # In processes side by side as well.
    pytester.runpytest_subprocess("-q", "-n", "2").assert_outcomes(passed=2)


@pytest.mark.parametrize("command", [["-m", "threelo"], [str(Path(sys.executable).parent / "threelo")]])
def test_the_command_comes_with_the_package(command: list[str]) -> None:
    program = [sys.executable, *command] if command[0] == "-m" else command
    told = subprocess.run([*program, "--version"], capture_output=True, text=True, timeout=30, check=True)
    assert told.stdout.strip() == f"threelo {threelo.__version__}"
    failed = subprocess.run([*program, "nonsense"], capture_output=True, text=True, timeout=30, check=False)
    assert failed.returncode == 2
    assert "Traceback" not in failed.stderr
