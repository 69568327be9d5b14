//! The state of the rows a group of batches is about.

use sqlx::postgres::PgConnection;

use super::columns::{Cells, from_json};
use super::plan::{Asked, Found};
use super::text::{original, stored};

const SQL: &str = "\
    SELECT 0::smallint, id, ''::bytea, seq, '' FROM threelo_grants WHERE id = ANY($1) UNION ALL \
    SELECT 1::smallint, id, ''::bytea, seq, tags FROM threelo_connections WHERE id = ANY($2) UNION ALL \
    SELECT 2::smallint, '', state_hash, seq, '' FROM threelo_sessions WHERE state_hash = ANY($3) UNION ALL \
    SELECT 3::smallint, '', hash, 0, '' FROM threelo_token_hashes WHERE hash = ANY($4) UNION ALL \
    SELECT 4::smallint, name, ''::bytea, 0, '' FROM threelo_meta WHERE name = ANY($5)";

/// Looks them up, all in one statement.
pub(super) async fn load(db: &mut PgConnection, asked: &Asked<'_>) -> Result<Found, sqlx::Error> {
    let mut found = Found::default();
    if asked.is_nothing() {
        return Ok(found);
    }
    let rows = sqlx::query(SQL)
        .bind(asked.grants.iter().map(|id| stored(id)).collect::<Vec<_>>())
        .bind(asked.connections.iter().map(|id| stored(id)).collect::<Vec<_>>())
        .bind(asked.sessions.iter().copied().collect::<Vec<_>>())
        .bind(asked.hashes.iter().copied().collect::<Vec<_>>())
        .bind(asked.metas.iter().map(|name| stored(name)).collect::<Vec<_>>())
        .fetch_all(db)
        .await?;
    for row in &rows {
        let mut cells = Cells::new(row);
        let (table, text, bytes) = (cells.next::<i16>()?, original(cells.next()?), cells.next::<Vec<u8>>()?);
        let seq = cells.number()?;
        match table {
            0 => drop(found.grants.insert(text, seq)),
            1 => drop(found.connections.insert(text, (seq, from_json(cells.next()?)?))),
            2 => drop(found.sessions.insert(bytes, seq)),
            3 => drop(found.hashes.insert(bytes)),
            _ => drop(found.metas.insert(text)),
        }
    }
    Ok(found)
}
