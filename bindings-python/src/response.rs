//! An answer of Jira.

use std::sync::Mutex;

use bytes::Bytes;
use http::HeaderMap;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;
use threelo_core::Error;
use threelo_core::request::{Download, HistoryEntry, Response};

use crate::body::{self, NativeBody};
use crate::errors::raise;
use crate::json;
use crate::process::{OfProcess, lock};

/// An answer, whatever its status.
#[pyclass(frozen, module = "threelo._native")]
pub(crate) struct NativeResponse {
    /// HTTP status.
    #[pyo3(get)]
    status: u16,
    /// The URL that answered, without its query.
    #[pyo3(get)]
    url: String,
    /// How many requests it took.
    #[pyo3(get)]
    attempts: u32,
    history: Vec<HistoryEntry>,
    headers: HeaderMap,
    error: Option<Error>,
    /// Emptied when Python asks for it, so that a body is never kept twice.
    arrived: Mutex<Bytes>,
    body: PyOnceLock<Py<PyBytes>>,
    /// Whether the body was still on its way.
    #[pyo3(get)]
    streamed: bool,
    arriving: Option<OfProcess<Mutex<Option<Download>>>>,
    reader: PyOnceLock<Py<NativeBody>>,
}

impl NativeResponse {
    pub(crate) fn new(mut response: Response) -> Self {
        let streamed = response.is_streamed();
        let arriving = streamed.then(|| OfProcess::new(Mutex::new(Some(response.download()))));
        let error = response.error_for_status().err();
        let Response { status, headers, url, attempts, history, body, .. } = response;
        let (arrived, body) = (Mutex::new(body), PyOnceLock::new());
        let reader = PyOnceLock::new();
        Self { status, url, attempts, history, headers, error, arrived, body, streamed, arriving, reader }
    }
}

#[pymethods]
impl NativeResponse {
    /// What came before the answer, as JSON.
    #[getter]
    fn history(&self) -> String {
        serde_json::to_string(&self.history).unwrap_or_default()
    }

    /// Names in lower case and values, one character per byte, in the order they came.
    #[getter]
    fn headers(&self) -> Vec<(&str, String)> {
        let text = |value: &http::HeaderValue| value.as_bytes().iter().copied().map(char::from).collect();
        self.headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect()
    }

    /// The body, decompressed.
    #[getter]
    fn body(&self, py: Python<'_>) -> PyResult<Py<PyBytes>> {
        if self.streamed {
            return Err(raise(py, &Download::not_at_once()));
        }
        let body = || PyBytes::new(py, &std::mem::take(&mut *lock(&self.arrived))).unbind();
        Ok(self.body.get_or_init(py, body).clone_ref(py))
    }

    /// The body, piece by piece: as it arrives, or what is there.
    #[getter]
    fn reader(&self, py: Python<'_>) -> PyResult<Py<NativeBody>> {
        let reader = || {
            let arriving = self.arriving.as_ref().and_then(OfProcess::get);
            let arriving = arriving.map(|arriving| lock(arriving).take());
            let download = match arriving {
                Some(Some(download)) => download,
                None if self.streamed => return Err(body::elsewhere(py)),
                _ => self.body(py)?.extract::<PyBackedBytes>(py).map(Bytes::from_owner)?.into(),
            };
            Py::new(py, NativeBody::new(download))
        };
        Ok(self.reader.get_or_try_init(py, reader)?.clone_ref(py))
    }

    /// The body, read as JSON. `ValueError` where it is none.
    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.body.get(py) {
            Some(given) => json::read(py, given.as_bytes(py)),
            // A copy of the handle: reading runs Python's collector, and must not hold the lock meanwhile.
            None => {
                let arrived = lock(&self.arrived).clone();
                json::read(py, &arrived)
            }
        }
    }

    /// Raises what an error status means; nothing for the others.
    fn raise_for_status(&self, py: Python<'_>) -> PyResult<()> {
        self.error.as_ref().map_or(Ok(()), |error| Err(raise(py, error)))
    }
}
