//! Authenticated calls: where they go, how often they are sent, and what the answer means.
//!
//! [`send`] is the whole path of one call. What may be repeated is decided in `retry` and `healing`, which know no
//! network; `attempt` runs what they decide, over `wire`.

mod attempt;
mod decode;
mod destination;
mod download;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
pub(crate) mod governor;
mod healing;
mod history;
mod multipart;
pub(crate) mod params;
mod prepared;
mod redirect;
mod response;
mod retry;
mod retry_after;
mod save;
mod target;
mod wire;

#[cfg(test)]
pub(crate) mod loopback;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::atlassian::Hosts;
use crate::error::{Code, Result};
use crate::event::Events;
use crate::grant::Access;
use crate::options::RequestOptions;
use crate::records::Site;
use crate::transport::Transport;

pub(crate) use destination::{Destination, Destinations};
pub use download::Download;
pub use governor::RateLimit;
pub(crate) use governor::{Board, Governor};
pub(crate) use healing::{is_rejection, settling};
pub use history::{HistoryEntry, HistoryReason};
pub use response::Response;

/// What the request path needs of the rotation.
pub(crate) trait Tokens: Send + Sync {
    /// A token to send now, if there is one that nobody need be asked for. Looked for before every attempt.
    fn at_hand(&self) -> Option<Access> {
        None
    }

    /// A token to send now.
    fn access(&self, deadline: Instant) -> BoxFuture<'_, Result<Access>>;

    /// The API refused this token (DESIGN rule 9): re-reads the store, gives a newer one if there is one, else rotates
    /// once. Returning the same grant and generation again means that there is nothing better to send.
    fn replace<'a>(&'a self, rejected: &'a Access, deadline: Instant) -> BoxFuture<'a, Result<Access>>;
}

/// The way to the API, for all calls of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) limiter: Limiter<'a>,
}

/// What keeps calls to Jira's rate limits, and where that is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limiter<'a> {
    pub(crate) governor: &'a Governor,
    pub(crate) events: &'a Events,
    /// Where pauses are told to other processes.
    pub(crate) board: Option<&'a Board>,
}

impl Limiter<'_> {
    /// As [`Governor::learn`]; a pause of more than an endpoint is told to other processes.
    fn learn(
        &self,
        route: &governor::Route,
        status: u16,
        headers: &http::HeaderMap,
        wait: Option<Duration>,
        sent: Instant,
    ) -> bool {
        let paused = self.governor.learn(route, status, headers, wait, sent, self.events);
        if let Some((board, paused)) = self.board.zip(paused.as_ref()) {
            board.tell(paused);
        }
        paused.is_some()
    }
}

/// The client's bounds of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Largest answer that is read, in bytes, after decompression.
    pub(crate) max_body_bytes: u64,
    /// How long the call may still take; what its options say has gone into this already.
    pub(crate) timeout: Duration,
}

/// What the caller wants, as far as the method does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// GET, HEAD and OPTIONS read, everything else writes.
    ByMethod,
    /// A page of a listing: a read, also where the query travels in a POST body.
    Listing,
}

/// Whether a method only reads, so that a call may be repeated whatever became of it.
pub(crate) fn reads(method: &str) -> bool {
    ["GET", "HEAD", "OPTIONS"].iter().any(|reading| method.eq_ignore_ascii_case(reading))
}

/// One call, with its retries and its healing of rejected tokens. Every HTTP status is an answer, not an error.
///
/// # Errors
/// `invalid_argument` and `destination_refused` before anything is sent; `rate_limited`, `outcome_unknown`,
/// `response_truncated`, `body_too_large`, `timeout`, `network`, and what `tokens` returns.
pub(crate) async fn send(
    channel: &Channel<'_>,
    destination: &Destination,
    tokens: &dyn Tokens,
    options: &RequestOptions,
    limits: Limits,
    intent: Intent,
) -> Result<Response> {
    let request = prepared::prepare(destination, options, limits, intent)?;
    let deadline = after(limits.timeout);
    let network = wire::Network { transport: channel.transport, max_body_bytes: limits.max_body_bytes };
    let response = attempt::run(&network, &channel.limiter, &request, tokens, deadline).await?;
    if !redirect::is_followed(&request, &response) {
        return Ok(response);
    }
    Box::pin(redirect::follow(&network, &request, response, deadline)).await
}

/// The address at the gateway that a path or URL of this site means, with its query.
///
/// # Errors
/// `destination_refused`.
pub(crate) fn located(hosts: &Hosts, site: &Site, given: &str) -> Result<String> {
    let target = target::resolve(&Destination::new(hosts, "", site, &[]), given)?;
    Ok(prepared::whole(&target.url, target.query.as_deref()))
}

/// Refuses what no site could be asked: a call is checked before it is made for many. Whether a URL is of the right
/// site is seen when there is one.
///
/// # Errors
/// `invalid_argument`, `destination_refused`.
pub(crate) fn check(hosts: &Hosts, options: &RequestOptions) -> Result<()> {
    let nowhere = Destination::new(hosts, "", &Site::nameless("any", ""), &[]);
    let limits = Limits { max_body_bytes: u64::MAX, timeout: Duration::MAX };
    match prepared::prepare(&nowhere, options, limits, Intent::ByMethod) {
        Err(error) if error.code() == Code::DestinationRefused && options.path.contains("://") => Ok(()),
        checked => checked.map(drop),
    }
}

/// The moment a wait of `span` ends; a span too long for the clock counts as a year.
fn after(span: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(span.min(YEAR)).unwrap_or(now)
}
