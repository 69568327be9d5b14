// Generated from api.toml; `make generate` writes it anew.

import { ThreeloError } from './error.js';

/**
 * An option of the client is missing, unknown or has a value that cannot work.
 *
 * Correct the option the message names; nothing was written or sent.
 */
export class InvalidConfigError extends ThreeloError {
  declare readonly code: 'invalid_config';
}

/**
 * An argument of a call is missing, unknown or has a value that cannot work.
 *
 * Correct the argument the message names; nothing was written or sent.
 */
export class InvalidArgumentError extends ThreeloError {
  declare readonly code: 'invalid_argument';
}

/**
 * No connection has this id in this store.
 *
 * Call connect() for this id, or check that the client uses the store it was connected in.
 */
export class ConnectionNotFoundError extends ThreeloError {
  declare readonly code: 'connection_not_found';
}

/**
 * Atlassian no longer accepts this grant; the user has to consent again.
 *
 * Call connect() with the same id and send the user to the session's URL; the id and its site stay.
 */
export class ReauthorizationRequiredError extends ThreeloError {
  declare readonly code: 'reauthorization_required';
}

/**
 * The user declined, or Atlassian refused the authorization code.
 *
 * Start again with connect().
 */
export class AuthorizationDeniedError extends ThreeloError {
  declare readonly code: 'authorization_denied';
}

/**
 * The callback's state is unknown, used, expired, or belongs to another browser session.
 *
 * Start again with connect() in the browser session that will come back.
 */
export class StateInvalidError extends ThreeloError {
  declare readonly code: 'state_invalid';
}

/**
 * Atlassian refused the app's client id or client secret. No connection is harmed by this.
 *
 * Check client_id and client_secret against the developer console and deploy the right ones.
 */
export class ClientCredentialsRejectedError extends ThreeloError {
  declare readonly code: 'client_credentials_rejected';
}

/**
 * The named site is not among those the grant reaches.
 *
 * Pick one of the listed sites with select_site(), or let the user connect again for the missing one.
 */
export class SiteNotFoundError extends ThreeloError {
  declare readonly code: 'site_not_found';
}

/**
 * The connection has no site yet.
 *
 * Call select_site() with one of the sites that sites() lists.
 */
export class SiteRequiredError extends ThreeloError {
  declare readonly code: 'site_required';
}

/**
 * The app is no longer installed on this site, or the grant does not cover the product.
 *
 * Let the user connect again for this site.
 */
export class AppNotInstalledError extends ThreeloError {
  declare readonly code: 'app_not_installed';
}

/**
 * The token is fine, but a scope this operation needs was not granted.
 *
 * Add the scope to the app and to the client's scopes, and let the user connect again.
 */
export class MissingScopeError extends ThreeloError {
  declare readonly code: 'missing_scope';
}

/**
 * The user may not do this in Jira.
 *
 * Ask a Jira administrator for the permission; scopes never override a user's own permissions.
 */
export class PermissionDeniedError extends ThreeloError {
  declare readonly code: 'permission_denied';
}

/**
 * A reconnect was answered by another Atlassian account than the connection belongs to.
 *
 * Let the right account consent, or pass allow_account_change to connect().
 */
export class AccountMismatchError extends ThreeloError {
  declare readonly code: 'account_mismatch';
}

/**
 * The store has seen this refresh token before.
 *
 * Use the connection that holds it; a spent token must not be spent again.
 */
export class AlreadyImportedError extends ThreeloError {
  declare readonly code: 'already_imported';
}

/**
 * Jira asked to slow down, and the wait is longer than the call may take.
 *
 * Try again after the reset time in the error's context.
 */
export class RateLimitedError extends ThreeloError {
  declare readonly code: 'rate_limited';
}

/**
 * Atlassian has removed this endpoint.
 *
 * Use its successor; for /rest/api/3/search that is /rest/api/3/search/jql.
 */
export class EndpointRemovedError extends ThreeloError {
  declare readonly code: 'endpoint_removed';
}

/**
 * Jira answered with an error status that has no code of its own.
 *
 * Read the status and the messages in the error's context.
 */
export class HttpError extends ThreeloError {
  declare readonly code: 'http_error';
}

/**
 * A write broke after it was sent; it may or may not have happened.
 *
 * Look in Jira whether it happened before sending it again.
 */
export class OutcomeUnknownError extends ThreeloError {
  declare readonly code: 'outcome_unknown';
}

/**
 * The path or URL does not lead to the connection's own site.
 *
 * Pass a path such as /rest/api/3/myself, or a URL of the connection's own site.
 */
export class DestinationRefusedError extends ThreeloError {
  declare readonly code: 'destination_refused';
}

/**
 * The cursor is damaged or was changed, belongs to another connection, site or query, or its place is not accepted any more: page tokens live for seven days.
 *
 * Start the listing again without a cursor.
 */
export class CursorInvalidError extends ThreeloError {
  declare readonly code: 'cursor_invalid';
}

/**
 * A listing led back to a place it had led to before, or said that there is more and not where, so going on would never end or lose items.
 *
 * Start the listing again later; report it if it stays.
 */
export class PaginationStalledError extends ThreeloError {
  declare readonly code: 'pagination_stalled';
}

/**
 * The answer broke off before its end.
 *
 * Repeat the read.
 */
export class ResponseTruncatedError extends ThreeloError {
  declare readonly code: 'response_truncated';
}

/**
 * The answer is larger than max_body_bytes.
 *
 * Ask for less, or raise max_body_bytes.
 */
export class BodyTooLargeError extends ThreeloError {
  declare readonly code: 'body_too_large';
}

/**
 * The call's time was up.
 *
 * Try again, or allow more time; a rotation that was under way goes on.
 */
export class TimeoutError extends ThreeloError {
  declare readonly code: 'timeout';
}

/**
 * The call was ended by its caller or by closing the client.
 *
 * Nothing to mend; a rotation that was under way is finished all the same.
 */
export class CancelledError extends ThreeloError {
  declare readonly code: 'cancelled';
}

/**
 * Jira could not be reached.
 *
 * Check the network, proxy and certificate settings, and try again.
 */
export class NetworkError extends ThreeloError {
  declare readonly code: 'network';
}

/**
 * Atlassian's identity service does not answer, or not sensibly. No connection is harmed by this.
 *
 * Try again later; the rotation goes on in the background.
 */
export class IdentityUnavailableError extends ThreeloError {
  declare readonly code: 'identity_unavailable';
}

/**
 * The store cannot be read or written.
 *
 * Check the path, its permissions and the disk.
 */
export class StoreUnavailableError extends ThreeloError {
  declare readonly code: 'store_unavailable';
}

/**
 * The store was written by a newer version of threelo.
 *
 * Upgrade threelo in this process; nothing was written.
 */
export class SchemaNewerError extends ThreeloError {
  declare readonly code: 'schema_newer';
}

/**
 * The store's records do not open with the given keys.
 *
 * Give the key the store was made with, in first place or among the others.
 */
export class DecryptionFailedError extends ThreeloError {
  declare readonly code: 'decryption_failed';
}

/**
 * The client is closed.
 *
 * Create a new client.
 */
export class ClosedError extends ThreeloError {
  declare readonly code: 'closed';
}

/**
 * A fault inside threelo itself.
 *
 * Report it with what was written to the standard error stream; the client can still be used.
 */
export class InternalError extends ThreeloError {
  declare readonly code: 'internal';
}
