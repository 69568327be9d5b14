"""Atlassian OAuth 2.0 (3LO) connections that last: consent, token rotation, sites and authenticated Jira
requests.

`Client` blocks, `AsyncClient` is awaited; both have the same verbs. Every error is a `ThreeloError` with a
stable `code`; see `threelo.errors`. What goes on beside the calls is logged to
`logging.getLogger("threelo")`.
"""

from . import errors
from ._async_client import AsyncClient
from ._client import Client
from ._files import AsyncReadable, File, FileContent, FileLike, Readable
from ._many import AsyncRequestResults, RequestResult, RequestResults
from ._native import __version__
from ._options import (
    AccessTokenOptions,
    AuthorizeOptions,
    ClientOptions,
    CloseOptions,
    CompleteOptions,
    ConnectionOptions,
    ConnectionsOptions,
    ConnectOptions,
    DisconnectOptions,
    ImportConnectionOptions,
    KeepAliveOptions,
    PaginateOptions,
    ProxyRequestManyOptions,
    ProxyRequestOptions,
    RateLimitsOptions,
    RefreshOptions,
    RekeyOptions,
    SelectSiteOptions,
    SitesOptions,
    UpdateOptions,
)
from ._paginate import AsyncConnections, AsyncPaginator, Connections, Paginator
from ._response import Headers, HistoryEntry, Response
from ._stream import Pieces
from ._types import (
    Attention,
    Authorization,
    Connection,
    ConnectSession,
    Event,
    KeepAliveReport,
    LedgerEntry,
    RateLimit,
    RekeyReport,
    Site,
)
from .errors import *  # noqa: F403  # one class per code: `threelo.SiteNotFoundError` and so on

__all__ = [
    "AccessTokenOptions",
    "AsyncClient",
    "AsyncConnections",
    "AsyncPaginator",
    "AsyncReadable",
    "AsyncRequestResults",
    "Attention",
    "Authorization",
    "AuthorizeOptions",
    "Client",
    "ClientOptions",
    "CloseOptions",
    "CompleteOptions",
    "ConnectOptions",
    "ConnectSession",
    "Connection",
    "ConnectionOptions",
    "Connections",
    "ConnectionsOptions",
    "DisconnectOptions",
    "Event",
    "File",
    "FileContent",
    "FileLike",
    "Headers",
    "HistoryEntry",
    "ImportConnectionOptions",
    "KeepAliveOptions",
    "KeepAliveReport",
    "LedgerEntry",
    "PaginateOptions",
    "Paginator",
    "Pieces",
    "ProxyRequestManyOptions",
    "ProxyRequestOptions",
    "RateLimit",
    "RateLimitsOptions",
    "Readable",
    "RefreshOptions",
    "RekeyOptions",
    "RekeyReport",
    "RequestResult",
    "RequestResults",
    "Response",
    "SelectSiteOptions",
    "Site",
    "SitesOptions",
    "UpdateOptions",
    "__version__",
    "errors",
]
__all__ += errors.__all__
