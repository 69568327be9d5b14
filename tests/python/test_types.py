"""What the verbs return."""

from __future__ import annotations

import dataclasses
import pickle
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from threelo import ConnectSession, Headers, Response
from threelo._types import instant


def response(body: bytes, kind: str) -> Response:
    def json() -> Any:
        raise ValueError

    url, headers = "https://api.example.com/", [("content-type", kind)]
    native: Any = SimpleNamespace(status=200, url=url, attempts=1, headers=headers, body=body, json=json)
    return Response._read(native)


def test_headers_are_found_in_any_case() -> None:
    headers = Headers([("content-type", "text/plain"), ("set-cookie", "a=1"), ("set-cookie", "b=2")])
    assert headers["Content-Type"] == "text/plain"
    assert headers["set-cookie"] == "a=1, b=2"
    assert headers.get_list("Set-Cookie") == ["a=1", "b=2"]
    assert headers.get_list("x-absent") == []
    assert headers.get("x-absent") is None
    assert list(headers) == ["content-type", "set-cookie"]
    assert "SET-COOKIE" in headers
    assert 5 not in headers  # type: ignore[comparison-overlap]
    with pytest.raises(KeyError):
        headers["x-absent"]


def test_header_values_do_not_show() -> None:
    assert "canary" not in repr(Headers([("set-cookie", "canary")]))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain; charset=iso-8859-1", b"gr\xfc\xdfe"),
        ("text/plain; charset=utf-8", "grüße".encode()),
        ("text/plain", "grüße".encode()),
        ("", "grüße".encode()),
        ("text/plain; charset=of-nobody", "grüße".encode()),
    ],
)
def test_text_is_in_the_charset_the_answer_names(kind: str, body: bytes) -> None:
    assert response(body, kind).text == "grüße"


def test_text_that_does_not_decode_is_replaced() -> None:
    assert response(b"a\xff", "text/plain").text == "a\ufffd"


def test_json_that_is_none_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        response(b"<html>", "application/json").json()


def test_a_response_shows_no_body() -> None:
    assert "canary" not in repr(response(b"canary", "text/plain"))


def test_times_are_exact_and_in_utc() -> None:
    assert instant(1_790_000_000_123) == datetime(2026, 9, 21, 14, 13, 20, 123_000, UTC)


def test_a_session_shows_no_state() -> None:
    session = ConnectSession("https://auth.example.com/?state=canary", "canary", instant(0))
    assert "canary" not in repr(session)
    assert pickle.loads(pickle.dumps(session)) == session
    with pytest.raises(dataclasses.FrozenInstanceError):
        session.state = "another"  # type: ignore[misc]
