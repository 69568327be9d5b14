// Generated from api.toml; `make generate` writes it anew.

codes! {
    InvalidConfig = "invalid_config", retryable: false, doc: "An option of the client is missing, unknown or has a value that cannot work.", hint: "Correct the option the message names; nothing was written or sent.";
    InvalidArgument = "invalid_argument", retryable: false, doc: "An argument of a call is missing, unknown or has a value that cannot work.", hint: "Correct the argument the message names; nothing was written or sent.";
    ConnectionNotFound = "connection_not_found", retryable: false, doc: "No connection has this id in this store.", hint: "Call connect() for this id, or check that the client uses the store it was connected in.";
    ReauthorizationRequired = "reauthorization_required", retryable: false, doc: "Atlassian no longer accepts this grant; the user has to consent again.", hint: "Call connect() with the same id and send the user to the session's URL; the id and its site stay.";
    AuthorizationDenied = "authorization_denied", retryable: false, doc: "The user declined, or Atlassian refused the authorization code.", hint: "Start again with connect().";
    StateInvalid = "state_invalid", retryable: false, doc: "The callback's state is unknown, used, expired, or belongs to another browser session.", hint: "Start again with connect() in the browser session that will come back.";
    ClientCredentialsRejected = "client_credentials_rejected", retryable: false, doc: "Atlassian refused the app's client id or client secret. No connection is harmed by this.", hint: "Check client_id and client_secret against the developer console and deploy the right ones.";
    SiteNotFound = "site_not_found", retryable: false, doc: "The named site is not among those the grant reaches.", hint: "Pick one of the listed sites with select_site(), or let the user connect again for the missing one.";
    SiteRequired = "site_required", retryable: false, doc: "The connection has no site yet.", hint: "Call select_site() with one of the sites that sites() lists.";
    AppNotInstalled = "app_not_installed", retryable: false, doc: "The app is no longer installed on this site, or the grant does not cover the product.", hint: "Let the user connect again for this site.";
    MissingScope = "missing_scope", retryable: false, doc: "The token is fine, but a scope this operation needs was not granted.", hint: "Add the scope to the app and to the client's scopes, and let the user connect again.";
    PermissionDenied = "permission_denied", retryable: false, doc: "The user may not do this in Jira.", hint: "Ask a Jira administrator for the permission; scopes never override a user's own permissions.";
    AccountMismatch = "account_mismatch", retryable: false, doc: "A reconnect was answered by another Atlassian account than the connection belongs to.", hint: "Let the right account consent, or pass allow_account_change to connect().";
    AlreadyImported = "already_imported", retryable: false, doc: "The store has seen this refresh token before.", hint: "Use the connection that holds it; a spent token must not be spent again.";
    RateLimited = "rate_limited", retryable: true, doc: "Jira asked to slow down, and the wait is longer than the call may take.", hint: "Try again after the reset time in the error's context.";
    EndpointRemoved = "endpoint_removed", retryable: false, doc: "Atlassian has removed this endpoint.", hint: "Use its successor; for /rest/api/3/search that is /rest/api/3/search/jql.";
    HttpError = "http_error", retryable: false, doc: "Jira answered with an error status that has no code of its own.", hint: "Read the status and the messages in the error's context.";
    OutcomeUnknown = "outcome_unknown", retryable: false, doc: "A write broke after it was sent; it may or may not have happened.", hint: "Look in Jira whether it happened before sending it again.";
    DestinationRefused = "destination_refused", retryable: false, doc: "The path or URL does not lead to the connection's own site.", hint: "Pass a path such as /rest/api/3/myself, or a URL of the connection's own site.";
    CursorInvalid = "cursor_invalid", retryable: false, doc: "The cursor is damaged or was changed, belongs to another connection, site or query, or its place is not accepted any more: page tokens live for seven days.", hint: "Start the listing again without a cursor.";
    PaginationStalled = "pagination_stalled", retryable: false, doc: "A listing led back to a place it had led to before, or said that there is more and not where, so going on would never end or lose items.", hint: "Start the listing again later; report it if it stays.";
    ResponseTruncated = "response_truncated", retryable: true, doc: "The answer broke off before its end.", hint: "Repeat the read.";
    BodyTooLarge = "body_too_large", retryable: false, doc: "The answer is larger than max_body_bytes.", hint: "Ask for less, or raise max_body_bytes.";
    Timeout = "timeout", retryable: true, doc: "The call's time was up.", hint: "Try again, or allow more time; a rotation that was under way goes on.";
    Cancelled = "cancelled", retryable: false, doc: "The call was ended by its caller or by closing the client.", hint: "Nothing to mend; a rotation that was under way is finished all the same.";
    Network = "network", retryable: true, doc: "Jira could not be reached.", hint: "Check the network, proxy and certificate settings, and try again.";
    IdentityUnavailable = "identity_unavailable", retryable: true, doc: "Atlassian's identity service does not answer, or not sensibly. No connection is harmed by this.", hint: "Try again later; the rotation goes on in the background.";
    StoreUnavailable = "store_unavailable", retryable: true, doc: "The store cannot be read or written.", hint: "Check the path, its permissions and the disk.";
    SchemaNewer = "schema_newer", retryable: false, doc: "The store was written by a newer version of threelo.", hint: "Upgrade threelo in this process; nothing was written.";
    DecryptionFailed = "decryption_failed", retryable: false, doc: "The store's records do not open with the given keys.", hint: "Give the key the store was made with, in first place or among the others.";
    Closed = "closed", retryable: false, doc: "The client is closed.", hint: "Create a new client.";
    Internal = "internal", retryable: false, doc: "A fault inside threelo itself.", hint: "Report it with what was written to the standard error stream; the client can still be used.";
}
