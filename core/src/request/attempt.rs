//! Runs a call: sends it, reads the answer, and does what `retry` and `healing` decide.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep, timeout_at};
use zeroize::Zeroizing;

use super::failure;
use super::healing::{self, Cure, Tried, Verdict};
use super::prepared::Prepared;
use super::response::{Origin, rate_limit};
use super::retry::{self, Failure, Happened, History, Kind, Step};
use super::{Response, Tokens, body, retry_after};
use crate::clock::wall_ms;
use crate::error::{Code, Error, Result};
use crate::grant::Access;
use crate::options::Retry;

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

/// How an attempt ended.
enum Outcome {
    Answer(Answer),
    /// No whole answer. `status` where one began, `words` for what failed.
    Broken {
        happened: Happened,
        status: Option<u16>,
        words: String,
    },
    TooLarge {
        status: u16,
    },
}

/// Sends `request` until it is answered, or until nothing more may be done.
pub(super) async fn run(
    client: &reqwest::Client,
    request: &Prepared,
    tokens: &dyn Tokens,
    deadline: Instant,
    max_body_bytes: u64,
) -> Result<Response> {
    let kind = Kind { reads: request.reads, retry: request.retry };
    let mut before = History::default();
    let mut tried = Tried::default();
    let mut attempts = 0;
    // A token to send instead of asking for one: the one that replaced a rejected one, or the same once more.
    let mut next: Option<Access> = None;
    loop {
        let access = match next.take() {
            Some(access) => access,
            None => token(tokens, deadline, request)
                .await
                .map_err(|error| unless_ran(error, request, before, attempts))?,
        };
        let sent_at = wall_ms();
        attempts += 1;
        let call = Call { client, request, access: &access, deadline, max_body_bytes };
        let (happened, status, words, answer) = match call.send().await? {
            Outcome::TooLarge { status } => return Err(too_large(request, status, max_body_bytes)),
            Outcome::Broken { happened, status, words } => (happened, status, words, None),
            Outcome::Answer(answer) => {
                let expired = sent_at >= access.expires_at_ms;
                let verdict = healing::verdict(answer.status, &answer.headers, &answer.body, expired);
                let age = sent_at.saturating_sub(access.issued_at_ms);
                match cure(verdict, age, tried, deadline, request.retry) {
                    Cure::Again(wait) => {
                        tried.waited = true;
                        sleep(wait).await;
                        next = Some(access);
                        continue;
                    }
                    Cure::Replace => {
                        tried.replaced = true;
                        let found = replace(tokens, &access, deadline, request).await;
                        // One attempt was asked for: the next call will have the better token.
                        if request.retry == Retry::None {
                            return Ok(response(request, answer, attempts));
                        }
                        let found = found?;
                        if found.grant_id == access.grant_id && found.generation == access.generation {
                            return Ok(response(request, answer, attempts));
                        }
                        next = Some(found);
                        continue;
                    }
                    Cure::Stands => {}
                }
                let wait = retry_after::wait(answer.status, &answer.headers, wall_ms());
                let status = answer.status;
                (Happened::Answered { status, wait }, Some(status), String::new(), Some(answer))
            }
        };
        match (retry::decide(happened, kind, before, left(deadline), jitter()), answer) {
            (Step::Retry(wait), _) => {
                tracing::debug!(
                    method = %request.method, path = %request.path, attempts, ?happened,
                    wait_ms = wait.as_millis(), "call is repeated"
                );
                before.retries += 1;
                before.maybe_ran |= happened.maybe_ran();
                sleep(wait).await;
            }
            (Step::Fail(Failure::RateLimited(_)), Some(answer)) => return Err(limited(request, &answer)),
            (_, Some(answer)) => return Ok(response(request, answer, attempts)),
            (Step::Fail(failure), None) => return Err(failed(request, failure, status, &words, attempts)),
            (Step::Give, None) => return Err(failed(request, Failure::Network, status, &words, attempts)),
        }
    }
}

/// What to do about a rejected token. A call that asked for one attempt is not sent again; its rejected token is
/// replaced all the same, or every such call would fail until the token expires.
fn cure(verdict: Verdict, age: u64, tried: Tried, deadline: Instant, retry: Retry) -> Cure {
    match (retry, healing::cure(verdict, age, tried, left(deadline))) {
        (Retry::None, Cure::Again(_)) => Cure::Stands,
        (_, cure) => cure,
    }
}

async fn token(tokens: &dyn Tokens, deadline: Instant, request: &Prepared) -> Result<Access> {
    timeout_at(deadline, tokens.access(deadline)).await.unwrap_or_else(|_| Err(no_token_in_time(request)))
}

async fn replace(
    tokens: &dyn Tokens,
    access: &Access,
    deadline: Instant,
    request: &Prepared,
) -> Result<Access> {
    let replaced = timeout_at(deadline, tokens.replace(access, deadline)).await;
    replaced.unwrap_or_else(|_| Err(no_token_in_time(request)))
}

fn no_token_in_time(request: &Prepared) -> Error {
    let text = format!("time was up while {} {} waited for an access token", request.method, request.path);
    about(request, Code::Timeout, text)
}

/// A failure to get the next token must not hide that an earlier attempt may have run.
fn unless_ran(error: Error, request: &Prepared, before: History, attempts: u32) -> Error {
    if request.reads || !before.maybe_ran {
        return error;
    }
    failed(request, Failure::OutcomeUnknown, None, error.message(), attempts)
}

/// One attempt.
struct Call<'a> {
    client: &'a reqwest::Client,
    request: &'a Prepared,
    access: &'a Access,
    deadline: Instant,
    max_body_bytes: u64,
}

impl Call<'_> {
    async fn send(&self) -> Result<Outcome> {
        // Whether anything may have arrived. A body tells when it is begun; without one nothing does.
        let sent = Arc::new(AtomicBool::new(self.request.body.as_ref().is_none_or(Bytes::is_empty)));
        let http = self.build(&sent)?;
        let exchange = async {
            match self.client.execute(http).await {
                Ok(response) => self.read(response).await,
                Err(error) => {
                    let certain = failure::certainly_not_sent(&error) || !sent.load(Ordering::Acquire);
                    let happened = if certain { Happened::NotSent } else { Happened::Broke };
                    Outcome::Broken { happened, status: None, words: failure::words(&error) }
                }
            }
        };
        Ok(timeout_at(self.deadline, exchange).await.unwrap_or_else(|_| Outcome::Broken {
            happened: Happened::TimedOut { sent: sent.load(Ordering::Acquire) },
            status: None,
            words: "time was up".to_owned(),
        }))
    }

    fn build(&self, sent: &Arc<AtomicBool>) -> Result<reqwest::Request> {
        let mut http = reqwest::Request::new(self.request.method.clone(), self.request.url.clone());
        let bearer = Zeroizing::new(format!("Bearer {}", self.access.token.expose_secret()));
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| {
            Error::new(Code::IdentityUnavailable, "the access token has characters no header may have")
        })?;
        bearer.set_sensitive(true);
        let mut headers = self.request.headers.clone();
        headers.insert(AUTHORIZATION, bearer);
        match &self.request.body {
            Some(content) if !content.is_empty() => {
                let body = body::telling(content.clone(), &mut headers, Arc::clone(sent));
                *http.body_mut() = Some(body);
            }
            // Some servers answer 411 where a method that brings a body does not say that it brings none.
            given => {
                let brings = matches!(self.request.method, Method::POST | Method::PUT | Method::PATCH);
                if brings || given.is_some() {
                    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
                }
            }
        }
        *http.headers_mut() = headers;
        Ok(http)
    }

    async fn read(&self, mut response: reqwest::Response) -> Outcome {
        let status = response.status().as_u16();
        let expected = match self.request.method {
            Method::HEAD => None,
            _ => response.content_length(),
        };
        if expected.is_some_and(|length| length > self.max_body_bytes) {
            return Outcome::TooLarge { status };
        }
        let headers = std::mem::take(response.headers_mut());
        // What the server announces is no reason to reserve much before it comes.
        let reserve = expected.unwrap_or(0).min(1 << 20);
        let mut body = BytesMut::with_capacity(usize::try_from(reserve).unwrap_or(0));
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let length = body.len().saturating_add(chunk.len());
                    if u64::try_from(length).unwrap_or(u64::MAX) > self.max_body_bytes {
                        return Outcome::TooLarge { status };
                    }
                    body.extend_from_slice(&chunk);
                }
                Ok(None) => return Outcome::Answer(Answer { status, headers, body: body.freeze() }),
                Err(error) => {
                    let words = failure::words(&error);
                    return Outcome::Broken { happened: Happened::Truncated, status: Some(status), words };
                }
            }
        }
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn jitter() -> f64 {
    // Without randomness the longest backoff is the careful one.
    getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX))
}

fn response(request: &Prepared, answer: Answer, attempts: u32) -> Response {
    let mut url = request.url.clone();
    url.set_query(None);
    let origin = Origin {
        connection_id: request.connection_id.clone(),
        method: request.method.to_string(),
        path: request.path.clone(),
        writes: !request.reads,
        granted_scopes: request.granted_scopes.clone(),
    };
    Response {
        status: answer.status,
        headers: answer.headers,
        url: url.into(),
        attempts,
        body: answer.body,
        origin: Arc::new(origin),
    }
}

fn about(request: &Prepared, code: Code, text: String) -> Error {
    Error::new(code, text)
        .with("connection_id", &*request.connection_id)
        .with("method", request.method.as_str())
        .with("path", &*request.path)
}

fn too_large(request: &Prepared, status: u16, max_body_bytes: u64) -> Error {
    let asked = format!("{} {}", request.method, request.path);
    let text = format!("the answer to {asked} is larger than max_body_bytes, {max_body_bytes}");
    about(request, Code::BodyTooLarge, text).with_status(status).with("max_body_bytes", max_body_bytes)
}

fn limited(request: &Prepared, answer: &Answer) -> Error {
    let asked = format!("{} {}", request.method, request.path);
    let text = format!("{asked} was answered with 429, and the wait is longer than the call may take");
    rate_limit(about(request, Code::RateLimited, text).with_status(429), &answer.headers)
}

fn failed(request: &Prepared, failure: Failure, status: Option<u16>, words: &str, attempts: u32) -> Error {
    let asked = format!("{} {}", request.method, request.path);
    let host = request.url.host_str().unwrap_or_default();
    let (code, text) = match failure {
        Failure::Network | Failure::RateLimited(_) => {
            (Code::Network, format!("{asked} failed on the way to {host}: {words}"))
        }
        Failure::Timeout => (Code::Timeout, format!("time was up before {asked} was answered")),
        Failure::Truncated => (Code::ResponseTruncated, format!("the answer to {asked} broke off: {words}")),
        Failure::OutcomeUnknown => {
            (Code::OutcomeUnknown, format!("{asked} may or may not have happened: {words}"))
        }
    };
    let error = about(request, code, text).with("attempt", attempts);
    match status {
        Some(status) => error.with_status(status),
        None => error,
    }
}
