//! The one runtime of the process: made by the first call, made anew in a forked child, joined before the
//! interpreter goes away. (Without the join, workers that outlive the interpreter crash scripts at their exit.)

use std::sync::Mutex;
use std::time::Duration;

use pyo3::prelude::*;
use threelo_core::{Code, Error, Result};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::process::{OfProcess, lock};
use crate::{blocking, live};

/// How long the exit waits for what the runtime cannot cut short, such as a name being looked up.
const GRACE: Duration = Duration::from_secs(2);

enum State {
    /// No call was made yet.
    Unused,
    Running(OfProcess<Runtime>),
    /// The interpreter is going away.
    Ended,
}

static STATE: Mutex<State> = Mutex::new(State::Unused);

/// The runtime, made if there is none in this process. Being attached is what keeps the lock safe in a fork.
///
/// # Errors
/// `closed` while the interpreter goes away or when the system gives no thread.
pub(crate) fn handle(_attached: Python<'_>) -> Result<Handle> {
    let mut state = lock(&STATE);
    match &*state {
        State::Ended => return Err(Error::new(Code::Closed, "the interpreter is shutting down")),
        State::Running(runtime) => {
            if let Some(runtime) = runtime.get() {
                return Ok(runtime.handle().clone());
            }
        }
        State::Unused => {}
    }
    let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("threelo").enable_all().build();
    let runtime =
        runtime.map_err(|error| Error::new(Code::Closed, format!("no threads could be started: {error}")))?;
    let handle = runtime.handle().clone();
    *state = State::Running(OfProcess::new(runtime));
    Ok(handle)
}

/// Closes what is open, ends the runtime and lets every thread come back to Python. Registered with `atexit`.
#[pyfunction]
pub(crate) fn shutdown(py: Python<'_>) {
    // Ctrl-C may cut the closing short; what it was waiting for is told by the next process from the store.
    if let Err(error) = live::close_all(py) {
        error.write_unraisable(py, None);
    }
    let state = std::mem::replace(&mut *lock(&STATE), State::Ended);
    if let State::Running(runtime) = state
        && let Some(runtime) = runtime.take()
    {
        py.detach(|| runtime.shutdown_timeout(GRACE));
    }
    blocking::let_return(py);
}
