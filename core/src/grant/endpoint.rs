//! One exchange at the token endpoint: connect first, then look whether there is still time, then write (DESIGN rule
//! 4). HTTP/1.1 on a connection of its own, so that nothing can be sent late or twice by a pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header;
use secrecy::SecretString;
use tower::util::AndThenLayer;

use crate::atlassian::Hosts;
use crate::atlassian::token_endpoint::{self, Exchange, Reply};
use crate::clock::wall_ms;
use crate::error::{Error, Result};
use crate::store::GrantRow;
use crate::timings::Timings;
use crate::transport::Transport;

/// How an exchange ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// An answer came.
    Reply(Reply),
    /// The request certainly did not leave.
    NotSent(String),
    /// The connection stood too late to send anything.
    TooLate,
}

impl Outcome {
    /// The kind of outcome, for logs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Reply(Reply::Issued(_)) => "issued",
            Self::Reply(Reply::Refused { .. }) => "refused",
            Self::Reply(Reply::Credentials) => "credentials refused",
            Self::Reply(Reply::NotNow { .. }) => "not now",
            Self::Reply(Reply::Unclear { .. }) => "unclear",
            Self::NotSent(_) => "not sent",
            Self::TooLate => "too late",
        }
    }
}

/// The token endpoint of one app.
#[derive(Debug)]
pub(crate) struct TokenEndpoint {
    pub(crate) transport: Arc<Transport>,
    pub(crate) hosts: Hosts,
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
    pub(crate) timings: Timings,
}

/// An answer is a few kilobytes; more is not an answer.
const LARGEST_ANSWER: usize = 1024 * 1024;

impl TokenEndpoint {
    /// Refuses a grant of another app or another authorization server: sent here, its token would be answered as if
    /// it were dead (F3.8), and marked so.
    pub(crate) fn own(&self, grant: &GrantRow) -> Result<()> {
        let same = grant.client_id == self.client_id && grant.auth_host == self.hosts.auth_host();
        if same {
            return Ok(());
        }
        let accepted = "the client id and auth endpoint this grant was made with";
        let given = format!("{:?} at {}", self.client_id, self.hosts.auth_host());
        Err(Error::config("client_id", given, accepted).with("grant_id", grant.id.clone()))
    }

    /// Exchanges once. `may_send` is asked when the connection stands. Returns the start of the attempt in wall
    /// milliseconds, from which the new token's life counts, and the outcome.
    pub(crate) async fn exchange(
        &self,
        exchange: Exchange<'_>,
        may_send: impl Fn() -> bool + Clone + Send + Sync + 'static,
    ) -> (u64, Outcome) {
        let started = wall_ms();
        let sent = Arc::new(AtomicBool::new(false));
        let attempt = self.attempt(exchange, may_send, Arc::clone(&sent));
        let outcome = match tokio::time::timeout(self.timings.attempt_timeout, attempt).await {
            Ok(outcome) => outcome,
            Err(_) if sent.load(Ordering::Acquire) => unclear("no answer in time"),
            Err(_) => Outcome::NotSent("no connection in time".to_owned()),
        };
        (started, outcome)
    }

    async fn attempt(
        &self,
        exchange: Exchange<'_>,
        may_send: impl Fn() -> bool + Clone + Send + Sync + 'static,
        sent: Arc<AtomicBool>,
    ) -> Outcome {
        let gate = Arc::clone(&sent);
        let late = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&late);
        let layer = AndThenLayer::new(move |connection| {
            let pass = may_send();
            if pass { &gate } else { &closed }.store(true, Ordering::Release);
            async move {
                let late =
                    || Box::<dyn std::error::Error + Send + Sync>::from("the lease has too little time left");
                if pass { Ok(connection) } else { Err(late()) }
            }
        });
        let client = self.transport.token_client(&self.timings).connector_layer(layer).build();
        let body = token_endpoint::body(&self.client_id, &self.client_secret, exchange);
        let request = match client {
            Ok(client) => client
                .post(self.hosts.token())
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::ACCEPT, "application/json")
                .body(body.to_vec())
                .send(),
            Err(_) => return Outcome::NotSent("the HTTP client could not be built".to_owned()),
        };
        match request.await {
            Ok(response) => read(response).await,
            Err(_) if late.load(Ordering::Acquire) => Outcome::TooLate,
            Err(error) if sent.load(Ordering::Acquire) => unclear(in_words(&error)),
            Err(error) => Outcome::NotSent(in_words(&error).to_owned()),
        }
    }
}

async fn read(mut response: reqwest::Response) -> Outcome {
    let status = response.status();
    let headers = response.headers().clone();
    let mut body = zeroize::Zeroizing::new(Vec::new());
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_ANSWER => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return unclear("an answer far too large"),
            Ok(None) => return Outcome::Reply(token_endpoint::read(status, &headers, &body)),
            Err(error) => return unclear(in_words(&error)),
        }
    }
}

fn unclear(why: &str) -> Outcome {
    Outcome::Reply(Reply::Unclear { why: why.to_owned() })
}

/// What went wrong, without the URL or anything of the request.
fn in_words(error: &reqwest::Error) -> &'static str {
    if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "no answer in time"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the connection broke"
    }
}

/// The wait before attempt `failures + 1`: doubling from `retry_base` up to `retry_cap`, with up to a quarter taken
/// off at random so that many machines do not come back at once.
pub(crate) fn backoff(failures: u32, asked: Option<Duration>, timings: &Timings, random: u8) -> Duration {
    let cap = timings.retry_cap;
    let doubled = timings.retry_base.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(cap);
    let shortened = doubled.mul_f64(1.0 - f64::from(random) / 255.0 / 4.0);
    asked.map_or(shortened, |asked| asked.min(cap).max(shortened))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_honour_what_was_asked() {
        let timings = Timings::default();
        let wait = |failures, asked, random| backoff(failures, asked, &timings, random);
        assert_eq!(wait(1, None, 0), Duration::from_secs(1));
        assert_eq!(wait(4, None, 0), Duration::from_secs(8));
        assert_eq!(wait(60, None, 0), timings.retry_cap);
        assert!(wait(4, None, 255) >= Duration::from_secs(6));
        assert_eq!(wait(1, Some(Duration::from_secs(30)), 0), Duration::from_secs(30));
        assert_eq!(wait(1, Some(Duration::from_secs(9000)), 0), timings.retry_cap);
    }
}
