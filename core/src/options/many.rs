//! Options of `proxy_request_many`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{RequestOptions, Retry, millis, present};

/// Options of `proxy_request_many`. A body given as bytes crosses the language boundary beside these.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManyOptions {
    /// The connections' ids.
    pub ids: Vec<String>,
    /// The HTTP method.
    pub method: String,
    /// Path below each site.
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
    /// Request headers.
    #[serde(default)]
    pub headers: Option<Map<String, Value>>,
    /// Every Jira site of each connection's grant, instead of the connection's own.
    #[serde(default)]
    pub all_sites: bool,
    /// How many calls are under way at once.
    #[serde(default = "concurrency")]
    pub concurrency: u32,
    /// When a call may be repeated.
    #[serde(default)]
    pub retry: Retry,
    /// How long each call may take, all attempts together.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}

fn concurrency() -> u32 {
    8
}

impl ManyOptions {
    /// The same call for many connections.
    pub fn new(ids: Vec<String>, method: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            ids,
            method: method.into(),
            path: path.into(),
            params: None,
            json: None,
            data: None,
            headers: None,
            all_sites: false,
            concurrency: concurrency(),
            retry: Retry::Safe,
            timeout: None,
        }
    }

    /// The call of one connection, at the site named or its own.
    pub(crate) fn single(&self, id: &str, site: Option<String>) -> RequestOptions {
        RequestOptions {
            params: self.params.clone(),
            json: self.json.clone(),
            data: self.data.clone(),
            headers: self.headers.clone(),
            site,
            retry: self.retry,
            timeout: self.timeout,
            ..RequestOptions::new(id, &*self.method, &*self.path)
        }
    }
}
