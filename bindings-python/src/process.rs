//! What must not outlive its process: after a fork the child has copies of sockets, tasks and locks whose threads do
//! not exist there. Using them hangs and dropping them does harm, so the child leaks them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which process this is, as it was last looked at. To ask the system a dozen times in each call takes 3 % of its time.
static THIS: AtomicU32 = AtomicU32::new(0);

/// Looks which process this is. Whatever comes in from Python does so first, and so does a child that Python forks.
pub(crate) fn look() {
    THIS.store(std::process::id(), Ordering::Relaxed);
}

/// A value of the process that made it. In a forked child it is out of reach and never dropped.
pub(crate) struct OfProcess<T> {
    pid: u32,
    value: Option<T>,
}

impl<T> OfProcess<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { pid: THIS.load(Ordering::Relaxed), value: Some(value) }
    }

    /// The value; `None` in a forked child.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.pid == THIS.load(Ordering::Relaxed))
    }

    /// The value itself; `None` in a forked child.
    pub(crate) fn take(mut self) -> Option<T> {
        if self.pid == std::process::id() { self.value.take() } else { None }
    }
}

impl<T> Drop for OfProcess<T> {
    fn drop(&mut self) {
        // Not as it was last looked at: the collector may come before anything else does in a child.
        if self.pid != std::process::id() {
            std::mem::forget(self.value.take());
        }
    }
}

/// Locks. Nothing that runs under a lock of this crate can panic half-way, so a poisoned one is as good as any.
/// The standard library's mutex is used throughout: it keeps no table shared by all locks that a fork could freeze.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
