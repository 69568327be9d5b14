"""Prints the public surface of the Python package as JSON, in snake_case, taken from the package itself."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

import threelo
from threelo import _options, _relay, errors

RECORDS = (
    threelo.ConnectSession,
    threelo.Authorization,
    threelo.Site,
    threelo.Connection,
    threelo.Response,
    threelo.KeepAliveReport,
    threelo.RekeyReport,
    threelo.Attention,
    threelo.HistoryEntry,
    threelo.LedgerEntry,
    threelo.RateLimit,
    threelo.RequestResult,
)
FROM_HEAD = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def verbs(client: type) -> dict[str, list[str]]:
    """The public methods and, per method, its parameters by position followed by its keywords."""
    public = {name: method for name, method in vars(client).items() if not name.startswith("_")}
    return {name: head(method) + keywords(method) for name, method in public.items()}


def head(method: Any) -> list[str]:
    parameters = inspect.signature(method).parameters.values()
    return [each.name for each in parameters if each.kind in FROM_HEAD and each.name != "self"]


def keywords(method: Any) -> list[str]:
    """The keys of the TypedDict that `**options` unpacks."""
    # The annotation is text: "Unpack[given.ConnectOptions]".
    name = method.__annotations__["options"].removeprefix("Unpack[given.").removesuffix("]")
    return list(getattr(_options, name).__annotations__)


def defaults(client: type) -> list[str]:
    """Parameters with a default value: there must be none, for all defaults are the core's."""
    methods = [method for name, method in vars(client).items() if not name.startswith("_")]
    parameters = [each for method in methods for each in inspect.signature(method).parameters.values()]
    return [each.name for each in parameters if each.default is not inspect.Parameter.empty]


READERS = ("content", "text")
"""Properties of a response that are ways to read its body, and so the language's own."""


def fields(record: type) -> list[str]:
    if dataclasses.is_dataclass(record):
        return [field.name for field in dataclasses.fields(record) if not field.name.startswith("_")]
    properties = [name for name, value in vars(record).items() if isinstance(value, property)]
    return [name for name in properties if name not in READERS]


def surface() -> dict[str, Any]:
    sync, awaited = verbs(threelo.Client), verbs(threelo.AsyncClient)
    if sync != awaited or defaults(threelo.Client) or defaults(threelo.AsyncClient):
        raise SystemExit("Client and AsyncClient differ, or have defaults of their own")
    error = [name for name in errors.ThreeloError.__annotations__ if not name.startswith("_")]
    return {
        "verbs": sync,
        "fields": {record.__name__: fields(record) for record in RECORDS} | {"Error": error},
        "errors": {code: kind.__name__ for code, kind in errors.BY_CODE.items()},
        # httpx and requests have timeouts of their own, the web has none.
        "relay_options": sorted(_relay.RelayOptions.__annotations__),
        "client_options": list(_options.ClientOptions.__annotations__),
    }


if __name__ == "__main__":
    print(json.dumps(surface(), indent=1))
