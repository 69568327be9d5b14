//! A call made ready to be sent as often as it takes: everything checked, nothing left to fail between attempts.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Uri};

use super::destination::Asker;
use super::governor::Route;
use super::{Destination, Intent, Limits, decode, multipart, params, target};
use crate::atlassian::media;
use crate::body::Body;
use crate::error::{Code, Error, Result};
use crate::options::{RequestOptions, Retry};
use crate::upload::Upload;

/// A call without its token.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) asker: Arc<Asker>,
    pub(super) method: Method,
    /// With the query.
    pub(super) uri: Uri,
    /// Without it: safe to show.
    pub(super) url: String,
    /// The same below the site.
    pub(super) path: Arc<str>,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Body>,
    /// Whether it carries the token. Signed addresses on other hosts do without (F5.7), and outside what Jira counts.
    pub(super) bearer: bool,
    /// Whether a success is handed on while it arrives.
    pub(super) streams: bool,
    /// How long the call may take, and after that each wait for more of a body that is handed on.
    pub(super) timeout: Duration,
    /// How long a body that takes its time may stand still; without it the deadline holds, moving or not.
    pub(super) patience: Option<Duration>,
    pub(super) reads: bool,
    pub(super) retry: Retry,
    /// What rate limits it by.
    pub(super) route: Route,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");

/// Checks everything about a call that can be checked before it is sent.
pub(super) fn prepare(
    destination: &Destination,
    options: &RequestOptions,
    limits: Limits,
    intent: Intent,
) -> Result<Prepared> {
    let method = params::method(&options.method)?;
    let target = target::resolve(destination, &options.path)?;
    let query = params::query(target.query, options.params.as_ref())?;
    let uri = Uri::from_maybe_shared(Bytes::from(whole(&target.url, query.as_deref()))).map_err(|_| {
        Error::new(Code::DestinationRefused, "the path is refused: it cannot be written into a request")
    })?;
    let path: Arc<str> = target.path.into();
    let mut headers = params::headers(options.headers.as_ref(), options.relay)?;
    let is_file = media::is_file(&method, &path);
    headers.entry(ACCEPT).or_insert(if is_file { ANYTHING } else { JSON });
    decode::accept(&mut headers);
    let body = body(options, &mut headers)?;
    let patience = options.is_unhurried().then_some(limits.timeout);
    let reads = intent == Intent::Listing || super::reads(method.as_str());
    let asker = Arc::clone(&destination.asker);
    let route = Route::new(Arc::clone(&asker), target.product, method.clone(), Arc::clone(&path), reads);
    Ok(Prepared {
        asker,
        method,
        uri,
        url: target.url,
        path,
        headers,
        body,
        bearer: true,
        streams: options.stream,
        timeout: limits.timeout,
        patience,
        reads,
        retry: options.retry,
        route,
    })
}

/// An address with its query.
pub(super) fn whole(url: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => [url, "?", query].concat(),
        None => url.to_owned(),
    }
}

/// The one body of a call, and the headers that go with it.
fn body(options: &RequestOptions, headers: &mut HeaderMap) -> Result<Option<Body>> {
    let forms = options.form.is_some() || options.files.is_some();
    let given = [("json", options.json.is_some()), ("data", options.data.is_some()), ("form", forms)];
    let names: Vec<&str> = given.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
    if let [first, second, ..] = names.as_slice() {
        let given = format!("given together with {first}");
        return Err(Error::argument(second, given, "one of json, data, and a form with or without files"));
    }
    if let Some(json) = &options.json {
        headers.entry(CONTENT_TYPE).or_insert(JSON);
        let text = serde_json::to_vec(json)
            .map_err(|_| Error::new(Code::InvalidArgument, "`json` could not be written"))?;
        return Ok(Some(Bytes::from(text).into()));
    }
    let fields = params::fields(options.form.as_ref())?;
    match &options.files {
        Some(files) => upload(&fields, files, headers).map(Some),
        None if options.form.is_some() => {
            headers.entry(CONTENT_TYPE).or_insert(FORM);
            let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            Ok(Some(Bytes::from(text).into()))
        }
        None => Ok(options.data.clone().map(Body::from)),
    }
}

fn upload(fields: &[(String, String)], files: &[Upload], headers: &mut HeaderMap) -> Result<Body> {
    if headers.contains_key(CONTENT_TYPE) {
        return Err(Error::argument(
            "headers",
            "with a Content-Type beside files",
            "the one that files bring",
        ));
    }
    let form = multipart::form(fields, files)?;
    headers.insert(CONTENT_TYPE, form.content_type);
    // Without it Jira takes the form for one that another site had a browser send (F5.8).
    headers.entry("x-atlassian-token").or_insert(HeaderValue::from_static("no-check"));
    Ok(form.body)
}

impl Prepared {
    /// When it may be repeated from here on: a body that was read and cannot be rewound is never sent twice.
    pub(super) fn retry_now(&self) -> Retry {
        if self.body.as_ref().is_some_and(Body::is_spent) { Retry::None } else { self.retry }
    }

    /// Whether there is only one chance: what goes wrong once its body is begun stays so.
    pub(super) fn has_one_chance(&self) -> bool {
        self.body.as_ref().is_some_and(|body| !body.is_rewindable())
    }
}
