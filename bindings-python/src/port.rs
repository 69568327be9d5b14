//! The way back into an event loop. Completions of one loop gather in a queue; the first of them rings, and the loop
//! wakes once for all that are there by then. The bell is a socket pair the loop watches, or, where there is no such pair
//! or a loop watches no descriptors, `call_soon_threadsafe`.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::process::{OfProcess, lock};
use crate::runtime;
use crate::slot::Waiter;
use crate::sockets::Sockets;

enum Bell {
    Sockets(Arc<Sockets>),
    /// A weak reference to the loop: what waits for a call must not keep the loop alive for ever.
    Soon(Py<PyAny>),
    /// The loop is closed.
    Silent,
}

/// The way back into one loop.
pub(crate) struct Port {
    woken: Mutex<Vec<Waiter>>,
    bell: Mutex<Bell>,
    closed: CancellationToken,
}

impl Port {
    fn new(bell: Bell) -> Arc<Self> {
        Arc::new(Self { woken: Mutex::default(), bell: Mutex::new(bell), closed: CancellationToken::new() })
    }

    /// Ends with the loop.
    pub(crate) fn closed(&self) -> WaitForCancellationFuture<'_> {
        self.closed.cancelled()
    }

    /// Has the loop let a task go on. Called by the workers, which never attach.
    pub(crate) fn wake(self: &Arc<Self>, waiter: Waiter) {
        let first = {
            let mut woken = lock(&self.woken);
            woken.push(waiter);
            woken.len() == 1
        };
        if first {
            self.ring();
        }
    }

    fn ring(self: &Arc<Self>) {
        let pair = match &*lock(&self.bell) {
            Bell::Sockets(pair) => Some(pair.clone()),
            Bell::Soon(_) => None,
            Bell::Silent => return,
        };
        // With the lock free: the loop's thread may go on as soon as it is rung, and would wait for it.
        if let Some(pair) = pair {
            pair.ring();
        } else {
            let port = self.clone();
            tokio::task::spawn_blocking(move || Python::try_attach(|py| port.call_soon(py)));
        }
    }

    fn call_soon(self: &Arc<Self>, py: Python<'_>) {
        let event_loop = match &*lock(&self.bell) {
            Bell::Soon(event_loop) => event_loop.clone_ref(py),
            _ => return,
        };
        let soon = event_loop.call0(py).and_then(|event_loop| {
            let drain = Drain { port: OfProcess::new(self.clone()), watched: false };
            event_loop.call_method1(py, intern!(py, "call_soon_threadsafe"), (drain,))
        });
        // A loop that takes nothing any more is closed, or gone.
        if soon.is_err() {
            self.close();
        }
    }

    /// Lets go on whoever waits. In a loop that is being debugged each task does so by itself: it tells who is slow.
    fn hand_out(self: &Arc<Self>, py: Python<'_>) -> PyResult<()> {
        let mut woken = self.take().into_iter();
        let debugged = |waiter: &Waiter| waiter.call.get().is_debugged(py).unwrap_or(false);
        let apart = woken.as_slice().first().is_some_and(debugged);
        while let Some(waiter) = woken.next() {
            let gone = if apart { waiter.go_soon(py) } else { waiter.go(py) };
            if let Err(error) = gone {
                self.put_back(py, woken.collect())?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// For the loop's next round: this one is cut short.
    fn put_back(self: &Arc<Self>, py: Python<'_>, mut left: Vec<Waiter>) -> PyResult<()> {
        if left.is_empty() {
            return Ok(());
        }
        let inside = runtime::enter(py)?;
        let _context = inside.enter();
        {
            let mut woken = lock(&self.woken);
            left.append(&mut woken);
            *woken = left;
        }
        self.ring();
        Ok(())
    }

    /// Who may go on, and the bell silent until the next one.
    fn take(&self) -> Vec<Waiter> {
        if let Bell::Sockets(pair) = &*lock(&self.bell) {
            pair.silence();
        }
        std::mem::take(&mut *lock(&self.woken))
    }

    /// The loop is gone: ends the calls it was waiting for and frees the descriptors.
    fn close(&self) {
        self.closed.cancel();
        let bell = std::mem::replace(&mut *lock(&self.bell), Bell::Silent);
        let woken = std::mem::take(&mut *lock(&self.woken));
        // Dropped with no lock held: the end of a future may run Python code.
        drop((bell, woken));
    }
}

/// What the loop calls when it is rung. The loop drops a watched one when it closes, which closes the port.
#[pyclass(frozen)]
struct Drain {
    port: OfProcess<Arc<Port>>,
    watched: bool,
}

#[pymethods]
impl Drain {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        self.port.get().map_or(Ok(()), |port| port.hand_out(py))
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        if let Some(port) = self.port.get().filter(|_| self.watched) {
            port.close();
        }
    }
}

/// A port as the registry keeps it.
#[pyclass(frozen)]
struct LoopPort(OfProcess<Arc<Port>>);

/// The ports of this process's loops: a `WeakKeyDictionary`, so that a loop that goes away takes its port along.
static PORTS: Mutex<Option<OfProcess<Py<PyAny>>>> = Mutex::new(None);

thread_local! {
    /// The loop this thread used last, weakly, and its port: most threads know but one, and the registry is slow.
    static LAST: RefCell<Option<Known>> = const { RefCell::new(None) };
}

type Known = (Py<PyWeakrefReference>, OfProcess<Arc<Port>>);

/// The running loop and its port.
pub(crate) fn current(py: Python<'_>) -> PyResult<(Bound<'_, PyAny>, Arc<Port>)> {
    static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let event_loop = RUNNING.import(py, "asyncio", "get_running_loop")?.call0()?;
    if let Some(port) = last(&event_loop) {
        return Ok((event_loop, port));
    }
    let (event_loop, port) = registered(event_loop)?;
    let last = (PyWeakrefReference::new(&event_loop)?.unbind(), OfProcess::new(port.clone()));
    // What was there is dropped with nothing borrowed: the end of an object may run Python code.
    drop(LAST.replace(Some(last)));
    Ok((event_loop, port))
}

fn last(event_loop: &Bound<'_, PyAny>) -> Option<Arc<Port>> {
    let py = event_loop.py();
    let (known, port) = LAST.with_borrow(|last| {
        let (known, port) = last.as_ref()?;
        Some((known.clone_ref(py), port.get()?.clone()))
    })?;
    let same = known.bind(py).upgrade()?.is(event_loop);
    (same && !port.closed.is_cancelled()).then_some(port)
}

fn registered(event_loop: Bound<'_, PyAny>) -> PyResult<(Bound<'_, PyAny>, Arc<Port>)> {
    let py = event_loop.py();
    let ports = registry(py)?;
    let known = ports.call_method1(intern!(py, "get"), (&event_loop,))?;
    let known = known.cast::<LoopPort>().ok().and_then(|port| port.get().0.get().cloned());
    if let Some(port) = known {
        return Ok((event_loop, port));
    }
    close_ended(&ports)?;
    let port = open(&event_loop)?;
    ports.set_item(&event_loop, LoopPort(OfProcess::new(port.clone())))?;
    Ok((event_loop, port))
}

fn registry(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let known = lock(&PORTS).as_ref().and_then(|ports| Some(ports.get()?.clone_ref(py)));
    if let Some(ports) = known {
        return Ok(ports.into_bound(py));
    }
    let ports = py.import("weakref")?.call_method0("WeakKeyDictionary")?;
    *lock(&PORTS) = Some(OfProcess::new(ports.clone().unbind()));
    Ok(ports)
}

fn open(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Port>> {
    let py = event_loop.py();
    let watched = Sockets::pair().map_err(PyErr::from).and_then(|(end, pair)| {
        let port = Port::new(Bell::Sockets(Arc::new(pair)));
        let drain = Drain { port: OfProcess::new(port.clone()), watched: true };
        event_loop.call_method1(intern!(py, "add_reader"), (end, drain))?;
        Ok(port)
    });
    match watched {
        Err(error) if error.is_instance_of::<PyException>(py) => {
            let weak = py.import("weakref")?.call_method1("ref", (event_loop,))?;
            Ok(Port::new(Bell::Soon(weak.unbind())))
        }
        other => other,
    }
}

/// Loops that watch no descriptors say nothing when they close, so a new loop looks after them.
fn close_ended(ports: &Bound<'_, PyAny>) -> PyResult<()> {
    // Not `items()`: other threads add loops meanwhile, and only `keyrefs()` is a list made in one go.
    for known in ports.call_method0("keyrefs")?.try_iter()? {
        let event_loop = known?.call0()?;
        if event_loop.is_none() || !event_loop.call_method0("is_closed")?.is_truthy()? {
            continue;
        }
        let port = ports.call_method1("pop", (event_loop, ports.py().None()))?;
        // Another thread may have been quicker.
        if let Ok(port) = port.cast::<LoopPort>() {
            port.get().0.get().inspect(|port| port.close());
        }
    }
    Ok(())
}
