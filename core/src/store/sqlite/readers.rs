//! A few connections for questions. They are plain connections and not sqlx's pool, because a pool belongs to the
//! runtime it was made in, and a store is shared by clients that may each have their own.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::sqlite::SqliteConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::{from_sqlx, unavailable};
use super::link;
use super::shared::Shared;
use crate::error::Result;
use crate::lock::lock;

/// Questions answered at once.
const CONNECTIONS: u32 = 4;

pub(super) struct Readers {
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<SqliteConnection>>,
}

impl Readers {
    pub(super) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(CONNECTIONS as usize)), idle: Mutex::new(Vec::new()) }
    }

    /// Waits for the answers under way, then closes every connection. Nobody gets another.
    pub(super) async fn close(&self) {
        drop(self.rest().await);
        self.turns.close();
        self.close_idle().await;
    }

    /// Waits for the answers under way and closes every connection. Nobody gets another while the permit is held.
    pub(super) async fn rest(&self) -> Option<OwnedSemaphorePermit> {
        let all = Arc::clone(&self.turns).acquire_many_owned(CONNECTIONS).await.ok();
        self.close_idle().await;
        all
    }

    async fn close_idle(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        for connection in idle {
            link::end(connection).await;
        }
    }

    /// Leaves the connections to the process that opened them. Closing them here would unlock that process's files.
    pub(super) fn abandon(&mut self) {
        std::mem::take(self.idle.get_mut().unwrap_or_else(PoisonError::into_inner))
            .into_iter()
            .for_each(std::mem::forget);
    }
}

/// One connection, for one question.
pub(super) struct Reader {
    connection: Option<SqliteConnection>,
    shared: Arc<Shared>,
    _turn: OwnedSemaphorePermit,
}

impl Reader {
    /// Waits for a free connection, or opens one.
    pub(super) async fn take(shared: Arc<Shared>) -> Result<Self> {
        let turns = Arc::clone(&shared.readers.turns);
        let turn = turns.acquire_owned().await.map_err(|_| unavailable(&shared.path, "was closed"))?;
        shared.file.still_at(&shared.path)?;
        let idle = lock(&shared.readers.idle).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                link::reader(&shared.path).await.map_err(|error| from_sqlx(&shared.path, "opened", &error))?
            }
        };
        Ok(Self { connection: Some(connection), shared, _turn: turn })
    }

    /// The connection; `None` never happens while the question is asked.
    pub(super) fn db(&mut self) -> Result<&mut SqliteConnection> {
        self.connection.as_mut().ok_or_else(|| unavailable(&self.shared.path, "was closed"))
    }

    /// Turns what came back into the answer. After a failure the connection is not used again.
    pub(super) fn answer<T>(mut self, found: Result<T, sqlx::Error>) -> Result<T> {
        found.map_err(|error| {
            self.connection = None;
            from_sqlx(&self.shared.path, "read", &error)
        })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            lock(&self.shared.readers.idle).push(connection);
        }
    }
}
