"""Options go to the core as they are given, and the core says which one is wrong."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import threelo
from support import offline_options
from threelo import _wire

CLIENTS = [threelo.Client, threelo.AsyncClient]


def refusal(kind: Any, /, **options: Any) -> threelo.ThreeloError:
    with pytest.raises(threelo.InvalidConfigError) as caught:
        kind(**options)
    return caught.value


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_misspelt_option_is_named(kind: Any) -> None:
    error = refusal(kind, **offline_options(scope=["read:jira-work"]))
    assert (error.code, error.context["option"]) == ("invalid_config", "scope")


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("missing", ["client_id", "client_secret", "redirect_uri", "scopes"])
def test_a_missing_option_is_named(kind: Any, missing: str) -> None:
    options = offline_options()
    del options[missing]
    error = refusal(kind, **options)
    assert (error.context["option"], error.context["given"]) == (missing, "missing")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("store", object()),
        ("scopes", {"read:jira-work"}),
        ("scopes", "read:jira-work"),
        ("endpoints", {"api": object()}),
        ("max_body_bytes", float("nan")),
        ("site_policy", "last"),
        ("on_event", "not callable"),
        ("client_secret", 5),
    ],
)
def test_a_value_that_cannot_work_is_named(option: str, value: object) -> None:
    error = refusal(threelo.Client, **offline_options(**{option: value}))
    assert error.context["option"] == option
    assert error.hint


def test_a_secret_of_the_wrong_kind_is_not_repeated() -> None:
    error = refusal(threelo.Client, **offline_options(client_secret=["canary-client-secret"]))
    assert "canary" not in str(error) + repr(error) + repr(error.context)


def test_a_verb_names_the_option_it_misses_or_does_not_know() -> None:
    with threelo.Client(**offline_options()) as client:
        untyped: Any = client
        calls: list[tuple[Callable[[], object], str]] = [
            (lambda: untyped.connect("user-42"), "binding"),
            (lambda: untyped.connect("user-42", binding=None, sites="acme"), "sites"),
            (lambda: untyped.connect(42, binding=None), "id"),
            (lambda: untyped.proxy_request("user-42", "GET", "/", data=5), "data"),
            (lambda: untyped.proxy_request("user-42", "GET", "/", json=float("inf")), "json"),
            (
                lambda: untyped.proxy_request("user-42", "GET", "/", params={"when": datetime.now(UTC)}),
                "params",
            ),
            (lambda: untyped.import_connection("user-42"), "refresh_token"),
            (lambda: untyped.refresh("user-42", timeout="soon"), "timeout"),
            (lambda: untyped.refresh("user-42", timeout=-1), "timeout"),
            (lambda: untyped.paginate("user-42", "/", size=5), "size"),
            (lambda: next(untyped.connections(tag="red")), "tag"),
        ]
        for call, option in calls:
            with pytest.raises(threelo.InvalidArgumentError) as caught:
                call()
            assert caught.value.context["option"] == option


async def test_awaited_verbs_refuse_alike() -> None:
    async with threelo.AsyncClient(**offline_options()) as client:
        untyped: Any = client
        with pytest.raises(threelo.InvalidArgumentError) as caught:
            await untyped.connect("user-42", binding=None, sites="acme")
        assert caught.value.context["option"] == "sites"


def test_a_time_without_a_zone_is_no_time() -> None:
    with threelo.Client(**offline_options()) as client, pytest.raises(threelo.InvalidArgumentError) as caught:
        client.import_connection("user-42", refresh_token="r", expires_at=datetime(2030, 1, 1))
    assert caught.value.context["option"] == "expires_at"


def test_conversions() -> None:
    key = bytes(range(32))
    text = base64.b64encode(key).decode()
    for given, crossed in [(key, text), ([key, "other"], [text, "other"]), (memoryview(key), text)]:
        assert f'"encryption_key":{crossed!r}'.replace("'", '"').replace(" ", "") in _wire.encode_client(
            {"encryption_key": given}
        )
    assert _wire.encode_client({"store": Path("a") / "b.db"}) == '{"store":"a/b.db"}'
    assert _wire.encode({"expires_at": datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)}) == '{"expires_at":1500}'
    assert _wire.encode({"tags": MappingProxyType({"a": "b"})}) == '{"tags":{"a":"b"}}'
    assert _wire.encode_request({"data": "ä"}, id="x") == ('{"id":"x"}', "ä".encode())
    assert _wire.encode_request({"data": bytearray(b"a")}, id="x") == ('{"id":"x"}', b"a")
    assert _wire.encode_request({"json": None}, id="x") == ('{"id":"x","json":null}', None)


def test_the_representation_has_no_secret() -> None:
    with threelo.Client(**offline_options()) as client:
        assert repr(client) == "Client(client_id='client', store='memory:')"


def test_the_representation_has_no_secret_of_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    from threelo import _base

    shown = _base._shown("postgresql://user:canary@db.example.com:5432/threelo?password=canary#canary")
    assert shown == "postgresql://db.example.com:5432/threelo"
