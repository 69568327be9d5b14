//! How a connection is made and set up.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Executor as _};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::fault::{is_busy, overdue};

/// How long a caller waits for a connection: for its turn, for the network, and for a server that is starting.
pub(super) const ACQUIRE: Duration = Duration::from_secs(5);

/// How long an answer may take. The server gives up before that; this is for a network that swallows everything.
const ANSWER: Duration = Duration::from_secs(15);

/// Between two tries at a server that is starting.
const RETRY: Duration = Duration::from_millis(100);

/// What every session is told. A committed batch has to survive the server, so `synchronous_commit` is raised where it
/// is less than `on`, and left where it is more. The order of the limits matters: a process that stops in the middle of
/// its transaction is thrown out before those who wait for its lock give up, and a wait for a lock ends before the
/// statement's time does.
pub(in crate::store) const SET_UP: &str = "\
    SELECT set_config('synchronous_commit', 'on', false) \
        WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write'); \
    SET idle_in_transaction_session_timeout = '3s'; SET lock_timeout = '8s'; SET statement_timeout = '10s'; \
    SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = off; SET jit = off";

/// Which database, and which runtime its sockets belong to.
pub(super) struct Target {
    pub(super) place: String,
    pub(super) options: PgConnectOptions,
    pub(super) home: Handle,
}

impl Target {
    /// A connection that is set up. It may be used from any runtime: its socket is watched by the home thread.
    pub(super) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let options = self.options.clone();
        let connecting = self.home.spawn(async move {
            let deadline = Instant::now() + ACQUIRE;
            loop {
                match timeout_at(deadline, establish(&options)).await {
                    Ok(Err(error)) if is_busy(&error) && Instant::now() + RETRY < deadline => {
                        tokio::time::sleep(RETRY).await;
                    }
                    Ok(outcome) => return outcome,
                    Err(_) => return Err(overdue()),
                }
            }
        });
        connecting.await.unwrap_or(Err(sqlx::Error::PoolClosed))
    }
}

async fn establish(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    connection.execute(SET_UP).await?;
    Ok(connection)
}

/// Waits for an answer, but not for ever.
pub(super) async fn patiently<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(ANSWER, answer).await.unwrap_or_else(|_| Err(overdue()))
}
