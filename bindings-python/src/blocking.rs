//! Waiting for a call with the interpreter let go, and still listening to Ctrl-C.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use pyo3::prelude::*;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::answer::{Outcome, Work, at_once, into_python};
use crate::runtime;

/// Signals are looked for this often: Ctrl-C ends a wait within 100 ms.
const SLICE: Duration = Duration::from_millis(50);

/// Runs the call to its end on this thread's behalf.
pub(crate) fn wait(py: Python<'_>, work: Work) -> PyResult<Py<PyAny>> {
    let inside = runtime::enter(py)?;
    match py.detach(|| watchful(&inside, work))? {
        Some(outcome) => into_python(outcome, py),
        None => Err(runtime::cut_short(py, inside)),
    }
}

/// Waits as a thread does that no signal reaches and that has nothing else to do.
pub(crate) fn wait_idle(py: Python<'_>, work: Work) -> PyResult<Py<PyAny>> {
    let inside = runtime::enter(py)?;
    match py.detach(|| launch(&inside, work).1.recv()) {
        Ok(outcome) => into_python(outcome, py),
        Err(_) => Err(runtime::cut_short(py, inside)),
    }
}

/// The outcome; none when the runtime ended first.
fn watchful(handle: &Handle, mut work: Work) -> PyResult<Option<Outcome>> {
    if let Some(outcome) = at_once(handle, &mut work) {
        return Ok(Some(outcome));
    }
    let (task, inbox) = launch(handle, work);
    loop {
        match inbox.recv_timeout(SLICE) {
            Ok(outcome) => return Ok(Some(outcome)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                Python::try_attach(|py| py.check_signals())
                    .unwrap_or(Ok(()))
                    .inspect_err(|_| task.abort())?;
            }
        }
    }
}

fn launch(handle: &Handle, work: Work) -> (AbortHandle, Receiver<Outcome>) {
    let (answer, inbox) = sync_channel(1);
    let task = handle.spawn(async move {
        // Nobody listens any more after Ctrl-C.
        let _ = answer.send(work.await);
    });
    (task.abort_handle(), inbox)
}
