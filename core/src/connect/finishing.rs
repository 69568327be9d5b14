//! One finisher of an open consent at a time in a process: the others would only repeat its look-ups.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use crate::lock::lock;

/// A lock for each consent that is being finished.
#[derive(Debug, Default)]
pub(crate) struct Finishing(Mutex<HashMap<Vec<u8>, Weak<tokio::sync::Mutex<()>>>>);

impl Finishing {
    /// The lock of one consent, shared by all who ask while one of them holds on to it.
    pub(crate) fn of(&self, state_hash: &[u8]) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = lock(&self.0);
        if let Some(known) = locks.get(state_hash).and_then(Weak::upgrade) {
            return known;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let new = Arc::default();
        locks.insert(state_hash.to_vec(), Arc::downgrade(&new));
        new
    }
}
