//! The questions, one statement each, so that every answer is of one moment.

use std::collections::BTreeSet;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Postgres, QueryBuilder};

use super::columns::{Cells, connection_columns, grant_columns, integer, session_columns, tag};
use super::text::stored;
use crate::records::Tags;
use crate::store::bounds::CHANGES_LISTED;
use crate::store::{AccountKey, Changes, ConnectionRow, Due, GrantRow, SessionRow, TokenHashRow, WhichDue};

type Read<T> = Result<T, sqlx::Error>;

/// Milliseconds since the epoch on the database's clock, at the moment of asking and not at the transaction's start.
pub(super) async fn now(db: &mut PgConnection) -> Read<u64> {
    const SQL: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    Cells::new(&sqlx::query(SQL).fetch_one(db).await?).number()
}

pub(super) async fn grant(db: &mut PgConnection, id: &str) -> Read<Option<GrantRow>> {
    const SQL: &str = concat!("SELECT ", grant_columns!(), " FROM threelo_grants AS g WHERE g.id = $1");
    let row = sqlx::query(SQL).bind(stored(id)).fetch_optional(db).await?;
    row.map(|row| Cells::new(&row).grant()).transpose()
}

pub(super) async fn connection(db: &mut PgConnection, id: &str) -> Read<Option<ConnectionRow>> {
    const SQL: &str =
        concat!("SELECT ", connection_columns!(), " FROM threelo_connections AS c WHERE c.id = $1");
    let row = sqlx::query(SQL).bind(stored(id)).fetch_optional(db).await?;
    row.map(|row| Cells::new(&row).connection()).transpose()
}

pub(super) async fn resolve(db: &mut PgConnection, id: &str) -> Read<Option<(ConnectionRow, GrantRow)>> {
    const SQL: &str = concat!(
        "SELECT ",
        connection_columns!(),
        ", ",
        grant_columns!(),
        " FROM threelo_connections AS c JOIN threelo_grants AS g ON g.id = c.grant_id WHERE c.id = $1"
    );
    let row = sqlx::query(SQL).bind(stored(id)).fetch_optional(db).await?;
    row.map(|row| {
        let mut cells = Cells::new(&row);
        Ok((cells.connection()?, cells.grant()?))
    })
    .transpose()
}

pub(super) async fn grants_of(db: &mut PgConnection, account: &AccountKey) -> Read<Vec<GrantRow>> {
    const SQL: &str = concat!(
        "SELECT ",
        grant_columns!(),
        " FROM threelo_grants AS g WHERE g.account_id = $1 AND g.client_id = $2 AND g.auth_host = $3 ",
        "ORDER BY g.consented_at, g.id"
    );
    let rows = sqlx::query(SQL)
        .bind(stored(&account.account_id))
        .bind(stored(&account.client_id))
        .bind(stored(&account.auth_host))
        .fetch_all(db)
        .await?;
    rows.iter().map(|row| Cells::new(row).grant()).collect()
}

/// A page of what keep-alive looks after. Each kind has an index of its own that yields it in order.
pub(super) async fn grants_due(db: &mut PgConnection, due: &Due) -> Read<Vec<GrantRow>> {
    let rows = due_query("", due).build().fetch_all(db).await?;
    rows.iter().map(|row| Cells::new(row).grant()).collect()
}

/// The question for it, behind a word that has it explained instead of answered.
fn due_query(explain: &str, due: &Due) -> QueryBuilder<Postgres> {
    const LIVING: &str = "g.death IS NULL";
    // Word for word as the index has it, or it would not be used.
    const DOUBTFUL: &str = "g.death IS NULL AND (g.intent::json ->> 'generation')::bigint = g.generation";
    let (column, state, bound) = match due.which {
        WhichDue::Idle(before) => ("g.rotated_at", LIVING, Some((" < ", before))),
        WhichDue::Old(before) => ("g.first_consented_at", LIVING, Some((" < ", before))),
        WhichDue::Dead => ("g.rotated_at", "g.death IS NOT NULL", None),
        WhichDue::Doubtful(from) => ("(g.intent::json ->> 'since')::bigint", DOUBTFUL, Some((" >= ", from))),
    };
    let mut query = QueryBuilder::new(explain);
    query.push(concat!("SELECT ", grant_columns!(), " FROM threelo_grants AS g WHERE g.client_id = "));
    query.push_bind(stored(&due.client_id)).push(" AND g.auth_host = ").push_bind(stored(&due.auth_host));
    query.push(" AND ").push(state);
    if let Some((than, moment)) = bound {
        query.push(" AND ").push(column).push(than).push_bind(integer(moment));
    }
    if let Some((at, id)) = &due.after {
        query.push(" AND (").push(column).push(", g.id) > (").push_bind(integer(*at)).push(", ");
        query.push_bind(stored(id)).push(")");
    }
    query.push(" ORDER BY ").push(column).push(", g.id LIMIT ").push_bind(i64::from(due.limit));
    query
}

pub(super) async fn connections_of(db: &mut PgConnection, grant_id: &str) -> Read<Vec<ConnectionRow>> {
    const SQL: &str = concat!(
        "SELECT ",
        connection_columns!(),
        " FROM threelo_connections AS c WHERE c.grant_id = $1 ORDER BY c.id"
    );
    let rows = sqlx::query(SQL).bind(stored(grant_id)).fetch_all(db).await?;
    connections_from(&rows)
}

/// One page of connections. With several tags the rarest leads, as far as a short look can tell.
pub(super) async fn connections(
    db: &mut PgConnection,
    tags: &Tags,
    after: Option<&str>,
    limit: u32,
) -> Read<Vec<ConnectionRow>> {
    // No id is less than the empty one, and `>=` finds that too.
    let (than, start) = after.map_or((" >= ", ""), |id| (" > ", id));
    let tags: Vec<Vec<u8>> = tags.iter().map(|(key, value)| tag(key, value)).collect();
    let mut query = QueryBuilder::new(concat!("SELECT ", connection_columns!()));
    if let Some(rarest) = rarest(db, &tags, start).await? {
        query.push(
            " FROM threelo_tags AS t JOIN threelo_connections AS c ON c.id = t.connection_id WHERE t.tag = ",
        );
        query
            .push_bind(rarest.clone())
            .push(" AND t.connection_id")
            .push(than)
            .push_bind(stored(start).into_owned());
        for tag in tags.iter().filter(|tag| **tag != rarest) {
            query.push(" AND EXISTS (SELECT 1 FROM threelo_tags AS o WHERE o.connection_id = t.connection_id AND o.tag = ");
            query.push_bind(tag.clone()).push(")");
        }
        query.push(" ORDER BY t.connection_id");
    } else {
        query
            .push(" FROM threelo_connections AS c WHERE c.id")
            .push(than)
            .push_bind(stored(start).into_owned());
        query.push(" ORDER BY c.id");
    }
    query.push(" LIMIT ").push_bind(i64::from(limit));
    let rows = query.build().fetch_all(db).await?;
    connections_from(&rows)
}

/// The tag with the fewest connections left to list. Counting goes only as far as it takes to tell, and gives up where
/// all are common: then either will do.
async fn rarest(db: &mut PgConnection, tags: &[Vec<u8>], start: &str) -> Read<Option<Vec<u8>>> {
    const SQL: &str = "SELECT count(*) FROM \
         (SELECT 1 FROM threelo_tags WHERE tag = $1 AND connection_id >= $2 LIMIT $3) AS found";
    if tags.len() < 2 {
        return Ok(tags.first().cloned());
    }
    for far in [500_i64, 20_000] {
        let mut best = (far, None);
        for tag in tags {
            let query = sqlx::query_scalar(SQL).bind(tag).bind(stored(start)).bind(far);
            let count: i64 = query.fetch_one(&mut *db).await?;
            if count < best.0 {
                best = (count, Some(tag));
            }
        }
        if best.1.is_some() {
            return Ok(best.1.cloned());
        }
    }
    Ok(tags.first().cloned())
}

fn connections_from(rows: &[PgRow]) -> Read<Vec<ConnectionRow>> {
    rows.iter().map(|row| Cells::new(row).connection()).collect()
}

pub(super) async fn grants(db: &mut PgConnection, after: Option<&str>, limit: u32) -> Read<Vec<GrantRow>> {
    // No grant's id is empty.
    const SQL: &str = concat!(
        "SELECT ",
        grant_columns!(),
        " FROM threelo_grants AS g WHERE g.id > $1 ORDER BY g.id LIMIT $2"
    );
    let after = stored(after.unwrap_or_default());
    let rows = sqlx::query(SQL).bind(after).bind(i64::from(limit)).fetch_all(db).await?;
    rows.iter().map(|row| Cells::new(row).grant()).collect()
}

pub(super) async fn sessions(
    db: &mut PgConnection,
    after: Option<&[u8]>,
    limit: u32,
) -> Read<Vec<SessionRow>> {
    const SQL: &str = concat!(
        "SELECT ",
        session_columns!(),
        " FROM threelo_sessions WHERE state_hash > $1 ORDER BY state_hash LIMIT $2"
    );
    let after = after.unwrap_or_default();
    let rows = sqlx::query(SQL).bind(after).bind(i64::from(limit)).fetch_all(db).await?;
    rows.iter().map(|row| Cells::new(row).session()).collect()
}

pub(super) async fn session(db: &mut PgConnection, state_hash: &[u8]) -> Read<Option<SessionRow>> {
    const SQL: &str = concat!("SELECT ", session_columns!(), " FROM threelo_sessions WHERE state_hash = $1");
    let row = sqlx::query(SQL).bind(state_hash).fetch_optional(db).await?;
    row.map(|row| Cells::new(&row).session()).transpose()
}

pub(super) async fn unfinished_session(db: &mut PgConnection, id: &str) -> Read<Option<SessionRow>> {
    const SQL: &str = concat!(
        "SELECT ",
        session_columns!(),
        " FROM threelo_sessions WHERE connection_id = $1 AND stage = 'exchanged' \
         ORDER BY seq DESC, state_hash DESC LIMIT 1"
    );
    let row = sqlx::query(SQL).bind(stored(id)).fetch_optional(db).await?;
    row.map(|row| Cells::new(&row).session()).transpose()
}

pub(super) async fn token_hash(db: &mut PgConnection, hash: &[u8]) -> Read<Option<TokenHashRow>> {
    const SQL: &str = "SELECT hash, grant_id, generation FROM threelo_token_hashes WHERE hash = $1";
    let row = sqlx::query(SQL).bind(hash).fetch_optional(db).await?;
    row.map(|row| Cells::new(&row).token_hash()).transpose()
}

pub(super) async fn meta(db: &mut PgConnection, name: &str) -> Read<Option<Vec<u8>>> {
    const SQL: &str = "SELECT value FROM threelo_meta WHERE name = $1";
    sqlx::query_scalar(SQL).bind(stored(name)).fetch_optional(db).await
}

/// Whether nobody holds an advisory lock. The lock this takes ends with the statement, and is shared, so that those who
/// ask at once do not take each other for the holder.
pub(super) async fn is_free(db: &mut PgConnection, key: i64) -> Read<bool> {
    sqlx::query_scalar("SELECT pg_try_advisory_xact_lock_shared($1)").bind(key).fetch_one(db).await
}

/// `threelo_removals.kind`.
pub(super) const GRANT: i16 = 0;
/// `threelo_removals.kind`.
pub(super) const CONNECTION: i16 = 1;
/// `kind` of the row that carries the sequence itself.
const SEQUENCE: i16 = 2;

/// Nothing is missed: a writer takes its number under a lock that it gives back when its rows are visible.
pub(super) async fn changes(db: &mut PgConnection, since: u64) -> Read<Changes> {
    // Each part ends by itself where listing stops being worth it: on the first look everything is new. Without the
    // order the planner could prefer the table to the index, and read all of it to find nothing new.
    let sql = format!(
        "SELECT {SEQUENCE}::smallint, '', seq, horizon FROM threelo_store UNION ALL \
         (SELECT {GRANT}::smallint, id, 0, 0 FROM threelo_grants WHERE seq > $1 ORDER BY seq LIMIT $2) UNION ALL \
         (SELECT {CONNECTION}::smallint, id, 0, 0 FROM threelo_connections WHERE seq > $1 ORDER BY seq LIMIT $2) \
         UNION ALL (SELECT kind, id, 0, 0 FROM threelo_removals WHERE seq > $1)"
    );
    let listed = integer(CHANGES_LISTED as u64 + 1);
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(integer(since)).bind(listed).fetch_all(db).await?;
    let (mut grants, mut connections) = (BTreeSet::new(), BTreeSet::new());
    let mut head = None;
    for row in &rows {
        let mut cells = Cells::new(row);
        match (cells.next()?, cells.text()?) {
            (GRANT, id) => drop(grants.insert(id)),
            (CONNECTION, id) => drop(connections.insert(id)),
            _ => head = Some((cells.number()?, cells.number()?)),
        }
    }
    let (seq, horizon) = head.ok_or(sqlx::Error::RowNotFound)?;
    // A sequence behind the caller's is another store's: a backup was put back.
    if since < horizon || since > seq || grants.len() + connections.len() > CHANGES_LISTED {
        return Ok(Changes { seq, everything: true, ..Changes::default() });
    }
    let (grants, connections) = (grants.into_iter().collect(), connections.into_iter().collect());
    Ok(Changes { seq, grants, connections, everything: false })
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, Row as _};

    use super::*;
    use crate::store::suite::postgres_server::Database;
    use crate::store::{Key32, Location, open};

    #[tokio::test]
    async fn what_is_looked_for_again_and_again_is_found_by_an_index_of_its_own() {
        let database = Database::make().await;
        let key = Key32::from_bytes(&[1; 32]).unwrap();
        let opened = open(&Location::parse(&database.url).unwrap(), Some(vec![key])).await.unwrap();
        let mut db = PgConnection::connect(&database.url).await.unwrap();
        // An empty table is quicker read whole, which says nothing of a full one.
        let large = "SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off";
        sqlx::raw_sql(large).execute(&mut db).await.unwrap();
        for (which, index) in [
            (WhichDue::Idle(9), "threelo_grants_idle"),
            (WhichDue::Old(9), "threelo_grants_old"),
            (WhichDue::Dead, "threelo_grants_dead"),
            (WhichDue::Doubtful(9), "threelo_grants_in_doubt"),
        ] {
            for after in [None, Some((3, "g".to_owned()))] {
                let due = Due { auth_host: "a".into(), client_id: "c".into(), which, after, limit: 10 };
                let plan = due_query("EXPLAIN ", &due).build().fetch_all(&mut db).await.unwrap();
                let plan = plan.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n");
                assert!(plan.contains(index) && !plan.contains("Sort"), "{which:?}: {plan}");
            }
        }
        opened.store.close().await;
    }
}
