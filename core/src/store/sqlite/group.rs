//! Carrying out a group of batches in one transaction.

use std::path::PathBuf;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _};

use super::columns::integer;
use super::fault::from_sqlx;
use super::place::FileId;
use super::writer::Batch;
use super::{link, schema, write};
use crate::clock::wall_ms;
use crate::error::{Error, Result};
use crate::store::bounds::{ABANDONED_AFTER_MS, REMOVALS_KEPT, REMOVALS_KEPT_MS};

/// Removals are counted and cut back once in this many.
const PURGE_EVERY: u64 = 256;

/// Who holds the pen.
pub(super) struct Scribe {
    path: PathBuf,
    file: FileId,
    /// Missing after a failure: what state SQLite left it in is not worth guessing.
    connection: Option<SqliteConnection>,
    /// Removals since the last cut; starts full, so that the first removal of a process cuts.
    unpurged: u64,
}

/// Why a group was not written.
struct Failure {
    error: Error,
    /// One of the batches brought it about, and the others may do better without it.
    by_one: bool,
}

/// The state of the store a transaction starts from.
struct Head {
    seq: u64,
    version: i64,
}

impl Scribe {
    pub(super) fn new(path: PathBuf, file: FileId, connection: SqliteConnection) -> Self {
        Self { path, file, connection: Some(connection), unpurged: PURGE_EVERY }
    }

    /// Writes a group and answers everybody in it.
    pub(super) async fn write(&mut self, batches: Vec<Batch>) {
        if batches.is_empty() {
            return;
        }
        match self.attempt(&batches).await {
            Ok(written) => {
                for (batch, seq) in batches.into_iter().zip(written) {
                    let _ = batch.answer.send(Ok(seq));
                }
            }
            Err(failure) if failure.by_one && batches.len() > 1 => {
                for batch in batches {
                    let written = self.attempt(std::slice::from_ref(&batch)).await;
                    let written =
                        written.map(|mut seqs| seqs.pop().flatten()).map_err(|failure| failure.error);
                    let _ = batch.answer.send(written);
                }
            }
            Err(failure) => {
                for batch in batches {
                    let _ = batch.answer.send(Err(failure.error.clone()));
                }
            }
        }
    }

    /// Removes sessions as [`crate::store::Store::forget_sessions`] says.
    pub(super) async fn forget_sessions(&mut self, before: u64) -> Result<()> {
        const SQL: &str = "DELETE FROM sessions WHERE stage <> 'exchanged' \
             AND expires_at < CASE stage WHEN 'waiting' THEN ?1 ELSE ?1 - ?2 END AND expires_at < ?1";
        let mut connection = self.take_connection().await?;
        let done = sqlx::query(SQL)
            .bind(integer(before))
            .bind(integer(ABANDONED_AFTER_MS))
            .execute(&mut connection)
            .await
            .map_err(|error| from_sqlx(&self.path, "written", &error));
        self.put_back(connection, done.is_ok()).await;
        done.map(drop)
    }

    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.put_back(connection, false).await;
        }
    }

    async fn attempt(&mut self, batches: &[Batch]) -> Result<Vec<Option<u64>>, Failure> {
        let mut connection = self.take_connection().await.map_err(Failure::of_all)?;
        let written = self.transact(&mut connection, batches).await;
        self.put_back(connection, written.is_ok()).await;
        written
    }

    async fn take_connection(&mut self) -> Result<SqliteConnection> {
        self.file.still_at(&self.path)?;
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => link::writer(&self.path).await.map_err(|error| from_sqlx(&self.path, "opened", &error)),
        }
    }

    async fn put_back(&mut self, connection: SqliteConnection, sound: bool) {
        if sound {
            self.connection = Some(connection);
        } else {
            // Waiting for the end of it releases its locks before anything else is tried.
            link::end(connection).await;
        }
    }

    async fn transact(
        &mut self,
        connection: &mut SqliteConnection,
        batches: &[Batch],
    ) -> Result<Vec<Option<u64>>, Failure> {
        let path = self.path.clone();
        let of_all = |error: sqlx::Error| Failure::of_all(from_sqlx(&path, "written", &error));
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(of_all)?;
        let head = head(&mut transaction).await.map_err(of_all)?;
        if !batches.iter().all(|batch| batch.rescue) {
            let by_one = batches.iter().any(|batch| batch.rescue);
            schema::accept_version(&self.path, head.version).map_err(|error| Failure { error, by_one })?;
        }
        let mut seq = head.seq;
        let mut removed = 0;
        let mut written = Vec::with_capacity(batches.len());
        for batch in batches {
            let gone = carry_out(&mut transaction, batch, seq + 1).await;
            let gone = gone.map_err(|error| Failure { by_one: true, ..of_all(error) })?;
            seq += u64::from(gone.is_some());
            removed += gone.unwrap_or(0);
            written.push(gone.map(|_| seq));
        }
        if seq == head.seq {
            transaction.rollback().await.map_err(of_all)?;
            return Ok(written);
        }
        let purge = removed > 0 && self.unpurged + removed > PURGE_EVERY;
        finish(&mut transaction, seq, purge).await.map_err(of_all)?;
        transaction.commit().await.map_err(of_all)?;
        self.unpurged = if purge { 0 } else { self.unpurged + removed };
        Ok(written)
    }
}

impl Failure {
    fn of_all(error: Error) -> Self {
        Self { error, by_one: false }
    }
}

async fn head(db: &mut SqliteConnection) -> Result<Head, sqlx::Error> {
    const SQL: &str = "SELECT seq, (SELECT user_version FROM pragma_user_version) FROM sequence";
    let row = sqlx::query(SQL).fetch_one(db).await?;
    let seq: i64 = row.try_get(0)?;
    Ok(Head { seq: u64::try_from(seq).unwrap_or(0), version: row.try_get(1)? })
}

/// How many removals a batch left behind, or `None` when something expected did not hold.
async fn carry_out(db: &mut SqliteConnection, batch: &Batch, seq: u64) -> Result<Option<u64>, sqlx::Error> {
    if !write::all_hold(db, &batch.expect).await? {
        return Ok(None);
    }
    let mut removed = 0;
    for each in &batch.writes {
        removed += write::apply(db, each, seq).await?;
    }
    Ok(Some(removed))
}

/// Notes the new sequence and cuts the removals back to what is promised.
async fn finish(db: &mut SqliteConnection, seq: u64, purge: bool) -> Result<(), sqlx::Error> {
    let mut horizon: i64 = 0;
    if purge {
        horizon = sqlx::query_scalar(
            "SELECT max(coalesce((SELECT max(seq) FROM removals WHERE at < ?), 0), \
             coalesce((SELECT seq FROM removals ORDER BY seq DESC LIMIT 1 OFFSET ?), 0))",
        )
        .bind(integer(wall_ms().saturating_sub(REMOVALS_KEPT_MS)))
        .bind(integer(REMOVALS_KEPT as u64))
        .fetch_one(&mut *db)
        .await?;
        sqlx::query("DELETE FROM removals WHERE seq <= ?").bind(horizon).execute(&mut *db).await?;
    }
    sqlx::query("UPDATE sequence SET seq = ?, horizon = max(horizon, ?)")
        .bind(integer(seq))
        .bind(horizon)
        .execute(db)
        .await?;
    Ok(())
}
