//! What a process remembers of its connections, so that a call with a valid token touches nothing but memory. Other
//! processes' changes are noticed by asking the store, now and then, what changed since.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::tokens::Access;
use super::transitions::is_newer;
use crate::clock::boot_ms;
use crate::error::Result;
use crate::lock::lock;
use crate::store::{ConnectionRow, GrantRow, Store};

/// A grant as remembered.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) row: Arc<GrantRow>,
    pub(crate) access: Access,
    /// When, on the boot clock, this token was fetched because the one before was rejected by the API.
    pub(crate) healed_at: Option<u64>,
}

/// More than this many connections are not remembered at once; the least trouble is to start afresh.
const CAPACITY: usize = 20_000;

/// How often the store is asked what changed, at most. Rule 12 allows 30 s.
const SYNC_EVERY_MS: u64 = 10_000;

/// Remembered connections and grants.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    connections: Mutex<HashMap<String, Arc<ConnectionRow>>>,
    grants: Mutex<HashMap<String, Held>>,
    seq: AtomicU64,
    /// Boot milliseconds of the last sync begun.
    synced: AtomicU64,
}

impl Cache {
    /// Forgets what others changed, if the last look is long enough ago. A store that cannot be read just now hurts
    /// nobody whose token is valid: what is remembered stays.
    ///
    /// # Errors
    /// That of the store; nothing was forgotten.
    pub(crate) async fn sync(&self, store: &dyn Store) -> Result<()> {
        let last = self.synced.load(Ordering::Acquire);
        let now = boot_ms();
        if now.saturating_sub(last) < SYNC_EVERY_MS
            || self.synced.compare_exchange(last, now, Ordering::AcqRel, Ordering::Acquire).is_err()
        {
            return Ok(());
        }
        self.catch_up(store).await
    }

    /// Whether the last look at what others changed is long enough ago for another one.
    pub(crate) fn is_due(&self) -> bool {
        boot_ms().saturating_sub(self.synced.load(Ordering::Acquire)) >= SYNC_EVERY_MS
    }

    async fn catch_up(&self, store: &dyn Store) -> Result<()> {
        let since = self.seq.load(Ordering::Acquire);
        let changes = store.changes(since).await?;
        if changes.seq < since {
            // The store was set back. What is known of grants may be newer, and is needed to mend it.
            lock(&self.connections).clear();
            self.seq.store(changes.seq, Ordering::Release);
            return Ok(());
        }
        if changes.everything {
            lock(&self.connections).clear();
            lock(&self.grants).clear();
        }
        for id in &changes.connections {
            lock(&self.connections).remove(id);
        }
        for id in &changes.grants {
            lock(&self.grants).remove(id);
        }
        self.seq.fetch_max(changes.seq, Ordering::AcqRel);
        Ok(())
    }

    pub(crate) fn connection(&self, id: &str) -> Option<Arc<ConnectionRow>> {
        lock(&self.connections).get(id).cloned()
    }

    pub(crate) fn grant(&self, id: &str) -> Option<Held> {
        lock(&self.grants).get(id).cloned()
    }

    pub(crate) fn keep_connection(&self, row: ConnectionRow) -> Arc<ConnectionRow> {
        let row = Arc::new(row);
        let mut connections = lock(&self.connections);
        if connections.len() >= CAPACITY {
            connections.clear();
        }
        connections.insert(row.id.clone(), Arc::clone(&row));
        row
    }

    /// Remembers a grant, unless a newer pair of it is remembered already.
    pub(crate) fn keep_grant(&self, held: Held) -> Held {
        let mut grants = lock(&self.grants);
        if grants.len() >= CAPACITY {
            grants.clear();
        }
        match grants.get(&held.row.id) {
            Some(known) if is_newer(&known.row, &held.row) => known.clone(),
            Some(known) if known.access.generation == held.access.generation => {
                let held = Held { healed_at: held.healed_at.or(known.healed_at), ..held };
                grants.insert(held.row.id.clone(), held.clone());
                held
            }
            _ => {
                grants.insert(held.row.id.clone(), held.clone());
                held
            }
        }
    }

    pub(crate) fn forget_connection(&self, id: &str) {
        lock(&self.connections).remove(id);
    }

    pub(crate) fn forget_grant(&self, id: &str) {
        lock(&self.grants).remove(id);
    }
}
