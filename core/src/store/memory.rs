//! Rows in this process's memory: for tests, for tools that live no longer than their tokens, and as the shortest
//! statement of what a store does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;

use super::bounds::{ABANDONED_AFTER_MS, CHANGES_LISTED, REMOVALS_KEPT, REMOVALS_KEPT_MS};
use super::{
    AccountKey, Answer, Changes, ConnectionRow, Due, Expect, GrantRow, SessionRow, SessionStage, Store,
    TokenHashRow, WhichDue, Write,
};
use crate::clock::{Stamp, wall_ms};
use crate::error::{Code, Error};
use crate::lock::lock;
use crate::records::Tags;

/// A store that is gone with its last owner.
pub struct MemoryStore {
    identity: String,
    pid: u32,
    rows: Mutex<Option<Rows>>,
}

/// What is in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    pub(crate) seq: u64,
    pub(crate) grants: BTreeMap<String, GrantRow>,
    pub(crate) connections: BTreeMap<String, ConnectionRow>,
    pub(crate) sessions: BTreeMap<Vec<u8>, SessionRow>,
    pub(crate) hashes: BTreeMap<Vec<u8>, TokenHashRow>,
    meta: BTreeMap<String, Vec<u8>>,
    removals: VecDeque<Removal>,
    /// Removals up to this sequence number may have been forgotten.
    horizon: u64,
}

#[derive(Clone, Debug)]
struct Removal {
    gone: Gone,
    seq: u64,
    at: u64,
}

#[derive(Clone, Debug)]
enum Gone {
    Grant(String),
    Connection(String),
}

impl MemoryStore {
    /// An empty store, different from every other.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            identity: format!("memory:{number}"),
            pid: std::process::id(),
            rows: Mutex::new(Some(Rows::default())),
        }
    }

    /// A store with these rows, for the model checker.
    #[cfg(test)]
    pub(crate) fn of(rows: Rows) -> Self {
        Self { identity: String::new(), pid: std::process::id(), rows: Mutex::new(Some(rows)) }
    }

    /// Its rows, with no memory of what was removed.
    #[cfg(test)]
    pub(crate) fn into_rows(self) -> Rows {
        let rows = lock(&self.rows).take().unwrap_or_default();
        Rows { removals: VecDeque::new(), horizon: 0, ..rows }
    }

    fn on_rows<'a, T: 'a>(&'a self, work: impl FnOnce(&mut Rows) -> T + Send + 'a) -> Answer<'a, T> {
        Box::pin(async move {
            if self.pid != std::process::id() {
                return Err(unusable(
                    "was opened before fork; a child process that spent its copy of the tokens would end theirs",
                ));
            }
            let mut rows = lock(&self.rows);
            rows.as_mut().map(work).ok_or_else(|| unusable("was closed"))
        })
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryStore").field(&self.identity).finish()
    }
}

impl Store for MemoryStore {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn now(&self) -> Answer<'_, Stamp> {
        self.on_rows(|_| Stamp::now())
    }

    fn holder(&self) -> Answer<'_, String> {
        Box::pin(async { Ok(self.identity.clone()) })
    }

    fn holder_gone<'a>(&'a self, _holder: &'a str) -> Answer<'a, bool> {
        // The rows end with their process.
        Box::pin(async { Ok(false) })
    }

    fn grant<'a>(&'a self, id: &'a str) -> Answer<'a, Option<GrantRow>> {
        self.on_rows(|rows| rows.grants.get(id).cloned())
    }

    fn connection<'a>(&'a self, id: &'a str) -> Answer<'a, Option<ConnectionRow>> {
        self.on_rows(|rows| rows.connections.get(id).cloned())
    }

    fn resolve<'a>(&'a self, connection_id: &'a str) -> Answer<'a, Option<(ConnectionRow, GrantRow)>> {
        self.on_rows(move |rows| {
            let connection = rows.connections.get(connection_id)?;
            let grant = rows.grants.get(&connection.grant_id)?;
            Some((connection.clone(), grant.clone()))
        })
    }

    fn grants_of<'a>(&'a self, account: &'a AccountKey) -> Answer<'a, Vec<GrantRow>> {
        self.on_rows(move |rows| {
            let mut found: Vec<_> =
                rows.grants.values().filter(|grant| belongs(grant, account)).cloned().collect();
            found.sort_by_key(|grant| grant.consented_at);
            found
        })
    }

    fn grants_due<'a>(&'a self, due: &'a Due) -> Answer<'a, Vec<GrantRow>> {
        self.on_rows(move |rows| {
            let mut found: Vec<_> =
                rows.grants.values().filter(|grant| is_due(grant, due)).cloned().collect();
            found.sort_by_key(|grant| due.place(grant));
            found.truncate(due.limit as usize);
            found
        })
    }

    fn connections_of<'a>(&'a self, grant_id: &'a str) -> Answer<'a, Vec<ConnectionRow>> {
        self.on_rows(move |rows| {
            rows.connections.values().filter(|row| row.grant_id == grant_id).cloned().collect()
        })
    }

    fn connections<'a>(
        &'a self,
        tags: &'a Tags,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<ConnectionRow>> {
        self.on_rows(move |rows| {
            let start = after.map_or(Unbounded, Excluded);
            rows.connections
                .range::<str, _>((start, Unbounded))
                .map(|(_, row)| row)
                .filter(|row| tags.iter().all(|(key, value)| row.tags.get(key) == Some(value)))
                .take(limit as usize)
                .cloned()
                .collect()
        })
    }

    fn grants<'a>(&'a self, after: Option<&'a str>, limit: u32) -> Answer<'a, Vec<GrantRow>> {
        self.on_rows(move |rows| {
            let start = after.map_or(Unbounded, Excluded);
            let after = rows.grants.range::<str, _>((start, Unbounded));
            after.map(|(_, row)| row).take(limit as usize).cloned().collect()
        })
    }

    fn sessions<'a>(&'a self, after: Option<&'a [u8]>, limit: u32) -> Answer<'a, Vec<SessionRow>> {
        self.on_rows(move |rows| {
            let start = after.map_or(Unbounded, Excluded);
            let after = rows.sessions.range::<[u8], _>((start, Unbounded));
            after.map(|(_, row)| row).take(limit as usize).cloned().collect()
        })
    }

    fn session<'a>(&'a self, state_hash: &'a [u8]) -> Answer<'a, Option<SessionRow>> {
        self.on_rows(|rows| rows.sessions.get(state_hash).cloned())
    }

    fn unfinished_session<'a>(&'a self, connection_id: &'a str) -> Answer<'a, Option<SessionRow>> {
        self.on_rows(move |rows| {
            rows.sessions
                .values()
                .filter(|row| row.connection_id == connection_id)
                .filter(|row| matches!(row.stage, SessionStage::Exchanged { .. }))
                .max_by_key(|row| row.seq)
                .cloned()
        })
    }

    fn token_hash<'a>(&'a self, hash: &'a [u8]) -> Answer<'a, Option<TokenHashRow>> {
        self.on_rows(|rows| rows.hashes.get(hash).cloned())
    }

    fn meta<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        self.on_rows(|rows| rows.meta.get(name).cloned())
    }

    fn changes(&self, since: u64) -> Answer<'_, Changes> {
        self.on_rows(move |rows| rows.changes(since))
    }

    fn write<'a>(&'a self, expect: Vec<Expect>, writes: Vec<Write>) -> Answer<'a, Option<u64>> {
        self.on_rows(move |rows| {
            expect.iter().all(|expected| rows.holds(expected)).then(|| {
                rows.seq += 1;
                writes.into_iter().for_each(|write| rows.apply(write));
                rows.forget_removals();
                rows.seq
            })
        })
    }

    /// Its rows are of the version that reads them.
    fn rescue<'a>(&'a self, expect: Vec<Expect>, writes: Vec<Write>) -> Answer<'a, Option<u64>> {
        self.write(expect, writes)
    }

    fn forget_sessions(&self, wall_ms: u64) -> Answer<'_, ()> {
        self.on_rows(move |rows| {
            rows.sessions.retain(|_, row| match row.stage {
                SessionStage::Waiting => row.expires_at >= wall_ms,
                SessionStage::Exchanging => row.expires_at >= wall_ms.saturating_sub(ABANDONED_AFTER_MS),
                SessionStage::Exchanged { .. } => true,
            });
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if self.pid == std::process::id() {
                *lock(&self.rows) = None;
            }
        })
    }
}

impl Rows {
    fn holds(&self, expected: &Expect) -> bool {
        match expected {
            Expect::Grant(id, seq) => self.grants.get(id).map(|row| row.seq) == *seq,
            Expect::Connection(id, seq) => self.connections.get(id).map(|row| row.seq) == *seq,
            Expect::Session(hash, seq) => self.sessions.get(hash).map(|row| row.seq) == *seq,
            Expect::TokenHashUnseen(hash) => !self.hashes.contains_key(hash),
            Expect::MetaAbsent(name) => !self.meta.contains_key(name),
        }
    }

    fn apply(&mut self, write: Write) {
        let seq = self.seq;
        match write {
            Write::PutGrant(row) => drop(self.grants.insert(row.id.clone(), GrantRow { seq, ..row })),
            Write::PutConnection(row) => {
                drop(self.connections.insert(row.id.clone(), ConnectionRow { seq, ..row }))
            }
            Write::PutSession(row) => {
                drop(self.sessions.insert(row.state_hash.clone(), SessionRow { seq, ..row }))
            }
            Write::AddTokenHash(row) => drop(self.hashes.entry(row.hash.clone()).or_insert(row)),
            Write::PutMeta(name, value) => drop(self.meta.insert(name, value)),
            Write::DeleteSession(hash) => drop(self.sessions.remove(&hash)),
            Write::DeleteGrant(id) => {
                if self.grants.remove(&id).is_some() {
                    self.removals.push_back(Removal { gone: Gone::Grant(id), seq, at: wall_ms() });
                }
            }
            Write::DeleteConnection(id) => {
                if self.connections.remove(&id).is_some() {
                    self.removals.push_back(Removal { gone: Gone::Connection(id), seq, at: wall_ms() });
                }
            }
        }
    }

    fn forget_removals(&mut self) {
        let kept_since = wall_ms().saturating_sub(REMOVALS_KEPT_MS);
        while let Some(oldest) = self.removals.front() {
            if self.removals.len() <= REMOVALS_KEPT && oldest.at >= kept_since {
                break;
            }
            self.horizon = oldest.seq;
            self.removals.pop_front();
        }
    }

    fn changes(&self, since: u64) -> Changes {
        let removals = || self.removals.iter().filter(|removal| removal.seq > since);
        let grants: BTreeSet<&String> = self
            .grants
            .values()
            .filter(|row| row.seq > since)
            .map(|row| &row.id)
            .chain(removals().filter_map(|removal| match &removal.gone {
                Gone::Grant(id) => Some(id),
                Gone::Connection(_) => None,
            }))
            .collect();
        let connections: BTreeSet<&String> = self
            .connections
            .values()
            .filter(|row| row.seq > since)
            .map(|row| &row.id)
            .chain(removals().filter_map(|removal| match &removal.gone {
                Gone::Connection(id) => Some(id),
                Gone::Grant(_) => None,
            }))
            .collect();
        if since < self.horizon || since > self.seq || grants.len() + connections.len() > CHANGES_LISTED {
            return Changes { seq: self.seq, everything: true, ..Changes::default() };
        }
        Changes {
            seq: self.seq,
            grants: grants.into_iter().cloned().collect(),
            connections: connections.into_iter().cloned().collect(),
            everything: false,
        }
    }
}

fn is_due(grant: &GrantRow, due: &Due) -> bool {
    let matches = match due.which {
        WhichDue::Idle(before) => grant.death.is_none() && grant.rotated_at < before,
        WhichDue::Old(before) => grant.death.is_none() && grant.first_consented_at < before,
        WhichDue::Dead => grant.death.is_some(),
        WhichDue::Doubtful(from) => {
            grant.death.is_none() && grant.doubt().is_some_and(|intent| intent.since >= from)
        }
    };
    let of_app = grant.auth_host == due.auth_host && grant.client_id == due.client_id;
    of_app && matches && due.after.as_ref().is_none_or(|after| due.place(grant) > *after)
}

fn belongs(grant: &GrantRow, account: &AccountKey) -> bool {
    grant.account_id.as_ref() == Some(&account.account_id)
        && grant.client_id == account.client_id
        && grant.auth_host == account.auth_host
}

fn unusable(why: &str) -> Error {
    Error::new(Code::StoreUnavailable, format!("the store memory: {why}")).with("store", "memory:")
}
