"""What the verbs return: plain data, frozen. Times are aware datetimes in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

_EPOCH = datetime.fromtimestamp(0, UTC)


def instant(milliseconds: int) -> datetime:
    """A time of the core's, which counts milliseconds since the epoch."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def maybe_instant(milliseconds: int | None) -> datetime | None:
    """The same, where there may be none."""
    return None if milliseconds is None else instant(milliseconds)


@dataclass(frozen=True, slots=True)
class ConnectSession:
    """A consent under way: what `connect()` returns."""

    url: str = field(repr=False)
    """Where to send the user's browser."""
    state: str = field(repr=False)
    """The one-time state, for those who want to look it up themselves."""
    expires_at: datetime
    """Until when the callback is accepted."""

    @classmethod
    def _read(cls, fields: dict[str, Any]) -> ConnectSession:
        return cls(**fields | {"expires_at": instant(fields["expires_at"])})


@dataclass(frozen=True, slots=True)
class Authorization:
    """Leave to send one request with another HTTP client: what `authorize()` returns."""

    url: str
    """Where to send the request: the gateway's address, with the query."""
    access_token: str = field(repr=False)
    """Goes into the Authorization header, after Bearer and a space. Good for requests that begin now."""
    send: bool
    """Whether sending has a chance: false where the rejected token is the best there is."""

    @classmethod
    def _read(cls, fields: dict[str, Any]) -> Authorization:
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Site:
    """An Atlassian Cloud site."""

    cloud_id: str
    """The site's stable key."""
    url: str
    """Display address; it can change."""
    name: str
    """Display name; it can change."""
    scopes: list[str]
    """Scopes granted on this site."""
    products: list[str]
    """`jira`, `confluence`: told from the scopes."""
    avatar_url: str | None
    """The site's picture."""

    @classmethod
    def _read(cls, fields: dict[str, Any]) -> Site:
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as the store has it."""

    id: str
    """The application's handle."""
    grant_id: str
    """Which grant it uses; connections of one account share one."""
    account_id: str | None
    """The Atlassian account, where it could be learnt."""
    site: Site | None
    """The chosen site."""
    site_choice: Literal["named", "consented", "first", "selected"] | None
    """How the site was chosen."""
    scopes: list[str]
    """What was granted."""
    tags: dict[str, str]
    """Labels."""
    metadata: dict[str, Any]
    """The application's own data."""
    health: Literal["active", "attention", "reauthorization_required"]
    """Whether calls can work, and whether they will go on to."""
    health_reason: Literal["inactive", "old_consent", "unclear_rotation", "revoked", "lost_rotation"] | None
    """Why it is not active: what will end it, what is being mended, or what ended it."""
    reconnect_by: datetime | None
    """When the grant may end unless something is done: 90 days after its last rotation, or 365 days after
    the first consent (F3.3). Known where it needs attention.
    """
    generation: int
    """How many pairs of tokens the grant has had."""
    created_at: datetime
    """First connected."""
    consented_at: datetime
    """Last consent of the grant."""
    refreshed_at: datetime
    """When the current tokens were issued."""
    access_expires_at: datetime
    """When the current access token expires."""
    ledger: list[LedgerEntry] | None
    """What befell the grant lately, newest first and at most 20 entries; None in a listing."""

    @classmethod
    def _read(cls, fields: dict[str, Any]) -> Connection:
        times = {name: instant(value) for name, value in fields.items() if name.endswith("_at")}
        site = fields["site"] and Site._read(fields["site"])
        ledger = fields["ledger"] and [LedgerEntry._read(each) for each in fields["ledger"]]
        read = {"site": site, "reconnect_by": maybe_instant(fields["reconnect_by"]), "ledger": ledger}
        return cls(**fields | times | read)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One thing that befell a grant."""

    at: datetime
    """When."""
    generation: int
    """The generation it is about."""
    outcome: str
    """`connected`, `imported`, `reconnected`: where tokens came from. `merged`: another grant turned out to
    be the same account's and was taken in. `rotated`, `rotated_spare`: new tokens, from the newest or from
    the spare ones. `spare_kept`: tokens that came after others had been stored. `written_back`: the store
    had been set back. `unclear`, `interrupted`: an attempt without an answer, or whose process ended; the
    same token is tried again. `refused`: Atlassian no longer accepts the grant. More may come.
    """
    worker: str
    """The process whose work it was: its number and a random tag."""

    @classmethod
    def _read(cls, fields: dict[str, Any]) -> LedgerEntry:
        return cls(**fields | {"at": instant(fields["at"])})


@dataclass(frozen=True, slots=True)
class Attention:
    """A connection that needs a person, or soon will."""

    connection_id: str
    """The connection."""
    reason: str
    """As in `Connection.health_reason`."""
    reconnect_by: datetime | None
    """As in `Connection.reconnect_by`; None where it has ended already."""

    @classmethod
    def _read(cls, fields: dict[str, Any]) -> Attention:
        return cls(**fields | {"reconnect_by": maybe_instant(fields["reconnect_by"])})


@dataclass(frozen=True, slots=True)
class KeepAliveReport:
    """What a pass of `keep_alive()` did and found."""

    rotated: int
    """Grants that have fresh tokens now, whoever rotated them."""
    failed: int
    """Grants that could not be rotated just now; the next pass tries again."""
    attention: list[Attention]
    """Connections that need a person, or soon will."""

    @classmethod
    def _read(cls, fields: dict[str, Any]) -> KeepAliveReport:
        return cls(**fields | {"attention": [Attention._read(each) for each in fields["attention"]]})


@dataclass(frozen=True, slots=True)
class RekeyReport:
    """What `rekey()` did."""

    grants: int
    """Grants whose tokens are sealed with the first key now and were not before."""
    sessions: int
    """Consents under way, likewise."""
    left: int
    """Rows that could not be moved yet: grants that are being rotated and consents still under way; or not at
    all: sealed with a key that was not given."""
    complete: bool
    """Everything is sealed with the first key: the others can be taken away."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened beside the calls; what `on_event` is called with."""

    kind: str
    """`connected`, `site_auto_selected`, `rotated`, `rotation_failed`, `reauthorization_required`,
    `scopes_reduced`, `key_file_created`. More may come.
    """
    at: datetime
    """When."""
    connection_id: str | None
    """The connection it is about, where there is one."""
    grant_id: str | None
    """The grant it is about, where there is one."""
    details: dict[str, Any]
    """Details by name."""

    @classmethod
    def _read(cls, fields: dict[str, Any]) -> Event:
        return cls(**fields | {"at": instant(fields["at"])})


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A rate limit that concerns a connection."""

    name: str
    """Its name as Jira writes it, such as global-app-quota, or the reason of a pause, such as
    jira-burst-based."""
    scope: Literal["app", "tenant", "endpoint", "issue"]
    """How far it reaches: the app on all sites, the app on one site, one endpoint of a site, or writes to one
    issue."""
    target: str | None
    """The endpoint or issue it is about, where it is about one."""
    limit: int | None
    """How much there is in a window."""
    remaining: int | None
    """How much of it was left when it was last told."""
    reset_at: datetime | None
    """When the window ends."""
    near_limit: bool
    """Less than a fifth is left."""
    paused_until: datetime | None
    """Until when nothing that it covers is sent."""

    @classmethod
    def _read(cls, fields: dict[str, Any]) -> RateLimit:
        times = {name: maybe_instant(fields[name]) for name in ("reset_at", "paused_until")}
        return cls(**fields | times)
