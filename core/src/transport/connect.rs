//! How a connection to the API is made: directly or through a proxy, in the clear or over TLS, in bounded time.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

type BoxError = Box<dyn StdError + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// A connection on which nothing moves is asked for a sign of life this often, and given up after so many without one.
const PROBE_EVERY: Duration = Duration::from_secs(15);
const PROBES: u32 = 3;

/// What was sent and is not acknowledged for so long never will be.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNHEARD: Duration = Duration::from_secs(30);

/// To the server itself or to its proxy, which may be spoken to over TLS.
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Connects to wherever the proxies' rules say.
#[derive(Clone, Debug)]
pub(super) struct Route {
    proxies: Arc<Matcher>,
    tcp: HttpConnector,
    /// For proxies with an https URL.
    tls: rustls::ClientConfig,
}

/// All of it, within a bounded time.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    inner: HttpsConnector<Route>,
    limit: Duration,
}

impl Connector {
    /// `tls` without protocols: which are offered is decided here.
    pub(super) fn new(tls: &rustls::ClientConfig, proxies: Arc<Matcher>, limit: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // A request is written at once and waits for its answer; there is nothing to gather.
        tcp.set_nodelay(true);
        // Several addresses share the time, so that a dead one leaves some to the next.
        tcp.set_connect_timeout(Some(limit));
        // A peer that vanished without a word is noticed, also by a body that takes its time.
        tcp.set_keepalive(Some(PROBE_EVERY));
        tcp.set_keepalive_interval(Some(PROBE_EVERY));
        tcp.set_keepalive_retries(Some(PROBES));
        #[cfg(any(target_os = "linux", target_os = "android"))]
        tcp.set_tcp_user_timeout(Some(UNHEARD));
        let route = Route { proxies, tcp, tls: tls.clone() };
        let secure = HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http();
        Self { inner: secure.enable_all_versions().wrap_connector(route), limit }
    }
}

impl Service<Uri> for Connector {
    type Response = <HttpsConnector<Route> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connecting, limit) = (self.inner.call(to), self.limit);
        Box::pin(async move {
            let late = |_| format!("no connection within {} s", limit.as_secs());
            tokio::time::timeout(limit, connecting).await.map_err(late)?
        })
    }
}

impl Service<Uri> for Route {
    type Response = Stream;
    type Error = BoxError;
    type Future = Connecting<Stream>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let Some(proxy) = self.proxies.intercept(&to) else {
            let connecting = self.tcp.call(to);
            return Box::pin(async move { Ok(MaybeHttpsStream::Http(connecting.await?)) });
        };
        // Only loopback hosts may be spoken to in the clear, and those are never proxied: whatever comes here is to
        // be tunnelled.
        let secure = HttpsConnectorBuilder::new().with_tls_config(self.tls.clone()).https_or_http();
        let mut tunnel =
            Tunnel::new(proxy.uri().clone(), secure.enable_http1().wrap_connector(self.tcp.clone()));
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        let connecting = tunnel.call(to);
        Box::pin(async move { connecting.await.map_err(Into::into) })
    }
}
