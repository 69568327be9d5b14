//! One finisher of an open consent at a time in a process: the others would only repeat its look-ups.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// A lock for each consent that is being finished.
#[derive(Debug, Default)]
pub(crate) struct Finishing(Mutex<HashMap<Vec<u8>, Weak<tokio::sync::Mutex<()>>>>);

impl Finishing {
    /// The lock of one consent, shared by all who ask while one of them holds on to it.
    pub(crate) fn of(&self, state_hash: &[u8]) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock();
        if let Some(lock) = locks.get(state_hash).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        locks.insert(state_hash.to_vec(), Arc::downgrade(&lock));
        lock
    }
}
