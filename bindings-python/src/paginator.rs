//! A listing, page by page. A page whose way to Python was cut short, by a cancelled task or Ctrl-C, is handed out
//! again: the face says how many pages it has, so none is lost between the core and it.

use std::sync::Arc;

use pyo3::exceptions::PyBlockingIOError;
use pyo3::prelude::*;
use threelo_core::paginate::{Page, Paginator};
use threelo_core::{Code, Error, Result};
use tokio::sync::Mutex;

use crate::answer::{Answer, Work, caught, work};
use crate::blocking::wait;
use crate::errors::raise;
use crate::free::when_free;
use crate::pending::PendingCall;
use crate::process::OfProcess;

struct Listing {
    paginator: Paginator,
    /// Pages fetched, and the last of them.
    fetched: usize,
    last: Option<Page>,
}

impl Listing {
    async fn after(&mut self, received: usize) -> Result<Option<Page>> {
        if received >= self.fetched {
            self.last = self.paginator.next_page().await?;
            self.fetched += usize::from(self.last.is_some());
        }
        Ok(self.last.clone())
    }

    /// A page that is not there yet begins where the one before it ends.
    fn cursor(&self, received: usize, consumed: usize) -> Option<String> {
        self.paginator.cursor(if received < self.fetched { 0 } else { consumed })
    }
}

/// An iterator over the pages of a listing.
#[pyclass(frozen, module = "threelo._native")]
pub(crate) struct NativePaginator(OfProcess<Arc<Mutex<Listing>>>);

#[pymethods]
impl NativePaginator {
    /// The page after the first `received` ones, as a list; `None` at the end.
    fn next_page(&self, py: Python<'_>, received: usize) -> PyResult<Py<PyAny>> {
        wait(py, self.next(py, received)?)
    }

    /// The same, awaited.
    fn next_page_async(&self, py: Python<'_>, received: usize) -> PyResult<PendingCall> {
        PendingCall::start(py, self.next(py, received)?)
    }

    /// Where to go on after `consumed` items of the last of `received` pages. `BlockingIOError` while a page is
    /// being fetched.
    fn cursor(&self, py: Python<'_>, received: usize, consumed: usize) -> PyResult<Option<String>> {
        let busy = |_| PyBlockingIOError::new_err("a page is being fetched");
        let listing = self.listing(py)?.try_lock().map_err(busy)?;
        caught(py, || Ok(listing.cursor(received, consumed)))
    }

    /// Ends what is being fetched ahead; a page that somebody waits for still comes.
    fn rest(&self, py: Python<'_>) {
        if let Some(listing) = self.0.get() {
            when_free(py, listing, |listing| listing.paginator.rest());
        }
    }
}

impl NativePaginator {
    pub(crate) fn new(paginator: Paginator) -> Self {
        Self(OfProcess::new(Arc::new(Mutex::new(Listing { paginator, fetched: 0, last: None }))))
    }

    fn listing(&self, py: Python<'_>) -> PyResult<&Arc<Mutex<Listing>>> {
        self.0.get().ok_or_else(|| {
            let message = "this iterator belongs to the process that forked this one";
            raise(
                py,
                &Error::new(Code::Cancelled, message).hinting("Start one here, from the cursor it had."),
            )
        })
    }

    fn next(&self, py: Python<'_>, received: usize) -> PyResult<Work> {
        let listing = self.listing(py)?.clone();
        Ok(work(async move { Ok(Answer::Page(listing.lock().await.after(received).await?)) }))
    }
}
