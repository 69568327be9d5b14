"""Errors: one class per code, with everything the core says."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

import threelo
from support import Person, Sandbox, offline_options
from threelo import errors


def error() -> threelo.ThreeloError:
    with (
        threelo.Client(**offline_options()) as client,
        pytest.raises(threelo.ConnectionNotFoundError) as caught,
    ):
        client.connection("nobody")
    return caught.value


def test_it_says_what_happened_and_what_to_do() -> None:
    caught = error()
    assert caught.code == "connection_not_found"
    assert caught.message
    assert caught.hint
    assert caught.retryable is False
    assert caught.status is None
    assert caught.context == {"id": "nobody"}
    assert str(caught) == f"connection_not_found: {caught.message} ({caught.hint})"
    assert type(caught) is errors.BY_CODE[caught.code]


@pytest.mark.parametrize("again", [lambda it: pickle.loads(pickle.dumps(it)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("code", [*errors.BY_CODE, "of_the_future"])
def test_it_survives_pickling_whole(code: str, again: object) -> None:
    first = errors.from_parts(
        code, "what happened", "what to do", True, 429, '{"reset_at": 5, "list": ["a"]}'
    )
    second = again(first)  # type: ignore[operator]
    assert type(second) is type(first)
    assert vars(second) == vars(first)
    assert vars(second) == {
        "code": code,
        "message": "what happened",
        "hint": "what to do",
        "retryable": True,
        "status": 429,
        "context": {"reset_at": 5, "list": ["a"]},
    }
    assert str(second) == str(first)


def test_a_code_of_the_future_is_the_base_class() -> None:
    assert type(errors.from_parts("of_the_future", "m", "", False, None, "{}")) is threelo.ThreeloError


def test_an_error_status_is_raised_on_request_only(sandbox: Sandbox, person: Person) -> None:
    with threelo.Client(**sandbox.options()) as client:
        person.connect(client, "user-42")
        response = client.proxy_request("user-42", "GET", "/rest/api/3/issue/ACME-9999")
        assert response.status == 404
        with pytest.raises(threelo.HttpError) as caught:
            response.raise_for_status()
    assert caught.value.status == 404
    assert caught.value.context["path"] == "/rest/api/3/issue/ACME-9999"


def test_no_secret_stands_in_a_trace() -> None:
    with threelo.Client(**offline_options()) as client:
        try:
            client.complete(
                "http://localhost:3000/callback?code=canary-code&state=canary-state", binding="canary"
            )
        except threelo.ThreeloError as caught:
            told = "".join(traceback.format_exception(caught)[1:])
            shown = f"{caught!s} {caught!r} {caught.context}" + told.rsplit("threelo.errors", 1)[1]
    assert "canary" not in shown
