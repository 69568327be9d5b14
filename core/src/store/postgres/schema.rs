//! The tables, and how they come about. `threelo_store.version` counts the steps taken. Steps only ever add,
//! so that a process of the version before, beside a newer one that has migrated under it, goes on reading, and can
//! still save a pair of tokens that it has in its hands; all else that it writes is refused. It leaves a column that it
//! does not know as it finds it, so a new one has to bear that.

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _};

use super::fault::{at_opening, misplaced};
use crate::error::{Code, Error, Result};

/// One step per version; the first makes the tables.
const STEPS: &[&str] =
    &[include_str!("schema_1.sql"), include_str!("schema_2.sql"), include_str!("schema_3.sql")];

/// The version this build writes.
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// The oldest server that has `pg_current_xact_id` and `gen_random_uuid`.
const OLDEST_SERVER: i32 = 130_000;

/// Key of the advisory lock under which tables are made and changed: "threelo" in ASCII.
const LOCK: i64 = 0x0074_6872_6565_6c6f;

/// Brings the tables to this build's version and returns the store's own id.
pub(super) async fn make_ready(place: &str, db: &mut PgConnection) -> Result<String> {
    let failed = |error: sqlx::Error| at_opening(place, &error);
    accept_server(place, db).await?;
    // Looked at first without the lock, so that a newer store is refused without a trace.
    let version = version(db).await.map_err(failed)?;
    accept_version(place, version)?;
    if version < VERSION {
        migrate(place, db).await?;
    }
    sqlx::query_scalar("SELECT id FROM threelo_store").fetch_one(db).await.map_err(failed)
}

async fn accept_server(place: &str, db: &mut PgConnection) -> Result<()> {
    const SQL: &str = "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')";
    let asked = async {
        let row = sqlx::query(SQL).fetch_one(db).await?;
        Ok((row.try_get::<i32, _>(0)?, row.try_get::<String, _>(1)?))
    };
    let (server, encoding) = asked.await.map_err(|error| at_opening(place, &error))?;
    if server < OLDEST_SERVER {
        let what = format!("is on a PostgreSQL {} server; threelo needs 13 or newer", server / 10_000);
        return Err(misplaced(place, &what));
    }
    if encoding != "UTF8" {
        return Err(misplaced(place, &format!("has the encoding {encoding}; threelo needs UTF8"))
            .hinting("Give threelo a database made with ENCODING 'UTF8'."));
    }
    Ok(())
}

async fn version(db: &mut PgConnection) -> Result<i64, sqlx::Error> {
    // Not by to_regclass: that may remember from before the lock that there was none.
    const SQL: &str =
        "SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'threelo_store' AND pg_table_is_visible(oid))";
    let there: bool = sqlx::query_scalar(SQL).fetch_one(&mut *db).await?;
    if there { sqlx::query_scalar("SELECT version FROM threelo_store").fetch_one(db).await } else { Ok(0) }
}

/// `schema_newer` when a later threelo has written the tables.
pub(super) fn accept_version(place: &str, version: i64) -> Result<()> {
    if version <= VERSION {
        return Ok(());
    }
    let message =
        format!("the store {place} has schema version {version}; this version of threelo knows {VERSION}");
    Err(Error::new(Code::SchemaNewer, message)
        .with("store", place)
        .with("found", version)
        .with("known", VERSION))
}

/// Takes the steps that are missing, all in one transaction. Of several processes that start at once one takes them;
/// the others wait, and find them taken.
async fn migrate(place: &str, db: &mut PgConnection) -> Result<()> {
    let failed = |error: sqlx::Error| at_opening(place, &error);
    let mut transaction = db.begin().await.map_err(failed)?;
    // A step over many rows takes the time it takes, and so does waiting for another process that is taking it.
    let patience = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10min'";
    sqlx::raw_sql(patience).execute(&mut *transaction).await.map_err(failed)?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
    lock.execute(&mut *transaction).await.map_err(failed)?;
    let version = version(&mut transaction).await.map_err(failed)?;
    accept_version(place, version)?;
    for step in STEPS.iter().skip(usize::try_from(version).unwrap_or(0)) {
        sqlx::raw_sql(*step).execute(&mut *transaction).await.map_err(failed)?;
    }
    let mark = sqlx::query("UPDATE threelo_store SET version = $1").bind(VERSION);
    mark.execute(&mut *transaction).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}
