//! What goes in and out of the endpoints: a request with its body read, and a reply that is plain data, so that faults
//! can change it and the log can describe it before anything is sent.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use bytes::Bytes;
use serde_json::Value;

/// A request whose body has arrived.
#[derive(Debug)]
pub(crate) struct Request {
    /// Method.
    pub(crate) method: Method,
    /// Path as it was sent, still encoded.
    pub(crate) path: String,
    /// Query as it was sent, without the question mark.
    pub(crate) query: String,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
}

impl Request {
    /// A header as text.
    #[must_use]
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The token of the `Authorization` header.
    #[must_use]
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header(header::AUTHORIZATION)?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    /// The path in decoded segments.
    #[must_use]
    pub(crate) fn segments(&self) -> Vec<String> {
        let decode =
            |segment: &str| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
        self.path.trim_matches('/').split('/').map(decode).collect()
    }

    /// The parameters of the query, in order.
    #[must_use]
    pub(crate) fn params(&self) -> Params {
        Params::parse(self.query.as_bytes())
    }

    /// The body as JSON.
    #[must_use]
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Parameters of a query or a form: a name may come several times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(pub(crate) Vec<(String, String)>);

impl Params {
    /// Reads `a=b&c=d`.
    #[must_use]
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value of this name, if it is not empty.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of this name that are not empty.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// A number.
    #[must_use]
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.parse().ok()
    }
}

/// What the log says about a request beside method, path and status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// See the README's table.
    pub(crate) outcome: Option<&'static str>,
    /// Why something was refused.
    pub(crate) reason: Option<String>,
    /// Grant type, at the token endpoint.
    pub(crate) grant_type: Option<String>,
    /// Name of the account.
    pub(crate) account: Option<String>,
    /// Cloud id.
    pub(crate) cloud_id: Option<String>,
    /// Generation of the token that was sent.
    pub(crate) generation: Option<u64>,
    /// Generation of the pair handed out.
    pub(crate) new_generation: Option<u64>,
    /// Id of the fault used.
    pub(crate) fault: Option<u64>,
}

/// A reply.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Status.
    pub(crate) status: u16,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
    /// For the log.
    pub(crate) note: Note,
}

impl Reply {
    /// A reply without body.
    #[must_use]
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new(), note: Note::default() }
    }

    /// JSON.
    #[must_use]
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::with_body(status, "application/json;charset=UTF-8", body.to_string())
    }

    /// A page.
    #[must_use]
    pub(crate) fn html(status: u16, body: impl Into<Bytes>) -> Self {
        Self::with_body(status, "text/html;charset=UTF-8", body)
    }

    /// Any body.
    #[must_use]
    pub(crate) fn with_body(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let mut reply = Self::empty(status);
        reply.body = body.into();
        reply.header("content-type", content_type)
    }

    /// Sets a header; one that cannot be sent is left out.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Sets the outcome for the log.
    #[must_use]
    pub(crate) fn outcome(mut self, outcome: &'static str) -> Self {
        self.note.outcome = Some(outcome);
        self
    }

    /// Sets the reason for the log.
    #[must_use]
    pub(crate) fn reason(mut self, reason: impl Into<String>) -> Self {
        self.note.reason = Some(reason.into());
        self
    }
}
