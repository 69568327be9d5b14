//! One request over the wire: the seam behind which the HTTP client for API calls can be changed.

use std::error::Error as StdError;
use std::io;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};

use super::Transport;
use crate::body::{ByteStream, Fault, Outgoing};
use crate::error::Result;

impl Transport {
    /// Sends a request and gives the answer as soon as its head is there. The body arrives as it was sent, still
    /// compressed; one that breaks off ends with an error. Dropping the answer's body gives its connection up.
    ///
    /// # Errors
    /// `invalid_config` where a forked child cannot build a client of its own.
    pub(crate) async fn exchange(
        &self,
        request: http::Request<Outgoing>,
    ) -> Result<Result<http::Response<ByteStream>, Fault>> {
        let client = self.api_client()?;
        // An empty body's header says all there is to say.
        let request = request.map(|body| match body.length() {
            Some(0) => reqwest::Body::from(Bytes::new()),
            _ => reqwest::Body::wrap_stream(body),
        });
        let request = match reqwest::Request::try_from(request) {
            Ok(request) => request,
            Err(error) => return Ok(Err(fault(&error))),
        };
        Ok(match client.execute(request).await {
            Ok(mut response) => {
                let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
                let stream = response.bytes_stream().map_err(|error| io::Error::other(words(&error)));
                let mut answer = http::Response::new(stream.boxed());
                *answer.status_mut() = status;
                *answer.headers_mut() = headers;
                Ok(answer)
            }
            Err(error) => Err(fault(&error)),
        })
    }
}

fn fault(error: &reqwest::Error) -> Fault {
    Fault { not_sent: error.is_connect() || error.is_builder(), words: words(error) }
}

/// The innermost cause of a failure. Outer layers repeat it and may hold the URL.
fn words(error: &reqwest::Error) -> String {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    let mut innermost = None;
    while let Some(inner) = cause {
        innermost = Some(inner);
        cause = inner.source();
    }
    match innermost {
        Some(inner) => inner.to_string(),
        None if error.is_timeout() => "timed out".to_owned(),
        None => "the connection broke".to_owned(),
    }
}
