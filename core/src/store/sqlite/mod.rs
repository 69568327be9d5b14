//! Rows in an SQLite file: in write-ahead mode, synced at every commit, shared by any number of processes.
//!
//! Within a process all clients of one file share its connections: one that writes ([`writer`]) and a few that read
//! ([`readers`]). Beside `<file>` stand `-wal` and `-shm`, which are SQLite's, `.lock`, held while the file is being
//! opened, and an `.alive-…` for each process that rotates.

use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;

use self::readers::Reader;
use self::shared::Shared;
use super::{
    AccountKey, Answer, Changes, ConnectionRow, Due, Expect, GrantRow, SessionRow, Store, TokenHashRow, Write,
};
use crate::clock::Stamp;
use crate::error::{Code, Error, Result};
use crate::lock::lock;
use crate::records::Tags;

mod alive;
mod columns;
mod fault;
mod file_id;
mod fork;
mod group;
mod link;
mod network;
pub(super) mod open;
mod place;
mod read;
mod readers;
mod schema;
mod shared;
mod write;
mod writer;

pub use fork::{after_fork, before_fork};

/// One client's hold on a file. The file is closed when the last hold is.
pub struct SqliteStore {
    identity: String,
    path: String,
    pid: u32,
    /// In a forked child it is neither touched nor dropped: it belongs to the parent, like the locks that dropping it
    /// would release, and the mutex may have been locked by a thread that the child does not have.
    shared: Mutex<Option<ManuallyDrop<Arc<Shared>>>>,
}

/// Asks one question through a connection of its own.
macro_rules! ask {
    ($store:ident, $question:expr $(, $argument:expr)*) => {
        Box::pin(async move {
            let mut reader = Reader::take($store.shared()?).await?;
            let found = $question(reader.db()? $(, $argument)*).await;
            reader.answer(found)
        })
    };
}

impl SqliteStore {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            identity: shared.identity.clone(),
            path: shared.path.display().to_string(),
            pid: std::process::id(),
            shared: Mutex::new(Some(ManuallyDrop::new(shared))),
        }
    }

    /// Whether anything sealed is kept here, with or without a key check beside it.
    pub(super) async fn has_sealed(&self) -> Result<bool> {
        let mut reader = Reader::take(self.shared()?).await?;
        let found = read::has_sealed(reader.db()?).await;
        reader.answer(found)
    }

    fn shared(&self) -> Result<Arc<Shared>> {
        if self.is_inherited() {
            return Err(self.unusable("was opened before fork; a child process opens its own"));
        }
        lock(&self.shared).as_deref().cloned().ok_or_else(|| self.unusable("was closed"))
    }

    fn is_inherited(&self) -> bool {
        self.pid != std::process::id()
    }

    fn unusable(&self, why: &str) -> Error {
        Error::new(Code::StoreUnavailable, format!("the store {} {why}", self.path))
            .with("store", self.path.as_str())
    }

    /// Gives the hold up. What comes back is to be shut: it was the last.
    fn leave(&self) -> Option<Arc<Shared>> {
        if self.is_inherited() {
            return None;
        }
        let shared = ManuallyDrop::into_inner(lock(&self.shared).take()?);
        shared.leave().then_some(shared)
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // Without a runtime nobody can wait; the writer's thread and the connections end on their own.
        drop(self.leave());
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SqliteStore").field(&self.path).finish()
    }
}

impl Store for SqliteStore {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn now(&self) -> Answer<'_, Stamp> {
        Box::pin(async { Ok(Stamp::now()) })
    }

    fn holder(&self) -> Answer<'_, String> {
        Box::pin(async move { self.shared()?.alive.name() })
    }

    fn holder_gone<'a>(&'a self, holder: &'a str) -> Answer<'a, bool> {
        Box::pin(async move { Ok(alive::gone(&self.shared()?.path, holder)) })
    }

    fn grant<'a>(&'a self, id: &'a str) -> Answer<'a, Option<GrantRow>> {
        ask!(self, read::grant, id)
    }

    fn connection<'a>(&'a self, id: &'a str) -> Answer<'a, Option<ConnectionRow>> {
        ask!(self, read::connection, id)
    }

    fn resolve<'a>(&'a self, connection_id: &'a str) -> Answer<'a, Option<(ConnectionRow, GrantRow)>> {
        ask!(self, read::resolve, connection_id)
    }

    fn grants_of<'a>(&'a self, account: &'a AccountKey) -> Answer<'a, Vec<GrantRow>> {
        ask!(self, read::grants_of, account)
    }

    fn grants_due<'a>(&'a self, due: &'a Due) -> Answer<'a, Vec<GrantRow>> {
        ask!(self, read::grants_due, due)
    }

    fn connections_of<'a>(&'a self, grant_id: &'a str) -> Answer<'a, Vec<ConnectionRow>> {
        ask!(self, read::connections_of, grant_id)
    }

    fn connections<'a>(
        &'a self,
        tags: &'a Tags,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<ConnectionRow>> {
        ask!(self, read::connections, tags, after, limit)
    }

    fn grants<'a>(&'a self, after: Option<&'a str>, limit: u32) -> Answer<'a, Vec<GrantRow>> {
        ask!(self, read::grants, after, limit)
    }

    fn sessions<'a>(&'a self, after: Option<&'a [u8]>, limit: u32) -> Answer<'a, Vec<SessionRow>> {
        ask!(self, read::sessions, after, limit)
    }

    fn session<'a>(&'a self, state_hash: &'a [u8]) -> Answer<'a, Option<SessionRow>> {
        ask!(self, read::session, state_hash)
    }

    fn unfinished_session<'a>(&'a self, connection_id: &'a str) -> Answer<'a, Option<SessionRow>> {
        ask!(self, read::unfinished_session, connection_id)
    }

    fn token_hash<'a>(&'a self, hash: &'a [u8]) -> Answer<'a, Option<TokenHashRow>> {
        ask!(self, read::token_hash, hash)
    }

    fn meta<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        ask!(self, read::meta, name)
    }

    fn changes(&self, since: u64) -> Answer<'_, Changes> {
        ask!(self, read::changes, since)
    }

    fn write<'a>(&'a self, expect: Vec<Expect>, writes: Vec<Write>) -> Answer<'a, Option<u64>> {
        Box::pin(async move { self.shared()?.writer.write(expect, writes, false).await })
    }

    fn rescue<'a>(&'a self, expect: Vec<Expect>, writes: Vec<Write>) -> Answer<'a, Option<u64>> {
        Box::pin(async move { self.shared()?.writer.write(expect, writes, true).await })
    }

    fn forget_sessions(&self, wall_ms: u64) -> Answer<'_, ()> {
        Box::pin(async move { self.shared()?.writer.forget_sessions(wall_ms).await })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(last) = self.leave() {
                last.shut().await;
            }
        })
    }
}
