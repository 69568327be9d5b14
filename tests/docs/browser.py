"""A browser with a person at it, as `xdg-open`: opens the page of `threelo connect`, accepts Atlassian's
question for the sites in PERSON_SITES, goes where that leads, and takes one of them where a page asks
which.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import sys
from html import unescape
from urllib.parse import urlencode, urljoin, urlsplit

PATIENCE = 30.0


def ask(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    """One request; redirects are the caller's."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=PATIENCE)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, headers or {})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def consent(url: str, sites: list[str] | None = None) -> str:
    """Says yes at the sandbox's page; returns where the browser is sent."""
    parts = urlsplit(url)
    choice = {"url": url} | ({"sites": sites} if sites else {})
    place = f"{parts.scheme}://{parts.netloc}/_sandbox/consent"
    answer, body = ask("POST", place, json.dumps(choice).encode(), {"content-type": "application/json"})
    assert answer.status == 200, body
    return str(json.loads(body)["callback"])


def visit(url: str) -> None:
    answer, _ = ask("GET", url)
    assert answer.status == 303, answer.status
    cookie = {"cookie": answer.headers["set-cookie"].split(";")[0]}
    sites = os.environ.get("PERSON_SITES", "").split()
    callback = consent(answer.headers["location"], sites)
    answer, _ = ask("GET", callback, headers=cookie)
    _, page = ask("GET", urljoin(callback, answer.headers["location"]), headers=cookie)
    form = re.search(r'action="([^"]+)"', page.decode())
    offered = re.findall(r'name="site" value="([^"]+)"(.*?)</label>', page.decode(), re.DOTALL)
    if form and offered:
        parts = urlsplit(callback)
        named = [value for value, label in offered if any(site in label for site in sites)]
        chosen = urlencode({"site": unescape((named or [offered[0][0]])[0])}).encode()
        origin = f"{parts.scheme}://{parts.netloc}"
        kind = {"content-type": "application/x-www-form-urlencoded", "origin": origin}
        ask("POST", f"{origin}{unescape(form[1])}", chosen, cookie | kind)


if __name__ == "__main__":
    visit(sys.argv[1])
