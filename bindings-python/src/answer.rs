//! What a call comes back with, before it is a Python object: built by the workers, converted by a thread that is
//! attached anyway.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};
use std::thread;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, CatchUnwind, Map};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use threelo_core::paginate::Page;
use threelo_core::{Error, Result};
use tokio::runtime::Handle;

use crate::many::Arrived;
use crate::response::NativeResponse;
use crate::{errors, json, many, runtime};

/// A result on its way to Python.
pub(crate) enum Answer {
    /// JSON, or nothing at an end.
    Text(Option<String>),
    /// A page of a listing, or nothing at its end.
    Page(Option<Page>),
    /// A piece of a body, or nothing at its end.
    Bytes(Option<Bytes>),
    Response(Box<NativeResponse>),
    /// One of many, or nothing at their end.
    Result(Arrived),
}

/// Why there is none.
pub(crate) enum Failure {
    Core(Error),
    /// A panic. It must not cross into Python as one: `PanicException` escapes `except Exception`.
    Fault,
}

pub(crate) type Outcome = Result<Answer, Failure>;

/// A call under way.
pub(crate) type Work = Map<CatchUnwind<AssertUnwindSafe<BoxFuture<'static, Result<Answer>>>>, Caught>;

type Caught = fn(thread::Result<Result<Answer>>) -> Outcome;

/// Puts a call into the one form all calls have here.
pub(crate) fn work(call: impl Future<Output = Result<Answer>> + Send + 'static) -> Work {
    // In its box before anything else: what a call keeps is large to be moved.
    AssertUnwindSafe(call.boxed()).catch_unwind().map(|caught| match caught {
        Ok(result) => result.map_err(Failure::Core),
        Err(_) => Err(Failure::Fault),
    })
}

/// Runs something of the core that needs no waiting on the caller's thread.
pub(crate) fn caught<T>(py: Python<'_>, call: impl FnOnce() -> Result<T>) -> PyResult<T> {
    let inside = runtime::enter(py)?;
    let _context = inside.enter();
    let caught = catch_unwind(AssertUnwindSafe(call)).map_err(|_| Failure::Fault);
    caught
        .and_then(|result| result.map_err(Failure::Core))
        .map_err(|failure| errors::raise_failure(py, &failure))
}

/// Gives the call one chance to answer on this very thread: what is at hand, such as a cached token, needs no task
/// and no wake-up.
pub(crate) fn at_once(handle: &Handle, work: &mut Work) -> Option<Outcome> {
    let _context = handle.enter();
    match work.poll_unpin(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

/// The Python object, or the exception.
pub(crate) fn into_python(outcome: Outcome, py: Python<'_>) -> PyResult<Py<PyAny>> {
    match outcome {
        Ok(Answer::Text(text)) => text.into_py_any(py),
        Ok(Answer::Page(page)) => page.map(|page| json::items(py, &page)).transpose()?.into_py_any(py),
        Ok(Answer::Result(arrived)) => many::into_python(&arrived, py),
        Ok(Answer::Bytes(bytes)) => bytes.map(|bytes| PyBytes::new(py, &bytes)).into_py_any(py),
        Ok(Answer::Response(response)) => Py::new(py, *response)?.into_py_any(py),
        Err(failure) => Err(errors::raise_failure(py, &failure)),
    }
}
