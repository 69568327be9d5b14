//! Whether a host answers from here, asked the way every call goes: through the same proxies, with the same trust.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use secrecy::SecretString;
use url::Url;

use crate::error::{Code, Error, Result};
use crate::transport::Transport;

/// Asks hosts whether they are there.
#[derive(Debug)]
pub struct Probe(Transport);

/// What a host that is there said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The HTTP status, whichever it is.
    pub status: u16,
    /// The time it gave in `Date`, as it stands there.
    pub date: Option<String>,
}

impl Probe {
    /// With the client's options of the same names.
    ///
    /// # Errors
    /// `invalid_config`, naming `proxy` or `ca_bundle`.
    pub fn new(proxy: Option<&SecretString>, ca_bundle: Option<&Path>) -> Result<Self> {
        Transport::new(proxy, ca_bundle).map(Self)
    }

    /// Asks for the head of a page, which does nothing. Any answer of the host will do.
    ///
    /// # Errors
    /// `timeout`; `network` where no answer came, or one of a proxy that wants a password.
    pub async fn ask(&self, url: &Url, within: Duration) -> Result<Reached> {
        let host = url.host_str().unwrap_or_default();
        let failed = |words: &str| Error::new(Code::Network, format!("{host} cannot be reached: {words}"));
        let request = Request::builder().method(Method::HEAD).uri(url.as_str()).body(Bytes::new());
        let request = request.map_err(|error| failed(&error.to_string()))?;
        let answer = tokio::time::timeout(within, self.0.ask(request)).await;
        let answer = answer
            .map_err(|_| {
                Error::new(Code::Timeout, format!("{host} did not answer within {} s", within.as_secs_f64()))
            })?
            .map_err(|fault| failed(&fault.words))?;
        if answer.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(failed("the proxy asks who is there"));
        }
        let date = answer.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
        Ok(Reached { status: answer.status().as_u16(), date: date.map(str::to_owned) })
    }
}
