// Generated from api.toml; `make generate` writes it anew.

import type { ThreeloError } from './error.js';
import * as errors from './errors.js';
import type { Failure } from './native.js';

/** The class of each code. Codes that are not here yet are plain `ThreeloError`s. @internal */
export const CLASSES: Readonly<Record<string, typeof ThreeloError>> = {
  invalid_config: errors.InvalidConfigError,
  invalid_argument: errors.InvalidArgumentError,
  connection_not_found: errors.ConnectionNotFoundError,
  reauthorization_required: errors.ReauthorizationRequiredError,
  authorization_denied: errors.AuthorizationDeniedError,
  state_invalid: errors.StateInvalidError,
  client_credentials_rejected: errors.ClientCredentialsRejectedError,
  site_not_found: errors.SiteNotFoundError,
  site_required: errors.SiteRequiredError,
  app_not_installed: errors.AppNotInstalledError,
  missing_scope: errors.MissingScopeError,
  permission_denied: errors.PermissionDeniedError,
  account_mismatch: errors.AccountMismatchError,
  already_imported: errors.AlreadyImportedError,
  rate_limited: errors.RateLimitedError,
  endpoint_removed: errors.EndpointRemovedError,
  http_error: errors.HttpError,
  outcome_unknown: errors.OutcomeUnknownError,
  destination_refused: errors.DestinationRefusedError,
  cursor_invalid: errors.CursorInvalidError,
  pagination_stalled: errors.PaginationStalledError,
  response_truncated: errors.ResponseTruncatedError,
  body_too_large: errors.BodyTooLargeError,
  timeout: errors.TimeoutError,
  cancelled: errors.CancelledError,
  network: errors.NetworkError,
  identity_unavailable: errors.IdentityUnavailableError,
  store_unavailable: errors.StoreUnavailableError,
  schema_newer: errors.SchemaNewerError,
  decryption_failed: errors.DecryptionFailedError,
  closed: errors.ClosedError,
  internal: errors.InternalError,
};

/** What a call ends with that its signal aborted. @internal */
export const CANCELLED: Failure = {
  code: 'cancelled',
  message: "The call was ended by its caller or by closing the client.",
  hint: "Nothing to mend; a rotation that was under way is finished all the same.",
  retryable: false,
  context: '{}',
};
