//! One exchange at the token endpoint: connect first, then look whether there is still time, then write (DESIGN rule
//! 4). HTTP/1.1 on a connection of its own, so that nothing can be sent late or twice by a pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header;
use secrecy::SecretString;
use tower::util::AndThenLayer;

use super::age::{Here, Skew};
use super::gate::Gate;
use crate::atlassian::Hosts;
use crate::atlassian::token_endpoint::{self, Exchange, Reply};
use crate::clock::{boot_ms, boot_name, wall_ms};
use crate::error::{Error, Result};
use crate::store::{Born, GrantRow};
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
    /// Whether it is an answer that only the token endpoint itself gives, and not somebody on the way to it.
    fn is_clear(&self) -> bool {
        matches!(self, Self::Reply(Reply::Issued(_) | Reply::Refused { .. } | Reply::Credentials))
    }

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
    /// What its answers told of this machine's wall clock.
    pub(crate) skew: Skew,
    /// Where rotations wait while it does not answer.
    pub(crate) gate: Arc<Gate>,
}

/// When an exchange began; the new token's life counts from then.
#[derive(Clone, Debug)]
pub(crate) struct Began {
    /// In wall milliseconds of the token endpoint's clock, as far as that is known.
    pub(crate) at: u64,
    pub(crate) born: Option<Born>,
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

    /// This machine's clocks now.
    pub(crate) fn here(&self) -> Here<'static> {
        Here::now(&self.skew)
    }

    /// Exchanges once. `may_send` is asked when the connection stands. Returns the start of the attempt and the outcome.
    pub(crate) async fn exchange(
        &self,
        exchange: Exchange<'_>,
        may_send: impl Fn() -> bool + Clone + Send + Sync + 'static,
    ) -> (Began, Outcome) {
        self.exchange_within(self.timings.attempt_timeout, exchange, may_send).await
    }

    /// The same in the time that is left for it.
    pub(crate) async fn exchange_within(
        &self,
        left: Duration,
        exchange: Exchange<'_>,
        may_send: impl Fn() -> bool + Clone + Send + Sync + 'static,
    ) -> (Began, Outcome) {
        let (started, born) = (wall_ms(), Born { clock: boot_name().to_owned(), at: boot_ms() });
        let sent = Arc::new(AtomicBool::new(false));
        let attempt = self.attempt(exchange, may_send, Arc::clone(&sent));
        let outcome = match tokio::time::timeout(left, attempt).await {
            Ok(outcome) => outcome,
            Err(_) if sent.load(Ordering::Acquire) => unclear("no answer in time"),
            Err(_) => Outcome::NotSent("no connection in time".to_owned()),
        };
        self.gate.note(&outcome);
        (Began { at: self.skew.mend(started), born: Some(born) }, outcome)
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
        let began = wall_ms();
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
            Ok(response) => {
                let (date, ended) = (dated(response.headers()), wall_ms());
                let outcome = read(response).await;
                if let (Some(date), true) = (date, outcome.is_clear()) {
                    self.skew.learn(date, began, ended);
                }
                outcome
            }
            Err(_) if late.load(Ordering::Acquire) => Outcome::TooLate,
            Err(error) if sent.load(Ordering::Acquire) => unclear(in_words(&error)),
            Err(error) => Outcome::NotSent(in_words(&error).to_owned()),
        }
    }
}

/// The moment an answer was made by its own account.
fn dated(headers: &header::HeaderMap) -> Option<u64> {
    let date = httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()?;
    u64::try_from(date.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis()).ok()
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
