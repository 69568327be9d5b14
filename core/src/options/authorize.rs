//! Options of `authorize`.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::millis;

/// Options of `authorize`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizeOptions {
    /// The connection's id.
    pub id: String,
    /// Path, or a URL of the connection's own site.
    pub path: String,
    /// Another site of the same grant.
    #[serde(default)]
    pub site: Option<String>,
    /// The token that Jira answered with 401.
    #[serde(default)]
    pub rejected: Option<SecretString>,
    /// The body of that answer: a missing scope is told from a rejected token by it (F6.2).
    #[serde(default)]
    pub answer: Option<String>,
    /// How long the call may take.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}

impl AuthorizeOptions {
    /// For a first request.
    pub fn new(id: impl Into<String>, path: impl Into<String>) -> Self {
        Self { id: id.into(), path: path.into(), site: None, rejected: None, answer: None, timeout: None }
    }
}
