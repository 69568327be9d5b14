//! What `os.fork` tells us. The core wants to know of a fork before and after; everything else is dealt with when it is
//! next used, by looking at whose it is.

use pyo3::prelude::*;
use threelo_core::fork;

use crate::process;

/// Closes the stores' files once what is under way there is done. Commonly takes a millisecond.
#[pyfunction]
fn before_fork(py: Python<'_>) {
    py.detach(fork::before);
}

/// Lets the stores open their files again.
#[pyfunction]
fn after_fork() {
    process::look();
    fork::after();
}

/// Has `os.fork` call the two. Windows has neither a fork nor such hooks.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let os = module.py().import("os")?;
    let Some(register) = os.getattr_opt("register_at_fork")? else { return Ok(()) };
    let hooks = pyo3::types::PyDict::new(module.py());
    hooks.set_item("before", wrap_pyfunction!(before_fork, module)?)?;
    hooks.set_item("after_in_parent", wrap_pyfunction!(after_fork, module)?)?;
    hooks.set_item("after_in_child", wrap_pyfunction!(after_fork, module)?)?;
    register.call((), Some(&hooks))?;
    Ok(())
}
