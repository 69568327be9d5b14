//! How a connection is set up.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

/// How long SQLite waits for another process's write.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(BUSY_TIMEOUT)
        .synchronous(SqliteSynchronous::Full)
        // Where fsync leaves data in the drive's cache (macOS), this does not.
        .pragma("fullfsync", "ON")
        .pragma("checkpoint_fullfsync", "ON")
        // A database from elsewhere must not make its schema run code.
        .pragma("trusted_schema", "OFF")
        .pragma("journal_size_limit", "16777216")
        .thread_name(|id| format!("threelo-sqlite-{id}"))
        .disable_statement_logging()
}

/// A connection that writes.
pub(super) async fn writer(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    options(path).connect().await
}

/// A connection that only reads.
pub(super) async fn reader(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    options(path).pragma("query_only", "ON").connect().await
}

/// A connection to look at a file of unknown origin with: it takes no lock, reads no log and writes nothing, not even
/// beside the file. It goes through SQLite because closing a database's file in any other way drops this process's
/// locks on it (<https://www.sqlite.org/howtocorrupt.html>, 2.2).
pub(super) async fn peek(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(true)
        .disable_statement_logging()
        .connect()
        .await
}

/// Closes a connection and waits until its locks are gone. Should its file have been replaced meanwhile, SQLite leaves
/// the log alone, which by then is the other file's.
pub(super) async fn end(connection: SqliteConnection) {
    // All that was answered for has been committed; there is nothing left that a failure could lose.
    let _ = connection.close().await;
}
