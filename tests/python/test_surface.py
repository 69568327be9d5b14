"""The package's surface is api.toml's, and both clients are one."""

from __future__ import annotations

import inspect
import tomllib

import pytest

import threelo
from support import ROOT
from surface import surface

API = tomllib.loads((ROOT / "api.toml").read_text())


def test_verbs_and_options_are_those_of_the_list() -> None:
    # `timeout` is every verb's.
    listed = {verb: sorted([*entry["options"], "timeout"]) for verb, entry in API["verbs"].items()}
    assert {verb: sorted(options) for verb, options in surface()["verbs"].items()} == listed


def test_client_options_are_those_of_the_list() -> None:
    options = API["client"]["options"].items()
    ours = [name for name, option in options if option.get("only", "python") == "python"]
    assert surface()["client_options"] == ours


def test_fields_are_those_of_the_list() -> None:
    assert surface()["fields"] == {record: list(fields) for record, fields in API["fields"].items()}


def test_there_is_a_class_for_every_code() -> None:
    assert list(surface()["errors"]) == list(API["errors"])
    for name in surface()["errors"].values():
        assert issubclass(getattr(threelo, name), threelo.ThreeloError)


@pytest.mark.parametrize("client", [threelo.Client, threelo.AsyncClient])
@pytest.mark.parametrize("verb", list(API["verbs"]))
def test_documentation_begins_as_the_list_does(client: type, verb: str) -> None:
    documented = inspect.getdoc(getattr(client, verb)) or ""
    assert " ".join(documented.split("\n\n")[0].split()) == API["verbs"][verb]["doc"]


def test_every_public_name_is_documented() -> None:
    names = [name for name in threelo.__all__ if not name.startswith("_")]
    assert [name for name in names if not inspect.getdoc(getattr(threelo, name))] == []


ITERATED = ("paginate", "connections", "proxy_request_many")


@pytest.mark.parametrize("verb", [verb for verb in API["verbs"] if verb not in ITERATED])
def test_awaited_verbs_are_coroutine_functions(verb: str) -> None:
    # `asyncio.create_task(client.verb(...))` takes nothing less.
    assert inspect.iscoroutinefunction(getattr(threelo.AsyncClient, verb))
