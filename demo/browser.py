"""A browser just good enough for a consent page: it reads the form, fills it in as a person would, sends it,
and says where it was sent next. It does not go there: the callback is the app's own business.
"""

from __future__ import annotations

from html.parser import HTMLParser
from http.client import HTTPConnection
from urllib.parse import urlencode, urljoin, urlsplit

from story import Untrue, check

PATIENCE = 20.0
"""How long, in seconds, a page may take."""


class Form(HTMLParser):
    """The page's form: where it goes, what it carries, and what can be chosen under each name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.carried: dict[str, str] = {}
        self.choices: dict[str, list[tuple[str, str]]] = {}
        """Under each name the values, each with its label."""
        self._select = ""
        self._open: tuple[str, str] | None = None
        """Name and value of the choice whose label is being read."""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", self._select), given.get("value", "")
        match tag, given.get("type"):
            case "form", _:
                self.action = given["action"]
            case "input", "hidden":
                self.carried[name] = value
            case "select", _:
                self._select = name
            case ("option" | "button", _) | ("input", "radio" | "checkbox"):
                self._open = (name, value)

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            name, value = self._open
            self.choices.setdefault(name, []).append((value, data.strip()))
            self._open = None

    def choose(self, name: str, wanted: str) -> None:
        """Takes the choice that has this value, or the only one whose label begins so.

        Raises:
            Untrue: the page does not offer it.
        """
        offered = self.choices.get(name, [])
        values = [value for value, _ in offered]
        labelled = [value for value, label in offered if label.startswith(wanted)]
        if wanted not in values and len(labelled) != 1:
            raise Untrue(f"the consent page offers this {name}", wanted, offered)
        self.carried[name] = wanted if wanted in values else labelled[0]


def consent(url: str, *, account: str, site: str, decision: str) -> str:
    """Answers the consent page at `url`; returns the callback URL the browser is sent to."""
    status, page, _ = _send("GET", url)
    check("the consent page is shown", status, 200)
    form = Form(page)
    form.choose("account", account)
    form.choose("site", site)
    form.choose("decision", decision)
    status, page, location = _send("POST", urljoin(url, form.action), urlencode(form.carried))
    if status not in (302, 303) or not location:
        raise Untrue("the consent leads back to the app", "a redirect", f"{status} {page[:200]}")
    return location


def _send(method: str, url: str, body: str | None = None) -> tuple[int, str, str | None]:
    """Status, text and Location of an answer."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=PATIENCE)
    try:
        headers = {"content-type": "application/x-www-form-urlencoded"} if body is not None else {}
        connection.request(method, parts._replace(scheme="", netloc="").geturl(), body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("location")
    finally:
        connection.close()
