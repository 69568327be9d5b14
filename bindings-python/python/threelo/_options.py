"""Options of the client and of the verbs, as keyword arguments.

Every default, check and refusal is the core's; these classes tell type checkers what there is.
"""

# Generated from api.toml; `make generate` writes it anew.
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import Any, Literal, NotRequired, Required, TypedDict

from ._files import FileLike
from ._types import Event


class ClientOptions(TypedDict, total=False):
    """Options of `Client` and `AsyncClient`."""

    client_id: Required[str]
    """The app's client id from Atlassian's developer console."""
    client_secret: Required[str]
    """The app's client secret."""
    redirect_uri: Required[str]
    """The callback URL registered for the app: https, or http for loopback hosts only."""
    scopes: Required[Sequence[str]]
    """Scopes a connect asks for; offline_access is always added (F1.2)."""
    store: NotRequired[str | PathLike[str]]
    """Where grants and connections live: a path or sqlite: URL for SQLite,
    postgresql://user:password@host:port/database?sslmode=verify-full for PostgreSQL, or memory: for tests.
    Default: 'threelo.db'.
    """
    encryption_key: NotRequired[str | bytes | Sequence[str | bytes]]
    """32 bytes, raw or in base64; of several, the first seals and all open. Without one, SQLite keeps a key
    file beside the database; PostgreSQL needs one.
    """
    endpoints: NotRequired[Mapping[str, str]]
    """Overrides Atlassian's hosts: auth, api, and resources for the accessible-resources URL where it differs
    (F1.15). Plain http for loopback only.
    """
    site_policy: NotRequired[Literal["first", "ask"]]
    """What a connect does when several sites are there and none was named. Default: 'first'."""
    proxy: NotRequired[str]
    """URL of an http(s) proxy for all requests. Without it the usual environment variables count."""
    ca_bundle: NotRequired[str | PathLike[str]]
    """Path of a PEM file with the certificate authorities to trust instead of the platform's."""
    max_body_bytes: NotRequired[int]
    """Largest answer that is read into memory, in bytes, after decompression. Default: 67108864."""
    background: NotRequired[bool]
    """Whether work may go on after a call has returned. false is for runtimes that freeze between calls:
    tokens are rotated ahead of need within calls, and a call returns only when what it began is finished,
    rotations stored, even if that takes longer than its timeout. Default: True.
    """
    on_event: NotRequired[Callable[[Event], object]]
    """Called with each event, apart from the calls themselves; it can neither slow nor break them."""


class ConnectOptions(TypedDict, total=False):
    """Options of `connect()` beside what comes by position."""

    binding: Required[str | None]
    """Whatever ties the session to this user's browser, such as its session id; null only in one-user tools.
    """
    site: NotRequired[str]
    """Subdomain, site URL or cloud id the connection must be for."""
    scopes: NotRequired[Sequence[str]]
    """Scopes to ask for instead of the client's."""
    tags: NotRequired[Mapping[str, str]]
    """Labels to find connections by."""
    metadata: NotRequired[Mapping[str, Any]]
    """Anything the application wants to keep with the connection."""
    allow_account_change: NotRequired[bool]
    """Lets a reconnect be answered by another Atlassian account. Default: False."""
    keep_scopes: NotRequired[bool]
    """A reconnect also asks for the scopes the grant had (F1.9). Default: True."""
    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class CompleteOptions(TypedDict, total=False):
    """Options of `complete()` beside what comes by position."""

    binding: Required[str | None]
    """The same value connect() was given."""
    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class RefreshOptions(TypedDict, total=False):
    """Options of `refresh()` beside what comes by position."""

    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class ProxyRequestOptions(TypedDict, total=False):
    """Options of `proxy_request()` beside what comes by position."""

    params: NotRequired[Mapping[str, object]]
    """Query parameters; a list repeats its key, null leaves it out."""
    json: NotRequired[Any]
    """Body, sent as JSON."""
    data: NotRequired[str | bytes]
    """Body, sent as it is."""
    form: NotRequired[Mapping[str, object]]
    """Body, sent as a form; a list repeats its field, null leaves it out. With files, the form's other
    fields.
    """
    files: NotRequired[FileLike | Sequence[FileLike]]
    """Files to upload as a multipart form: paths, bytes, file objects or streams, read while they are sent
    (F5.8).
    """
    stream: NotRequired[bool]
    """Hands a success on while it arrives, whatever its size; every other answer is read whole. timeout is
    then for its beginning, and for each wait for more. Default: False.
    """
    headers: NotRequired[Mapping[str, str]]
    """Request headers; Authorization and Host are threelo's own."""
    relay: NotRequired[bool]
    """For requests that another HTTP client made up: leaves out headers that are threelo's own, instead of
    refusing them. Default: False.
    """
    site: NotRequired[str]
    """Another site of the same grant, for this call only."""
    retry: NotRequired[Literal["safe", "idempotent", "none"]]
    """safe: reads, and writes that certainly did not run; idempotent: this write may be repeated; none: one
    attempt. Default: 'safe'.
    """
    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class ProxyRequestManyOptions(TypedDict, total=False):
    """Options of `proxy_request_many()` beside what comes by position."""

    params: NotRequired[Mapping[str, object]]
    """Query parameters; a list repeats its key, null leaves it out."""
    json: NotRequired[Any]
    """Body, sent as JSON."""
    data: NotRequired[str | bytes]
    """Body, sent as it is."""
    headers: NotRequired[Mapping[str, str]]
    """Request headers; Authorization and Host are threelo's own."""
    all_sites: NotRequired[bool]
    """One call for every Jira site that each connection's grant was last seen to reach, instead of the chosen
    site alone. Default: False.
    """
    concurrency: NotRequired[int]
    """How many calls are under way at once, from 1 to 256. No site has more than an even share of them while
    others wait. Default: 8.
    """
    retry: NotRequired[Literal["safe", "idempotent", "none"]]
    """As in proxy_request. Default: 'safe'."""
    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class PaginateOptions(TypedDict, total=False):
    """Options of `paginate()` beside what comes by position."""

    method: NotRequired[Literal["GET", "POST"]]
    """GET, or POST for listings that take their query as a body. Default: 'GET'."""
    params: NotRequired[Mapping[str, object]]
    """Query parameters."""
    json: NotRequired[Mapping[str, Any]]
    """Body of a POST listing."""
    site: NotRequired[str]
    """Another site of the same grant."""
    limit: NotRequired[int]
    """Stop after this many items."""
    cursor: NotRequired[str]
    """Go on from where an earlier iterator, in either language, stopped."""
    page_size: NotRequired[int]
    """Ask for pages of this many items, under the name the listing has for it. A hint: servers give fewer as
    they like.
    """
    prefetch: NotRequired[bool]
    """Fetch the next page while the present one is used. Default: True."""
    parallel: NotRequired[int]
    """How many pages are fetched at once, 1 to 16, where a listing counts its items and says how many there
    are. Default: 1.
    """
    deduplicate: NotRequired[bool]
    """Leave out items that came before, by id, key, self or all of it. The newest 100,000 are remembered.
    Default: False.
    """
    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class SitesOptions(TypedDict, total=False):
    """Options of `sites()` beside what comes by position."""

    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class SelectSiteOptions(TypedDict, total=False):
    """Options of `select_site()` beside what comes by position."""

    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class ConnectionOptions(TypedDict, total=False):
    """Options of `connection()` beside what comes by position."""

    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class ConnectionsOptions(TypedDict, total=False):
    """Options of `connections()` beside what comes by position."""

    tags: NotRequired[Mapping[str, str]]
    """Only connections that carry all of these."""
    cursor: NotRequired[str]
    """Go on after this place: the cursor of an earlier iterator."""
    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class UpdateOptions(TypedDict, total=False):
    """Options of `update()` beside what comes by position."""

    tags: NotRequired[Mapping[str, str]]
    """The new tags, in place of all old ones."""
    metadata: NotRequired[Mapping[str, Any]]
    """The new metadata, in place of the old."""
    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class DisconnectOptions(TypedDict, total=False):
    """Options of `disconnect()` beside what comes by position."""

    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class ImportConnectionOptions(TypedDict, total=False):
    """Options of `import_connection()` beside what comes by position."""

    refresh_token: Required[str]
    """The newest refresh token. Nobody else may spend it from now on."""
    access_token: NotRequired[str]
    """A still-valid access token; without one the first use rotates."""
    expires_at: NotRequired[datetime]
    """When the access token expires."""
    scopes: NotRequired[Sequence[str]]
    """What was granted."""
    account_id: NotRequired[str]
    """The Atlassian account's id."""
    site: NotRequired[str]
    """Subdomain, site URL or cloud id."""
    tags: NotRequired[Mapping[str, str]]
    """Labels."""
    metadata: NotRequired[Mapping[str, Any]]
    """Anything the application wants to keep with the connection."""
    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class KeepAliveOptions(TypedDict, total=False):
    """Options of `keep_alive()` beside what comes by position."""

    idle_days: NotRequired[float]
    """Rotates grants whose tokens are older than this, in days. They die at 90. Default: 30."""
    concurrency: NotRequired[int]
    """How many are rotated at once. Default: 8."""
    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class RekeyOptions(TypedDict, total=False):
    """Options of `rekey()` beside what comes by position."""

    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class RateLimitsOptions(TypedDict, total=False):
    """Options of `rate_limits()` beside what comes by position."""

    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class AccessTokenOptions(TypedDict, total=False):
    """Options of `access_token()` beside what comes by position."""

    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class AuthorizeOptions(TypedDict, total=False):
    """Options of `authorize()` beside what comes by position."""

    site: NotRequired[str]
    """Another site of the same grant."""
    rejected: NotRequired[str]
    """The access token that Jira answered with 401: another one is taken or rotated for, at most once in a
    minute.
    """
    answer: NotRequired[str]
    """The body of that answer. A missing scope is told from a rejected token by it, and never rotates (F6.2).
    """
    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""


class CloseOptions(TypedDict, total=False):
    """Options of `close()` beside what comes by position."""

    timeout: NotRequired[float | None]
    """How long the call may take, in seconds."""
