"""The OpenAPI document of the sandbox's control API: that it is one, and that it says what is true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate

from threelo.testing import Sandbox


@pytest.fixture(scope="module")
def atlassian() -> Iterator[Sandbox]:
    """One that has seen something of everything."""
    fault = {"path": "/me", "kind": [{"status": 503}, {"delay_ms": 1}]}
    with Sandbox({"faults": [fault], "settings": {"expires_in": 600}}) as sandbox, sandbox.client() as client:
        sandbox.connect(client, "user-42", site="acme")
        client.refresh("user-42")
        webhook = {"events": ["jira:issue_updated"], "jqlFilter": "project = ACME"}
        hooks = {"url": "https://app.example.com/hook", "webhooks": [webhook]}
        path = "/rest/api/3/webhook"
        client.proxy_request("user-42", "POST", path, json=hooks).raise_for_status()
        yield sandbox


@pytest.fixture(scope="module")
def document(atlassian: Sandbox) -> dict[str, Any]:
    told: dict[str, Any] = atlassian.control("GET", "/openapi.json")
    return told


def errors(document: dict[str, Any], schema: dict[str, Any], value: object) -> list[str]:
    """What a validator of OpenAPI says to a value; what the schema refers to is in the document."""
    whole = {**schema, "components": document["components"]}
    return [error.message for error in OAS30Validator(whole).iter_errors(value)]


def test_it_is_an_openapi_document(document: dict[str, Any]) -> None:
    validate(document)
    empty = [
        name for name, schema in document["components"]["schemas"].items() if not schema.get("properties")
    ]
    assert empty == []


BODIES: dict[tuple[str, str], object] = {
    ("put", "/world"): {},
    ("patch", "/settings"): {},
    ("post", "/time"): {"advance_s": 0},
    ("post", "/tokens/expire"): {},
    ("post", "/tokens/inspect"): {"refresh_token": "none of ours"},
    ("post", "/accounts/{account}/revoke"): {},
    ("post", "/accounts/{account}/password"): {"changed": False},
    ("post", "/sites/{site}/uninstall"): {},
    ("post", "/sites/{site}/rename"): {"name": "ACME"},
    ("post", "/sites/{site}/permissions"): {"account": "ada", "allowed": True},
    ("post", "/sites/{site}/suspend"): {"suspended": False},
    ("post", "/faults"): {"path": "/never", "kind": {"hold": "before"}, "times": 0},
}
LAST = ["/accounts/{account}/revoke", "/sites/{site}/uninstall", "/world"]
"""These take away what others tell of."""


def test_every_answer_is_as_it_says(atlassian: Sandbox, document: dict[str, Any]) -> None:
    calls = [
        (method, path.removeprefix("/_sandbox"), call)
        for path, methods in document["paths"].items()
        for method, call in methods.items()
    ]
    # Changed, looked at, deleted, taken away; and the world at the very end.
    order = {"get": -2, "delete": -1}
    calls.sort(
        key=lambda call: (call[1] in LAST and call[0] == "put", call[1] in LAST, order.get(call[0], -3))
    )
    empty = []
    for method, path, call in calls:
        body = BODIES.get((method, path))
        if path == "/consent":
            with atlassian.client() as client:
                body = {"url": client.connect("user-43", binding=None).url}
        if body is not None:
            taken = call["requestBody"]["content"]["application/json"]["schema"]
            assert errors(document, taken, body) == [], f"{method} {path}"
        filled = path.replace("{site}", "acme").replace("{account}", "ada").replace("{id}", "1")
        answer = atlassian.control(method.upper(), filled, body)
        schema = call["responses"]["200"]["content"]["application/json"]["schema"]
        assert errors(document, schema, answer) == [], f"{method} {path}"
        if method == "get" and not answer:
            empty.append(path)
    assert empty == [], "a list with nothing in it is as it says whatever it says"


WORLD = {"$ref": "#/components/schemas/World"}


@pytest.mark.parametrize(
    "world",
    [
        {},
        {"apps": [{}], "accounts": [{"name": "eve"}], "sites": [{"subdomain": "mine"}]},
        {"sites": [{"subdomain": "mine", "accounts": None, "products": ["confluence"], "issues": 0}]},
        {"apps": [{"grant_mode": "resource", "scopes": []}], "stopped_at": None},
        {"consents": [{"account": "ada", "sites": ["acme"], "scopes": None}]},
    ],
)
def test_a_world_that_it_allows_is_taken(document: dict[str, Any], world: dict[str, Any]) -> None:
    assert errors(document, WORLD, world) == []
    with Sandbox(world) as atlassian:
        assert errors(document, WORLD, atlassian.control("GET", "/world")) == []


@pytest.mark.parametrize(
    "world",
    [
        {"sights": []},
        {"seed": "one"},
        {"apps": [{"client": "mine"}]},
        {"apps": [{"redirect_uris": "http://localhost:3000/callback"}]},
        {"apps": [{"grant_mode": "both"}]},
        {"accounts": [{}]},
        {"accounts": [{"name": 7}]},
        {"sites": [{"name": "ACME"}]},
        {"sites": [{"subdomain": "acme", "products": ["bitbucket"]}]},
        {"sites": [{"subdomain": "acme", "issues": "many"}]},
        {"sites": ["acme"]},
        {"consents": [{"account": "ada"}]},
        {"faults": [{"path": "/me"}]},
        {"settings": {"siblings": "none"}},
    ],
    ids=json.dumps,
)
def test_a_world_that_it_does_not_allow_is_refused(document: dict[str, Any], world: dict[str, Any]) -> None:
    assert errors(document, WORLD, world) != []
    with pytest.raises(ValueError, match="the world: "):
        Sandbox(world).close()
