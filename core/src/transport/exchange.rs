//! One request over the wire: hyper, behind the seam that calls to the API know.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use http::header::USER_AGENT;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyDataStream;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::Transport;
use super::connect::Connector;
use crate::body::{Body, ByteStream, Fault, Outgoing};

/// Idle connections are given up before the usual minute after which servers close theirs: a write that meets a
/// closing connection has an unknown outcome.
const IDLE: Duration = Duration::from_secs(45);

/// Connections kept idle for each host. A burst may open more; those are closed when it is over.
const IDLE_CONNECTIONS: usize = 256;

/// While calls wait on an HTTP/2 connection it is asked for a sign of life this often, and given up when none comes.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_PATIENCE: Duration = Duration::from_secs(10);

const AGENT: HeaderValue = HeaderValue::from_static(concat!("threelo/", env!("CARGO_PKG_VERSION")));

/// HTTP/2 where the server offers it, connections kept. A request is repeated by itself in one case only: when the kept
/// connection it was to go on turned out closed before a byte of it was written.
pub(super) type ApiClient = Client<Connector, Outgoing>;

pub(super) fn client(connector: Connector) -> ApiClient {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .http2_keep_alive_interval(PING_EVERY)
        .http2_keep_alive_timeout(PING_PATIENCE)
        .build(connector)
}

impl Transport {
    /// Sends a request and gives the answer as soon as its head is there. The body arrives as it was sent, still
    /// compressed; one that breaks off ends with an error. Dropping the answer's body gives its connection up.
    pub(crate) async fn exchange(
        &self,
        mut request: Request<Outgoing>,
    ) -> Result<Response<ByteStream>, Fault> {
        request.headers_mut().entry(USER_AGENT).or_insert(AGENT);
        let answer = self.own().api.request(request).await.map_err(|error| fault(&error))?;
        Ok(answer.map(arriving))
    }

    /// The same for what goes out from memory and is not watched on its way.
    pub(crate) async fn ask(&self, request: Request<Bytes>) -> Result<Response<ByteStream>, Fault> {
        let (head, body) = request.into_parts();
        let unopened = |error: io::Error| Fault { not_sent: true, words: error.to_string() };
        let (body, _) = Outgoing::open(Some(&Body::Bytes(body))).await.map_err(unopened)?;
        self.exchange(Request::from_parts(head, body)).await
    }
}

fn arriving(body: Incoming) -> ByteStream {
    BodyDataStream::new(body).map_err(|error| io::Error::other(words(&error))).boxed()
}

impl hyper::body::Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.poll_next(context).map_ok(Frame::data)
    }

    fn is_end_stream(&self) -> bool {
        self.length() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.length().map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

fn fault(error: &legacy::Error) -> Fault {
    Fault { not_sent: error.is_connect(), words: words(error) }
}

/// The innermost cause of a failure. Outer layers repeat it and may hold the URL.
fn words(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    innermost.to_string()
}
