"""Jira clients that other people wrote, on a connection of threelo's: `jira` and `atlassian-python-api`.
jira.js is in `clients.test.mjs`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from atlassian import Jira
from jira import JIRA, JIRAError

import threelo
import threelo.requests
from threelo.testing import Sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[threelo.Client]:
    with sandbox.client() as client:
        sandbox.connect(client, "user-42", sites=["acme"])
        yield client


def pycontribs(client: threelo.Client) -> JIRA:
    """As docs/clients.md says."""
    site = client.connection("user-42").site
    assert site
    jira = JIRA(server=site.url, get_server_info=False, max_retries=0)
    jira.deploymentType = "Cloud"
    threelo.requests.mount(jira._session, client, "user-42")
    return jira


def atlassian(client: threelo.Client) -> Jira:
    """As docs/clients.md says."""
    site = client.connection("user-42").site
    assert site
    session = threelo.requests.session(client, "user-42")
    return Jira(url=site.url, cloud=True, api_version="3", session=session)


def test_pycontribs_jira_reads_writes_and_walks(client: threelo.Client) -> None:
    jira = pycontribs(client)
    assert jira.myself()["displayName"] == "Ada Lovelace"
    assert jira.server_info()["deploymentType"] == "Cloud"
    assert jira.project("ACME").key == "ACME"
    found = jira.enhanced_search_issues("project = ACME", maxResults=0, fields="summary")
    assert {issue.key for issue in found} == {f"ACME-{number}" for number in range(1, 58)}
    issue = jira.create_issue(project="ACME", summary="made", issuetype={"name": "Task"})
    issue.update(summary="changed")
    assert jira.issue(issue.key).fields.summary == "changed"
    jira.add_comment(issue.key, "said")
    assert [comment.body for comment in jira.comments(issue.key)] == ["said"]
    attachment = jira.add_attachment(issue.key, io.BytesIO(b"content"), "a.txt")
    assert attachment.get() == b"content"
    with pytest.raises(JIRAError) as caught:
        jira.issue("ACME-999")
    assert caught.value.status_code == 404


def test_atlassian_python_api_reads_writes_and_walks(client: threelo.Client) -> None:
    jira = atlassian(client)
    assert jira.myself()["displayName"] == "Ada Lovelace"
    assert len(jira.enhanced_jql_get_list_of_tickets("project = ACME")) == 57
    assert "summary" in {field["id"] for field in jira.get_all_fields()}
    fields = {"project": {"key": "ACME"}, "summary": "made", "issuetype": {"name": "Task"}}
    key = jira.issue_create(fields)["key"]
    jira.update_issue_field(key, {"summary": "changed"})
    assert jira.issue(key)["fields"]["summary"] == "changed"
    assert jira.issue_add_comment(key, "said")["id"]
    assert jira.add_attachment_object(key, io.BytesIO(b"content"))[0]["size"] == len(b"content")


def test_their_tokens_are_healed_and_stay_at_home(client: threelo.Client, sandbox: Sandbox) -> None:
    jira = pycontribs(client)
    sandbox.control("POST", "/tokens/expire", {})
    sandbox.control("DELETE", "/log")
    assert jira.myself()["accountId"]
    assert atlassian(client).myself()["accountId"]
    assert sandbox.control("GET", "/log")["counts"]["refresh_exchanges"] == 1
    with pytest.raises(threelo.DestinationRefusedError):
        jira._session.get("https://evil.example.com/rest/api/3/myself")
    client.close()
    with pytest.raises(threelo.ClosedError):
        jira.myself()
