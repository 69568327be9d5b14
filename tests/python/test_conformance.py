"""The vectors of tests/conformance, run against both Python clients; Rust and Node run the same files."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from conformance_runner import ROOT, load_vectors, run_vector

API = tomllib.loads((ROOT / "api.toml").read_text())
CODES = {code: entry["retryable"] for code, entry in API["errors"].items()}
VECTORS = load_vectors()

# What a vector cannot provoke in every language, with the reason in tests/conformance/README.md.
NOT_IN_VECTORS: set[str] = set()


@pytest.mark.parametrize("sync", [True, False], ids=["Client", "AsyncClient"])
@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_vector(vector: dict[str, Any], sync: bool) -> None:
    run_vector(vector, sync=sync, codes=CODES)


def all_steps() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for vector in VECTORS:
        for step in vector["steps"]:
            yield vector, step.get("background", step)


def used() -> set[str]:
    """Every verb, option and code that a vector uses, and every field it looks at."""
    found: set[str] = set()
    for vector, step in all_steps():
        for options in [vector.get("client", {}), *vector.get("clients", {}).values(), step.get("open", {})]:
            found |= {f"client option {name}" for name in options}
        found |= {f"error {step['error']}"} if "error" in step else set()
        found |= {f"event {step['event']['kind']}"} if "event" in step else set()
        verb = "connect" if "connected" in step else step.get("call")
        if verb is not None:
            found |= {f"verb {verb}"} | {f"{verb} option {name}" for name in step.get("with", step.get("connected", {}))}
    return found


def listed() -> set[str]:
    names = {f"client option {name}" for name, option in API["client"]["options"].items() if "beside" not in option}
    names |= {f"error {code}" for code in API["errors"]} | {f"event {kind}" for kind in API["events"]}
    for verb, entry in API["verbs"].items():
        names |= {f"verb {verb}"} | {f"{verb} option {name}" for name in entry["options"]}
    return names


def test_every_verb_option_code_and_event_is_in_a_vector() -> None:
    missing = listed() - used()
    assert missing == NOT_IN_VECTORS, sorted(missing ^ NOT_IN_VECTORS)


def test_what_is_not_in_vectors_is_explained() -> None:
    readme = (ROOT / "tests" / "conformance" / "README.md").read_text()
    assert [name for name in NOT_IN_VECTORS if name.split()[-1] not in readme] == []


def test_every_field_is_looked_at() -> None:
    told = json.dumps(VECTORS)
    fields = {name for record, fields in API["fields"].items() for name in fields if record != "Error"}
    assert {name for name in fields if f'{name}"' not in told and f"{name}." not in told} == set()


def test_vectors_are_well_formed() -> None:
    kinds = {"call", "open", "consent", "control", "connected", "other_system", "background", "join", "await", "event"}
    known = kinds | {
        "with", "client", "clients", "expect", "error", "save", "collect", "take", "raise_for_status", "as", "parallel", "any_outcome",
    }  # fmt: skip
    for vector in VECTORS:
        assert vector.keys() <= {"name", "why", "world", "client", "clients", "store", "steps"}, vector["name"]
        for step in vector["steps"]:
            assert len(kinds & step.keys()) == 1, (vector["name"], step)
            assert step.keys() <= known, (vector["name"], step)
        assert vector["why"] and any("expect" in step or "error" in step or "open" in step for step in vector["steps"]), vector["name"]


def test_every_vector_has_the_name_of_its_file() -> None:
    files = sorted(path.stem for path in (ROOT / "tests" / "conformance" / "vectors").glob("*.json"))
    assert [vector["name"] for vector in VECTORS] == files
