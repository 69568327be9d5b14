//! A call made ready to be sent as often as it takes: everything checked, nothing left to fail between attempts.

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use url::Url;

use super::{Destination, Intent, params, target};
use crate::atlassian::Hosts;
use crate::error::{Code, Error, Result};
use crate::options::{RequestOptions, Retry};

/// A call without its token.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) connection_id: String,
    pub(super) method: Method,
    /// With the query.
    pub(super) url: Url,
    /// Below the site, without the query: safe to show.
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    pub(super) reads: bool,
    pub(super) retry: Retry,
    pub(super) granted_scopes: Vec<String>,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Checks everything about a call that can be checked before it is sent.
pub(super) fn prepare(
    hosts: &Hosts,
    destination: &Destination,
    options: &RequestOptions,
    intent: Intent,
) -> Result<Prepared> {
    let method = params::method(&options.method)?;
    let target = target::resolve(hosts, destination, &options.path)?;
    let mut url = target.url;
    url.set_query(params::query(target.query.as_deref(), options.params.as_ref())?.as_deref());
    let mut headers = params::headers(options.headers.as_ref())?;
    headers.entry(ACCEPT).or_insert(JSON);
    let body = match (&options.json, &options.data) {
        (Some(_), Some(_)) => {
            return Err(Error::argument("data", "given together with json", "one of the two"));
        }
        (Some(json), None) => {
            headers.entry(CONTENT_TYPE).or_insert(JSON);
            let text = serde_json::to_vec(json)
                .map_err(|_| Error::new(Code::InvalidArgument, "`json` could not be written"))?;
            Some(Bytes::from(text))
        }
        (None, data) => data.clone(),
    };
    let reads = intent == Intent::Listing || matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
    Ok(Prepared {
        connection_id: destination.connection_id.clone(),
        method,
        url,
        path: target.path,
        headers,
        body,
        reads,
        retry: options.retry,
        granted_scopes: destination.granted_scopes.clone(),
    })
}
