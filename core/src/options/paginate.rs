//! Options of `paginate`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{millis, yes};

/// Options of `paginate`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaginateOptions {
    /// The connection's id.
    pub id: String,
    /// Path of the listing.
    pub path: String,
    /// GET, or POST for listings that take their query as a body.
    #[serde(default = "get")]
    pub method: String,
    /// Query parameters.
    #[serde(default)]
    pub params: Option<Map<String, Value>>,
    /// Body of a POST listing.
    #[serde(default)]
    pub json: Option<Map<String, Value>>,
    /// Another site of the same grant.
    #[serde(default)]
    pub site: Option<String>,
    /// Stop after this many items.
    #[serde(default)]
    pub limit: Option<u64>,
    /// Go on from where an earlier iterator stopped.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Ask for pages of this many items. A hint: servers give fewer as they like, and some listings know no sizes.
    #[serde(default)]
    pub page_size: Option<u64>,
    /// Fetch the next page while the present one is used.
    #[serde(default = "yes")]
    pub prefetch: bool,
    /// How many pages are fetched at once, where they can be counted: 1 to 16.
    #[serde(default = "one")]
    pub parallel: u32,
    /// Leave out items that came before: offsets shift while others write. The newest 100,000 are remembered.
    #[serde(default)]
    pub deduplicate: bool,
    /// How long one page may take.
    #[serde(default, rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Option<Duration>,
}

fn one() -> u32 {
    1
}

fn get() -> String {
    "GET".to_owned()
}

impl PaginateOptions {
    /// All items of the listing at `path`.
    pub fn new(id: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            path: path.into(),
            method: get(),
            params: None,
            json: None,
            site: None,
            limit: None,
            cursor: None,
            page_size: None,
            prefetch: true,
            parallel: one(),
            deduplicate: false,
            timeout: None,
        }
    }
}
