//! The results of one call for many connections. A result whose way to Python was cut short, by a cancelled task or
//! Ctrl-C, stays where it is and is handed out next.

use std::sync::Arc;

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use threelo_core::{Code, Error, Many, RequestResult};
use tokio::sync::Mutex;

use crate::answer::{Answer, Work, work};
use crate::blocking::wait;
use crate::errors::raise;
use crate::pending::PendingCall;
use crate::process::{OfProcess, lock};
use crate::response::NativeResponse;

/// A result until Python has it.
pub(crate) type Arrived = Arc<std::sync::Mutex<Option<RequestResult>>>;

/// An iterator over results.
#[pyclass(frozen, module = "threelo._native")]
pub(crate) struct NativeMany(OfProcess<(Arc<Mutex<Many>>, Arrived)>);

#[pymethods]
impl NativeMany {
    /// The next result as a tuple of JSON, response and exception; `None` at the end.
    fn next(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        wait(py, self.following(py)?)
    }

    /// The same, awaited.
    fn next_async(&self, py: Python<'_>) -> PyResult<PendingCall> {
        PendingCall::start(py, self.following(py)?)
    }
}

impl NativeMany {
    pub(crate) fn new(many: Many) -> Self {
        Self(OfProcess::new((Arc::new(Mutex::new(many)), Arrived::default())))
    }

    fn following(&self, py: Python<'_>) -> PyResult<Work> {
        let message = "this iterator belongs to the process that forked this one";
        let elsewhere = || raise(py, &Error::new(Code::Cancelled, message));
        let (many, arrived) = self.0.get().cloned().ok_or_else(elsewhere)?;
        Ok(work(async move {
            let mut many = many.lock().await;
            if lock(&arrived).is_none() {
                let next = many.next().await;
                *lock(&arrived) = next;
            }
            Ok(Answer::Result(arrived))
        }))
    }
}

/// What arrived, for Python.
pub(crate) fn into_python(arrived: &Arrived, py: Python<'_>) -> PyResult<Py<PyAny>> {
    let Some(result) = lock(arrived).take() else { return Ok(py.None()) };
    let head = result.head_to_json();
    match result.outcome {
        Ok(response) => (head, Some(NativeResponse::new(response)), None::<Py<PyAny>>).into_py_any(py),
        Err(error) => (head, None::<NativeResponse>, Some(raise(py, &error).into_value(py))).into_py_any(py),
    }
}
