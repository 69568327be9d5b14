//! Runs a call: sends it, reads the answer, and does what `retry` and `healing` decide.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::governor::Held;
use super::healing::{self, Cure, Tried, Verdict};
use super::history::{HistoryReason, Trail};
use super::prepared::Prepared;
use super::response::{Origin, rate_limit};
use super::retry::{self, Failure, Happened, History, Kind, Step};
use super::wire::{Answer, Outcome, Outside, Sent};
use super::{Download, Limiter, Response, Tokens, retry_after};
use crate::error::{Code, Error, Result};
use crate::grant::Access;
use crate::options::Retry;

/// Sends `request` until it is answered, or until nothing more may be done.
pub(super) async fn run<O: Outside>(
    outside: &O,
    limiter: &Limiter<'_>,
    request: &Prepared,
    tokens: &dyn Tokens,
    mut deadline: Instant,
) -> Result<Response> {
    let mut before = History::default();
    let mut tried = Tried::default();
    let mut trail = Trail::default();
    // A token to send instead of asking for one: the one that replaced a rejected one, or the same once more.
    let mut next: Option<Access> = None;
    loop {
        let ran = |error, trail: &Trail| unless_ran(error, request, before, trail.attempts);
        let mut passage = limiter.governor.passage(&request.route);
        let access = loop {
            let access = match next.take() {
                Some(access) => access,
                None => token(tokens, deadline, request).await.map_err(|error| ran(error, &trail))?,
            };
            if request.has_one_chance() {
                let age = outside.wall_ms().saturating_sub(access.issued_at_ms);
                sleep(healing::settling(age, left(deadline))).await;
            }
            let waited = passage.admit(deadline).await;
            let waited = waited.map_err(|held| ran(held_back(request, &held, outside.wall_ms()), &trail))?;
            let Some(waited) = waited else { break access };
            // The token may have been replaced meanwhile; and while one is fetched, the next pause may begin.
            trail.held(waited);
        };
        if left(deadline).is_zero() {
            // An answer at the last moment leaves none for another request.
            return Err(ran(no_time(request, "was to be sent"), &trail));
        }
        let sent_at = outside.wall_ms();
        let (sent, expired) = (Instant::now(), access.left() == 0);
        trail.attempts += 1;
        let mut paused = false;
        let Sent { outcome, moved } =
            outside.send(request, &access, deadline).await.map_err(|error| ran(error, &trail))?;
        if let Some(patience) = request.patience.filter(|_| moved) {
            // A body that took its time leaves what comes after it as much as it had.
            deadline = Instant::now() + patience;
        }
        let (happened, status, words, answer) = match outcome {
            Outcome::TooLarge { status, limit } => return Err(too_large(request, status, limit)),
            Outcome::Broken { happened, status, words } => (happened, status, words, None),
            Outcome::Answer(answer) => {
                let verdict = healing::verdict(answer.status, &answer.headers, &answer.body, expired);
                let age = sent_at.saturating_sub(access.issued_at_ms);
                match cure(verdict, age, tried, deadline, request.retry_now()) {
                    Cure::Again(wait) => {
                        tried.waited = true;
                        trail.note(HistoryReason::TokenTooFresh, Some(answer.status), wait);
                        sleep(wait).await;
                        next = Some(access);
                        continue;
                    }
                    Cure::Replace => {
                        tried.replaced = true;
                        let begun = Instant::now();
                        let found = replace(tokens, &access, deadline, request).await;
                        // One attempt was asked for: the next call will have the better token.
                        if request.retry_now() == Retry::None {
                            return Ok(response(request, answer, trail));
                        }
                        let found = found.map_err(|error| ran(error, &trail))?;
                        if found.grant_id == access.grant_id && found.generation == access.generation {
                            return Ok(response(request, answer, trail));
                        }
                        trail.note(HistoryReason::TokenRejected, Some(answer.status), begun.elapsed());
                        next = Some(found);
                        continue;
                    }
                    Cure::Stands => {}
                }
                let Answer { status, headers, .. } = &answer;
                let wait = retry_after::wait(*status, headers, outside.wall_ms());
                paused = limiter.learn(&request.route, *status, headers, wait, sent);
                let status = *status;
                (Happened::Answered { status, wait }, Some(status), String::new(), Some(answer))
            }
        };
        let kind = Kind { reads: request.reads, retry: request.retry_now() };
        // Most answers are final, and need no dice.
        let jitter = if final_answer(happened) { 1.0 } else { outside.jitter() };
        match (retry::decide(happened, kind, before, left(deadline), jitter), answer) {
            (Step::Retry(wait), _) => {
                tracing::debug!(
                    method = %request.method, path = %request.path, attempts = trail.attempts, ?happened,
                    wait_ms = wait.as_millis(), "call is repeated"
                );
                before.retries += 1;
                before.maybe_ran |= happened.maybe_ran();
                // A pause is waited for in line with all others that it covers.
                let wait = if paused { Duration::ZERO } else { wait };
                trail.repeated(happened, wait);
                sleep(wait).await;
            }
            (Step::Fail(Failure::RateLimited(_)), Some(answer)) => return Err(limited(request, &answer)),
            (Step::Fail(Failure::OutcomeUnknown), Some(answer)) => {
                let words = "an earlier attempt broke, and Jira then asked to come back later";
                let status = Some(answer.status);
                return Err(failed(request, Failure::OutcomeUnknown, status, words, trail.attempts));
            }
            (_, Some(answer)) => return Ok(response(request, answer, trail)),
            (Step::Fail(failure), None) => {
                return Err(failed(request, failure, status, &words, trail.attempts));
            }
            (Step::Give, None) => {
                return Err(failed(request, Failure::Network, status, &words, trail.attempts));
            }
        }
    }
}

fn final_answer(happened: Happened) -> bool {
    matches!(happened, Happened::Answered { status, .. } if status < 400)
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
    match tokens.at_hand() {
        Some(access) => Ok(access),
        None => timeout_at(deadline, tokens.access(deadline))
            .await
            .unwrap_or_else(|_| Err(no_time(request, NO_TOKEN))),
    }
}

async fn replace(
    tokens: &dyn Tokens,
    access: &Access,
    deadline: Instant,
    request: &Prepared,
) -> Result<Access> {
    let replaced = timeout_at(deadline, tokens.replace(access, deadline)).await;
    replaced.unwrap_or_else(|_| Err(no_time(request, NO_TOKEN)))
}

const NO_TOKEN: &str = "waited for an access token";

fn no_time(request: &Prepared, what: &str) -> Error {
    about(request, Code::Timeout, format!("time was up while {} {} {what}", request.method, request.path))
}

/// What keeps the next attempt from being made must not hide that an earlier one may have run.
fn unless_ran(error: Error, request: &Prepared, before: History, attempts: u32) -> Error {
    if request.reads || !before.maybe_ran {
        return error;
    }
    failed(request, Failure::OutcomeUnknown, None, error.message(), attempts)
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn response(request: &Prepared, answer: Answer, trail: Trail) -> Response {
    let origin = Arc::new(Origin {
        asker: Arc::clone(&request.asker),
        method: request.method.clone(),
        path: Arc::clone(&request.path),
        writes: !request.reads,
    });
    Response {
        status: answer.status,
        headers: answer.headers,
        url: request.url.clone(),
        attempts: trail.attempts,
        history: trail.entries,
        body: answer.body,
        arriving: answer
            .rest
            .map(|rest| Box::new(Download::new(rest, answer.status, Arc::clone(&origin), request.timeout))),
        origin,
    }
}

fn about(request: &Prepared, code: Code, text: String) -> Error {
    Error::new(code, text)
        .with("connection_id", &*request.asker.connection_id)
        .with("method", request.method.as_str())
        .with("path", &*request.path)
}

fn too_large(request: &Prepared, status: u16, max_body_bytes: u64) -> Error {
    let asked = format!("{} {}", request.method, request.path);
    let text = format!("the answer to {asked} is larger than max_body_bytes, {max_body_bytes}");
    about(request, Code::BodyTooLarge, text).with_status(status).with("max_body_bytes", max_body_bytes)
}

/// Nothing was sent: what covers the call stays paused for longer than it may take.
fn held_back(request: &Prepared, held: &Held, wall_ms: u64) -> Error {
    let wait = held.opens.saturating_duration_since(Instant::now());
    let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let asked = format!("{} {}", request.method, request.path);
    let text = format!(
        "{asked} was not sent: Jira asked to slow down, and the wait is longer than the call may take"
    );
    let error = about(request, Code::RateLimited, text)
        .with("scope", held.scope.reach().as_str())
        .with("retry_after_ms", wait)
        .with("reset_at", wall_ms.saturating_add(wait));
    match &held.reason {
        Some(reason) => error.with("reason", &**reason),
        None => error,
    }
}

fn limited(request: &Prepared, answer: &Answer) -> Error {
    let asked = format!("{} {}", request.method, request.path);
    let text = format!("{asked} was answered with 429, and the wait is longer than the call may take");
    rate_limit(about(request, Code::RateLimited, text).with_status(429), &answer.headers)
}

fn failed(request: &Prepared, failure: Failure, status: Option<u16>, words: &str, attempts: u32) -> Error {
    let asked = format!("{} {}", request.method, request.path);
    let host = request.uri.host().unwrap_or_default();
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
