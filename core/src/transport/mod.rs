//! The one seam for HTTP: hyper for calls to the API, where each microsecond counts, and the makings of a reqwest client
//! for each token exchange, where none does.

mod connect;
mod exchange;
mod proxy;
mod roots;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use secrecy::SecretString;

use self::connect::Connector;
use self::exchange::ApiClient;
use self::proxy::Proxies;
use crate::error::Result;
use crate::timings::Timings;

/// Connecting to the API, in every attempt. Kept well below a call's time, so that a dead address leaves room to
/// repeat.
const API_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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
    proxies: Arc<Matcher>,
    token_proxies: Vec<reqwest::Proxy>,
}

/// The clients of one process. A forked child must not touch its parent's, whose connections are served by threads
/// that it does not have; it appends its own. Nothing here waits for a lock, which could be held at the fork.
#[derive(Debug)]
struct Clients {
    pid: u32,
    api: ApiClient,
    child: OnceLock<Box<Clients>>,
}

impl Transport {
    /// Clients that use `proxy` (else the environment's) and trust `ca_bundle` (else the platform's authorities).
    ///
    /// # Errors
    /// `invalid_config`, naming `proxy` or `ca_bundle`.
    pub(crate) fn new(proxy: Option<&SecretString>, ca_bundle: Option<&Path>) -> Result<Self> {
        let tls = roots::tls(ca_bundle)?;
        let proxies = Proxies::new(proxy)?;
        let recipe =
            Recipe { tls, proxies: Arc::new(proxies.matcher()), token_proxies: proxies.for_reqwest()? };
        let clients = recipe.clients();
        Ok(Self { recipe, clients })
    }

    /// The makings of a client for one token exchange: HTTP/1.1 on a connection of its own, nothing ever repeated
    /// behind the caller's back, and the kernel gives up sending after the time of an attempt (DESIGN rule 4).
    pub(crate) fn token_client(&self, timings: &Timings) -> reqwest::ClientBuilder {
        let builder = self
            .recipe
            .token_client()
            .http1_only()
            .connect_timeout(timings.connect_timeout)
            .pool_max_idle_per_host(0);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let builder = builder.tcp_user_timeout(timings.attempt_timeout);
        builder
    }

    fn own(&self) -> &Clients {
        let pid = std::process::id();
        let mut clients = &self.clients;
        while clients.pid != pid {
            clients = match clients.child.get() {
                Some(child) => child,
                None => {
                    let child = Box::new(self.recipe.clients());
                    clients.child.get_or_init(|| child)
                }
            };
        }
        clients
    }
}

impl Recipe {
    fn clients(&self) -> Clients {
        let connector = Connector::new(&self.tls, Arc::clone(&self.proxies), API_CONNECT_TIMEOUT);
        Clients { pid: std::process::id(), api: exchange::client(connector), child: OnceLock::new() }
    }

    fn token_client(&self) -> reqwest::ClientBuilder {
        let mut tls = self.tls.clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("threelo/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // reqwest repeats requests of its own accord after a graceful GOAWAY, where the server may have seen them.
            // (hyper still moves a request of which not one byte was written from a closed connection to a new one.)
            .retry(reqwest::retry::never())
            .no_proxy();
        self.token_proxies.iter().cloned().fold(builder, reqwest::ClientBuilder::proxy)
    }
}

#[cfg(test)]
mod tests;
