//! The five families of error bodies (F6.1).

use serde_json::{Value, json};

use crate::clock::{Millis, jira_date};
use crate::reply::Reply;

/// (a) The gateway's own: `{"code", "message"}`.
#[must_use]
pub(crate) fn gateway(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"code": status, "message": message}))
}

/// (b) Jira's ErrorCollection with messages.
#[must_use]
pub(crate) fn jira(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"errorMessages": [message], "errors": {}}))
}

/// (b) Jira's ErrorCollection with errors of fields.
#[must_use]
pub(crate) fn jira_fields(status: u16, errors: Value) -> Reply {
    Reply::json(status, &json!({"errorMessages": [], "errors": errors}))
}

/// (c) Spring style.
#[must_use]
pub(crate) fn spring(status: u16, error: &str, path: &str, now: Millis) -> Reply {
    let body = json!({
        "timestamp": jira_date(now), "status": status, "error": error,
        "message": "No message available", "path": path,
    });
    Reply::json(status, &body)
}

/// (d) OAuth.
#[must_use]
pub(crate) fn oauth(status: u16, error: &str, description: &str) -> Reply {
    Reply::json(status, &json!({"error": error, "error_description": description}))
        .header("cache-control", "no-store")
}

/// (e) A page.
#[must_use]
pub(crate) fn html(status: u16, title: &str) -> Reply {
    let body = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    );
    Reply::html(status, body)
}

/// 401 for wrong client credentials (F2.7): the same word as a declined consent, at another place.
#[must_use]
pub(crate) fn bad_client() -> Reply {
    oauth(401, "access_denied", "Unauthorized").outcome("bad_client")
}

/// 401 for a token that is unknown or has ended (F6.3).
#[must_use]
pub(crate) fn unauthorized() -> Reply {
    gateway(401, "Unauthorized").header("x-failure-category", "FAILURE_CLIENT_AUTH").outcome("bad_token")
}

/// 401 for a good token without the scope (F6.2).
#[must_use]
pub(crate) fn scope_mismatch() -> Reply {
    gateway(401, "Unauthorized; scope does not match")
        .header("x-failure-category", "FAILURE_CLIENT_SCOPE_CHECK")
        .outcome("scope_mismatch")
}
