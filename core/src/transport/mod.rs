//! The one seam for HTTP: a client for calls to the API, and the makings of one for each token exchange.

mod exchange;
mod proxy;
mod roots;

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use secrecy::SecretString;

use crate::error::{Code, Error, Result};
use crate::timings::Timings;

/// Connecting to the API, in every attempt. Kept well below a call's time, so that a dead address leaves room to
/// repeat.
const API_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Idle connections are given up before the usual minute after which servers close theirs: a write that meets a
/// closing connection has an unknown outcome.
const IDLE: Duration = Duration::from_secs(45);

/// Builds and keeps the HTTP clients.
#[derive(Debug)]
pub(crate) struct Transport {
    recipe: Recipe,
    clients: Clients,
}

/// Everything a client is built from, checked.
#[derive(Debug)]
struct Recipe {
    tls: rustls::ClientConfig,
    proxies: Vec<reqwest::Proxy>,
}

/// The clients of one process. A forked child must not touch its parent's, whose connections are served by threads
/// that it does not have; it appends its own. Nothing here waits for a lock, which could be held at the fork.
#[derive(Debug)]
struct Clients {
    pid: u32,
    api: reqwest::Client,
    child: OnceLock<Box<Clients>>,
}

impl Transport {
    /// Clients that use `proxy` (else the environment's) and trust `ca_bundle` (else the platform's authorities).
    ///
    /// # Errors
    /// `invalid_config`, naming `proxy` or `ca_bundle`.
    pub(crate) fn new(proxy: Option<&SecretString>, ca_bundle: Option<&Path>) -> Result<Self> {
        let tls = roots::tls(ca_bundle)?;
        let proxies = proxy::proxies(proxy)?;
        let recipe = Recipe { tls, proxies };
        let clients = recipe.build()?;
        Ok(Self { recipe, clients })
    }

    /// The client for calls: HTTP/2 where the server offers it, connections kept.
    ///
    /// # Errors
    /// `invalid_config` where a forked child cannot build its own.
    pub(crate) fn api_client(&self) -> Result<reqwest::Client> {
        self.own().map(|clients| clients.api.clone())
    }

    /// The makings of a client for one token exchange: HTTP/1.1 on a connection of its own, nothing ever repeated
    /// behind the caller's back, and the kernel gives up sending after the time of an attempt (DESIGN rule 4).
    pub(crate) fn token_client(&self, timings: &Timings) -> reqwest::ClientBuilder {
        let builder = self
            .recipe
            .builder(&[b"http/1.1"])
            .http1_only()
            .connect_timeout(timings.connect_timeout)
            .pool_max_idle_per_host(0);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let builder = builder.tcp_user_timeout(timings.attempt_timeout);
        builder
    }

    fn own(&self) -> Result<&Clients> {
        let pid = std::process::id();
        let mut clients = &self.clients;
        while clients.pid != pid {
            clients = match clients.child.get() {
                Some(child) => child,
                None => {
                    let child = Box::new(self.recipe.build()?);
                    clients.child.get_or_init(|| child)
                }
            };
        }
        Ok(clients)
    }
}

impl Recipe {
    fn build(&self) -> Result<Clients> {
        let api = self
            .builder(&[b"h2", b"http/1.1"])
            .connect_timeout(API_CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE)
            // Bodies come as they were sent: `request` reads them the same over any transport.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .http2_keep_alive_interval(Duration::from_secs(20))
            .http2_keep_alive_timeout(Duration::from_secs(10));
        let failed = |_| Error::new(Code::InvalidConfig, "no HTTP client can be built with these options");
        Ok(Clients { pid: std::process::id(), api: api.build().map_err(failed)?, child: OnceLock::new() })
    }

    fn builder(&self, protocols: &[&[u8]]) -> reqwest::ClientBuilder {
        let mut tls = self.tls.clone();
        tls.alpn_protocols = protocols.iter().map(|&protocol| protocol.to_vec()).collect();
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("threelo/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // reqwest repeats requests of its own accord after a graceful GOAWAY, where the server may have seen them.
            // (hyper still moves a request of which not one byte was written from a closed connection to a new one.)
            .retry(reqwest::retry::never())
            .no_proxy();
        self.proxies.iter().cloned().fold(builder, reqwest::ClientBuilder::proxy)
    }
}
