//! An awaitable of our own. What it hands a task that has to wait is itself, for it speaks the part of a future's
//! protocol that tasks use: so no future is made, and the loop that gets the answer lets the task go on at once, where
//! a future would have it wait for the loop's next round. The answer becomes a Python object on the loop's own thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyTuple};
use tokio::task::AbortHandle;

use crate::answer::{Work, at_once, into_python};
use crate::port;
use crate::process::OfProcess;
use crate::runtime;
use crate::slot::{Found, Slot, Waiter};

struct Flight {
    slot: Arc<Slot>,
    task: Option<AbortHandle>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.end();
    }
}

impl Flight {
    /// Ends the call: its future is dropped, which cancels it.
    fn end(&self) {
        self.abort();
        self.slot.end();
    }

    fn abort(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// A call to be awaited, once.
#[pyclass(frozen, module = "threelo._native")]
pub(crate) struct PendingCall {
    /// None for a call that was answered at once.
    event_loop: Py<PyAny>,
    flight: OfProcess<Flight>,
    /// What a task asks a future for, to tell `await` from a bare `yield`.
    blocking: AtomicBool,
}

impl PendingCall {
    /// Starts the call, and answers at once if it can.
    pub(crate) fn eager(py: Python<'_>, mut work: Work) -> PyResult<Self> {
        let inside = runtime::enter(py)?;
        match py.detach(|| at_once(&inside, &mut work)) {
            None => Self::start(py, work),
            Some(outcome) => Ok(Self::new(py.None(), Arc::new(Slot::ready(outcome)), None)),
        }
    }

    /// Starts the call on the workers.
    pub(crate) fn start(py: Python<'_>, work: Work) -> PyResult<Self> {
        let inside = runtime::enter(py)?;
        let (event_loop, port) = port::current(py)?;
        let slot = Arc::new(Slot::running());
        let answered = slot.clone();
        let task = inside.spawn(async move {
            tokio::select! {
                outcome = work => if let Some(waiter) = answered.fulfil(outcome) {
                    port.wake(waiter);
                },
                () = port.closed() => answered.end(),
            }
        });
        Ok(Self::new(event_loop.unbind(), slot, Some(task.abort_handle())))
    }

    fn new(event_loop: Py<PyAny>, slot: Arc<Slot>, task: Option<AbortHandle>) -> Self {
        let flight = OfProcess::new(Flight { slot, task });
        Self { event_loop, flight, blocking: AtomicBool::new(false) }
    }

    fn flight(&self) -> PyResult<&Flight> {
        self.flight
            .get()
            .ok_or_else(|| PyRuntimeError::new_err("this call belongs to the process that forked this one"))
    }

    fn slot(&self) -> PyResult<&Slot> {
        self.flight().map(|flight| &*flight.slot)
    }

    /// Has the loop call something.
    pub(crate) fn call_soon<'py>(
        &self,
        py: Python<'py>,
        call: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error = PyErr>,
        context: Option<&Py<PyAny>>,
    ) -> PyResult<()> {
        let context = context.map(|context| [("context", context)].into_py_dict(py)).transpose()?;
        let call_soon = self.event_loop.bind(py).getattr(intern!(py, "call_soon"))?;
        call_soon.call(call.into_pyobject(py)?, context.as_ref()).map(drop)
    }

    /// Whether the loop looks for callbacks that take long, and wants to name whose they are.
    pub(crate) fn is_debugged(&self, py: Python<'_>) -> PyResult<bool> {
        self.event_loop.bind(py).call_method0(intern!(py, "get_debug"))?.is_truthy()
    }
}

fn cancelled(py: Python<'_>, message: Option<Py<PyAny>>) -> PyErr {
    static ERROR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made = ERROR.import(py, "asyncio", "CancelledError").and_then(|error| match message {
        Some(message) => error.call1((message,)),
        None => error.call0(),
    });
    made.map_or_else(|error| error, PyErr::from_value)
}

/// First how a coroutine waits for it, then how a task does: as for a future, of which it uses this much (CPython's
/// `Lib/asyncio/tasks.py`).
#[pymethods]
impl PendingCall {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Self>> {
        let call = slf.get();
        match call.slot()?.take() {
            Found::Answer(outcome) => {
                let _inside = runtime::enter(py)?;
                Err(PyStopIteration::new_err((into_python(outcome, py)?,)))
            }
            Found::Nothing => {
                call.blocking.store(true, Ordering::Relaxed);
                Ok(slf)
            }
            Found::Over => Err(PyRuntimeError::new_err("a call can be awaited only once")),
        }
    }

    fn send(slf: Py<Self>, py: Python<'_>, value: Py<PyAny>) -> PyResult<Py<Self>> {
        // Loops send nothing but None: what matters is in the slot.
        drop(value);
        Self::__next__(slf, py)
    }

    #[pyo3(signature = (kind, value=None, traceback=None))]
    fn throw(
        &self,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        drop(traceback);
        self.close();
        Err(PyErr::from_value(value.unwrap_or(kind)))
    }

    fn close(&self) {
        if let Some(flight) = self.flight.get() {
            flight.end();
        }
    }

    #[getter(_asyncio_future_blocking)]
    fn is_blocking(&self) -> bool {
        self.blocking.load(Ordering::Relaxed)
    }

    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, blocking: bool) {
        self.blocking.store(blocking, Ordering::Relaxed);
    }

    fn get_loop(&self, py: Python<'_>) -> Py<PyAny> {
        self.event_loop.clone_ref(py)
    }

    #[pyo3(signature = (resume, *, context=None))]
    fn add_done_callback(
        slf: Py<Self>,
        py: Python<'_>,
        resume: Py<PyAny>,
        context: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let waiter = Waiter { call: slf.clone_ref(py), resume, context };
        slf.get().slot()?.wait(waiter).map_or(Ok(()), |waiter| waiter.go_soon(py))
    }

    /// Ends the call, and lets the task learn of it soon. False where there is an answer, or nothing to be ended.
    #[pyo3(signature = (msg=None))]
    fn cancel(&self, py: Python<'_>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        let flight = self.flight()?;
        let Some(waiter) = flight.slot.cancel(msg) else { return Ok(false) };
        flight.abort();
        waiter.map_or(Ok(()), |waiter| waiter.go_soon(py))?;
        Ok(true)
    }

    /// What a task looks at before it goes on. The answer itself is for the coroutine.
    fn result(&self, py: Python<'_>) -> PyResult<()> {
        self.slot()?.cancelled(py).map_or(Ok(()), |message| Err(cancelled(py, message)))
    }
}
