"""The vectors of tests/conformance, run against both Python clients; Rust and Node run the same files."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from conformance_matchers import at, matches
from conformance_runner import ROOT, load_vectors, run_vector

API = tomllib.loads((ROOT / "api.toml").read_text())
CODES = {code: entry["retryable"] for code, entry in API["errors"].items()}
VECTORS = load_vectors()
DOCTORED = json.loads((ROOT / "tests" / "conformance" / "doctored.json").read_text())

# What a vector cannot provoke in every language, with the reason in tests/conformance/README.md.
NOT_IN_VECTORS = {"error internal"}


Outcomes = dict[tuple[str, bool], Future[None]]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Outcomes]:
    """The runs of all vectors that were selected, several at once: most of their time is spent waiting."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    wanted = [item.callspec.params for item in items if item.function is test_vector]
    with ThreadPoolExecutor(8) as pool:
        yield {
            (one["vector"]["name"], one["sync"]): pool.submit(run_vector, **one, codes=CODES)
            for one in wanted
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("sync", [True, False], ids=["Client", "AsyncClient"])
@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_vector(vector: dict[str, Any], sync: bool, outcomes: Outcomes) -> None:
    outcomes[vector["name"], sync].result()


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
            found |= {f"verb {verb}"} | {
                f"{verb} option {name}" for name in step.get("with", step.get("connected", {}))
            }
    return found


def listed() -> set[str]:
    names = {
        f"client option {name}" for name, option in API["client"]["options"].items() if "beside" not in option
    }
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
    kinds = {
        "call",
        "open",
        "consent",
        "control",
        "connected",
        "other_system",
        "background",
        "join",
        "await",
        "event",
    }
    beside = (
        "with client clients expect error save collect take raise_for_status as parallel any_outcome patient "
        "meanwhile"
    )
    known = kinds | set(beside.split())
    for vector in VECTORS:
        assert vector.keys() <= {"name", "why", "world", "client", "clients", "store", "steps"}, vector[
            "name"
        ]
        for step in vector["steps"]:
            assert len(kinds & step.keys()) == 1, (vector["name"], step)
            assert step.keys() <= known, (vector["name"], step)
        assert vector["why"]
        assert any({"expect", "error", "open"} & step.keys() for step in vector["steps"]), vector["name"]


def test_every_vector_has_the_name_of_its_file() -> None:
    files = {path.stem for path in (ROOT / "tests" / "conformance" / "vectors").glob("*.json")}
    assert {vector["name"] for vector in VECTORS} == files


MATCHERS = json.loads((ROOT / "tests" / "conformance" / "matchers.json").read_text())


@pytest.mark.parametrize("case", MATCHERS, ids=json.dumps)
def test_matchers_hold_and_fail(case: dict[str, Any]) -> None:
    assert (
        matches(at({"value": case["value"]} if "value" in case else {}, "value"), case["is"]) is case["holds"]
    )


@pytest.mark.parametrize("vector", DOCTORED, ids=[vector["name"] for vector in DOCTORED])
def test_a_doctored_vector_fails(vector: dict[str, Any]) -> None:
    """A runner that cannot fail would prove nothing."""
    with pytest.raises(AssertionError, match=vector["fails_with"]):
        run_vector(vector, sync=True, codes=CODES)
