//! Changing what a call may still be using.

use std::sync::Arc;

use napi::bindgen_prelude::spawn;
use tokio::sync::Mutex;

/// Changes what is behind the lock: at once where it is free, otherwise when whoever has it is done. A call that was
/// cancelled has it until the worker comes to drop the call.
pub(crate) fn when_free<T: Send + 'static>(
    shared: &Arc<Mutex<T>>,
    change: impl FnOnce(&mut T) + Send + 'static,
) {
    match shared.try_lock() {
        Ok(mut free) => change(&mut free),
        Err(_) => {
            let shared = Arc::clone(shared);
            drop(spawn(async move { change(&mut *shared.lock().await) }));
        }
    }
}
