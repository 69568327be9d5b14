//! One attempt: the request goes out, the answer is read to its end, or handed on as it arrives. [`Outside`] is all a
//! call needs of the world, so that the loop around it runs against scripts and simulated time as well.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::decode;
use super::prepared::Prepared;
use super::retry::Happened;
use crate::body::{ByteStream, Outgoing, Progress};
use crate::clock::wall_ms;
use crate::error::{Code, Error, Result};
use crate::grant::Access;
use crate::transport::Transport;

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// What was read of it; nothing where the rest is still to come, or where a 429 broke off or was too large.
    pub(super) body: Bytes,
    /// The body on its way, decompressed, where that was asked for and the answer is a success. Any other is read to
    /// its end, so that it can be told what it means.
    pub(super) rest: Option<ByteStream>,
}

/// How an attempt ended.
pub(super) enum Outcome {
    Answer(Answer),
    /// No whole answer. `status` where one began, `words` for what failed.
    Broken {
        happened: Happened,
        status: Option<u16>,
        words: String,
    },
    /// Larger than `limit` bytes.
    TooLarge {
        status: u16,
        limit: u64,
    },
}

/// One attempt.
pub(super) struct Sent {
    pub(super) outcome: Outcome,
    /// Whether bytes of the request's body left.
    pub(super) moved: bool,
}

/// The world as a call meets it.
pub(super) trait Outside: Sync {
    /// Sends the request once, and gives up at the deadline.
    fn send(
        &self,
        request: &Prepared,
        access: &Access,
        deadline: Instant,
    ) -> impl Future<Output = Result<Sent>> + Send;

    /// Milliseconds since the epoch.
    fn wall_ms(&self) -> u64;

    /// A random number from 0 to 1.
    fn jitter(&self) -> f64;
}

/// The real one.
pub(super) struct Network<'a> {
    pub(super) transport: &'a Transport,
    pub(super) max_body_bytes: u64,
}

impl Outside for Network<'_> {
    async fn send(&self, request: &Prepared, access: &Access, deadline: Instant) -> Result<Sent> {
        // A pipe that nobody writes to, or a disk that is gone, opens never.
        let Ok(opened) = timeout_at(deadline, Outgoing::open(request.body.as_ref())).await else {
            return Ok(Sent { outcome: out_of_time(false), moved: false });
        };
        let (body, progress) = opened.map_err(|error| unreadable(&error))?;
        // Boxed, as futures of this size cost more to move about than to allocate.
        let exchange = Box::pin(self.exchange(request, access, body, &progress));
        let outcome = in_time(exchange, request, &progress, deadline).await?;
        // Whatever else went wrong, this is why; and what was not whole cannot have run.
        match progress.failure() {
            Some(error) => Err(unreadable(&error)),
            None => Ok(Sent { outcome, moved: progress.moved() > 0 }),
        }
    }

    fn wall_ms(&self) -> u64 {
        wall_ms()
    }

    fn jitter(&self) -> f64 {
        // Without randomness the longest backoff is the careful one.
        getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX))
    }
}

impl Network<'_> {
    async fn exchange(
        &self,
        request: &Prepared,
        access: &Access,
        body: Outgoing,
        progress: &Arc<Progress>,
    ) -> Result<Outcome> {
        let http = build(request, access, body)?;
        Ok(match self.transport.exchange(http).await {
            Ok(response) => self.read(request, response).await,
            Err(fault) => {
                let certain = fault.not_sent || !progress.begun();
                let happened = if certain { Happened::NotSent } else { Happened::Broke };
                Outcome::Broken { happened, status: None, words: fault.words }
            }
        })
    }

    async fn read(&self, request: &Prepared, response: http::Response<ByteStream>) -> Outcome {
        let (head, stream) = response.into_parts();
        let (status, mut headers) = (head.status, head.headers);
        let has_body = request.method != Method::HEAD;
        let stream = if has_body { decode::decoded(&mut headers, stream) } else { stream };
        if request.streams && status.is_success() && has_body {
            return Outcome::Answer(Answer {
                status: status.as_u16(),
                headers,
                body: Bytes::new(),
                rest: Some(stream),
            });
        }
        let announced = if has_body { announced(&headers) } else { None };
        self.whole(status.as_u16(), headers, stream, announced).await
    }

    async fn whole(
        &self,
        status: u16,
        headers: HeaderMap,
        mut stream: ByteStream,
        announced: Option<u64>,
    ) -> Outcome {
        let limit = self.max_body_bytes;
        // What it says stands in its headers, and calls must stop for it however its body goes on.
        let slows_down = status == StatusCode::TOO_MANY_REQUESTS.as_u16();
        if announced.is_some_and(|length| length > limit) {
            return if slows_down { bare(status, headers) } else { Outcome::TooLarge { status, limit } };
        }
        // What the server announces is no reason to reserve much before it comes.
        let reserve = announced.unwrap_or(0).min(1 << 20);
        let mut body = BytesMut::with_capacity(usize::try_from(reserve).unwrap_or(0));
        loop {
            match stream.next().await {
                Some(Ok(piece)) => {
                    let length = body.len().saturating_add(piece.len());
                    if u64::try_from(length).unwrap_or(u64::MAX) > limit {
                        return if slows_down {
                            bare(status, headers)
                        } else {
                            Outcome::TooLarge { status, limit }
                        };
                    }
                    body.extend_from_slice(&piece);
                }
                None => {
                    return Outcome::Answer(Answer { status, headers, body: body.freeze(), rest: None });
                }
                Some(Err(_)) if slows_down => return bare(status, headers),
                Some(Err(error)) => {
                    let words = error.to_string();
                    return Outcome::Broken { happened: Happened::Truncated, status: Some(status), words };
                }
            }
        }
    }
}

/// Waits for an attempt until the deadline; where a body may take the time it needs, for as long as it moves.
pub(super) async fn in_time(
    exchange: impl Future<Output = Result<Outcome>>,
    request: &Prepared,
    progress: &Progress,
    deadline: Instant,
) -> Result<Outcome> {
    let mut exchange = pin!(exchange);
    let (mut until, mut moved) = (deadline, 0);
    loop {
        if let Ok(outcome) = timeout_at(until, &mut exchange).await {
            return outcome;
        }
        match request.patience {
            Some(patience) if progress.moved() > moved => {
                moved = progress.moved();
                until = Instant::now() + patience;
            }
            _ => {
                return Ok(out_of_time(progress.begun()));
            }
        }
    }
}

fn out_of_time(sent: bool) -> Outcome {
    let happened = Happened::TimedOut { sent };
    Outcome::Broken { happened, status: None, words: "time was up".to_owned() }
}

/// An answer of which nothing but its headers came whole.
fn bare(status: u16, headers: HeaderMap) -> Outcome {
    Outcome::Answer(Answer { status, headers, body: Bytes::new(), rest: None })
}

/// What the body of the request is made from cannot be read.
fn unreadable(error: &std::io::Error) -> Error {
    Error::new(Code::InvalidArgument, format!("`files` cannot be read: {error}"))
        .with("option", "files")
        .hinting("Correct what the file is read from; the request was not sent whole, so it did not happen.")
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

fn build(request: &Prepared, access: &Access, body: Outgoing) -> Result<http::Request<Outgoing>> {
    let mut headers = request.headers.clone();
    if request.bearer {
        headers.insert(AUTHORIZATION, bearer(access)?);
    }
    // Some servers answer 411 where a method that brings a body does not say that it brings none.
    let brings =
        matches!(request.method, Method::POST | Method::PUT | Method::PATCH) || request.body.is_some();
    if let Some(length) = body.length().filter(|length| *length > 0 || brings) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let mut http = http::Request::new(body);
    *http.method_mut() = request.method.clone();
    *http.uri_mut() = request.uri.clone();
    *http.headers_mut() = headers;
    Ok(http)
}

fn bearer(access: &Access) -> Result<HeaderValue> {
    access.bearer.clone().ok_or_else(|| {
        Error::new(Code::IdentityUnavailable, "the access token has characters no header may have")
    })
}
