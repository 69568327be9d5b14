"""What must hold of the built site: links and anchors lead somewhere, and no page asks another host for
anything.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself; what `<a href>` leads to is fetched by nobody but the reader.
FETCHED = {"src", "srcset", "poster", "data", "action", "background"}
FETCHED_LINKS = {
    "stylesheet",
    "icon",
    "preload",
    "modulepreload",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "manifest",
}
STYLE_FETCHES = re.compile(r"(?:url\(|@import)\s*['\"]?\s*((?:https?:)?//[^'\")\s]+)")
# The theme loads scripts for these from elsewhere where a page has one, unless the page brings the script.
LOADS_MORE = {"mermaid": "mermaid.tiny.js", "glightbox": None, "pyodide": None}


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.classes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attributes}
        self.ids |= {told[name] for name in ("id", "name") if name in told}
        self.classes |= set(told.get("class", "").split())
        self.fetched += [told[name] for name in FETCHED & told.keys()]
        self.fetched += STYLE_FETCHES.findall(told.get("style", ""))
        if tag == "a" and "href" in told:
            self.links.append(told["href"])
        if tag == "link" and FETCHED_LINKS & set(told.get("rel", "").split()):
            self.fetched.append(told["href"])


def faults(site: Path) -> list[str]:
    texts = {path.relative_to(site).as_posix(): path.read_text() for path in site.rglob("*.html")}
    built = {name: Page(text) for name, text in texts.items()}
    found = []
    for name, page in sorted(built.items()):
        found += [f"{name}: leads nowhere: {link}" for link in lost(name, page, built, site)]
        outside = [
            url for url in page.fetched if urlsplit(url).scheme in {"http", "https"} or url.startswith("//")
        ]
        outside += STYLE_FETCHES.findall("".join(re.findall(r"<style.*?</style>", texts[name], re.DOTALL)))
        found += [f"{name}: would be fetched from elsewhere: {url}" for url in outside]
        missing = [kind for kind, script in LOADS_MORE.items() if script not in page.fetched]
        missing = [kind for kind in missing if kind in page.classes]
        found += [f"{name}: its {kind} would load scripts from elsewhere" for kind in missing]
        if "\\|" in re.sub(r"<pre.*?</pre>", "", texts[name], flags=re.DOTALL):
            found.append(f"{name}: shows the backslash that hides a bar from a table")
    for path in site.rglob("*.css"):
        for url in STYLE_FETCHES.findall(path.read_text()):
            found.append(f"{path.relative_to(site)}: would be fetched from elsewhere: {url}")
    return found


def lost(name: str, page: Page, built: dict[str, Page], site: Path) -> Iterator[str]:
    for link in page.links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        # 404.html is served for any address, so its links begin at the site's root.
        base, where = (
            (site, parts.path.lstrip("/")) if name == "404.html" else ((site / name).parent, parts.path)
        )
        target = os.path.relpath(
            base / (unquote(where) or ("index.html" if name == "404.html" else name)), site
        )
        target = os.path.normpath(target) if target != "." else "index.html"
        there = (site / target).is_file()
        if not there or (parts.fragment and unquote(parts.fragment) not in built[target].ids):
            yield link
