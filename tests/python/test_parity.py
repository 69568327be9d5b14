"""The two faces offer the same, and it is what api.toml lists. Casing apart, nothing may be missing."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
Surface = dict[str, Any]


def exported(*command: str) -> Surface:
    """What a language says of its own public face."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def python() -> Surface:
    return exported(sys.executable, "tests/python/surface.py")


@pytest.fixture(scope="module")
def node() -> Surface:
    return exported("node", "tests/node/surface.mjs")


def listed(language: str | None) -> Surface:
    """What api.toml lists for a language, or for both alike."""
    listed = tomllib.loads((ROOT / "api.toml").read_text())
    options = listed["client"]["options"].items()
    return {
        "verbs": {verb: sorted([*entry["options"], "timeout"]) for verb, entry in listed["verbs"].items()},
        "fields": {record: sorted(fields) for record, fields in listed["fields"].items()},
        "errors": sorted(listed["errors"]),
        "client_options": sorted(name for name, it in options if it.get("only", language) == language),
    }


@pytest.fixture(scope="module")
def api() -> Surface:
    return listed(None)


def class_name(code: str) -> str:
    """`rate_limited` is RateLimitedError in both languages, `http_error` HttpError."""
    pascal = "".join(word.title() for word in code.split("_"))
    return pascal if pascal.endswith("Error") else pascal + "Error"


def differences(one: Surface, other: Surface) -> list[str]:
    """What stands in one surface only, as sentences."""
    found: list[str] = []
    for part in ("verbs", "fields", "errors", "client_options"):
        left, right = one[part], other[part]
        found += [f"{part}: {name} is on one side only" for name in sorted(set(left) ^ set(right))]
        if isinstance(left, dict) and isinstance(right, dict):
            for name in sorted(set(left) & set(right)):
                mine, theirs = left[name], right[name]
                if isinstance(mine, str) or isinstance(theirs, str):
                    found += [f"{part}.{name}: {mine} is not {theirs}"] if mine != theirs else []
                else:
                    found += [
                        f"{part}.{name}: {each} is on one side only"
                        for each in sorted(set(mine) ^ set(theirs))
                    ]
    return found


def test_python_and_node_offer_the_same(api: Surface, python: Surface, node: Surface) -> None:
    # What one language alone has a use for is listed as such in api.toml, and nowhere else.
    alone = {
        name
        for face in ("python", "node")
        for name in listed(face)["client_options"]
        if name not in api["client_options"]
    }
    alike = [
        {**face, "client_options": [name for name in face["client_options"] if name not in alone]}
        for face in (python, node)
    ]
    assert differences(*alike) == []
    assert alone == {"on_log"}, "Python has a logging of its own"


def test_requests_of_other_clients_take_the_same_options(
    python: Surface, node: Surface, api: Surface
) -> None:
    assert python["relay_options"] == node["relay_options"] == ["retry", "site"]
    assert set(python["relay_options"]) < set(api["verbs"]["proxy_request"])


@pytest.mark.parametrize("face", ["python", "node"])
def test_each_face_offers_what_api_toml_lists(face: str, request: pytest.FixtureRequest) -> None:
    surface = request.getfixturevalue(face)
    assert differences({**surface, "errors": sorted(surface["errors"])}, listed(face)) == []


@pytest.mark.parametrize("face", ["python", "node"])
def test_each_code_has_a_class_of_its_own_name(
    face: str, api: Surface, request: pytest.FixtureRequest
) -> None:
    classes = request.getfixturevalue(face)["errors"]
    assert classes == {code: class_name(code) for code in api["errors"]}


def doctored(surface: Surface, part: str, name: str | None) -> Surface:
    copied = copy.deepcopy(surface)
    target = copied[part] if name is None else copied[part][name]
    target.remove(target[-1]) if isinstance(target, list) else target.popitem()
    return copied


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("verbs", None),
        ("verbs", "connect"),
        ("fields", None),
        ("fields", "Connection"),
        ("errors", None),
        ("client_options", None),
    ],
)
def test_the_comparison_sees_what_is_missing(node: Surface, part: str, name: str | None) -> None:
    """On either side: a comparison that cannot fail would prove nothing."""
    assert len(differences(node, doctored(node, part, name))) == 1
    assert len(differences(doctored(node, part, name), node)) == 1


def test_the_comparison_sees_another_class(node: Surface) -> None:
    other = copy.deepcopy(node)
    other["errors"]["timeout"] = "CancelledError"
    assert differences(node, other) == ["errors.timeout: TimeoutError is not CancelledError"]
