//! What comes along beside the client: the `threelo` command, and the sandbox for users' own tests.

use std::ffi::OsString;
use std::io;
use std::sync::Mutex;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use threelo_sandbox::Hosted;

use crate::process::lock;

/// Runs the `threelo` command and returns its exit code.
#[pyfunction]
pub(crate) fn cli(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| threelo_cli::run(arguments))
}

/// A running sandbox; see `threelo.testing`.
#[pyclass(frozen, module = "threelo._native")]
pub(crate) struct NativeSandbox {
    hosted: Mutex<Option<Hosted>>,
    #[pyo3(get)]
    url: String,
    #[pyo3(get)]
    options: String,
}

#[pymethods]
impl NativeSandbox {
    #[new]
    fn new(py: Python<'_>, world: &str, port: u16) -> PyResult<Self> {
        let hosted = py.detach(|| Hosted::start(world, port)).map_err(refused)?;
        let (url, options) = (hosted.url().to_owned(), hosted.options().to_owned());
        Ok(Self { hosted: Mutex::new(Some(hosted)), url, options })
    }

    /// Stops it, once.
    fn close(&self, py: Python<'_>) {
        let hosted = lock(&self.hosted).take();
        py.detach(|| drop(hosted));
    }
}

fn refused(error: io::Error) -> PyErr {
    match error.kind() {
        io::ErrorKind::InvalidInput => PyValueError::new_err(error.to_string()),
        _ => error.into(),
    }
}
