//! Waiting for a call with the interpreter let go, and still listening to Ctrl-C.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::answer::{Failure, Outcome, Work, at_once, into_python};
use crate::{errors, runtime};

/// Signals are looked for this often: Ctrl-C ends a wait within 100 ms.
const SLICE: Duration = Duration::from_millis(50);

/// How long the exit lets waiting threads return to Python. A thread that is still on its way when the interpreter
/// goes away is ended by it, with frames of ours on its stack, which they do not survive.
const RETURN: Duration = Duration::from_secs(1);

static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Runs the call to its end on this thread's behalf.
pub(crate) fn wait(py: Python<'_>, work: Work) -> PyResult<Py<PyAny>> {
    let handle = runtime::handle(py).map_err(|error| errors::raise(py, &error))?;
    let outcome = detached(py, || watchful(&handle, work))?;
    into_python(outcome, py)
}

/// Waits as a thread does that no signal reaches and that has nothing else to do.
pub(crate) fn wait_idle(py: Python<'_>, work: Work) -> PyResult<Outcome> {
    let handle = runtime::handle(py).map_err(|error| errors::raise(py, &error))?;
    Ok(detached(py, || {
        let (_task, inbox) = launch(&handle, work);
        inbox.recv().unwrap_or(Err(Failure::Ended))
    }))
}

fn detached<T: Send>(py: Python<'_>, wait: impl FnOnce() -> T + Send) -> T {
    WAITING.fetch_add(1, Ordering::AcqRel);
    let waited = py.detach(wait);
    WAITING.fetch_sub(1, Ordering::AcqRel);
    waited
}

fn launch(handle: &Handle, work: Work) -> (AbortHandle, Receiver<Outcome>) {
    let (answer, inbox) = sync_channel(1);
    let task = handle.spawn(async move {
        // Nobody listens any more after Ctrl-C.
        let _ = answer.send(work.await);
    });
    (task.abort_handle(), inbox)
}

fn watchful(handle: &Handle, mut work: Work) -> PyResult<Outcome> {
    if let Some(outcome) = at_once(handle, &mut work) {
        return Ok(outcome);
    }
    let (task, inbox) = launch(handle, work);
    loop {
        match inbox.recv_timeout(SLICE) {
            Ok(outcome) => return Ok(outcome),
            Err(RecvTimeoutError::Disconnected) => return Ok(Err(Failure::Ended)),
            Err(RecvTimeoutError::Timeout) => {
                Python::try_attach(|py| py.check_signals())
                    .unwrap_or(Ok(()))
                    .inspect_err(|_| task.abort())?;
            }
        }
    }
}

/// Lets the threads that were waiting return to Python.
pub(crate) fn let_return(py: Python<'_>) {
    let until = Instant::now() + RETURN;
    while WAITING.load(Ordering::Acquire) > 0 && Instant::now() < until {
        py.detach(|| std::thread::sleep(Duration::from_millis(1)));
    }
}
