//! Files that Jira keeps on another host: the one kind of redirect that is followed. The signed address is all that
//! opens them, so neither token nor cookie nor header of the caller's goes there, except those that say which part of
//! the file is wanted (F5.7).

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, HeaderMap, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, LOCATION, RANGE,
};
use secrecy::SecretString;
use tokio::time::Instant;
use url::Url;

use super::governor::Governor;
use super::prepared::Prepared;
use super::wire::Outside;
use super::{Limiter, Response, Tokens, attempt};
use crate::atlassian::media;
use crate::error::{Code, Error, Result};
use crate::event::Events;
use crate::grant::Access;
use crate::origin::{is_loopback, secure_or_loopback};

const NOWHERE: &str = "its redirect leads to no address";

/// Redirects in a row; Atlassian's own are one.
const MOST_HOPS: usize = 5;

/// What may be said to the other host.
const TOLD: [http::HeaderName; 8] = [
    ACCEPT,
    ACCEPT_ENCODING,
    RANGE,
    IF_RANGE,
    IF_MATCH,
    IF_NONE_MATCH,
    IF_MODIFIED_SINCE,
    IF_UNMODIFIED_SINCE,
];

/// Whether the answer of `request` leads somewhere, and is the kind that is followed. Any other stands.
pub(super) fn is_followed(request: &Prepared, response: &Response) -> bool {
    leads(response).is_some() && media::is_file(&request.method, &request.path)
}

/// Goes where an answer leads that [`is_followed`].
pub(super) async fn follow<O: Outside>(
    outside: &O,
    request: &Prepared,
    mut response: Response,
    deadline: Instant,
) -> Result<Response> {
    let mut from = Url::parse(&request.uri.to_string()).map_err(|_| refused(request, NOWHERE))?;
    let at_home = is_loopback(&from);
    // Limits of its own: what another host asks for is not Jira's, and Jira's are not its.
    let limiter = Limiter { governor: &Governor::default(), events: &Events::default(), board: None };
    for _ in 0..MOST_HOPS {
        let Some(place) = leads(&response) else { return Ok(response) };
        let to = checked(&from, place, at_home).map_err(|why| refused(request, why))?;
        let asked = elsewhere(request, &to)?;
        let mut next = attempt::run(outside, &limiter, &asked, &Nobody, deadline).await?;
        next.attempts += response.attempts;
        next.history.splice(0..0, response.history);
        (response, from) = (next, to);
    }
    match leads(&response) {
        Some(_) => Err(refused(request, "one redirect follows another")),
        None => Ok(response),
    }
}

fn leads(response: &Response) -> Option<&str> {
    let redirects = matches!(response.status, 301 | 302 | 303 | 307 | 308);
    response.header(LOCATION.as_str()).filter(|_| redirects)
}

/// The address, if nobody on the way can read it, and if it is not this machine's own, where a redirect has no
/// business unless the API is there as well.
fn checked(from: &Url, place: &str, at_home: bool) -> Result<Url, &'static str> {
    let mut to = from.join(place).map_err(|_| NOWHERE)?;
    to.set_fragment(None);
    if !secure_or_loopback(&to) {
        return Err("its redirect leads to an address that is not https");
    }
    if is_loopback(&to) && !at_home {
        return Err("its redirect leads to this machine");
    }
    if !to.username().is_empty() || to.password().is_some() {
        return Err("its redirect leads to an address with a user name");
    }
    Ok(to)
}

fn refused(request: &Prepared, why: &str) -> Error {
    Error::new(
        Code::DestinationRefused,
        format!("{} {} is not followed: {why}", request.method, request.path),
    )
    .with("connection_id", &*request.asker.connection_id)
    .with("method", request.method.as_str())
    .with("path", &*request.path)
    .hinting("Ask with the parameter redirect=false to have Jira send the file itself (F5.7).")
}

/// The request for the file itself.
fn elsewhere(request: &Prepared, to: &Url) -> Result<Prepared> {
    let uri = to.as_str().parse().map_err(|_| refused(request, NOWHERE))?;
    let mut url = to.clone();
    url.set_query(None);
    let told = request.headers.iter().filter(|(name, _)| TOLD.contains(name));
    let headers: HeaderMap = told.map(|(name, value)| (name.clone(), value.clone())).collect();
    Ok(Prepared {
        asker: Arc::clone(&request.asker),
        method: request.method.clone(),
        uri,
        url: url.into(),
        path: Arc::clone(&request.path),
        headers,
        body: None,
        bearer: false,
        streams: request.streams,
        timeout: request.timeout,
        patience: None,
        reads: true,
        retry: request.retry,
        route: request.route.clone(),
    })
}

/// Tokens for a request that carries none: nothing is ever rotated for what another host answers.
struct Nobody;

impl Tokens for Nobody {
    fn access(&self, _: Instant) -> BoxFuture<'_, Result<Access>> {
        let nothing = Access {
            token: SecretString::default().into(),
            bearer: None,
            grant_id: "".into(),
            generation: 0,
            issued_at_ms: 0,
            expires_at_ms: u64::MAX,
            ends_boot_ms: u64::MAX,
        };
        std::future::ready(Ok(nothing)).boxed()
    }

    fn replace<'a>(&'a self, _: &'a Access, deadline: Instant) -> BoxFuture<'a, Result<Access>> {
        self.access(deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_nobody_can_read_are_followed() {
        let from = Url::parse("https://api.atlassian.com/ex/jira/c/rest/api/3/attachment/content/1").unwrap();
        for (place, to) in [
            (
                "https://api.media.atlassian.com/file/1/binary?token=t#x",
                "https://api.media.atlassian.com/file/1/binary?token=t",
            ),
            ("//media.example/a", "https://media.example/a"),
            ("/elsewhere", "https://api.atlassian.com/elsewhere"),
        ] {
            assert_eq!(checked(&from, place, false).unwrap().as_str(), to);
        }
        for place in [
            "http://api.media.atlassian.com/file/1",
            "http://127.0.0.1:8099/file",
            "https://127.0.0.1/file",
            "https://localhost/file",
            "https://user:password@media.example/",
            "file:///etc/passwd",
            "ftp://media.example/",
            "https://",
        ] {
            assert!(checked(&from, place, false).is_err(), "{place}");
        }
        let home = Url::parse("http://127.0.0.1:8099/x").unwrap();
        assert!(checked(&home, "http://127.0.0.1:8098/file", true).is_ok());
        assert!(checked(&home, "http://media.example/file", true).is_err());
    }
}
