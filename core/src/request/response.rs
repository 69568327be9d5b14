//! What Jira answered.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, Method};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::destination::Asker;
use super::{Download, HistoryEntry, retry_after};
use crate::atlassian::diagnosis;
use crate::clock::wall_ms;
use crate::error::{Code, Error, Result};

/// An answer of Jira, whatever its status.
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: HeaderMap,
    /// The URL that answered, without its query.
    pub url: String,
    /// How many requests it took.
    pub attempts: u32,
    /// What came before the answer, in order: every attempt but the last, and waits for Jira's rate limits.
    pub history: Vec<HistoryEntry>,
    /// The body, decompressed; nothing where it is still on its way: see [`Response::download`].
    pub body: Bytes,
    pub(super) arriving: Option<Box<Download>>,
    pub(super) origin: Arc<Origin>,
}

/// What was asked, for errors to name.
#[derive(Debug, Default)]
pub(super) struct Origin {
    pub(super) asker: Arc<Asker>,
    pub(super) method: Method,
    pub(super) path: Arc<str>,
    pub(super) writes: bool,
}

/// Headers and bodies can hold secrets (signed media URLs: F5.7), so only their outline is shown.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("url", &self.url)
            .field("attempts", &self.attempts)
            .field("headers", &self.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>())
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

impl Response {
    /// Nothing for a status below 400, otherwise what it means, with Jira's own messages under `messages` in the
    /// context, and `connection_id`, `method`, `path`, Atlassian's `trace_id` and the `operation` it documents beside
    /// them.
    ///
    /// # Errors
    /// `missing_scope`, `permission_denied`, `app_not_installed`, `rate_limited`, `endpoint_removed`, `http_error`.
    pub fn error_for_status(&self) -> Result<()> {
        if self.status < 400 {
            return Ok(());
        }
        let origin = &self.origin;
        let asked = diagnosis::Asked {
            method: origin.method.as_str(),
            path: &origin.path,
            writes: origin.writes,
            granted: &origin.asker.granted_scopes,
        };
        let found = diagnosis::explain(&asked, self.status, &self.headers, &self.body);
        let mut error = Error::new(found.code, found.text)
            .with_status(self.status)
            .with("connection_id", &*origin.asker.connection_id)
            .with("method", origin.method.as_str())
            .with("path", &*origin.path);
        for (name, value) in found.details {
            error = error.with(name, value);
        }
        if let Some(trace) = self.header("atl-traceid") {
            error = error.with("trace_id", diagnosis::clean(trace));
        }
        if let Some(hint) = found.hint {
            error = error.hinting(hint);
        }
        Err(if found.code == Code::RateLimited { rate_limit(error, &self.headers) } else { error })
    }

    /// Whether the body is still on its way.
    #[must_use]
    pub fn is_streamed(&self) -> bool {
        self.arriving.is_some()
    }

    /// The body, to be read piece by piece: of a streamed answer as it arrives, of any other what is there. Only the
    /// first call has it.
    pub fn download(&mut self) -> Download {
        if let Some(arriving) = self.arriving.take() {
            return *arriving;
        }
        let body = std::mem::take(&mut self.body);
        let whole = futures::stream::iter([Ok(body)]).boxed();
        Download::new(whole, self.status, Arc::clone(&self.origin), Duration::MAX)
    }

    /// Has a body that is still on its way end with the client.
    pub(crate) fn until(mut self, closing: &CancellationToken) -> Self {
        if let Some(download) = &mut self.arriving {
            download.until(closing.clone());
        }
        self
    }

    /// The path that was asked, below the site and without its query.
    pub(crate) fn path(&self) -> &str {
        &self.origin.path
    }

    /// The body as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// `http_error` where it is not the JSON that was expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // serde's own words can quote the body, so only the place is told.
            let place = format!("line {}, column {}", error.line(), error.column());
            let asked = format!("{} {}", self.origin.method, self.origin.path);
            let text = format!("the answer to {asked} is not the JSON that was expected, at {place}");
            Error::new(Code::HttpError, text).with_status(self.status).with("path", &*self.origin.path)
        })
    }

    /// A header's first value, where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Adds when to come back and who turned the call away (F7.4).
pub(super) fn rate_limit(error: Error, headers: &HeaderMap) -> Error {
    let now = wall_ms();
    let reason = headers.get("ratelimit-reason").and_then(|value| value.to_str().ok());
    let error = match reason {
        Some(reason) => error.with("reason", diagnosis::clean(reason)),
        None => error,
    };
    match retry_after::wait(429, headers, now) {
        Some(wait) => {
            let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            error.with("retry_after_ms", wait).with("reset_at", now.saturating_add(wait))
        }
        None => error,
    }
}

#[cfg(test)]
impl Response {
    /// An answer as tests need it.
    pub(crate) fn of(status: u16, body: &str) -> Self {
        let origin = Origin { path: "/rest/x".into(), ..Origin::default() };
        let url = "https://api.atlassian.com/ex/jira/c/rest/x".to_owned();
        let body = Bytes::from(body.to_owned());
        Self {
            status,
            headers: HeaderMap::new(),
            url,
            attempts: 1,
            history: Vec::new(),
            body,
            arriving: None,
            origin: Arc::new(origin),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn error(status: u16, body: &str) -> Error {
        Response::of(status, body).error_for_status().unwrap_err()
    }

    #[test]
    fn statuses_mean_what_the_catalogue_of_codes_says() {
        for status in [200, 204, 303, 399] {
            assert!(Response::of(status, "").error_for_status().is_ok());
        }
        for (status, body, code) in [
            (401, r#"{"message":"Unauthorized; scope does not match"}"#, Code::MissingScope),
            (401, r#"{"message":"Unauthorized"}"#, Code::HttpError),
            (403, r#"{"message":"The app is not installed on this instance"}"#, Code::AppNotInstalled),
            (403, "<html>", Code::PermissionDenied),
            (404, "", Code::HttpError),
            (410, "", Code::EndpointRemoved),
            (429, "", Code::RateLimited),
            (500, "", Code::HttpError),
        ] {
            let error = error(status, body);
            assert_eq!((error.code(), error.status()), (code, Some(status)), "{body}");
            assert_eq!(
                (&error.context()["method"], &error.context()["path"]),
                (&"GET".into(), &"/rest/x".into())
            );
        }
    }

    #[test]
    fn errors_carry_messages_trace_and_reset() {
        let mut response = Response::of(429, r#"{"errorMessages":["Slow down"]}"#);
        for (name, value) in [
            ("atl-traceid", "abc123"),
            ("retry-after", "1800"),
            ("ratelimit-reason", "jira-quota-global-based"),
        ] {
            response.headers.insert(name, HeaderValue::from_static(value));
        }
        let error = response.error_for_status().unwrap_err();
        assert_eq!(error.message(), "GET /rest/x was answered with 429: Slow down");
        assert_eq!(error.context()["messages"], serde_json::json!(["Slow down"]));
        assert_eq!(error.context()["trace_id"], "abc123");
        assert_eq!(error.context()["retry_after_ms"], 1_800_000);
        assert_eq!(error.context()["reason"], "jira-quota-global-based");
        assert!(error.context()["reset_at"].as_u64().unwrap() >= wall_ms() + 1_790_000);
    }

    #[test]
    fn debug_shows_an_outline_only() {
        let mut response = Response::of(303, "canary");
        response.headers.insert("location", HeaderValue::from_static("https://media/x?token=canary"));
        let shown = format!("{response:?}");
        assert!(
            !shown.contains("canary") && shown.contains("location") && shown.contains("6 bytes"),
            "{shown}"
        );
    }

    #[test]
    fn json_that_does_not_fit_is_told_by_its_place() {
        let response = Response::of(200, "{\"a\": \"canary\"}");
        let error = response.json::<Vec<u8>>().unwrap_err();
        assert_eq!(error.code(), Code::HttpError);
        assert!(!error.message().contains("canary"), "{error}");
        assert_eq!(response.json::<serde_json::Value>().unwrap()["a"], "canary");
    }
}
