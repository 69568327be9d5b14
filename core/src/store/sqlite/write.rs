//! The batch: what it expects, and what it does. Everything here runs inside one transaction.

use sqlx::sqlite::SqliteConnection;

use super::columns::{integer, maybe_to_json, stage_columns, to_json};
use crate::clock::wall_ms;
use crate::store::{ConnectionRow, Expect, GrantRow, SessionRow, TokenHashRow, Write};

type Done<T = ()> = Result<T, sqlx::Error>;

/// Whether everything expected still holds.
pub(super) async fn all_hold(db: &mut SqliteConnection, expect: &[Expect]) -> Done<bool> {
    for expected in expect {
        if !holds(db, expected).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn holds(db: &mut SqliteConnection, expected: &Expect) -> Done<bool> {
    let (query, wanted) = match expected {
        Expect::Grant(id, seq) => (sqlx::query_scalar("SELECT seq FROM grants WHERE id = ?").bind(id), *seq),
        Expect::Connection(id, seq) => {
            (sqlx::query_scalar("SELECT seq FROM connections WHERE id = ?").bind(id), *seq)
        }
        Expect::Session(hash, seq) => {
            (sqlx::query_scalar("SELECT seq FROM sessions WHERE state_hash = ?").bind(hash), *seq)
        }
        Expect::TokenHashUnseen(hash) => {
            (sqlx::query_scalar("SELECT generation FROM token_hashes WHERE hash = ?").bind(hash), None)
        }
        Expect::MetaAbsent(name) => {
            (sqlx::query_scalar("SELECT 1 FROM meta WHERE name = ?").bind(name), None)
        }
    };
    let found: Option<i64> = query.fetch_optional(db).await?;
    Ok(found == wanted.map(integer))
}

/// Applies one change and returns how many removals it left behind.
pub(super) async fn apply(db: &mut SqliteConnection, write: &Write, seq: u64) -> Done<u64> {
    match write {
        Write::PutGrant(row) => put_grant(db, row, seq).await?,
        Write::PutConnection(row) => put_connection(db, row, seq).await?,
        Write::PutSession(row) => put_session(db, row, seq).await?,
        Write::AddTokenHash(row) => add_token_hash(db, row).await?,
        Write::PutMeta(name, value) => put_meta(db, name, value).await?,
        Write::DeleteSession(hash) => {
            sqlx::query("DELETE FROM sessions WHERE state_hash = ?").bind(hash).execute(db).await?;
        }
        Write::DeleteGrant(id) => {
            let gone = sqlx::query("DELETE FROM grants WHERE id = ?").bind(id).execute(&mut *db).await?;
            if gone.rows_affected() > 0 {
                return removed(db, seq, GRANT, id).await;
            }
        }
        Write::DeleteConnection(id) => {
            let gone = sqlx::query("DELETE FROM connections WHERE id = ?").bind(id).execute(&mut *db).await?;
            if gone.rows_affected() > 0 {
                sqlx::query("DELETE FROM tags WHERE connection_id = ?").bind(id).execute(&mut *db).await?;
                return removed(db, seq, CONNECTION, id).await;
            }
        }
    }
    Ok(0)
}

/// `removals.kind`.
pub(super) const GRANT: i64 = 0;
/// `removals.kind`.
pub(super) const CONNECTION: i64 = 1;

async fn removed(db: &mut SqliteConnection, seq: u64, kind: i64, id: &str) -> Done<u64> {
    sqlx::query("INSERT OR IGNORE INTO removals (seq, kind, id, at) VALUES (?, ?, ?, ?)")
        .bind(integer(seq))
        .bind(kind)
        .bind(id)
        .bind(integer(wall_ms()))
        .execute(db)
        .await?;
    Ok(1)
}

async fn put_grant(db: &mut SqliteConnection, row: &GrantRow, seq: u64) -> Done {
    let spare = row.spares.first();
    sqlx::query(
        "INSERT INTO grants (id, auth_host, client_id, account_id, generation, expires_at, rotated_at, \
         first_consented_at, consented_at, fence, seq, lease, intent, death, scopes, sites, pair, spare_pair, \
         spare_generation, spare_issued_at, spare_kept_at, ledger, born, more_spares) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET \
         auth_host = excluded.auth_host, client_id = excluded.client_id, account_id = excluded.account_id, \
         generation = excluded.generation, expires_at = excluded.expires_at, rotated_at = excluded.rotated_at, \
         first_consented_at = excluded.first_consented_at, consented_at = excluded.consented_at, \
         fence = excluded.fence, seq = excluded.seq, lease = excluded.lease, intent = excluded.intent, \
         death = excluded.death, scopes = excluded.scopes, sites = excluded.sites, pair = excluded.pair, \
         spare_pair = excluded.spare_pair, spare_generation = excluded.spare_generation, \
         spare_issued_at = excluded.spare_issued_at, spare_kept_at = excluded.spare_kept_at, \
         ledger = excluded.ledger, born = excluded.born, more_spares = excluded.more_spares",
    )
    .bind(&row.id)
    .bind(&row.auth_host)
    .bind(&row.client_id)
    .bind(&row.account_id)
    .bind(integer(row.generation))
    .bind(integer(row.expires_at))
    .bind(integer(row.rotated_at))
    .bind(integer(row.first_consented_at))
    .bind(integer(row.consented_at))
    .bind(integer(row.fence))
    .bind(integer(seq))
    .bind(maybe_to_json(row.lease.as_ref())?)
    .bind(maybe_to_json(row.intent.as_ref())?)
    .bind(maybe_to_json(row.death.as_ref())?)
    .bind(to_json(&row.scopes)?)
    .bind(to_json(&row.sites)?)
    .bind(&row.pair.0)
    .bind(spare.map(|spare| &spare.pair.0))
    .bind(spare.map(|spare| integer(spare.generation)))
    .bind(spare.map(|spare| integer(spare.issued_at)))
    .bind(spare.map(|spare| integer(spare.kept_at)))
    .bind(row.ledger.as_text())
    .bind(maybe_to_json(row.born.as_ref())?)
    .bind(maybe_to_json(row.more_spares())?)
    .execute(db)
    .await?;
    Ok(())
}

async fn put_connection(db: &mut SqliteConnection, row: &ConnectionRow, seq: u64) -> Done {
    let tags = to_json(&row.tags)?;
    let before: Option<String> = sqlx::query_scalar("SELECT tags FROM connections WHERE id = ?")
        .bind(&row.id)
        .fetch_optional(&mut *db)
        .await?;
    sqlx::query(
        "INSERT INTO connections (id, grant_id, site, site_choice, tags, metadata, created_at, seq) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET grant_id = excluded.grant_id, \
         site = excluded.site, site_choice = excluded.site_choice, tags = excluded.tags, \
         metadata = excluded.metadata, created_at = excluded.created_at, seq = excluded.seq",
    )
    .bind(&row.id)
    .bind(&row.grant_id)
    .bind(maybe_to_json(row.site.as_ref())?)
    .bind(maybe_to_json(row.site_choice.as_ref())?)
    .bind(&tags)
    .bind(to_json(&row.metadata)?)
    .bind(integer(row.created_at))
    .bind(integer(seq))
    .execute(&mut *db)
    .await?;
    if before.as_ref() == Some(&tags) {
        return Ok(());
    }
    if before.is_some() {
        sqlx::query("DELETE FROM tags WHERE connection_id = ?").bind(&row.id).execute(&mut *db).await?;
    }
    for (key, value) in &row.tags {
        sqlx::query("INSERT INTO tags (connection_id, key, value) VALUES (?, ?, ?)")
            .bind(&row.id)
            .bind(key)
            .bind(value)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

async fn put_session(db: &mut SqliteConnection, row: &SessionRow, seq: u64) -> Done {
    let (stage, grant_id) = stage_columns(&row.stage);
    sqlx::query(
        "INSERT INTO sessions (state_hash, connection_id, stage, grant_id, payload, expires_at, seq) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (state_hash) DO UPDATE SET \
         connection_id = excluded.connection_id, stage = excluded.stage, grant_id = excluded.grant_id, \
         payload = excluded.payload, expires_at = excluded.expires_at, seq = excluded.seq",
    )
    .bind(&row.state_hash)
    .bind(&row.connection_id)
    .bind(stage)
    .bind(grant_id)
    .bind(&row.payload.0)
    .bind(integer(row.expires_at))
    .bind(integer(seq))
    .execute(db)
    .await?;
    Ok(())
}

async fn add_token_hash(db: &mut SqliteConnection, row: &TokenHashRow) -> Done {
    sqlx::query(
        "INSERT INTO token_hashes (hash, grant_id, generation) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&row.hash)
    .bind(&row.grant_id)
    .bind(integer(row.generation))
    .execute(db)
    .await?;
    Ok(())
}

async fn put_meta(db: &mut SqliteConnection, name: &str, value: &[u8]) -> Done {
    sqlx::query(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    )
    .bind(name)
    .bind(value)
    .execute(db)
    .await?;
    Ok(())
}
