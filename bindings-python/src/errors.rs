//! The core's errors as the face's exceptions.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use threelo_core::Error;

use crate::answer::Failure;

static FROM_PARTS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The exception of the error's code.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    let context = serde_json::Value::Object(error.context().clone()).to_string();
    let parts =
        (error.code().as_str(), error.message(), error.hint(), error.retryable(), error.status(), context);
    build(py, parts).unwrap_or_else(|failed| failed)
}

pub(crate) fn raise_failure(py: Python<'_>, failure: &Failure) -> PyErr {
    match failure {
        Failure::Core(error) => raise(py, error),
        Failure::Fault => raise(py, &Error::panicked()),
    }
}

type Parts<'a> = (&'a str, &'a str, &'a str, bool, Option<u16>, String);

fn build(py: Python<'_>, parts: Parts<'_>) -> PyResult<PyErr> {
    Ok(PyErr::from_value(FROM_PARTS.import(py, "threelo.errors", "from_parts")?.call1(parts)?))
}
