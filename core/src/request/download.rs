//! A body as it arrives.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::response::Origin;
use crate::body::ByteStream;
use crate::error::{Code, Error, Result};

/// The body of an answer, piece by piece and decompressed. Nothing is read ahead of the caller. Dropping it gives the
/// connection up.
pub struct Download {
    stream: ByteStream,
    status: u16,
    origin: Arc<Origin>,
    /// The longest wait for the next piece.
    patience: Duration,
    closing: Option<CancellationToken>,
    end: Option<Result<()>>,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("end", &self.end).finish_non_exhaustive()
    }
}

/// What is there already.
impl From<Bytes> for Download {
    fn from(body: Bytes) -> Self {
        Self::new(futures::stream::iter([Ok(body)]).boxed(), 200, Arc::default(), Duration::MAX)
    }
}

impl Download {
    pub(super) fn new(stream: ByteStream, status: u16, origin: Arc<Origin>, patience: Duration) -> Self {
        Self { stream, status, origin, patience, closing: None, end: None }
    }

    /// What is told to those who want a whole body at once that was asked for piece by piece.
    #[must_use]
    pub fn not_at_once() -> Error {
        Error::argument(
            "stream",
            "true, so the body comes piece by piece",
            "false, where all of it is wanted at once",
        )
    }

    /// Has it end with the client.
    pub(crate) fn until(&mut self, closing: CancellationToken) {
        self.closing = Some(closing);
    }

    /// The next piece; `None` at the end of a whole body. After an error every further call returns it again. A call
    /// that is dropped loses nothing.
    ///
    /// # Errors
    /// `response_truncated` where the body broke off; `timeout` where nothing came for as long as the call's timeout;
    /// `cancelled` where the client was closed meanwhile.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(end) = &self.end {
            return end.clone().map(|()| None);
        }
        let next = self.piece().await;
        match &next {
            Ok(Some(_)) => {}
            Ok(None) => self.end = Some(Ok(())),
            Err(error) => self.end = Some(Err(error.clone())),
        }
        if self.end.is_some() {
            // The connection is given up at once, and not when the caller lets go of this.
            self.stream = futures::stream::empty().boxed();
        }
        next
    }

    async fn piece(&mut self) -> Result<Option<Bytes>> {
        let closing = self.closing.clone();
        let closed = async move {
            match closing {
                Some(closing) => closing.cancelled().await,
                None => pending().await,
            }
        };
        let next = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(piece)) if piece.is_empty() => {}
                    next => return next,
                }
            }
        };
        tokio::select! {
            next = timeout(self.patience, next) => match next {
                Ok(Some(Ok(piece))) => Ok(Some(piece)),
                Ok(None) => Ok(None),
                Ok(Some(Err(error))) => Err(self.broken(&error)),
                Err(_) => Err(self.idle()),
            },
            () = closed => Err(self.about(Code::Cancelled, "the client was closed while", "was read")),
        }
    }

    fn broken(&self, error: &std::io::Error) -> Error {
        self.about(Code::ResponseTruncated, "the answer to", &format!("broke off: {error}"))
    }

    fn idle(&self) -> Error {
        let waited = u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX);
        let text = format!("brought nothing for {:.3} s", self.patience.as_secs_f64());
        self.about(Code::Timeout, "the answer to", &text).with("timeout_ms", waited)
    }

    fn about(&self, code: Code, before: &str, after: &str) -> Error {
        let text = format!("{before} {} {} {after}", self.origin.method, self.origin.path);
        Error::new(code, text)
            .with_status(self.status)
            .with("connection_id", &*self.origin.asker.connection_id)
            .with("method", self.origin.method.as_str())
            .with("path", &*self.origin.path)
    }
}
