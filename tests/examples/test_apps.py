"""The examples of web frameworks, run as their READMEs say and used as browsers do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.cookiejar import Cookie
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from apps import APPS, EXAMPLES, HERE, running
from threelo.testing import Sandbox

pytestmark = pytest.mark.timeout(300)

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]+)"')


class Browser(httpx.Client):
    """Keeps cookies, and follows redirects within the application only."""

    def __init__(self, base: str) -> None:
        super().__init__(base_url=base, timeout=30)

    def leave(self, path: str) -> str:
        """Where the application sends it elsewhere."""
        answer = self.get(path)
        assert answer.is_redirect, answer.text
        return answer.headers["location"]

    def arrive(self, url: str) -> httpx.Response:
        """Opens an address, and where it leads."""
        return self._follow(self.get(url))

    def submit(self, action: str) -> httpx.Response:
        """Sends the form of the first page."""
        hidden = dict(HIDDEN.findall(self.get("/").text))
        return self._follow(self.post(action, data=hidden))

    def _follow(self, answer: httpx.Response) -> httpx.Response:
        while answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["location"])
            assert target.startswith(str(self.base_url)), target
            answer = self.get(target)
        return answer


@pytest.fixture(params=APPS, ids=lambda app: app.name)
def base(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Iterator[str]:
    with running(request.param, sandbox, tmp_path) as base:
        yield base


def test_a_user_connects_sees_issues_and_disconnects(base: str, sandbox: Sandbox) -> None:
    """One walk for each example: what takes its time is starting it."""
    with Browser(base) as user, Browser(base) as other:
        assert "Connect your Jira" in user.get("/").text
        assert user.get("/callback?code=x&state=y").status_code == 400

        declined = user.arrive(sandbox.consent(user.leave("/connect"), decision="decline"))
        assert (declined.status_code, "That did not work" in declined.text) == (403, True)

        # In another browser, with or without a session of its own, the callback is refused.
        callback = sandbox.consent(user.leave("/connect"), sites=["acme"])
        assert other.get(callback).status_code == 400
        other.leave("/connect")
        assert other.get(callback).status_code == 400
        assert "Connect your Jira" in other.get("/").text
        assert sandbox.control("GET", "/log")["counts"]["code_exchanges"] == 0

        # In the right one it goes on. Reloaded it was used already, and the connection stays.
        page = user.arrive(callback)
        assert (page.status_code, "ACME-57 " in page.text) == (200, True)
        assert page.text.index("ACME-57 ") < page.text.index("ACME-56 "), "the newest is first"
        assert user.get(callback).status_code == 400
        assert "ACME-57 " in user.get("/").text
        assert [cookie.name for cookie in user.cookies.jar if not is_safe(cookie)] == []

        # The person removes the app at Atlassian, and consents again.
        sandbox.control("POST", "/accounts/ada/revoke", {})
        assert "Connect again" in user.get("/").text
        page = user.arrive(sandbox.consent(user.leave("/connect"), sites=["acme"]))
        assert "ACME-57 " in page.text

        assert "Connect your Jira" in user.submit("/disconnect").text


def is_safe(cookie: Cookie) -> bool:
    """No script reads the session, and no form of another site's sends it."""
    told = {name.lower(): str(value).lower() for name, value in vars(cookie)["_rest"].items()}
    # Django's token against forged forms is no secret to the application's own scripts.
    hidden = "httponly" in told or cookie.name == "csrftoken"
    return hidden and told.get("samesite") == "lax"


def test_the_examples_name_the_versions_that_are_tested() -> None:
    tested = json.loads((HERE / "package.json").read_text())["dependencies"]
    for manifest in EXAMPLES.glob("*/package.json"):
        named = json.loads(manifest.read_text())["dependencies"]
        assert named.pop("threelo") == "file:../.."
        assert named == {name: tested[name] for name in named}, manifest
    listed = [(HERE / "requirements.txt"), HERE.parent / "python" / "requirements.txt"]
    installed = {line for path in listed for line in path.read_text().splitlines()}
    for path in EXAMPLES.glob("*/requirements.txt"):
        assert set(path.read_text().splitlines()) <= installed, path


def test_every_example_is_run() -> None:
    assert {path.parent.name for path in EXAMPLES.glob("*/README.md")} == {app.name for app in APPS}
