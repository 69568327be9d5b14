"""The chapters of the demo. Each shows something and then checks it against the sandbox's log: what the
clients say of themselves is never enough.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import browser
from app import REDIRECT_URI
from children import Child, Children
from sandbox import Sandbox
from story import Story, Untrue, check, check_some
from threelo import Client, SiteNotFoundError

HERE = Path(__file__).resolve().parent
ACCOUNT = "Ada Lovelace"
MYSELF = "/rest/api/3/myself"
SEARCH = "/rest/api/3/search/jql"
WORKERS = [f"{language}-{number}" for number in range(1, 5) for language in ("python", "node")]
QUERY = {"jql": "project = ACME", "fields": "summary"}
CALLS = 25


@dataclass(frozen=True)
class Stage:
    """What the chapters share."""

    story: Story
    sandbox: Sandbox
    children: Children
    client: Client
    store: str
    node: str

    def task(self, **more: Any) -> dict[str, Any]:
        """What another process has to know."""
        return {"url": self.sandbox.url, "store": self.store, "id": "ada", **more}

    def acme(self) -> str:
        """The cloud id of the site that is meant."""
        return str(self.sandbox.sites()["acme"]["cloud_id"])


def a_little_atlassian(stage: Stage) -> None:
    stage.story.chapter("A little Atlassian starts")
    sites = stage.sandbox.sites()
    stage.story.say(f"The sandbox listens on {stage.sandbox.url}. Its sites, in its own order:")
    stage.story.table([(name, site["name"], " + ".join(site["products"])) for name, site in sites.items()])
    jira = [name for name, site in sites.items() if "jira" in site["products"]]
    check("acme is one of the Jira sites", "acme" in jira, True)
    first = {jira[0], next(iter(sites))}
    check("acme is neither the first site nor the first with Jira", "acme" in first, False)
    stage.story.proven(f"{len(sites)} sites, {len(jira)} with Jira. The one we want, acme, is not the first.")


def python_connects(stage: Stage) -> None:
    story, sandbox, client = stage.story, stage.sandbox, stage.client
    story.chapter("Python connects Ada's Jira and calls it")
    sandbox.clear_log()
    story.code('session = client.connect("ada", binding="browser-1", site="acme")')
    session = client.connect("ada", binding="browser-1", site="acme")
    callback = browser.consent(session.url, account=ACCOUNT, site="acme", decision="accept")
    check("the browser comes back to the app", callback.split("?")[0], REDIRECT_URI)
    story.code('connection = client.complete(callback_url, binding="browser-1")')
    connection = client.complete(callback, binding="browser-1")
    assert connection.site is not None
    listed = client.sites("ada")
    story.say(f"A small browser accepted as {ACCOUNT}. The grant reaches {len(listed)} Jira sites:")
    chosen = connection.site.cloud_id
    story.table([("→" if site.cloud_id == chosen else "", site.name, site.url) for site in listed])
    granted = {site["cloud_id"] for site in sandbox.granted("ada")}
    check("sites of the grant", {site.cloud_id for site in listed}, granted)
    check("there were several to choose from", len(granted) > 1, True)
    check("the first of them was another one", listed[0].cloud_id != chosen, True)

    story.code(f'client.proxy_request("ada", "GET", "{MYSELF}")')
    response = client.proxy_request("ada", "GET", MYSELF)
    story.code(f'client.paginate("ada", "{SEARCH}", params={json.dumps(QUERY)})')
    issues = client.paginate("ada", SEARCH, params=QUERY)
    keys = [issue["key"] for issue in issues]
    name = response.json()["displayName"]
    story.say(f"Jira answers {response.status} to {name} and lists {', '.join(keys[:3])}, …")

    log = sandbox.log()
    there = sandbox.control("GET", "/sites/acme/issues")["total"]
    pages = log.at(SEARCH, status=200)
    check("consents accepted", len(log.at("/authorize", outcome="accepted")), 1)
    check("codes exchanged", log.counts["code_exchanges"], 1)
    check("tokens refreshed", log.counts["refresh_exchanges"], 0)
    check("cloud ids of the sites called", log.sites_called(), {stage.acme()})
    check("calls to /myself answered", log.accounts(MYSELF), ["ada"])
    check("issues listed, each once", len(set(keys)), there)
    check("they came in several pages", len(pages) > 1, True)
    story.proven(f"1 consent, 1 code exchanged, {there} issues in {len(pages)} pages; only acme was called.")


def node_joins(stage: Stage) -> None:
    story, sandbox = stage.story, stage.sandbox
    story.chapter("Node opens the same store")
    sandbox.clear_log()
    story.code(f'await client.proxyRequest("ada", "GET", "{MYSELF}")')
    node = stage.children.start("node", stage.node, HERE / "first_call.mjs")
    node.tell(stage.task())
    said = node.hear()
    node.finish()
    story.say(f"Jira answers {said['status']} to {said['name']} on {said['site']}.")
    log = sandbox.log()
    check("consent pages opened", len(log.at("/authorize")), 0)
    check("tokens exchanged", len(log.at("/oauth/token")), 0)
    check("calls to /myself answered", log.accounts(MYSELF), ["ada"])
    check("cloud ids of the sites called", log.sites_called(), {stage.acme()})
    story.proven("No new consent and no token exchanged: Python and Node share the connection.")


def eight_processes_one_exchange(stage: Stage) -> None:
    story, sandbox = stage.story, stage.sandbox
    total = len(WORKERS) * CALLS
    story.chapter(f"The access token expires under {len(WORKERS)} processes")
    workers = [_worker(stage, name) for name in WORKERS]
    check("first calls", [worker.hear() for worker in workers], [{"ready": "200"}] * len(workers))
    check("access tokens expired", sandbox.control("POST", "/tokens/expire"), {"expired": 1})
    sandbox.clear_log()
    story.say("4 Python and 4 Node processes are ready; then Atlassian lets the access token expire.")
    story.say(f"Now each makes {CALLS} calls at once …")
    began = time.monotonic()
    for worker in workers:
        worker.tell("go")
    outcomes = Counter(outcome for worker in workers for outcome in worker.hear()["outcomes"])
    took = time.monotonic() - began
    for worker in workers:
        worker.finish()

    log = sandbox.log()
    refused = set(log.callers(401))
    answered = Counter(log.callers(200))
    counts = log.counts
    rows = [
        ("calls", f"{total}"),
        ("answered with 200", f"{sum(answered.values())}"),
        ("met the expired token first", f"{len(refused)}"),
        ("token exchanges", f"{counts['refresh_exchanges']}"),
        ("seconds", f"{took:.2f}"),
    ]
    story.table(rows)
    check("what the callers saw", dict(outcomes), {"200": total})
    check_some("calls that met the expired token", refused)
    check("token exchanges", counts["refresh_exchanges"], 1)
    check("pairs of tokens made", (counts["rotations"], counts["replays"], counts["breaches"]), (1, 0, 0))
    check("consents", len(log.at("/authorize")) + counts["code_exchanges"], 0)
    every = Counter(f"{name}/{number}" for name in WORKERS for number in range(CALLS))
    check("calls not answered, or answered twice", sorted((every - answered) + (answered - every)), [])
    check("cloud ids of the sites called", log.sites_called(), {stage.acme()})
    story.proven(f"Exactly 1 token exchange, {sum(answered.values())} of {total} answered.")


def _worker(stage: Stage, name: str) -> Child:
    python = name.startswith("python")
    program, script = (sys.executable, "worker.py") if python else (stage.node, "worker.mjs")
    worker = stage.children.start(name, program, HERE / script)
    worker.tell(stage.task(name=name, calls=CALLS))
    return worker


def a_wrong_subdomain(stage: Stage) -> None:
    story, sandbox, client = stage.story, stage.sandbox, stage.client
    story.chapter("A wrong subdomain is refused")
    sandbox.clear_log()
    story.code('client.connect("typo", binding="browser-2", site="acmee") … client.complete(…)')
    session = client.connect("typo", binding="browser-2", site="acmee")
    callback = browser.consent(session.url, account=ACCOUNT, site="acme", decision="accept")
    try:
        connection = client.complete(callback, binding="browser-2")
    except SiteNotFoundError as error:
        refusal = error
    else:
        raise Untrue("site acmee", "site_not_found", f"connected to {connection.site}")
    story.say(f"{refusal.code}: {refusal.message}")
    listed = {site["cloud_id"] for site in refusal.context["sites"]}
    check("sites listed in the refusal", listed, {site["cloud_id"] for site in sandbox.granted("ada")})
    check("sites called on the way", sandbox.log().sites_called(), set())

    story.code('client.select_site("typo", "acme")')
    client.select_site("typo", "acme")
    client.proxy_request("typo", "GET", MYSELF)
    log = sandbox.log()
    check("consents accepted", len(log.at("/authorize", outcome="accepted")), 1)
    check("tokens exchanged", len(log.at("/oauth/token")), 1)
    check("calls to /myself answered", log.accounts(MYSELF), ["ada"])
    check("cloud ids of the sites called", log.sites_called(), {stage.acme()})
    story.proven(f"site_not_found with the list of {len(listed)}; put right without asking Ada again.")


CHAPTERS = [a_little_atlassian, python_connects, node_joins, eight_processes_one_exchange, a_wrong_subdomain]
