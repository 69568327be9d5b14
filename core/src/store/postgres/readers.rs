//! A few connections for questions. They are plain connections and not sqlx's pool, which belongs to one runtime and
//! sends a ping ahead of every question.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;

use super::fault::{from_sqlx, is_lost, unavailable};
use super::link::{ACQUIRE, Target};
use crate::error::Result;
use crate::lock::lock;

/// Questions answered at once. With the connection that writes and the one that listens that makes ten.
pub(super) const CONNECTIONS: u32 = 8;

/// A connection nobody needed for so long is closed.
const IDLE: Duration = Duration::from_secs(5 * 60);

pub(super) struct Readers {
    pub(super) target: Arc<Target>,
    turns: Arc<Semaphore>,
    /// The ones used last stand at the end and are used first.
    idle: Mutex<VecDeque<(PgConnection, Instant)>>,
    pid: u32,
}

impl Readers {
    pub(super) fn new(target: Arc<Target>, first: PgConnection) -> Self {
        let turns = Arc::new(Semaphore::new(CONNECTIONS as usize));
        let idle = Mutex::new(VecDeque::from([(first, Instant::now())]));
        Self { target, turns, idle, pid: std::process::id() }
    }

    /// Waits for the answers under way, then closes every connection. Nobody gets another.
    pub(super) async fn close(&self) {
        let all = Arc::clone(&self.turns).acquire_many_owned(CONNECTIONS).await;
        self.turns.close();
        let idle = std::mem::take(&mut *lock(&self.idle));
        for (connection, _) in idle {
            end(&self.target, connection).await;
        }
        drop(all);
    }

    /// Closes what nobody has needed for long.
    pub(super) async fn reap(&self) {
        loop {
            let old = {
                let mut idle = lock(&self.idle);
                let old = idle.front().is_some_and(|(_, since)| since.elapsed() > IDLE);
                if old { idle.pop_front() } else { None }
            };
            let Some((connection, _)) = old else { return };
            end(&self.target, connection).await;
        }
    }

    fn pop(&self) -> Option<PgConnection> {
        lock(&self.idle).pop_back().map(|(connection, _)| connection)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        if self.pid != std::process::id() {
            let idle = std::mem::take(self.idle.get_mut().unwrap_or_else(PoisonError::into_inner));
            idle.into_iter().for_each(std::mem::forget);
        }
    }
}

/// Takes leave of the server.
pub(super) async fn end(target: &Target, connection: PgConnection) {
    // All that was answered for has been committed; there is nothing left that a failure could lose.
    let ending = target
        .home
        .spawn(async move { tokio::time::timeout(Duration::from_secs(1), connection.close()).await });
    let _ = ending.await;
}

/// One connection, for one question.
pub(super) struct Reader {
    connection: Option<PgConnection>,
    /// It has just been made: if it fails, another would fail as well.
    fresh: bool,
    /// The question on it was answered. One that was given up in the middle is not used again.
    sound: bool,
    readers: Arc<Readers>,
    _turn: OwnedSemaphorePermit,
}

impl Reader {
    /// Waits for a free connection, or opens one.
    pub(super) async fn take(readers: &Arc<Readers>) -> Result<Self> {
        let place = &readers.target.place;
        let turn = tokio::time::timeout(ACQUIRE, Arc::clone(&readers.turns).acquire_owned()).await;
        let turn = turn
            .map_err(|_| unavailable(place, "cannot be read: all its connections were busy for 5 s"))?
            .map_err(|_| unavailable(place, "was closed"))?;
        let idle = readers.pop();
        let fresh = idle.is_none();
        let mut reader =
            Self { connection: idle, fresh, sound: false, readers: Arc::clone(readers), _turn: turn };
        if fresh {
            reader.reconnect().await?;
        }
        Ok(reader)
    }

    async fn reconnect(&mut self) -> Result<()> {
        let target = &self.readers.target;
        let connection =
            target.connect().await.map_err(|error| from_sqlx(&target.place, "reached", &error))?;
        (self.connection, self.fresh) = (Some(connection), true);
        Ok(())
    }

    /// The connection; `None` never happens while the question is asked.
    pub(super) fn db(&mut self) -> Result<&mut PgConnection> {
        self.connection.as_mut().ok_or_else(|| unavailable(&self.readers.target.place, "was closed"))
    }

    /// Turns what came back into the answer. `None` asks for the question once more: the connection was lost while it
    /// lay idle, as after a restart of the server, and there is a new one now.
    pub(super) async fn answer<T>(&mut self, found: Result<T, sqlx::Error>) -> Result<Option<T>> {
        match found {
            Ok(found) => {
                self.sound = true;
                Ok(Some(found))
            }
            Err(error) if is_lost(&error) && !self.fresh => {
                // The others were lost with it.
                self.connection = None;
                lock(&self.readers.idle).clear();
                self.reconnect().await?;
                Ok(None)
            }
            Err(error) => {
                self.connection = None;
                Err(from_sqlx(&self.readers.target.place, "read", &error))
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.readers.pid != std::process::id() {
            std::mem::forget(connection);
        } else if self.sound {
            lock(&self.readers.idle).push_back((connection, Instant::now()));
        }
    }
}
