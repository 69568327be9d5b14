"""The client whose verbs are awaited."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self, Unpack

from . import _options as given
from . import _results
from ._base import Base
from ._files import upload_async
from ._many import AsyncRequestResults
from ._paginate import AsyncConnections, AsyncPaginator
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


class AsyncClient(Base):
    """As `Client`, for asyncio: the same verbs, awaited. Any number of event loops and threads can use it at
    once.

        async with AsyncClient(
            client_id="…", client_secret="…",
            redirect_uri="https://app.example.com/jira/callback",
            scopes=["read:jira-work", "read:jira-user"],
            store="/var/lib/app/threelo.db",
        ) as client:
            response = await client.proxy_request("user-42", "GET", "/rest/api/3/myself")

    Cancelling the task that awaits a call ends the call; a rotation under way is finished all the same.
    Making the client opens the store, which takes some milliseconds: make it once.

    Args:
        **options: see `ClientOptions`.

    Raises:
        InvalidConfigError: an option is missing, unknown or cannot work.
        StoreUnavailableError, SchemaNewerError, DecryptionFailedError: the store cannot be opened.
    """

    __slots__ = ()

    def __init__(self, **options: Unpack[given.ClientOptions]) -> None:
        self._open(options)

    async def connect(self, id: str, **options: Unpack[given.ConnectOptions]) -> ConnectSession:
        """Starts a consent, or a reconnect that keeps the id. Send the user's browser to the session's url.

        As `Client.connect()`, awaited.
        """
        return _results.session(await self._native.call_async("connect", encode(options, id=id)))

    async def complete(self, callback_url: str, **options: Unpack[given.CompleteOptions]) -> Connection:
        """Checks the one-time state, exchanges the code, stores the pair at once, then learns account and
        sites and chooses the site.

        As `Client.complete()`, awaited.
        """
        return _results.connection(
            await self._native.call_async("complete", encode(options, callback_url=callback_url))
        )

    async def refresh(self, id: str, **options: Unpack[given.RefreshOptions]) -> Connection:
        """Rotates the tokens now, or joins the rotation under way in this process, another process or another
        machine.

        As `Client.refresh()`, awaited.
        """
        return _results.connection(await self._native.call_async("refresh", encode(options, id=id)))

    async def proxy_request(
        self, id: str, method: str, path: str, **options: Unpack[given.ProxyRequestOptions]
    ) -> Response:
        """One authenticated call to the connection's site. Returns a Response for every HTTP status.

            response = await client.proxy_request("user-42", "GET", content, stream=True)
            async with response:
                async for piece in response.iter_bytes():
                    ...

        As `Client.proxy_request()`, awaited. Files may also be read asynchronously; others are read on
        threads, never on the event loop.
        """
        if "files" in options:
            return Response._read(await upload_async(self._native, options, id=id, method=method, path=path))
        request = encode_request(options, id=id, method=method, path=path)
        return Response._read(await self._native.request_async(*request))

    def proxy_request_many(
        self, ids: Sequence[str], method: str, path: str, **options: Unpack[given.ProxyRequestManyOptions]
    ) -> AsyncRequestResults:
        """The same call for many connections, several at once. Iterates over the results as they come; what
        goes wrong for one is told in its result and delays no other.

            async for result in client.proxy_request_many(["user-1", "user-2"], "GET", "/rest/api/3/myself"):
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
        return AsyncRequestResults(self._native.request_many(*request))

    def paginate(self, id: str, path: str, **options: Unpack[given.PaginateOptions]) -> AsyncPaginator:
        """Iterates over the items of a listing, page after page. pages() gives whole pages, cursor the place
        to go on from.

            async for issue in client.paginate("user-42", "/rest/api/3/project/search"):
                print(issue["key"])

        As `Client.paginate()`, for `async for`.
        """
        return AsyncPaginator(self._native.paginate(encode(options, id=id, path=path)))

    async def sites(self, id: str, **options: Unpack[given.SitesOptions]) -> list[Site]:
        """Lists the Jira sites the connection's grant reaches, fresh from Atlassian.

        As `Client.sites()`, awaited.
        """
        return _results.sites(await self._native.call_async("sites", encode(options, id=id)))

    async def select_site(self, id: str, site: str, **options: Unpack[given.SelectSiteOptions]) -> Connection:
        """Moves a connection to another site of its grant.

        As `Client.select_site()`, awaited.
        """
        return _results.connection(
            await self._native.call_async("select_site", encode(options, id=id, site=site))
        )

    async def connection(self, id: str, **options: Unpack[given.ConnectionOptions]) -> Connection:
        """One connection as the store has it.

        As `Client.connection()`, awaited.
        """
        return _results.connection(await self._native.call_async("connection", encode(options, id=id)))

    def connections(self, **options: Unpack[given.ConnectionsOptions]) -> AsyncConnections:
        """Iterates over connections in the order of their ids.

            async for connection in client.connections(tags={"team": "red"}):
                print(connection.id, connection.health)

        As `Client.connections()`, for `async for`.
        """
        return AsyncConnections(self._native.call_async, options)

    async def update(self, id: str, **options: Unpack[given.UpdateOptions]) -> Connection:
        """Replaces a connection's tags, metadata, or both.

        As `Client.update()`, awaited.
        """
        return _results.connection(await self._native.call_async("update", encode(options, id=id)))

    async def disconnect(self, id: str, **options: Unpack[given.DisconnectOptions]) -> None:
        """Removes a connection; the last one of a grant also deletes the grant and then tries revocation
        without promising it (F4.9).

        As `Client.disconnect()`, awaited.
        """
        await self._native.call_async("disconnect", encode(options, id=id))

    async def import_connection(
        self, id: str, **options: Unpack[given.ImportConnectionOptions]
    ) -> Connection:
        """Takes over a connection whose tokens another system held, without a new consent.

        As `Client.import_connection()`, awaited.
        """
        request = encode(options, id=id)
        return _results.connection(await self._native.call_async("import_connection", request))

    async def keep_alive(self, **options: Unpack[given.KeepAliveOptions]) -> KeepAliveReport:
        """One pass over the app's grants: takes up rotations that a crash cut off, rotates those that would
        die of inactivity (F3.3) and lists the connections that need a person. Run it daily, on any number of
        machines at once.

        As `Client.keep_alive()`, awaited.
        """
        return _results.report(await self._native.call_async("keep_alive", encode(options)))

    async def rekey(self, **options: Unpack[given.RekeyOptions]) -> RekeyReport:
        """Seals everything in the store with the first of the encryption keys, while others go on using it.
        Give all processes the new key first and the old ones behind it, run this once, and take the old ones
        away when it says that it is complete.

        As `Client.rekey()`, awaited.
        """
        return _results.rekey_report(await self._native.call_async("rekey", encode(options)))

    async def rate_limits(self, id: str, **options: Unpack[given.RateLimitsOptions]) -> list[RateLimit]:
        """The rate limits that concern a connection, as Jira's last answers told them; nothing is sent.

        Raises:
            ConnectionNotFoundError, SiteRequiredError: see each.
        """
        return _results.rate_limits(await self._native.call_async("rate_limits", encode(options, id=id)))

    async def access_token(self, id: str, **options: Unpack[given.AccessTokenOptions]) -> str:
        """A fresh access token, for those who bring their own HTTP client.

        As `Client.access_token()`, awaited.
        """
        return _results.text(await self._native.call_async("access_token", encode(options, id=id)))

    async def authorize(self, id: str, path: str, **options: Unpack[given.AuthorizeOptions]) -> Authorization:
        """What another HTTP client needs for one request of its own: where to send it, and the access token.
        Refuses every address but the connection's own site.

        As `Client.authorize()`, awaited.
        """
        return _results.authorization(
            await self._native.call_async("authorize", encode(options, id=id, path=path))
        )

    async def close(self, **options: Unpack[given.CloseOptions]) -> None:
        """Finishes rotations in flight, stores them, and frees everything. Calls under way end as cancelled.

        As `Client.close()`, awaited.
        """
        await self._native.call_async("close", encode(options))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
