"""The client whose verbs block."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self, Unpack

from . import _options as given
from . import _results
from ._base import Base
from ._files import upload
from ._many import RequestResults
from ._paginate import Connections, Paginator
from ._response import Response
from ._types import (
    Authorization,
    Connection,
    ConnectSession,
    KeepAliveReport,
    RateLimit,
    RekeyReport,
    Site,
)
from ._wire import encode, encode_beside, encode_request


class Client(Base):
    """Connections to Jira that last. Make one for a process and keep it: any number of threads can use it at
    once.

        with Client(
            client_id="…", client_secret="…",
            redirect_uri="https://app.example.com/jira/callback",
            scopes=["read:jira-work", "read:jira-user"],
            store="/var/lib/app/threelo.db",
        ) as client:
            response = client.proxy_request("user-42", "GET", "/rest/api/3/myself")

    Every verb takes `timeout`, in seconds, and can raise `InvalidArgumentError`, `TimeoutError`,
    `ClosedError`, `StoreUnavailableError` and `DecryptionFailedError` beside what it names itself. Waits end
    within 100 ms of Ctrl-C. A process forked while the client is in use opens the store anew, by itself.

    Args:
        **options: see `ClientOptions`.

    Raises:
        InvalidConfigError: an option is missing, unknown or cannot work.
        StoreUnavailableError, SchemaNewerError, DecryptionFailedError: the store cannot be opened.
    """

    __slots__ = ()

    def __init__(self, **options: Unpack[given.ClientOptions]) -> None:
        self._open(options)

    def connect(self, id: str, **options: Unpack[given.ConnectOptions]) -> ConnectSession:
        """Starts a consent, or a reconnect that keeps the id. Send the user's browser to the session's url.

            session = client.connect("user-42", binding=browser_session_id, site="acme")

        Args:
            id: the application's own handle for this connection.
            **options: see `ConnectOptions`; `binding` must be given.
        """
        return _results.session(self._native.call("connect", encode(options, id=id)))

    def complete(self, callback_url: str, **options: Unpack[given.CompleteOptions]) -> Connection:
        """Checks the one-time state, exchanges the code, stores the pair at once, then learns account and
        sites and chooses the site.

            connection = client.complete(request.url, binding=browser_session_id)

        Args:
            callback_url: the full URL the browser came back to.
            **options: see `CompleteOptions`; `binding` must be given.

        Raises:
            StateInvalidError, AuthorizationDeniedError, AccountMismatchError: there is no connection.
            SiteNotFoundError: the named site is not among the grant's; the connection is kept without one.
            ClientCredentialsRejectedError, IdentityUnavailableError, NetworkError: see each.
        """
        request = encode(options, callback_url=callback_url)
        return _results.connection(self._native.call("complete", request))

    def refresh(self, id: str, **options: Unpack[given.RefreshOptions]) -> Connection:
        """Rotates the tokens now, or joins the rotation under way in this process, another process or another
        machine.

        Raises:
            ConnectionNotFoundError, ReauthorizationRequiredError, ClientCredentialsRejectedError,
            IdentityUnavailableError: see each.
        """
        return _results.connection(self._native.call("refresh", encode(options, id=id)))

    def proxy_request(
        self, id: str, method: str, path: str, **options: Unpack[given.ProxyRequestOptions]
    ) -> Response:
        """One authenticated call to the connection's site. Returns a Response for every HTTP status.

            response = client.proxy_request("user-42", "GET", "/rest/api/3/issue/ACME-1")
            response.raise_for_status()
            response.json()["fields"]["summary"]

            attachments = "/rest/api/3/issue/ACME-1/attachments"
            client.proxy_request("user-42", "POST", attachments, files="report.pdf")

            content = "/rest/api/3/attachment/content/10001"
            with client.proxy_request("user-42", "GET", content, stream=True) as response:
                response.raise_for_status()
                for piece in response.iter_bytes():
                    ...

        Args:
            id: the connection's id.
            method: GET, POST, PUT, DELETE, PATCH, HEAD or OPTIONS.
            path: a path such as /rest/api/3/myself, or a URL of the connection's own site.
            **options: see `ProxyRequestOptions`.

        Raises:
            ConnectionNotFoundError, ReauthorizationRequiredError, SiteRequiredError, DestinationRefusedError,
            NetworkError, OutcomeUnknownError, RateLimitedError, ResponseTruncatedError, BodyTooLargeError: no
            answer can be had; see each.
            InvalidArgumentError: also where a file cannot be read; what its source raised is the cause.
        """
        if "files" in options:
            return Response._read(upload(self._native, options, id=id, method=method, path=path))
        request = encode_request(options, id=id, method=method, path=path)
        return Response._read(self._native.request(*request))

    def proxy_request_many(
        self, ids: Sequence[str], method: str, path: str, **options: Unpack[given.ProxyRequestManyOptions]
    ) -> RequestResults:
        """The same call for many connections, several at once. Iterates over the results as they come; what
        goes wrong for one is told in its result and delays no other.

            for result in client.proxy_request_many(["user-1", "user-2"], "GET", "/rest/api/3/myself"):
                print(result.id, result.error or result.response.status)

        Args:
            ids: the connections' ids.
            method: as in `proxy_request()`.
            path: as in `proxy_request()`.
            **options: see `ProxyRequestManyOptions`. `timeout` is for each call.

        Raises:
            InvalidArgumentError, DestinationRefusedError: nothing was sent. All others stand in the results.
        """
        request = encode_beside(options, ids=ids, method=method, path=path)
        return RequestResults(self._native.request_many(*request))

    def paginate(self, id: str, path: str, **options: Unpack[given.PaginateOptions]) -> Paginator:
        """Iterates over the items of a listing, page after page. pages() gives whole pages, cursor the place
        to go on from.

            jql = "project = ACME order by created desc"
            for issue in client.paginate("user-42", "/rest/api/3/search/jql", params={"jql": jql}):
                print(issue["key"])

        Args:
            id: the connection's id.
            path: path of the listing.
            **options: see `PaginateOptions`. `timeout` is for one page.
        """
        return Paginator(self._native.paginate(encode(options, id=id, path=path)))

    def sites(self, id: str, **options: Unpack[given.SitesOptions]) -> list[Site]:
        """Lists the Jira sites the connection's grant reaches, fresh from Atlassian.

        Raises:
            ConnectionNotFoundError, ReauthorizationRequiredError, NetworkError: see each.
        """
        return _results.sites(self._native.call("sites", encode(options, id=id)))

    def select_site(self, id: str, site: str, **options: Unpack[given.SelectSiteOptions]) -> Connection:
        """Moves a connection to another site of its grant.

        Args:
            id: the connection's id.
            site: subdomain, site URL or cloud id.
            **options: see `SelectSiteOptions`.

        Raises:
            ConnectionNotFoundError, SiteNotFoundError: see each; the latter lists the sites in its context.
        """
        return _results.connection(self._native.call("select_site", encode(options, id=id, site=site)))

    def connection(self, id: str, **options: Unpack[given.ConnectionOptions]) -> Connection:
        """One connection as the store has it.

        Raises:
            ConnectionNotFoundError: no connection has this id.
        """
        return _results.connection(self._native.call("connection", encode(options, id=id)))

    def connections(self, **options: Unpack[given.ConnectionsOptions]) -> Connections:
        """Iterates over connections in the order of their ids.

            for connection in client.connections(tags={"team": "red"}):
                print(connection.id, connection.health)

        Args:
            **options: see `ConnectionsOptions`. `timeout` is for one page.
        """
        return Connections(self._native.call, options)

    def update(self, id: str, **options: Unpack[given.UpdateOptions]) -> Connection:
        """Replaces a connection's tags, metadata, or both.

        Raises:
            ConnectionNotFoundError: no connection has this id.
        """
        return _results.connection(self._native.call("update", encode(options, id=id)))

    def disconnect(self, id: str, **options: Unpack[given.DisconnectOptions]) -> None:
        """Removes a connection; the last one of a grant also deletes the grant and then tries revocation
        without promising it (F4.9).

        Raises:
            ConnectionNotFoundError: no connection has this id.
        """
        self._native.call("disconnect", encode(options, id=id))

    def import_connection(self, id: str, **options: Unpack[given.ImportConnectionOptions]) -> Connection:
        """Takes over a connection whose tokens another system held, without a new consent.

            client.import_connection("user-42", refresh_token=old_refresh_token)

        Args:
            id: the new connection's id.
            **options: see `ImportConnectionOptions`; `refresh_token` must be given.

        Raises:
            AlreadyImportedError, ReauthorizationRequiredError, SiteNotFoundError: see each.
        """
        return _results.connection(self._native.call("import_connection", encode(options, id=id)))

    def keep_alive(self, **options: Unpack[given.KeepAliveOptions]) -> KeepAliveReport:
        """One pass over the app's grants: takes up rotations that a crash cut off, rotates those that would
        die of inactivity (F3.3) and lists the connections that need a person. Run it daily, on any number of
        machines at once.

        Args:
            **options: see `KeepAliveOptions`. Without `timeout` it takes as long as it takes.

        Raises:
            StoreUnavailableError: the store cannot be read. A grant that cannot be rotated is counted,
                not raised.
        """
        return _results.report(self._native.call("keep_alive", encode(options)))

    def rekey(self, **options: Unpack[given.RekeyOptions]) -> RekeyReport:
        """Seals everything in the store with the first of the encryption keys, while others go on using it.
        Give all processes the new key first and the old ones behind it, run this once, and take the old ones
        away when it says that it is complete.

        Args:
            **options: see `RekeyOptions`. Without `timeout` it takes as long as it takes.

        Raises:
            StoreUnavailableError: the store cannot be read or written; what was moved stays so. What cannot
                be moved is counted, not raised.
        """
        return _results.rekey_report(self._native.call("rekey", encode(options)))

    def rate_limits(self, id: str, **options: Unpack[given.RateLimitsOptions]) -> list[RateLimit]:
        """The rate limits that concern a connection, as Jira's last answers told them; nothing is sent.

        Raises:
            ConnectionNotFoundError, SiteRequiredError: see each.
        """
        return _results.rate_limits(self._native.call("rate_limits", encode(options, id=id)))

    def access_token(self, id: str, **options: Unpack[given.AccessTokenOptions]) -> str:
        """A fresh access token, for those who bring their own HTTP client.

        Raises:
            ConnectionNotFoundError, ReauthorizationRequiredError, IdentityUnavailableError: see each.
        """
        return _results.text(self._native.call("access_token", encode(options, id=id)))

    def authorize(self, id: str, path: str, **options: Unpack[given.AuthorizeOptions]) -> Authorization:
        """What another HTTP client needs for one request of its own: where to send it, and the access token.
        Refuses every address but the connection's own site.

            leave = client.authorize("user-42", "/rest/api/3/myself")
            headers = {"Authorization": f"Bearer {leave.access_token}"}
            answer = urlopen(Request(leave.url, headers=headers))

        `threelo.httpx` and `threelo.requests` do this for those clients.

        Args:
            id: the connection's id.
            path: path or URL of the request.
            **options: see `AuthorizeOptions`.

        Raises:
            DestinationRefusedError: the token must not go there.
            ConnectionNotFoundError, ReauthorizationRequiredError, SiteRequiredError,
            IdentityUnavailableError: see each.
        """
        return _results.authorization(self._native.call("authorize", encode(options, id=id, path=path)))

    def close(self, **options: Unpack[given.CloseOptions]) -> None:
        """Finishes rotations in flight, stores them, and frees everything. Calls under way end as cancelled.

        Args:
            **options: see `CloseOptions`. `timeout` is how long to wait for rotations in flight.
        """
        self._native.call("close", encode(options))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
