"""scripts/catalogue: what it makes of a document, here one small enough to see through."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "catalogue"


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """The two tables that a document with these paths leads to, without their comments."""
    monkeypatch.syspath_prepend(str(SCRIPT))
    import documents
    import listings
    import operations

    def make(paths, schemas=None):
        document = {
            "info": {"title": "Small", "version": "1"},
            "paths": paths,
            "components": {"schemas": schemas or {}},
        }
        path = tmp_path / "small.json"
        path.write_text(json.dumps(document))
        read = [documents.Document(path)]
        texts = operations.table(read), listings.table(read)
        return [[line for line in text.splitlines() if line and line[0] != "#"] for text in texts]

    yield make
    for name in ("documents", "listings", "operations"):
        sys.modules.pop(name, None)


def operation(schema=None, *, scopes=(), granular=(), parameters=(), **more):
    tagged = [{"scheme": "OAuth2", "state": "Current", "scopes": list(scopes)}]
    tagged.append({"scheme": "OAuth2", "state": "Beta", "scopes": list(granular)})
    answer = {"content": {"application/json": {"schema": schema or {}}}}
    return {
        "security": [{"basicAuth": []}, {"OAuth2": list(scopes)}, {}],
        "x-atlassian-oauth2-scopes": tagged,
        "parameters": [{"name": name, "in": "query", "schema": {}} for name in parameters],
        "responses": {"200": answer},
        **more,
    }


def page(*names, items=None):
    members = {name: {"type": "integer"} for name in names}
    return {"type": "object", "properties": members | {"values": {"type": "array", "items": items or {}}}}


def test_operations_stand_under_the_scopes_they_need(tables):
    may = (
        "Sets it.\n\n**[Permissions](#permissions) required:** *Administer projects* [project permission](x) "
        "or *Administer Jira* [project permission](x), *Browse Project* [project permission](x)."
    )
    read = {"scopes": ["read:jira-work"], "granular": ["read:b:jira", "read:a:jira"]}
    gone = {
        "deprecated": True,
        "description": "Deprecated, use [that](#api-rest-api-3-new-id-get).",
        "x-changes": [{"type": "removed", "effective": "2026-02-01"}],
    }
    written, _ = tables(
        {
            "/rest/api/3/old": {"get": operation(**read, **gone)},
            "/rest/api/3/new/{id}": {
                "get": operation(**read, description=may),
                "delete": operation(responses={"303": {}}),
            },
            "/rest/api/3/hook": {"get": operation(**read, description="Only [Connect apps](x) may.")},
            "/devinfo/1": {"post": {"responses": {}}},
        }
    )
    assert written == [
        "@ read:jira-work | read:b:jira read:a:jira",
        "GET /rest/api/3/hook connect-only",
        "GET /rest/api/3/new/{id} "
        "may=project:Administer_projects,global:Administer_Jira,project:Browse_projects",
        "GET /rest/api/3/old deprecated removed=2026-02-01 -> GET /rest/api/3/new/{id}",
        "@ |",
        "DELETE /rest/api/3/new/{id} task",
        "POST /devinfo/1 connect-only",
    ]


def test_listings_are_told_from_their_answers(tables):
    user = {"type": "object", "properties": {"accountId": {"type": "string"}, "age": {"type": "integer"}}}
    bean = page("startAt", "maxResults", "total", "isLast", items={"$ref": "#/components/schemas/User"})
    nested = {"type": "object", "properties": {"users": page("nextPageToken"), "id": {"type": "string"}}}
    paging = ("startAt", "maxResults")
    _, written = tables(
        {
            "/rest/api/3/bean": {"get": operation(bean, parameters=paging)},
            "/rest/api/3/nested": {"get": operation(nested, parameters=("nextPageToken", "maxResults"))},
            "/rest/api/3/array": {"get": operation({"type": "array", "items": user}, parameters=paging)},
            "/rest/api/3/feed": {"get": operation(page("since", "until", "lastPage"), parameters=("since",))},
            "/rest/api/3/one": {"get": operation(user)},
            "/rest/api/3/groups/picker": {"get": operation(page("total"), parameters=("maxResults",))},
        },
        {"User": user},
    )
    found = {row["op"].removeprefix("GET /rest/api/3/"): row for row in map(json.loads, written)}
    shapes = {name: (row["row"], row["shape"], row["list"]) for name, row in found.items()}
    assert shapes == {
        "array": (5, "array", ""),
        "bean": (1, "bean", "values"),
        "feed": (7, "feed", "values"),
        "nested": (4, "token", "users.values"),
    }
    assert (found["bean"]["id"], found["bean"]["size"]) == ("accountId", "maxResults")


def test_what_looks_like_a_listing_of_no_known_shape_is_refused(tables):
    with pytest.raises(SystemExit, match=r"GET /rest/api/3/odd \(maxResults, total\)"):
        tables({"/rest/api/3/odd": {"get": operation(page("total"), parameters=("maxResults",))}})


def test_two_operations_of_one_method_and_path_are_refused(tables):
    with pytest.raises(AssertionError, match="same method and path"):
        tables({"/rest/{a}": {"get": operation()}, "/rest/{b}": {"get": operation()}})


def test_checking_needs_no_document_and_fails_with_another_one(tmp_path):
    def check(*paths):
        command = [sys.executable, str(SCRIPT), "--check", *paths]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert check().returncode == 0
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"info": {"title": "Other", "version": "1"}, "paths": {}}))
    stale = check(str(other))
    assert stale.returncode == 1
    assert "operations.txt is not what these documents lead to" in stale.stderr
