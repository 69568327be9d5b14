//! Carrying out a group of batches in one transaction, and finding out what became of it when the connection broke at
//! the wrong moment.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use tokio::time::Instant;

use super::carry_out::carry_out;
use super::columns::integer;
use super::fault::{from_sqlx, is_conflict, is_given_up, is_lost, is_of_the_values};
use super::link::{Target, patiently};
use super::load::load;
use super::plan::{Asked, Plan};
use super::readers::end;
use super::schema;
use super::writer::Batch;
use crate::error::{Error, Result};
use crate::store::bounds::{REMOVALS_KEPT, REMOVALS_KEPT_MS};

/// Removals are counted and cut back once in this many.
const PURGE_EVERY: usize = 256;

/// Tries at one transaction that conflicts with others, that the server gave up, or whose connection was lost while it
/// lay idle.
const TRIES: u32 = 5;

/// How long to ask what became of a commit whose answer was lost. It covers a restart of the server.
const ASK_FOR: Duration = Duration::from_secs(10);

/// Begins, and locks the store: until the end of the transaction nobody else writes. In one statement the lock is
/// waited for before anything is read, so the row is the newest. The transaction's id is taken along for `settle`.
const BEGIN: &str = "BEGIN; SELECT seq, version, pg_current_xact_id()::text FROM threelo_store FOR UPDATE";

/// Who holds the pen.
pub(super) struct Scribe {
    target: Arc<Target>,
    /// Where those who listen are told.
    channel: String,
    /// Missing at first and after a failure.
    connection: Option<PgConnection>,
    /// Removals since the last cut; starts full, so that the first removal of a process cuts.
    unpurged: usize,
}

/// Why a group was not written.
struct Failure {
    error: Error,
    /// One of the batches brought it about, and the others may do better without it.
    by_one: bool,
}

/// How a transaction ended that did not succeed.
enum Ended {
    /// Before its commit was sent: nothing was written.
    Before(sqlx::Error),
    /// The answer to the commit was lost.
    Unknown { xid: String, seq: u64, answers: Vec<Option<u64>>, error: sqlx::Error },
    /// A newer version has taken over the tables.
    Refused(Error),
}

impl From<sqlx::Error> for Ended {
    fn from(error: sqlx::Error) -> Self {
        Self::Before(error)
    }
}

impl Scribe {
    pub(super) fn new(target: Arc<Target>, channel: String) -> Self {
        Self { target, channel, connection: None, unpurged: PURGE_EVERY }
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

    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            end(&self.target, connection).await;
        }
    }

    async fn attempt(&mut self, batches: &[Batch]) -> Result<Vec<Option<u64>>, Failure> {
        let mut tried = 0;
        loop {
            tried += 1;
            let idle = self.connection.take();
            let fresh = idle.is_none();
            let mut connection = match idle {
                Some(connection) => connection,
                None => self.target.connect().await.map_err(|error| self.failure("reached", &error))?,
            };
            let error = match self.transact(&mut connection, batches).await {
                Ok(answers) => {
                    self.connection = Some(connection);
                    return Ok(answers);
                }
                Err(Ended::Refused(error)) => {
                    return Err(Failure { error, by_one: batches.iter().any(|batch| batch.rescue) });
                }
                Err(Ended::Before(error)) => error,
                Err(Ended::Unknown { xid, seq, answers, error }) => match self.settle(&xid, seq).await {
                    Some(true) => return Ok(answers),
                    Some(false) => error,
                    None => return Err(self.failure("written for certain", &error)),
                },
            };
            // Without its connection the transaction is rolled back.
            drop(connection);
            let again = is_conflict(&error) || is_given_up(&error) || (is_lost(&error) && !fresh);
            if !again || tried == TRIES {
                return Err(self.failure("written", &error));
            }
        }
    }

    fn failure(&self, doing: &str, error: &sqlx::Error) -> Failure {
        Failure { error: from_sqlx(&self.target.place, doing, error), by_one: is_of_the_values(error) }
    }

    async fn transact(
        &mut self,
        db: &mut PgConnection,
        batches: &[Batch],
    ) -> Result<Vec<Option<u64>>, Ended> {
        let rows = patiently(sqlx::raw_sql(BEGIN).fetch_all(&mut *db)).await?;
        let head = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let (seq, version, xid): (i64, i64, String) = (head.try_get(0)?, head.try_get(1)?, head.try_get(2)?);
        if !batches.iter().all(|batch| batch.rescue) {
            schema::accept_version(&self.target.place, version).map_err(Ended::Refused)?;
        }
        let found = patiently(load(db, &Asked::by(batches))).await?;
        let plan = Plan::of(batches, &found, u64::try_from(seq).unwrap_or(0));
        if plan.answers.iter().all(Option::is_none) {
            patiently(sqlx::raw_sql("ROLLBACK").execute(&mut *db)).await?;
            return Ok(plan.answers);
        }
        patiently(carry_out(db, &plan, &found, &self.channel)).await?;
        let removed = plan.removals.len();
        let purge = removed > 0 && self.unpurged + removed > PURGE_EVERY;
        if purge {
            patiently(cut_removals(db)).await?;
        }
        let (seq, answers) = (plan.seq, plan.answers);
        match patiently(sqlx::raw_sql("COMMIT").execute(&mut *db)).await {
            Ok(_) => {}
            Err(error) if is_lost(&error) && !is_given_up(&error) => {
                return Err(Ended::Unknown { xid, seq, answers, error });
            }
            Err(error) => return Err(Ended::Before(error)),
        }
        self.unpurged = if purge { 0 } else { self.unpurged + removed };
        Ok(answers)
    }

    /// Whether a transaction was committed whose connection broke while it was being. `None` when the server does not
    /// tell in time. A caller that is told of a failure would not know that its new tokens are safe.
    async fn settle(&self, xid: &str, seq: u64) -> Option<bool> {
        let deadline = Instant::now() + ASK_FOR;
        let mut pause = Duration::from_millis(20);
        while Instant::now() < deadline {
            if let Ok(mut connection) = self.target.connect().await {
                match patiently(status(&mut connection, xid, seq)).await.as_deref() {
                    Ok("committed") => return Some(true),
                    Ok("aborted") => return Some(false),
                    // The server has not noticed yet that the connection is gone, or it does not know.
                    _ => {}
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
        None
    }
}

/// After a failover to a server that had not received the transaction, its id may be another's, so the sequence is
/// asked as well.
async fn status(db: &mut PgConnection, xid: &str, seq: u64) -> Result<String, sqlx::Error> {
    const SQL: &str = "SELECT CASE WHEN pg_xact_status($1::text::xid8) = 'committed' AND seq < $2 THEN 'aborted' \
         ELSE coalesce(pg_xact_status($1::text::xid8), 'unknown') END FROM threelo_store";
    sqlx::query_scalar(SQL).bind(xid).bind(integer(seq)).fetch_one(db).await
}

/// Cuts the removals back to what is promised.
async fn cut_removals(db: &mut PgConnection) -> Result<(), sqlx::Error> {
    const SQL: &str = "\
        WITH cut AS (SELECT greatest( \
            coalesce((SELECT max(seq) FROM threelo_removals \
                WHERE at < (extract(epoch FROM clock_timestamp()) * 1000)::bigint - $1), 0), \
            coalesce((SELECT seq FROM threelo_removals ORDER BY seq DESC OFFSET $2 LIMIT 1), 0)) AS seq), \
        gone AS (DELETE FROM threelo_removals WHERE seq <= (SELECT seq FROM cut)) \
        UPDATE threelo_store SET horizon = greatest(horizon, cut.seq) FROM cut";
    let query = sqlx::query(SQL).bind(integer(REMOVALS_KEPT_MS)).bind(integer(REMOVALS_KEPT as u64));
    query.execute(db).await.map(drop)
}

/// Removes sessions as [`crate::store::Store::forget_sessions`] says. One that somebody is writing is passed over: it
/// will be met again, and nobody waits for anybody.
pub(super) async fn forget_sessions(db: &mut PgConnection, before: u64) -> Result<(), sqlx::Error> {
    const SQL: &str = "DELETE FROM threelo_sessions WHERE state_hash IN ( \
             SELECT state_hash FROM threelo_sessions WHERE stage <> 'exchanged' AND expires_at < $1 \
             AND expires_at < CASE stage WHEN 'waiting' THEN $1 ELSE $1 - $2 END FOR UPDATE SKIP LOCKED)";
    let abandoned = integer(crate::store::bounds::ABANDONED_AFTER_MS);
    sqlx::query(SQL).bind(integer(before)).bind(abandoned).execute(db).await.map(drop)
}
