//! The tables, and how they come about. `PRAGMA user_version` counts the steps taken. Steps only ever add,
//! so that a process of the version before, beside a newer one that has migrated under it, goes on reading, and can
//! still save a pair of tokens that it has in its hands; all else that it writes is refused. It leaves a column that it
//! does not know as it finds it, so a new one has to bear that.

use std::path::Path;

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use super::fault::{from_sqlx, misplaced};
use crate::error::{Code, Error, Result};

/// `PRAGMA application_id` of a threelo store: "t3lo".
pub(super) const APPLICATION_ID: i64 = 0x7433_6c6f;

/// One step per version; the first makes an empty file a store.
const STEPS: &[&str] =
    &[include_str!("schema_1.sql"), include_str!("schema_2.sql"), include_str!("schema_3.sql")];

/// The version this build writes.
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// What a file's header and catalogue say it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nature {
    application_id: i64,
    version: i64,
    empty: bool,
}

/// Looks at a file without writing to it.
pub(super) async fn nature(connection: &mut SqliteConnection) -> Result<Nature, sqlx::Error> {
    let row = sqlx::query(
        "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version), \
         NOT EXISTS (SELECT 1 FROM sqlite_schema)",
    )
    .fetch_one(connection)
    .await?;
    Ok(Nature { application_id: row.try_get(0)?, version: row.try_get(1)?, empty: row.try_get(2)? })
}

/// Refuses other programs' databases and newer stores.
pub(super) fn accept(path: &Path, nature: Nature) -> Result<()> {
    match nature {
        Nature { application_id: 0, version: 0, empty: true } => Ok(()),
        Nature { application_id: APPLICATION_ID, version, .. } => accept_version(path, version),
        _ => Err(misplaced(path, "is a database of another application; nothing was written to it")
            .hinting("Give threelo a file of its own.")),
    }
}

/// `schema_newer` when a later threelo has written the file.
pub(super) fn accept_version(path: &Path, version: i64) -> Result<()> {
    if version <= VERSION {
        return Ok(());
    }
    let message = format!(
        "the store {} has schema version {version}; this version of threelo knows {VERSION}",
        path.display()
    );
    Err(Error::new(Code::SchemaNewer, message)
        .with("store", path.display().to_string())
        .with("found", version)
        .with("known", VERSION))
}

/// Takes the steps that are missing, each in one transaction. The caller holds the store's lock.
pub(super) async fn migrate(path: &Path, connection: &mut SqliteConnection, nature: Nature) -> Result<()> {
    let done = usize::try_from(nature.version).unwrap_or(0);
    for (at, step) in STEPS.iter().enumerate().skip(done) {
        take(connection, step, at + 1).await.map_err(|error| from_sqlx(path, "migrated", &error))?;
    }
    Ok(())
}

async fn take(
    connection: &mut SqliteConnection,
    step: &'static str,
    version: usize,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(step).execute(&mut *transaction).await?;
    let marks = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};");
    sqlx::raw_sql(AssertSqlSafe(marks)).execute(&mut *transaction).await?;
    transaction.commit().await
}
