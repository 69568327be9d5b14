"""What each verb's answer becomes; one table for both clients."""

from __future__ import annotations

import json

from ._types import Authorization, Connection, ConnectSession, KeepAliveReport, RateLimit, RekeyReport, Site


def session(answer: str) -> ConnectSession:
    """A `ConnectSession`."""
    return ConnectSession._read(json.loads(answer))


def connection(answer: str) -> Connection:
    """A `Connection`."""
    return Connection._read(json.loads(answer))


def sites(answer: str) -> list[Site]:
    """A list of `Site`."""
    return [Site._read(fields) for fields in json.loads(answer)]


def report(answer: str) -> KeepAliveReport:
    """A `KeepAliveReport`."""
    return KeepAliveReport._read(json.loads(answer))


def rekey_report(answer: str) -> RekeyReport:
    """A `RekeyReport`."""
    return RekeyReport(**json.loads(answer))


def rate_limits(answer: str) -> list[RateLimit]:
    """A list of `RateLimit`."""
    return [RateLimit._read(fields) for fields in json.loads(answer)]


def authorization(answer: str) -> Authorization:
    """An `Authorization`."""
    return Authorization._read(json.loads(answer))


def text(answer: str) -> str:
    """A string."""
    return str(json.loads(answer))


def connections(page: str) -> tuple[list[Connection], str | None]:
    """A page of connections and where the next one begins."""
    fields = json.loads(page)
    return [Connection._read(each) for each in fields["items"]], fields["cursor"]
