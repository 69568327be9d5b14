//! The one runtime of the process: made by the first call, made anew in a forked child, joined before the
//! interpreter goes away. (Without the join, workers that outlive the interpreter crash scripts at their exit.)
//!
//! The interpreter ends daemon threads as they come back to it, by unwinding their stacks, which frames of ours do
//! not survive. So the exit waits until no thread is inside a call any more, and threads that call too late, or whose
//! call the exit cut short, never return: they sleep until the process is gone.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use threelo_core::{Code, Error};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::process::{self, OfProcess, lock};
use crate::{errors, live, logs};

/// How long the exit waits for what the runtime cannot cut short, such as a name being looked up.
const GRACE: Duration = Duration::from_secs(2);

/// How long the exit waits for threads on their way back to Python.
const RETURN: Duration = Duration::from_secs(1);

enum State {
    /// No call was made yet.
    Unused,
    Running(OfProcess<Running>),
    /// The interpreter is going away; this thread sees to it.
    Ended(ThreadId),
}

struct Running {
    runtime: Runtime,
    inside: Arc<AtomicUsize>,
}

static STATE: Mutex<State> = Mutex::new(State::Unused);

/// A thread inside a call. The exit waits for it.
pub(crate) struct Inside {
    handle: Handle,
    inside: Arc<AtomicUsize>,
}

enum Refused {
    Ended(ThreadId),
    NoThreads(std::io::Error),
}

impl Inside {
    fn begin(state: &mut State) -> Result<Self, Refused> {
        if let State::Ended(by) = state {
            return Err(Refused::Ended(*by));
        }
        if let State::Running(running) = state
            && let Some(running) = running.get()
        {
            return Ok(Self::new(running));
        }
        // One worker: the interpreter runs on one thread as well, and calls that hop between workers cost more than
        // a second one brings (docs/benchmarks.md).
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("threelo").enable_all().build();
        let running = Running { runtime: runtime.map_err(Refused::NoThreads)?, inside: Arc::default() };
        let inside = Self::new(&running);
        *state = State::Running(OfProcess::new(running));
        Ok(inside)
    }

    fn new(running: &Running) -> Self {
        running.inside.fetch_add(1, Ordering::AcqRel);
        Self { handle: running.runtime.handle().clone(), inside: running.inside.clone() }
    }
}

impl Deref for Inside {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.inside.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Begins a call, and makes the runtime if there is none in this process. Being attached is what keeps the lock safe
/// in a fork.
///
/// # Errors
/// `closed` while the interpreter goes away, or when the system gives no thread.
pub(crate) fn enter(py: Python<'_>) -> PyResult<Inside> {
    process::look();
    // The lock is free again before anything runs Python code.
    let entered = Inside::begin(&mut lock(&STATE));
    entered.or_else(|refused| match refused {
        Refused::Ended(by) if by != thread::current().id() => sleep_for_good(py),
        Refused::Ended(_) => Err(closed(py, "the interpreter is shutting down")),
        Refused::NoThreads(error) => Err(closed(py, &format!("no threads could be started: {error}"))),
    })
}

/// Ends a call whose task the exit has cut short.
pub(crate) fn cut_short(py: Python<'_>, inside: Inside) -> PyErr {
    drop(inside);
    enter(py).err().unwrap_or_else(|| closed(py, "the call's task has ended"))
}

fn closed(py: Python<'_>, message: &str) -> PyErr {
    errors::raise(py, &Error::new(Code::Closed, message))
}

fn sleep_for_good(py: Python<'_>) -> ! {
    py.detach(|| {
        loop {
            thread::park();
        }
    })
}

/// Closes what is open, ends the runtime and waits for every thread to leave. Registered with `atexit`.
#[pyfunction]
pub(crate) fn shutdown(py: Python<'_>) {
    // Ctrl-C may cut the closing short; what it was waiting for is told by the next process from the store.
    if let Err(error) = live::close_all(py) {
        error.write_unraisable(py, None);
    }
    if let Err(error) = logs::finish(py) {
        error.write_unraisable(py, None);
    }
    let state = std::mem::replace(&mut *lock(&STATE), State::Ended(thread::current().id()));
    if let State::Running(running) = state
        && let Some(Running { runtime, inside }) = running.take()
    {
        py.detach(|| {
            runtime.shutdown_timeout(GRACE);
            let until = Instant::now() + RETURN;
            while inside.load(Ordering::Acquire) > 0 && Instant::now() < until {
                thread::sleep(Duration::from_millis(1));
            }
        });
    }
}
