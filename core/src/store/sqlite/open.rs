//! Opening a file: one process at a time, and nothing written before it is known to be ours.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use super::fault::{from_io, from_sqlx, is_not_a_database, misplaced, unavailable};
use super::fork::Entry;
use super::place::{self, FileId, OpeningLock};
use super::shared::Shared;
use super::writer::Writer;
use super::{SqliteStore, link, network, schema};
use crate::error::{Error, Result};

/// A store that was opened, with the lock under which that happened still held: whoever has to make a key does it
/// before any other process looks.
pub(in crate::store) struct Opening {
    pub(in crate::store) store: SqliteStore,
    pub(in crate::store) path: PathBuf,
    _lock: OpeningLock,
    _entry: Entry,
}

/// Opens, creating what is missing.
pub(in crate::store) async fn open(given: &Path) -> Result<Opening> {
    let (entry, lock, path, file) = prepare(given.to_owned()).await?;
    let shared = match Shared::adopt(&path, file)? {
        Some(shared) => shared,
        None => fresh(path.clone(), file).await?,
    };
    Ok(Opening { store: SqliteStore::new(shared), path, _lock: lock, _entry: entry })
}

/// The part that waits for other processes and for the disk.
async fn prepare(given: PathBuf) -> Result<(Entry, OpeningLock, PathBuf, FileId)> {
    let name = given.clone();
    let prepared = tokio::task::spawn_blocking(move || {
        let path = place::resolve(&given)?;
        let entry = Entry::take(&path)?;
        network::refuse(&path)?;
        let lock = OpeningLock::take(&path)?;
        place::create_missing(&path)?;
        let file = FileId::at(&path).map_err(|error| from_io(&path, "examined", &error))?;
        Ok((entry, lock, path, file))
    });
    prepared.await.unwrap_or_else(|_| Err(unavailable(&name, "was not opened: the runtime is shutting down")))
}

async fn fresh(path: PathBuf, file: FileId) -> Result<Arc<Shared>> {
    inspect(&path).await?;
    let mut connection = link::writer(&path).await.map_err(|error| from_sqlx(&path, "opened", &error))?;
    let ready = make_ready(&path, &mut connection).await;
    if let Err(error) = ready {
        let _ = connection.close().await;
        return Err(error);
    }
    let writer = Writer::start(path.clone(), file, connection)?;
    Ok(Shared::publish(path, file, writer))
}

/// Looks at the file alone, without its log, so that one that is not ours stays as it is.
async fn inspect(path: &Path) -> Result<()> {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-journal");
    if Path::new(&journal).exists() {
        // A transaction was cut short, and what the file says is not what it means until SQLite has rolled it back.
        return Ok(());
    }
    let length = std::fs::metadata(path).map_err(|error| from_io(path, "examined", &error))?.len();
    if (1..SMALLEST_DATABASE).contains(&length) {
        // SQLite takes a file of one byte for an empty database.
        return Err(not_a_database(path));
    }
    let opened = async {
        let mut connection = link::peek(path).await?;
        let nature = schema::nature(&mut connection).await;
        connection.close().await?;
        nature
    };
    match opened.await {
        Ok(nature) => schema::accept(path, nature),
        Err(error) if is_not_a_database(&error) => Err(not_a_database(path)),
        // Without its log a file may make no sense: pages on their way from the log to the file are in both only
        // together. What it is will be seen with the log.
        Err(_) => Ok(()),
    }
}

/// One page of the smallest size there is.
const SMALLEST_DATABASE: u64 = 512;

fn not_a_database(path: &Path) -> Error {
    unavailable(path, "is not an SQLite database; nothing was written to it")
        .hinting("Give threelo a file of its own.")
}

async fn make_ready(path: &Path, connection: &mut SqliteConnection) -> Result<()> {
    let failed = |error: sqlx::Error| from_sqlx(path, "opened", &error);
    // Once more, with the log: a newer version may stand there only.
    let nature = schema::nature(connection).await.map_err(failed)?;
    schema::accept(path, nature)?;
    schema::migrate(path, connection, nature).await?;
    let mode: String =
        sqlx::query_scalar("PRAGMA journal_mode = WAL").fetch_one(connection).await.map_err(failed)?;
    if mode.eq_ignore_ascii_case("wal") {
        return Ok(());
    }
    Err(misplaced(path, "is on a file system that cannot share SQLite's write-ahead log")
        .hinting("Keep the file on a local disk."))
}
