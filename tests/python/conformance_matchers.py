"""What conformance vectors expect of a value. tests/conformance/README.md has the table of matchers."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

Json = Any
MISSING = object()
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def plain(value: Any) -> Json:
    """What a face handed out, as the vectors write it: times in milliseconds, records as objects."""
    if isinstance(value, dt.datetime):
        assert value.tzinfo is not None, "times carry their zone"
        return round(value.timestamp() * 1000)
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | frozenset | set):
        return [plain(item) for item in value]
    return value


def at(value: Json, path: str) -> Json:
    for name in path.split(".") if path else []:
        if isinstance(value, list):
            value = value[int(name)] if name.isdigit() and int(name) < len(value) else MISSING
        else:
            value = value.get(name, MISSING) if isinstance(value, dict) else MISSING
        if value is MISSING:
            return MISSING
    return value


def same(actual: Json, expected: Json) -> bool:
    """Equality as JSON has it: true is not 1."""
    if isinstance(actual, dict) and isinstance(expected, dict):
        return actual.keys() == expected.keys() and all(
            matches(actual[name], expected[name]) for name in expected
        )
    if isinstance(actual, list) and isinstance(expected, list):
        return len(actual) == len(expected) and all(map(matches, actual, expected))
    return isinstance(actual, bool) == isinstance(expected, bool) and bool(actual == expected)


def contains(actual: Json, wanted: Json) -> bool:
    if isinstance(actual, str) and isinstance(wanted, str):
        return wanted in actual
    inside = list(actual.values()) if isinstance(actual, dict) else actual if isinstance(actual, list) else []
    return any(matches(item, wanted) or contains(item, wanted) for item in inside if item is not None)


def words(value: Json) -> list[str]:
    return sorted(value.split() if isinstance(value, str) else value)


MATCHERS: dict[str, Callable[[Json, Json], bool]] = {
    "$present": lambda actual, _: actual is not MISSING and actual is not None,
    "$absent": lambda actual, _: actual is MISSING or actual is None,
    "$length": lambda actual, wanted: isinstance(actual, list | str | dict) and len(actual) == wanted,
    "$starts": lambda actual, wanted: isinstance(actual, str) and actual.startswith(wanted),
    "$ends": lambda actual, wanted: isinstance(actual, str) and actual.endswith(wanted),
    "$uuid": lambda actual, _: isinstance(actual, str) and UUID.fullmatch(actual) is not None,
    "$base64url": lambda actual, least: isinstance(actual, str) and is_base64url(actual, least),
    "$greater": lambda actual, wanted: isinstance(actual, int | float) and actual > wanted,
    "$contains": contains,
    "$not": lambda actual, wanted: actual is not MISSING and not matches(actual, wanted),
    "$words": lambda actual, wanted: isinstance(actual, str | list) and words(actual) == words(wanted),
    "$json": lambda actual, wanted: isinstance(actual, str) and same(json.loads(actual), wanted),
    "$form": lambda actual, wanted: isinstance(actual, str) and same(form(actual), wanted),
    "$query": lambda actual, wanted: (
        isinstance(actual, str) and all(matches(query(actual, name), value) for name, value in wanted.items())
    ),
}


def matches(actual: Json, expected: Json) -> bool:
    if isinstance(expected, dict) and expected and all(name.startswith("$") for name in expected):
        return all(MATCHERS[name](actual, wanted) for name, wanted in expected.items())
    return actual is not MISSING and same(actual, expected)


def form(text: str) -> dict[str, list[str]]:
    return urllib.parse.parse_qs(text, keep_blank_values=True, strict_parsing=bool(text))


def query(url: str, name: str) -> Json:
    values = form(urllib.parse.urlsplit(url).query).get(name, [])
    return values[0] if len(values) == 1 else MISSING


def is_base64url(text: str, least: int) -> bool:
    return len(text) >= least and re.fullmatch("[A-Za-z0-9_-]+", text) is not None
