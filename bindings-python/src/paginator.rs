//! A listing, page by page.

use std::sync::Arc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use threelo_core::paginate::Paginator;
use threelo_core::{Code, Error};
use tokio::sync::Mutex;

use crate::answer::{Answer, Work, caught, work};
use crate::blocking::wait;
use crate::errors::raise;
use crate::pending::PendingCall;
use crate::process::OfProcess;

/// An iterator over the pages of a listing.
#[pyclass(frozen, module = "threelo._native")]
pub(crate) struct NativePaginator(OfProcess<Arc<Mutex<Paginator>>>);

#[pymethods]
impl NativePaginator {
    /// The next page as JSON; `None` at the end.
    fn next_page(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        wait(py, self.next(py)?)
    }

    /// The next page, awaited.
    fn next_page_async(&self, py: Python<'_>) -> PyResult<PendingCall> {
        PendingCall::start(py, self.next(py)?)
    }

    /// Where to go on after `consumed` items of the page handed out last.
    fn cursor(&self, py: Python<'_>, consumed: usize) -> PyResult<Option<String>> {
        let paginator = self.paginator(py)?;
        let busy = |_| PyRuntimeError::new_err("the iterator is fetching a page in another thread or task");
        let paginator = paginator.try_lock().map_err(busy)?;
        caught(py, || Ok(paginator.cursor(consumed)))
    }
}

impl NativePaginator {
    pub(crate) fn new(paginator: Paginator) -> Self {
        Self(OfProcess::new(Arc::new(Mutex::new(paginator))))
    }

    fn paginator(&self, py: Python<'_>) -> PyResult<&Arc<Mutex<Paginator>>> {
        self.0.get().ok_or_else(|| {
            let message = "this iterator belongs to the process that forked this one";
            raise(
                py,
                &Error::new(Code::Cancelled, message).hinting("Start one here, from the cursor it had."),
            )
        })
    }

    fn next(&self, py: Python<'_>) -> PyResult<Work> {
        let paginator = self.paginator(py)?.clone();
        Ok(work(async move {
            let page = paginator.lock().await.next_page().await?;
            Ok(Answer::Text(page.map(|page| page.to_json()).transpose()?))
        }))
    }
}
