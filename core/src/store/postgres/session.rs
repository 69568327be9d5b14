//! The one session that lasts. It listens for what others write, and holds the advisory lock by which others see that
//! this process lives. When it breaks, it is made anew; until then others may think that the process has ended, which
//! only shortens their wait for a lease: the row decides.

use std::sync::{Arc, Weak};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sqlx::Executor as _;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::fault::overdue;
use super::home::Home;
use super::link::{ACQUIRE, SET_UP, Target, patiently};
use super::readers::Readers;
use crate::random;

/// Often enough that no firewall forgets the connection, and that one which broke without a word is noticed.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// First and longest wait between two tries to make the session anew.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// A machine that lost its power says nothing; its lock is to go all the same. On a local socket these do nothing.
const KEEPALIVE: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
     SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'";

/// This process's life, as others see it, and what it hears of theirs.
pub(super) struct Session {
    /// The name under which it takes leases.
    pub(super) holder: String,
    /// The newest change sequence heard of.
    pub(super) heard: watch::Sender<u64>,
    stop: CancellationToken,
    _stop_with_it: DropGuard,
    ended: tokio_util::task::TaskTracker,
}

/// What the task needs.
struct Task {
    target: Arc<Target>,
    readers: Weak<Readers>,
    channel: String,
    lock: i64,
    heard: watch::Sender<u64>,
    stop: CancellationToken,
}

/// The advisory lock of a holder. Advisory locks are one name space for all that use the database, so the key is a
/// hash: 64 bits of it do not meet anybody else's by chance.
pub(super) fn lock_key(store_id: &str, holder: &str) -> i64 {
    let hash = Sha256::digest(format!("threelo holder {store_id} {holder}"));
    hash.iter().take(8).fold(0_i64, |key, byte| key << 8 | i64::from(*byte))
}

impl Session {
    /// Starts the task and waits until it is heard of for the first time.
    pub(super) async fn start(
        home: &Home,
        readers: &Arc<Readers>,
        store_id: &str,
        channel: &str,
    ) -> Result<Self, sqlx::Error> {
        let (holder, stop) = (random::id(), CancellationToken::new());
        let (heard, _) = watch::channel(0);
        let task = Task {
            target: Arc::clone(&readers.target),
            readers: Arc::downgrade(readers),
            channel: channel.to_owned(),
            lock: lock_key(store_id, &holder),
            heard: heard.clone(),
            stop: stop.clone(),
        };
        let (up, first) = oneshot::channel();
        let ended = tokio_util::task::TaskTracker::new();
        home.spawn(ended.track_future(task.run(up)));
        ended.close();
        let session = Self { holder, heard, _stop_with_it: stop.clone().drop_guard(), stop, ended };
        first.await.unwrap_or(Err(sqlx::Error::PoolClosed)).map(|()| session)
    }

    /// Ends it, so that others see that this process takes no more leases.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        self.ended.wait().await;
    }
}

impl Task {
    async fn run(self, up: oneshot::Sender<Result<(), sqlx::Error>>) {
        let mut up = Some(up);
        let mut pause = RETRY.0;
        while !self.stop.is_cancelled() {
            let error = match self.attend(&mut up, &mut pause).await {
                Ok(()) => return,
                Err(error) => error,
            };
            if let Some(up) = up.take() {
                let _ = up.send(Err(error));
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(RETRY.1),
                () = self.stop.cancelled() => return,
            }
        }
    }

    /// One session, from its beginning to its end.
    async fn attend(
        &self,
        up: &mut Option<oneshot::Sender<Result<(), sqlx::Error>>>,
        pause: &mut Duration,
    ) -> Result<(), sqlx::Error> {
        // A listener insists on a pool; this one is for a single connection.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(self.target.options.clone());
        let mut listener = tokio::time::timeout(ACQUIRE, PgListener::connect_with(&pool))
            .await
            .unwrap_or_else(|_| Err(overdue()))?;
        listener.eager_reconnect(false);
        patiently(self.set_up(&mut listener)).await?;
        *pause = RETRY.0;
        if let Some(up) = up.take() {
            let _ = up.send(Ok(()));
        }
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                heard = listener.try_recv() => match heard? {
                    Some(told) => self.hear(told.payload().parse().unwrap_or(0)),
                    None => return Err(sqlx::Error::PoolClosed),
                },
                // The first comes at once: what was written while nobody listened is heard of now.
                _ = heartbeat.tick() => {
                    let query = sqlx::query_scalar("SELECT seq FROM threelo_store");
                    let seq: i64 = patiently(query.fetch_one(&mut listener)).await?;
                    self.hear(u64::try_from(seq).unwrap_or(0));
                    if let Some(readers) = self.readers.upgrade() {
                        readers.reap().await;
                    }
                }
            }
        }
        let farewell = listener.execute("SELECT pg_advisory_unlock_all()");
        let _ = tokio::time::timeout(Duration::from_secs(1), farewell).await;
        drop(listener);
        let _ = tokio::time::timeout(Duration::from_secs(1), pool.close()).await;
        Ok(())
    }

    async fn set_up(&self, listener: &mut PgListener) -> Result<(), sqlx::Error> {
        listener.execute(SET_UP).await?;
        listener.execute(KEEPALIVE).await?;
        listener.listen(&self.channel).await?;
        let lock = sqlx::query("SELECT pg_advisory_lock($1)").bind(self.lock);
        listener.execute(lock).await.map(drop)
    }

    fn hear(&self, seq: u64) {
        self.heard.send_if_modified(|newest| {
            let newer = seq > *newest;
            *newest = seq.max(*newest);
            newer
        });
    }
}
