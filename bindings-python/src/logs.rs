//! The core's log lines on their way to Python's `logging`: on one thread of the face's own, which is there while a
//! client of this process is open.

use std::sync::{Arc, Mutex, Weak};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use threelo_core::log::{Lines, listen};
use tokio_util::sync::CancellationToken;

use crate::answer::{Answer, work};
use crate::blocking::wait_idle;
use crate::process::{OfProcess, lock};

static START: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The thread of this process, while there is one.
static CURRENT: Mutex<Option<OfProcess<Thread>>> = Mutex::new(None);

/// How long the exit waits for lines on their way, in seconds: a handler may hang.
const PARTING: f64 = 1.0;

struct Thread {
    logging: Weak<Logging>,
    end: CancellationToken,
    thread: Py<PyAny>,
}

/// Keeps the thread: it ends with the last of these.
pub(crate) struct Logging {
    end: CancellationToken,
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// Sees to it that lines are handed on, from now until what is returned is dropped.
pub(crate) fn begin(py: Python<'_>) -> PyResult<Arc<Logging>> {
    if let Some(logging) = current() {
        return Ok(logging);
    }
    let end = CancellationToken::new();
    let lines = listen().until(end.clone());
    let lines = NativeLines { lines: OfProcess::new(Arc::new(tokio::sync::Mutex::new(lines))) };
    let thread = START.import(py, "threelo._logs", "start")?.call1((lines,))?.unbind();
    let logging = Arc::new(Logging { end: end.clone() });
    let begun = Thread { logging: Arc::downgrade(&logging), end, thread };
    // Another thread may have been here meanwhile, for `start` is Python code.
    if let Some(other) = current() {
        return Ok(other);
    }
    *lock(&CURRENT) = Some(OfProcess::new(begun));
    Ok(logging)
}

fn current() -> Option<Arc<Logging>> {
    lock(&CURRENT).as_ref()?.get()?.logging.upgrade()
}

/// Hands on what was written until now, before the interpreter goes away.
pub(crate) fn finish(py: Python<'_>) -> PyResult<()> {
    let current = lock(&CURRENT).take().and_then(OfProcess::take);
    current.map_or(Ok(()), |Thread { end, thread, .. }| {
        end.cancel();
        thread.call_method1(py, "join", (PARTING,)).map(drop)
    })
}

/// The lines of this process.
#[pyclass(frozen, module = "threelo._native")]
pub(crate) struct NativeLines {
    lines: OfProcess<Arc<tokio::sync::Mutex<Lines>>>,
}

#[pymethods]
impl NativeLines {
    /// Waits for the next line and returns it as JSON; `None` when no more will come.
    fn next(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Some(lines) = self.lines.get().cloned() else { return Ok(py.None()) };
        let next = async move {
            let line = lines.lock().await.next().await;
            Ok(Answer::Text(line.and_then(|line| serde_json::to_string(&*line).ok())))
        };
        wait_idle(py, work(next))
    }
}
