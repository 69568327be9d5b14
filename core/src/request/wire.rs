//! One attempt: the request goes out, the answer is read to its end. [`Outside`] is all a call needs of the world, so
//! that the loop around it runs against scripts and simulated time as well.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::prepared::Prepared;
use super::retry::Happened;
use super::{body, failure};
use crate::clock::wall_ms;
use crate::error::{Code, Error, Result};
use crate::grant::Access;

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// How an attempt ended.
#[derive(Debug)]
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

/// The world as a call meets it.
pub(super) trait Outside: Sync {
    /// Sends the request once, and gives up at the deadline.
    fn send(
        &self,
        request: &Prepared,
        access: &Access,
        deadline: Instant,
    ) -> impl Future<Output = Result<Outcome>> + Send;

    /// Milliseconds since the epoch.
    fn wall_ms(&self) -> u64;

    /// A random number from 0 to 1.
    fn jitter(&self) -> f64;
}

/// The real one.
pub(super) struct Network<'a> {
    pub(super) client: &'a reqwest::Client,
    pub(super) max_body_bytes: u64,
}

impl Outside for Network<'_> {
    async fn send(&self, request: &Prepared, access: &Access, deadline: Instant) -> Result<Outcome> {
        // Whether anything may have arrived. A body tells when it is begun; without one nothing does.
        let sent = Arc::new(AtomicBool::new(request.body.as_ref().is_none_or(Bytes::is_empty)));
        let http = build(request, access, &sent)?;
        let exchange = async {
            match self.client.execute(http).await {
                Ok(response) => self.read(request, response).await,
                Err(error) => {
                    let certain = failure::certainly_not_sent(&error) || !sent.load(Ordering::Acquire);
                    let happened = if certain { Happened::NotSent } else { Happened::Broke };
                    Outcome::Broken { happened, status: None, words: failure::words(&error) }
                }
            }
        };
        Ok(timeout_at(deadline, exchange).await.unwrap_or_else(|_| Outcome::Broken {
            happened: Happened::TimedOut { sent: sent.load(Ordering::Acquire) },
            status: None,
            words: "time was up".to_owned(),
        }))
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
    async fn read(&self, request: &Prepared, mut response: reqwest::Response) -> Outcome {
        let status = response.status().as_u16();
        let expected = match request.method {
            Method::HEAD => None,
            _ => response.content_length(),
        };
        if expected.is_some_and(|length| length > self.max_body_bytes) {
            return Outcome::TooLarge { status, limit: self.max_body_bytes };
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
                        return Outcome::TooLarge { status, limit: self.max_body_bytes };
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

fn build(request: &Prepared, access: &Access, sent: &Arc<AtomicBool>) -> Result<reqwest::Request> {
    let mut http = reqwest::Request::new(request.method.clone(), request.url.clone());
    let bearer = Zeroizing::new(format!("Bearer {}", access.token.expose_secret()));
    let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| {
        Error::new(Code::IdentityUnavailable, "the access token has characters no header may have")
    })?;
    bearer.set_sensitive(true);
    let mut headers = request.headers.clone();
    headers.insert(AUTHORIZATION, bearer);
    match &request.body {
        Some(content) if !content.is_empty() => {
            let body = body::telling(content.clone(), &mut headers, Arc::clone(sent));
            *http.body_mut() = Some(body);
        }
        // Some servers answer 411 where a method that brings a body does not say that it brings none.
        given => {
            let brings = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
            if brings || given.is_some() {
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        }
    }
    *http.headers_mut() = headers;
    Ok(http)
}
