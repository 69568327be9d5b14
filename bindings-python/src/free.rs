//! Changing what a call may still be using.

use std::sync::Arc;

use pyo3::prelude::*;
use tokio::sync::Mutex;

use crate::runtime;

/// Changes what is behind the lock: at once where it is free, otherwise when whoever has it is done. A call that was
/// cancelled has it until the worker comes to drop the call.
pub(crate) fn when_free<T: Send + 'static>(
    py: Python<'_>,
    shared: &Arc<Mutex<T>>,
    change: impl FnOnce(&mut T) + Send + 'static,
) {
    if let Ok(mut free) = shared.try_lock() {
        return change(&mut free);
    }
    // Without a runtime no call has the lock for long.
    if let Ok(inside) = runtime::enter(py) {
        let shared = Arc::clone(shared);
        inside.spawn(async move { change(&mut *shared.lock().await) });
    }
}
