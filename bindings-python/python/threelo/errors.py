"""Errors: one class per code, all under `ThreeloError`. More codes may come; tolerate new ones."""

# Generated from api.toml; `make generate` writes it anew.
from __future__ import annotations

import json
from typing import Any


class ThreeloError(Exception):
    """Base of everything threelo raises on purpose. Codes that are newer than this module raise it itself."""

    code: str
    """Stable snake_case code, equal in all languages."""
    message: str
    """What happened and what was expected."""
    hint: str
    """What to do next."""
    retryable: bool
    """Whether the same call may succeed later."""
    status: int | None
    """HTTP status, where one was involved."""
    context: dict[str, Any]
    """Details by name, such as sites, option, scopes, reset_at."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        retryable: bool = False,
        status: int | None = None,
        context: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code, self.message, self.hint = code, message, hint
        self.retryable, self.status, self.context = retryable, status, context or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class InvalidConfigError(ThreeloError):
    """`invalid_config`: An option of the client is missing, unknown or has a value that cannot work.

    Correct the option the message names; nothing was written or sent.
    """


class InvalidArgumentError(ThreeloError):
    """`invalid_argument`: An argument of a call is missing, unknown or has a value that cannot work.

    Correct the argument the message names; nothing was written or sent.
    """


class ConnectionNotFoundError(ThreeloError):
    """`connection_not_found`: No connection has this id in this store.

    Call connect() for this id, or check that the client uses the store it was connected in.
    """


class ReauthorizationRequiredError(ThreeloError):
    """`reauthorization_required`: Atlassian no longer accepts this grant; the user has to consent again.

    Call connect() with the same id and send the user to the session's URL; the id and its site stay.
    """


class AuthorizationDeniedError(ThreeloError):
    """`authorization_denied`: The user declined, or Atlassian refused the authorization code.

    Start again with connect().
    """


class StateInvalidError(ThreeloError):
    """`state_invalid`: The callback's state is unknown, used, expired, or belongs to another browser session.

    Start again with connect() in the browser session that will come back.
    """


class ClientCredentialsRejectedError(ThreeloError):
    """`client_credentials_rejected`: Atlassian refused the app's client id or client secret. No connection is
    harmed by this.

    Check client_id and client_secret against the developer console and deploy the right ones.
    """


class SiteNotFoundError(ThreeloError):
    """`site_not_found`: The named site is not among those the grant reaches.

    Pick one of the listed sites with select_site(), or let the user connect again for the missing one.
    """


class SiteRequiredError(ThreeloError):
    """`site_required`: The connection has no site yet.

    Call select_site() with one of the sites that sites() lists.
    """


class AppNotInstalledError(ThreeloError):
    """`app_not_installed`: The app is no longer installed on this site, or the grant does not cover the
    product.

    Let the user connect again for this site.
    """


class MissingScopeError(ThreeloError):
    """`missing_scope`: The token is fine, but a scope this operation needs was not granted.

    Add the scope to the app and to the client's scopes, and let the user connect again.
    """


class PermissionDeniedError(ThreeloError):
    """`permission_denied`: The user may not do this in Jira.

    Ask a Jira administrator for the permission; scopes never override a user's own permissions.
    """


class AccountMismatchError(ThreeloError):
    """`account_mismatch`: A reconnect was answered by another Atlassian account than the connection belongs
    to.

    Let the right account consent, or pass allow_account_change to connect().
    """


class AlreadyImportedError(ThreeloError):
    """`already_imported`: The store has seen this refresh token before.

    Use the connection that holds it; a spent token must not be spent again.
    """


class RateLimitedError(ThreeloError):
    """`rate_limited`: Jira asked to slow down, and the wait is longer than the call may take. A later try may
    succeed.

    Try again after the reset time in the error's context.
    """


class EndpointRemovedError(ThreeloError):
    """`endpoint_removed`: Atlassian has removed this endpoint.

    Use its successor; for /rest/api/3/search that is /rest/api/3/search/jql.
    """


class HttpError(ThreeloError):
    """`http_error`: Jira answered with an error status that has no code of its own.

    Read the status and the messages in the error's context.
    """


class OutcomeUnknownError(ThreeloError):
    """`outcome_unknown`: A write broke after it was sent; it may or may not have happened.

    Look in Jira whether it happened before sending it again.
    """


class DestinationRefusedError(ThreeloError):
    """`destination_refused`: The path or URL does not lead to the connection's own site.

    Pass a path such as /rest/api/3/myself, or a URL of the connection's own site.
    """


class CursorInvalidError(ThreeloError):
    """`cursor_invalid`: The cursor is damaged or was changed, belongs to another connection, site or query,
    or its place is not accepted any more: page tokens live for seven days.

    Start the listing again without a cursor.
    """


class PaginationStalledError(ThreeloError):
    """`pagination_stalled`: A listing led back to a place it had led to before, or said that there is more
    and not where, so going on would never end or lose items.

    Start the listing again later; report it if it stays.
    """


class ResponseTruncatedError(ThreeloError):
    """`response_truncated`: The answer broke off before its end. A later try may succeed.

    Repeat the read.
    """


class BodyTooLargeError(ThreeloError):
    """`body_too_large`: The answer is larger than max_body_bytes.

    Ask for less, or raise max_body_bytes.
    """


class TimeoutError(ThreeloError):
    """`timeout`: The call's time was up. A later try may succeed.

    Try again, or allow more time; a rotation that was under way goes on.
    """


class CancelledError(ThreeloError):
    """`cancelled`: The call was ended by its caller or by closing the client.

    Nothing to mend; a rotation that was under way is finished all the same.
    """


class NetworkError(ThreeloError):
    """`network`: Jira could not be reached. A later try may succeed.

    Check the network, proxy and certificate settings, and try again.
    """


class IdentityUnavailableError(ThreeloError):
    """`identity_unavailable`: Atlassian's identity service does not answer, or not sensibly. No connection is
    harmed by this. A later try may succeed.

    Try again later; the rotation goes on in the background.
    """


class StoreUnavailableError(ThreeloError):
    """`store_unavailable`: The store cannot be read or written. A later try may succeed.

    Check the path, its permissions and the disk.
    """


class SchemaNewerError(ThreeloError):
    """`schema_newer`: The store was written by a newer version of threelo.

    Upgrade threelo in this process; nothing was written.
    """


class DecryptionFailedError(ThreeloError):
    """`decryption_failed`: The store's records do not open with the given keys.

    Give the key the store was made with, in first place or among the others.
    """


class ClosedError(ThreeloError):
    """`closed`: The client is closed.

    Create a new client.
    """


class InternalError(ThreeloError):
    """`internal`: A fault inside threelo itself.

    Report it with what was written to the standard error stream; the client can still be used.
    """


BY_CODE: dict[str, type[ThreeloError]] = {
    "invalid_config": InvalidConfigError,
    "invalid_argument": InvalidArgumentError,
    "connection_not_found": ConnectionNotFoundError,
    "reauthorization_required": ReauthorizationRequiredError,
    "authorization_denied": AuthorizationDeniedError,
    "state_invalid": StateInvalidError,
    "client_credentials_rejected": ClientCredentialsRejectedError,
    "site_not_found": SiteNotFoundError,
    "site_required": SiteRequiredError,
    "app_not_installed": AppNotInstalledError,
    "missing_scope": MissingScopeError,
    "permission_denied": PermissionDeniedError,
    "account_mismatch": AccountMismatchError,
    "already_imported": AlreadyImportedError,
    "rate_limited": RateLimitedError,
    "endpoint_removed": EndpointRemovedError,
    "http_error": HttpError,
    "outcome_unknown": OutcomeUnknownError,
    "destination_refused": DestinationRefusedError,
    "cursor_invalid": CursorInvalidError,
    "pagination_stalled": PaginationStalledError,
    "response_truncated": ResponseTruncatedError,
    "body_too_large": BodyTooLargeError,
    "timeout": TimeoutError,
    "cancelled": CancelledError,
    "network": NetworkError,
    "identity_unavailable": IdentityUnavailableError,
    "store_unavailable": StoreUnavailableError,
    "schema_newer": SchemaNewerError,
    "decryption_failed": DecryptionFailedError,
    "closed": ClosedError,
    "internal": InternalError,
}
"""The class of each code."""

__all__ = [
    "AccountMismatchError",
    "AlreadyImportedError",
    "AppNotInstalledError",
    "AuthorizationDeniedError",
    "BodyTooLargeError",
    "CancelledError",
    "ClientCredentialsRejectedError",
    "ClosedError",
    "ConnectionNotFoundError",
    "CursorInvalidError",
    "DecryptionFailedError",
    "DestinationRefusedError",
    "EndpointRemovedError",
    "HttpError",
    "IdentityUnavailableError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidConfigError",
    "MissingScopeError",
    "NetworkError",
    "OutcomeUnknownError",
    "PaginationStalledError",
    "PermissionDeniedError",
    "RateLimitedError",
    "ReauthorizationRequiredError",
    "ResponseTruncatedError",
    "SchemaNewerError",
    "SiteNotFoundError",
    "SiteRequiredError",
    "StateInvalidError",
    "StoreUnavailableError",
    "ThreeloError",
    "TimeoutError",
]


def from_parts(
    code: str, message: str, hint: str, retryable: bool, status: int | None, context: str
) -> ThreeloError:
    """Builds the exception of a code from what the core says; `context` is JSON."""
    known = BY_CODE.get(code, ThreeloError)
    details = json.loads(context)
    return known(code, message, hint=hint, retryable=retryable, status=status, context=details)
