//! A body on its way to Python. A piece whose way was cut short, by a cancelled task or Ctrl-C, is handed out again: the
//! face says how many pieces it has, so none is lost between the core and it.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use pyo3::prelude::*;
use threelo_core::request::Download;
use threelo_core::{Code, Error, Result};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::answer::{Answer, Work, work};
use crate::blocking::wait;
use crate::errors::raise;
use crate::free::when_free;
use crate::pending::PendingCall;
use crate::process::OfProcess;

struct Reader {
    /// None once it is closed.
    download: Option<Download>,
    /// Pieces read, and the last of them.
    read: usize,
    last: Option<Bytes>,
}

impl Reader {
    async fn after(&mut self, received: usize) -> Result<Option<Bytes>> {
        if received >= self.read {
            self.last = self.download.as_mut().ok_or_else(closed)?.next().await?;
            self.read += usize::from(self.last.is_some());
        }
        Ok(self.last.clone())
    }
}

fn closed() -> Error {
    Error::new(Code::Cancelled, "the response was closed before its end was read")
}

/// Why a body cannot be read in a forked child.
pub(crate) fn elsewhere(py: Python<'_>) -> PyErr {
    raise(py, &Error::new(Code::Cancelled, "this response belongs to the process that forked this one"))
}

/// The body of an answer, piece by piece.
#[pyclass(frozen, module = "threelo._native")]
pub(crate) struct NativeBody {
    reader: OfProcess<Arc<Mutex<Reader>>>,
    closing: CancellationToken,
}

#[pymethods]
impl NativeBody {
    /// The piece after the first `received` ones; `None` at the end.
    fn read(&self, py: Python<'_>, received: usize) -> PyResult<Py<PyAny>> {
        wait(py, self.next(py, received)?)
    }

    /// The same, awaited.
    fn read_async(&self, py: Python<'_>, received: usize) -> PyResult<PendingCall> {
        PendingCall::eager(py, self.next(py, received)?)
    }

    /// Writes what is left to a file; returns how many bytes that were.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<Py<PyAny>> {
        wait(py, self.saved(py, path)?)
    }

    /// The same, awaited.
    fn save_async(&self, py: Python<'_>, path: PathBuf) -> PyResult<PendingCall> {
        PendingCall::start(py, self.saved(py, path)?)
    }

    /// Gives the connection up, unless the end was read.
    fn close(&self, py: Python<'_>) {
        self.closing.cancel();
        if let Some(reader) = self.reader.get() {
            when_free(py, reader, |reader| reader.download = None);
        }
    }
}

impl NativeBody {
    pub(crate) fn new(download: Download) -> Self {
        let reader = Reader { download: Some(download), read: 0, last: None };
        Self { reader: OfProcess::new(Arc::new(Mutex::new(reader))), closing: CancellationToken::new() }
    }

    fn reader(&self, py: Python<'_>) -> PyResult<Arc<Mutex<Reader>>> {
        self.reader.get().cloned().ok_or_else(|| elsewhere(py))
    }

    fn next(&self, py: Python<'_>, received: usize) -> PyResult<Work> {
        let (reader, closing) = (self.reader(py)?, self.closing.clone());
        Ok(work(async move {
            let mut reader = reader.lock().await;
            let piece = closing.run_until_cancelled(reader.after(received)).await;
            if piece.is_none() {
                reader.download = None;
            }
            piece.ok_or_else(closed)?.map(Answer::Bytes)
        }))
    }

    fn saved(&self, py: Python<'_>, path: PathBuf) -> PyResult<Work> {
        let (reader, closing) = (self.reader(py)?, self.closing.clone());
        Ok(work(async move {
            let mut reader = reader.lock().await;
            let download = reader.download.as_mut().ok_or_else(closed)?;
            let saved = closing.run_until_cancelled(download.save(&path)).await;
            if saved.is_none() {
                reader.download = None;
            }
            saved.ok_or_else(closed)?.map(|length| Answer::Text(Some(length.to_string())))
        }))
    }
}
