//! An awaitable of our own. It asks the event loop for a future only when the answer is not there at the first look,
//! and its answer becomes a Python object on the loop's own thread.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::answer::{Outcome, Work, at_once, into_python};
use crate::port::{self, Port};
use crate::process::{OfProcess, lock};
use crate::runtime;

enum State {
    Running,
    /// A future of the loop waits to be woken.
    Waited(Py<PyAny>),
    Ready(Outcome),
    Taken,
}

/// Where the worker leaves the answer. The workers take its lock without being attached, and hold it for a move only.
struct Slot(Mutex<State>);

impl Slot {
    /// Leaves the answer, and has whoever waits for it woken.
    fn fulfil(&self, outcome: Outcome, port: &Arc<Port>) {
        let before = std::mem::replace(&mut *lock(&self.0), State::Ready(outcome));
        if let State::Waited(future) = before {
            port.wake(future);
        }
    }

    /// Empties the slot. What was in it is dropped with the lock free: the end of a future may run Python code.
    fn take(&self) -> State {
        std::mem::replace(&mut *lock(&self.0), State::Taken)
    }
}

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
        if let Some(task) = &self.task {
            task.abort();
        }
        drop(self.slot.take());
    }
}

/// A call to be awaited, once.
#[pyclass(frozen, module = "threelo._native")]
pub(crate) struct PendingCall {
    event_loop: Py<PyAny>,
    flight: OfProcess<Flight>,
}

impl PendingCall {
    /// Starts the call, and answers at once if it can.
    pub(crate) fn eager(py: Python<'_>, mut work: Work) -> PyResult<Self> {
        let inside = runtime::enter(py)?;
        match py.detach(|| at_once(&inside, &mut work)) {
            None => Self::start(py, work),
            Some(outcome) => {
                let slot = Arc::new(Slot(Mutex::new(State::Ready(outcome))));
                Ok(Self { event_loop: py.None(), flight: OfProcess::new(Flight { slot, task: None }) })
            }
        }
    }

    /// Starts the call on the workers.
    pub(crate) fn start(py: Python<'_>, work: Work) -> PyResult<Self> {
        let inside = runtime::enter(py)?;
        let (event_loop, port) = port::current(py)?;
        let slot = Arc::new(Slot(Mutex::new(State::Running)));
        let answered = slot.clone();
        let task = inside.spawn(async move {
            tokio::select! {
                outcome = work => answered.fulfil(outcome, &port),
                () = port.closed() => drop(answered.take()),
            }
        });
        let flight = Flight { slot, task: Some(task.abort_handle()) };
        Ok(Self { event_loop: event_loop.unbind(), flight: OfProcess::new(flight) })
    }

    fn flight(&self) -> PyResult<&Flight> {
        self.flight
            .get()
            .ok_or_else(|| PyRuntimeError::new_err("this call belongs to the process that forked this one"))
    }

    /// A future of the loop, in the state in which a coroutine hands it to its task.
    fn future<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let future = self.event_loop.bind(py).call_method0(intern!(py, "create_future"))?;
        future.setattr(intern!(py, "_asyncio_future_blocking"), true)?;
        Ok(future)
    }
}

#[pymethods]
impl PendingCall {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let slot = &self.flight()?.slot;
        if matches!(*lock(&slot.0), State::Running) {
            let future = self.future(py)?;
            let mut state = lock(&slot.0);
            // The answer may have come while the future was made.
            if matches!(*state, State::Running) {
                *state = State::Waited(future.clone().unbind());
                return Ok(future.unbind());
            }
        }
        match slot.take() {
            State::Ready(outcome) => {
                let _inside = runtime::enter(py)?;
                Err(PyStopIteration::new_err((into_python(outcome, py)?,)))
            }
            _ => Err(PyRuntimeError::new_err("a call can be awaited only once")),
        }
    }

    fn send(&self, py: Python<'_>, value: Py<PyAny>) -> PyResult<Py<PyAny>> {
        // Loops send nothing but None: what matters is in the slot.
        drop(value);
        self.__next__(py)
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
}
