//! Locks for short moments. They are the standard library's, because parking_lot keeps one table of waiting threads per
//! process: a child forked while a thread waits inherits that thread's entry, whose memory is then used for something
//! else, and hangs.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. A panic elsewhere left no value half-changed: each is changed in one step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
