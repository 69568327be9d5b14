//! Rows in a PostgreSQL database, shared by any number of processes on any number of machines.
//!
//! Within a process all clients of one URL share its connections: one that writes ([`writer`]), a few that read
//! ([`readers`]), and one that listens and shows that the process lives ([`session`]); ten at most. The tables'
//! names begin with `threelo_`, so they can stand beside others. Connections are used as sessions: a pooler in between
//! has to keep them whole (PgBouncer's session mode).

use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use tokio::sync::watch;

#[cfg(test)]
pub(super) use self::link::SET_UP;
use self::link::patiently;
use self::readers::Reader;
use self::shared::Shared;
use super::{
    AccountKey, Answer, Changes, ConnectionRow, Due, Expect, GrantRow, SessionRow, Store, TokenHashRow, Write,
};
use crate::clock::Stamp;
use crate::error::{Error, Result};
use crate::lock::lock;
use crate::records::Tags;

mod carry_out;
mod columns;
mod fault;
mod home;
mod link;
mod load;
pub(super) mod open;
mod plan;
mod read;
mod readers;
mod schema;
mod scribe;
mod session;
mod shared;
mod text;
mod url;
mod writer;

pub use self::shared::before_fork;
pub use self::url::PostgresUrl;

/// One client's hold on a database. The connections are closed when the last hold is.
pub struct PostgresStore {
    identity: String,
    place: String,
    pid: u32,
    /// In a forked child it is neither touched nor dropped: the connections belong to the parent, and so does what
    /// watches them.
    shared: Mutex<Option<ManuallyDrop<Arc<Shared>>>>,
}

/// Asks one question through a connection of its own, and once more when that turns out to have been lost.
macro_rules! ask {
    ($store:ident, $question:expr $(, $argument:expr)*) => {
        async move {
            let mut reader = Reader::take(&$store.shared()?.readers).await?;
            loop {
                let found = patiently($question(reader.db()? $(, $argument)*)).await;
                if let Some(answer) = reader.answer(found).await? {
                    return Ok(answer);
                }
            }
        }
    };
}

impl PostgresStore {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            // The same database in the same schema; a copy of it elsewhere has the same id.
            identity: format!("{}#{}", shared.place, shared.store_id),
            place: shared.place.clone(),
            pid: std::process::id(),
            shared: Mutex::new(Some(ManuallyDrop::new(shared))),
        }
    }

    /// Names the database without user and password.
    pub(super) fn place(&self) -> &str {
        &self.place
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
        fault::unavailable(&self.place, why)
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

impl Drop for PostgresStore {
    fn drop(&mut self) {
        // Without a runtime nobody can wait; the home thread finishes what was handed in and ends.
        drop(self.leave());
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PostgresStore").field(&self.place).finish()
    }
}

impl Store for PostgresStore {
    fn identity(&self) -> &str {
        &self.identity
    }

    /// The database's clock, which is one for all machines. A stamp without a boot would be given twice its span,
    /// because between two boots of one machine only the wall clock is left and may have been set; here both stamps are
    /// of the same clock, and the store's id in the place of the boot says so.
    fn now(&self) -> Answer<'_, Stamp> {
        Box::pin(async move {
            let boot = Some(format!("postgresql:{}", self.shared()?.store_id));
            let now = ask!(self, read::now).await?;
            Ok(Stamp { boot, boot_ms: now, wall_ms: now })
        })
    }

    fn grant<'a>(&'a self, id: &'a str) -> Answer<'a, Option<GrantRow>> {
        Box::pin(ask!(self, read::grant, id))
    }

    fn connection<'a>(&'a self, id: &'a str) -> Answer<'a, Option<ConnectionRow>> {
        Box::pin(ask!(self, read::connection, id))
    }

    fn resolve<'a>(&'a self, connection_id: &'a str) -> Answer<'a, Option<(ConnectionRow, GrantRow)>> {
        Box::pin(ask!(self, read::resolve, connection_id))
    }

    fn grants_of<'a>(&'a self, account: &'a AccountKey) -> Answer<'a, Vec<GrantRow>> {
        Box::pin(ask!(self, read::grants_of, account))
    }

    fn grants_due<'a>(&'a self, due: &'a Due) -> Answer<'a, Vec<GrantRow>> {
        Box::pin(ask!(self, read::grants_due, due))
    }

    fn connections_of<'a>(&'a self, grant_id: &'a str) -> Answer<'a, Vec<ConnectionRow>> {
        Box::pin(ask!(self, read::connections_of, grant_id))
    }

    fn connections<'a>(
        &'a self,
        tags: &'a Tags,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<ConnectionRow>> {
        Box::pin(ask!(self, read::connections, tags, after, limit))
    }

    fn grants<'a>(&'a self, after: Option<&'a str>, limit: u32) -> Answer<'a, Vec<GrantRow>> {
        Box::pin(ask!(self, read::grants, after, limit))
    }

    fn sessions<'a>(&'a self, after: Option<&'a [u8]>, limit: u32) -> Answer<'a, Vec<SessionRow>> {
        Box::pin(ask!(self, read::sessions, after, limit))
    }

    fn session<'a>(&'a self, state_hash: &'a [u8]) -> Answer<'a, Option<SessionRow>> {
        Box::pin(ask!(self, read::session, state_hash))
    }

    fn unfinished_session<'a>(&'a self, connection_id: &'a str) -> Answer<'a, Option<SessionRow>> {
        Box::pin(ask!(self, read::unfinished_session, connection_id))
    }

    fn token_hash<'a>(&'a self, hash: &'a [u8]) -> Answer<'a, Option<TokenHashRow>> {
        Box::pin(ask!(self, read::token_hash, hash))
    }

    fn meta<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(ask!(self, read::meta, name))
    }

    fn changes(&self, since: u64) -> Answer<'_, Changes> {
        Box::pin(ask!(self, read::changes, since))
    }

    fn write<'a>(&'a self, expect: Vec<Expect>, writes: Vec<Write>) -> Answer<'a, Option<u64>> {
        Box::pin(async move { self.shared()?.writer.write(expect, writes, false).await })
    }

    fn rescue<'a>(&'a self, expect: Vec<Expect>, writes: Vec<Write>) -> Answer<'a, Option<u64>> {
        Box::pin(async move { self.shared()?.writer.write(expect, writes, true).await })
    }

    fn forget_sessions(&self, wall_ms: u64) -> Answer<'_, ()> {
        Box::pin(ask!(self, scribe::forget_sessions, wall_ms))
    }

    fn holder(&self) -> Answer<'_, String> {
        Box::pin(async move { Ok(self.shared()?.session.holder.clone()) })
    }

    fn holder_gone<'a>(&'a self, holder: &'a str) -> Answer<'a, bool> {
        Box::pin(async move {
            let name = holder.split('/').next().unwrap_or_default();
            let key = session::lock_key(&self.shared()?.store_id, name);
            ask!(self, read::is_free, key).await
        })
    }

    fn wake(&self) -> Option<watch::Receiver<u64>> {
        self.shared().ok().map(|shared| shared.session.heard.subscribe())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(last) = self.leave() {
                last.shut().await;
            }
        })
    }
}
