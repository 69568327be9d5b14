//! Events on their way to a thread of the face's own. It holds no client, so that an abandoned client goes away.

use std::sync::Arc;

use pyo3::prelude::*;
use threelo_core::Subscription;
use tokio::sync::{Mutex, oneshot};
use tokio_util::sync::CancellationToken;

use crate::answer::{Answer, work};
use crate::blocking::wait_idle;
use crate::process::OfProcess;

enum Source {
    /// The client is being opened.
    Opening(oneshot::Receiver<Subscription>),
    Open(Subscription),
}

/// The events of one core client.
#[pyclass(frozen, module = "threelo._native")]
pub(crate) struct NativeEvents {
    source: OfProcess<Arc<Mutex<Source>>>,
    closed: CancellationToken,
}

impl NativeEvents {
    pub(crate) fn new(opening: oneshot::Receiver<Subscription>, closed: CancellationToken) -> Self {
        Self { source: OfProcess::new(Arc::new(Mutex::new(Source::Opening(opening)))), closed }
    }
}

#[pymethods]
impl NativeEvents {
    /// Waits for the next event and returns it as JSON; `None` when no more will come.
    fn next(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Some(source) = self.source.get().cloned() else { return Ok(py.None()) };
        let closed = self.closed.clone();
        let next = async move {
            tokio::select! {
                biased;
                event = async { source.lock().await.next().await } => Ok(Answer::Text(event)),
                () = closed.cancelled() => Ok(Answer::Text(None)),
            }
        };
        wait_idle(py, work(next))
    }
}

impl Source {
    async fn next(&mut self) -> Option<String> {
        if let Self::Opening(opening) = self {
            *self = Self::Open(opening.await.ok()?);
        }
        let Self::Open(subscription) = self else { return None };
        let event = subscription.next().await?;
        serde_json::to_string(&event).ok()
    }
}
