//! One owned struct of options per verb. The bindings decode into these; Rust callers fill them in. Unknown names are
//! refused, so that a misspelt option can never be silently ignored.

mod authorize;
mod many;
mod paginate;

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::records::Tags;
use crate::upload::Upload;

pub use authorize::AuthorizeOptions;
pub use many::ManyOptions;
pub use paginate::PaginateOptions;

fn millis<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
    let given = Option::<f64>::deserialize(d)?;
    given
        .map(|ms| {
            Duration::try_from_secs_f64(ms / 1000.0)
                .map_err(|_| serde::de::Error::custom("a timeout must be a number of at least zero"))
        })
        .transpose()
}

/// Options of `connect`. `binding` has no default: without it an attacker's link could connect a victim's Jira to
/// the attacker's id.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectOptions {
    /// The application's own handle.
    pub id: String,
    /// Whatever ties the session to this user's browser; `None` must be written out.
    #[serde(deserialize_with = "Option::deserialize")]
    pub binding: Option<SecretString>,
    /// Subdomain, site URL or cloud id the connection must be for.
    #[serde(default)]
    pub site: Option<String>,
    /// Scopes to ask for instead of the client's.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Labels; `None` keeps those a reconnected connection has.
    #[serde(default)]
    pub tags: Option<Tags>,
    /// The application's own data; `None` keeps what a reconnected connection has.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    /// Lets a reconnect be answered by another account.
    #[serde(default)]
    pub allow_account_change: bool,
    /// A reconnect also asks for the scopes the grant had.
    #[serde(default = "yes")]
    pub keep_scopes: bool,
    /// How long the call may take.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}

fn yes() -> bool {
    true
}

impl ConnectOptions {
    /// A consent for `id`, tied to the browser session `binding`.
    pub fn new(id: impl Into<String>, binding: Option<&str>) -> Self {
        Self {
            id: id.into(),
            binding: binding.map(SecretString::from),
            site: None,
            scopes: None,
            tags: None,
            metadata: None,
            allow_account_change: false,
            keep_scopes: true,
            timeout: None,
        }
    }
}

/// Options of `complete`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompleteOptions {
    /// The full URL the browser came back to.
    pub callback_url: SecretString,
    /// The value `connect` was given.
    #[serde(deserialize_with = "Option::deserialize")]
    pub binding: Option<SecretString>,
    /// How long the call may take.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}

/// Options of the verbs that name just one connection: `refresh`, `sites`, `connection`, `disconnect`,
/// `access_token`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdOptions {
    /// The connection's id.
    pub id: String,
    /// How long the call may take.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}

impl<T: Into<String>> From<T> for IdOptions {
    fn from(id: T) -> Self {
        Self { id: id.into(), timeout: None }
    }
}

/// Options of `select_site`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectSiteOptions {
    /// The connection's id.
    pub id: String,
    /// Subdomain, site URL or cloud id.
    pub site: String,
    /// How long the call may take.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}

/// Options of `connections`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionsOptions {
    /// Only connections that carry all of these.
    #[serde(default)]
    pub tags: Option<Tags>,
    /// Go on after this place.
    #[serde(default)]
    pub cursor: Option<String>,
    /// How long one page may take.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}

/// Options of `update`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateOptions {
    /// The connection's id.
    pub id: String,
    /// The new tags, in place of all old ones.
    #[serde(default)]
    pub tags: Option<Tags>,
    /// The new metadata, in place of the old.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    /// How long the call may take.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}

/// Options of `import_connection`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportOptions {
    /// The new connection's id.
    pub id: String,
    /// The newest refresh token.
    pub refresh_token: SecretString,
    /// A still-valid access token; without one the first use rotates.
    #[serde(default)]
    pub access_token: Option<SecretString>,
    /// When the access token expires, in milliseconds since the epoch.
    #[serde(default)]
    pub expires_at: Option<u64>,
    /// What was granted.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// The Atlassian account's id.
    #[serde(default)]
    pub account_id: Option<String>,
    /// Subdomain, site URL or cloud id.
    #[serde(default)]
    pub site: Option<String>,
    /// Labels.
    #[serde(default)]
    pub tags: Option<Tags>,
    /// The application's own data.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    /// How long the call may take.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}

/// When a call may be repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// Reads, and writes that certainly did not run.
    #[default]
    Safe,
    /// The caller vouches that this write may be repeated.
    Idempotent,
    /// One attempt.
    None,
}

/// Options of `proxy_request`. A body given as bytes crosses the language boundary beside these.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestOptions {
    /// The connection's id.
    pub id: String,
    /// The HTTP method.
    pub method: String,
    /// Path, or a URL of the connection's own site.
    pub path: String,
    /// Query parameters: scalars or lists of scalars; null leaves one out.
    #[serde(default)]
    pub params: Option<Map<String, Value>>,
    /// Body, sent as JSON. `Some(Value::Null)` sends `null`.
    #[serde(default, deserialize_with = "present")]
    pub json: Option<Value>,
    /// Body, sent as it is.
    #[serde(skip)]
    pub data: Option<bytes::Bytes>,
    /// Body, sent as a form: scalars or lists of scalars; null leaves one out. With `files`, the form's other fields.
    #[serde(default)]
    pub form: Option<Map<String, Value>>,
    /// Files to upload as a multipart form, even if there are none of them.
    #[serde(skip)]
    pub files: Option<Vec<Upload>>,
    /// Hands a success on while it arrives, whatever its size.
    #[serde(default)]
    pub stream: bool,
    /// Request headers.
    #[serde(default)]
    pub headers: Option<Map<String, Value>>,
    /// Made up by another HTTP client: headers that are threelo's own are left out, instead of refused.
    #[serde(default)]
    pub relay: bool,
    /// Another site of the same grant, for this call only.
    #[serde(default)]
    pub site: Option<String>,
    /// When the call may be repeated.
    #[serde(default)]
    pub retry: Retry,
    /// How long the call may take, all attempts together.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}

fn present<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(d).map(Some)
}

impl RequestOptions {
    /// Whether the call may take as long as its body moves: no time was given, and the body comes at its own pace.
    pub(crate) fn is_unhurried(&self) -> bool {
        let files = self.files.as_deref().unwrap_or_default();
        self.timeout.is_none() && files.iter().any(|file| file.content.is_streamed())
    }

    /// A call without body, parameters or headers of its own.
    pub fn new(id: impl Into<String>, method: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            method: method.into(),
            path: path.into(),
            params: None,
            json: None,
            data: None,
            form: None,
            files: None,
            stream: false,
            headers: None,
            relay: false,
            site: None,
            retry: Retry::Safe,
            timeout: None,
        }
    }
}

/// Options of `keep_alive`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepAliveOptions {
    /// Rotates grants whose tokens are older than this, in days.
    #[serde(default = "idle_days")]
    pub idle_days: f64,
    /// How many are rotated at once.
    #[serde(default = "concurrency")]
    pub concurrency: u32,
    /// How long the whole pass may take; without it, as long as it takes.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}

fn idle_days() -> f64 {
    30.0
}

fn concurrency() -> u32 {
    8
}

impl Default for KeepAliveOptions {
    fn default() -> Self {
        Self { idle_days: idle_days(), concurrency: concurrency(), timeout: None }
    }
}

/// Options of `rekey`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RekeyOptions {
    /// How long all of it may take; without it, as long as it takes.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}

/// Options of `close`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseOptions {
    /// How long to wait for rotations in flight.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}
