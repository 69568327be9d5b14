//! Where a call's answer is left, and who waits for it.

use std::sync::Mutex;

use pyo3::intern;
use pyo3::prelude::*;

use crate::answer::Outcome;
use crate::pending::PendingCall;
use crate::process::lock;

/// A task that goes on once its call has ended.
pub(crate) struct Waiter {
    pub(crate) call: Py<PendingCall>,
    /// What the task wants called then, with the call.
    pub(crate) resume: Py<PyAny>,
    /// The context variables it is called with.
    pub(crate) context: Option<Py<PyAny>>,
}

impl Waiter {
    /// Lets the task go on. For where the loop runs callbacks, so that no task is running.
    ///
    /// # Errors
    /// What a task leaves to its loop, such as Ctrl-C.
    pub(crate) fn go(&self, py: Python<'_>) -> PyResult<()> {
        match &self.context {
            Some(context) => context.call_method1(py, intern!(py, "run"), (&self.resume, &self.call)),
            None => self.resume.call1(py, (&self.call,)),
        }
        .map(drop)
    }

    /// Has the loop let the task go on.
    pub(crate) fn go_soon(&self, py: Python<'_>) -> PyResult<()> {
        self.call.get().call_soon(py, (&self.resume, &self.call), self.context.as_ref())
    }
}

enum State {
    Running,
    Awaited(Waiter),
    Ready(Outcome),
    /// With the words of the one who did it.
    Cancelled(Option<Py<PyAny>>),
    Taken,
}

/// What is found in a slot.
pub(crate) enum Found {
    Answer(Outcome),
    /// Nothing yet, and nobody waits for it.
    Nothing,
    /// Somebody waits already, or it has been taken, or cancelled.
    Over,
}

/// The workers take its lock without being attached. Whoever has it holds it for a move only, and drops nothing
/// meanwhile: the end of a task may run Python code.
pub(crate) struct Slot(Mutex<State>);

impl Slot {
    pub(crate) fn running() -> Self {
        Self(Mutex::new(State::Running))
    }

    pub(crate) fn ready(outcome: Outcome) -> Self {
        Self(Mutex::new(State::Ready(outcome)))
    }

    /// Leaves the answer, unless the call has ended otherwise. Returns who waits for it.
    pub(crate) fn fulfil(&self, outcome: Outcome) -> Option<Waiter> {
        self.finish(State::Ready(outcome)).flatten()
    }

    /// Ends a call that has no answer. Returns nothing if it has one, or has ended; otherwise who waited, if anybody.
    pub(crate) fn cancel(&self, message: Option<Py<PyAny>>) -> Option<Option<Waiter>> {
        self.finish(State::Cancelled(message))
    }

    fn finish(&self, last: State) -> Option<Option<Waiter>> {
        let mut state = lock(&self.0);
        if !matches!(*state, State::Running | State::Awaited(_)) {
            drop(state);
            return None;
        }
        match std::mem::replace(&mut *state, last) {
            State::Awaited(waiter) => Some(Some(waiter)),
            _ => Some(None),
        }
    }

    /// Remembers who waits. Gives it back if there is nothing to wait for.
    pub(crate) fn wait(&self, waiter: Waiter) -> Option<Waiter> {
        let mut state = lock(&self.0);
        if matches!(*state, State::Running) {
            *state = State::Awaited(waiter);
            return None;
        }
        Some(waiter)
    }

    /// Takes the answer, if it is there.
    pub(crate) fn take(&self) -> Found {
        let mut state = lock(&self.0);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Ready(outcome) => Found::Answer(outcome),
            other => {
                let nothing = matches!(other, State::Running);
                *state = other;
                if nothing { Found::Nothing } else { Found::Over }
            }
        }
    }

    /// Empties the slot.
    pub(crate) fn end(&self) {
        let before = std::mem::replace(&mut *lock(&self.0), State::Taken);
        drop(before);
    }

    /// What was said as the call was cancelled; nothing where it was not.
    pub(crate) fn cancelled(&self, py: Python<'_>) -> Option<Option<Py<PyAny>>> {
        match &*lock(&self.0) {
            State::Cancelled(message) => Some(message.as_ref().map(|message| message.clone_ref(py))),
            _ => None,
        }
    }
}
