//! The questions, one statement each, so that every answer is of one moment.

use std::collections::BTreeSet;

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite};

use super::columns::{Cells, connection_columns, grant_columns, integer, session_columns};
use super::write::{CONNECTION, GRANT};
use crate::records::Tags;
use crate::store::bounds::CHANGES_LISTED;
use crate::store::{AccountKey, Changes, ConnectionRow, Due, GrantRow, SessionRow, TokenHashRow, WhichDue};

type Read<T> = Result<T, sqlx::Error>;
type Tag<'t> = (&'t String, &'t String);

pub(super) async fn grant(db: &mut SqliteConnection, id: &str) -> Read<Option<GrantRow>> {
    const SQL: &str = concat!("SELECT ", grant_columns!(), " FROM grants AS g WHERE g.id = ?");
    let row = sqlx::query(SQL).bind(id).fetch_optional(db).await?;
    row.map(|row| Cells::new(&row).grant()).transpose()
}

pub(super) async fn connection(db: &mut SqliteConnection, id: &str) -> Read<Option<ConnectionRow>> {
    const SQL: &str = concat!("SELECT ", connection_columns!(), " FROM connections AS c WHERE c.id = ?");
    let row = sqlx::query(SQL).bind(id).fetch_optional(db).await?;
    row.map(|row| Cells::new(&row).connection()).transpose()
}

pub(super) async fn resolve(db: &mut SqliteConnection, id: &str) -> Read<Option<(ConnectionRow, GrantRow)>> {
    const SQL: &str = concat!(
        "SELECT ",
        connection_columns!(),
        ", ",
        grant_columns!(),
        " FROM connections AS c JOIN grants AS g ON g.id = c.grant_id WHERE c.id = ?"
    );
    let row = sqlx::query(SQL).bind(id).fetch_optional(db).await?;
    row.map(|row| {
        let mut cells = Cells::new(&row);
        Ok((cells.connection()?, cells.grant()?))
    })
    .transpose()
}

pub(super) async fn grants_of(db: &mut SqliteConnection, account: &AccountKey) -> Read<Vec<GrantRow>> {
    const SQL: &str = concat!(
        "SELECT ",
        grant_columns!(),
        " FROM grants AS g WHERE g.account_id = ? AND g.client_id = ? AND g.auth_host = ? ",
        "ORDER BY g.consented_at, g.id"
    );
    let rows = sqlx::query(SQL)
        .bind(&account.account_id)
        .bind(&account.client_id)
        .bind(&account.auth_host)
        .fetch_all(db)
        .await?;
    rows.iter().map(|row| Cells::new(row).grant()).collect()
}

/// A page of what keep-alive looks after. Each kind has an index of its own that yields it in order.
pub(super) async fn grants_due(db: &mut SqliteConnection, due: &Due) -> Read<Vec<GrantRow>> {
    let rows = due_query("", due).build().fetch_all(db).await?;
    rows.iter().map(|row| Cells::new(row).grant()).collect()
}

/// The question for it, behind a word that has it explained instead of answered.
fn due_query(explain: &str, due: &Due) -> QueryBuilder<Sqlite> {
    const LIVING: &str = "g.death IS NULL";
    // Word for word as the index has them, or it would not be used.
    const DOUBTFUL: &str = "g.death IS NULL AND g.intent IS NOT NULL";
    const SINCE: &str = "CASE WHEN json_extract(g.intent, '$.generation') = g.generation \
                         THEN json_extract(g.intent, '$.since') END";
    let (column, state, bound) = match due.which {
        WhichDue::Idle(before) => ("g.rotated_at", LIVING, Some((" < ", before))),
        WhichDue::Old(before) => ("g.first_consented_at", LIVING, Some((" < ", before))),
        WhichDue::Dead => ("g.rotated_at", "g.death IS NOT NULL", None),
        WhichDue::Doubtful(from) => (SINCE, DOUBTFUL, Some((" >= ", from))),
    };
    let mut query = QueryBuilder::new(explain);
    query.push(concat!("SELECT ", grant_columns!(), " FROM grants AS g WHERE g.client_id = "));
    query.push_bind(due.client_id.clone()).push(" AND g.auth_host = ").push_bind(due.auth_host.clone());
    query.push(" AND ").push(state);
    if let Some((than, moment)) = bound {
        query.push(" AND ").push(column).push(than).push_bind(integer(moment));
    }
    if let Some((at, id)) = &due.after {
        query
            .push(" AND (")
            .push(column)
            .push(", g.id) > (")
            .push_bind(integer(*at))
            .push(", ")
            .push_bind(id.clone())
            .push(")");
    }
    query.push(" ORDER BY ").push(column).push(", g.id LIMIT ").push_bind(due.limit);
    query
}

pub(super) async fn connections_of(db: &mut SqliteConnection, grant_id: &str) -> Read<Vec<ConnectionRow>> {
    const SQL: &str = concat!(
        "SELECT ",
        connection_columns!(),
        " FROM connections AS c WHERE c.grant_id = ? ORDER BY c.id"
    );
    let rows = sqlx::query(SQL).bind(grant_id).fetch_all(db).await?;
    connections_from(&rows)
}

/// One page of connections. With several tags the rarest leads, as far as a short look can tell.
pub(super) async fn connections(
    db: &mut SqliteConnection,
    tags: &Tags,
    after: Option<&str>,
    limit: u32,
) -> Read<Vec<ConnectionRow>> {
    // No id is less than the empty one, and `>=` finds that too.
    let (than, start) = after.map_or((" >= ", ""), |id| (" > ", id));
    let mut query = QueryBuilder::new(concat!("SELECT ", connection_columns!()));
    if let Some((key, value)) = rarest(db, tags, start).await? {
        query
            .push(" FROM tags AS t JOIN connections AS c ON c.id = t.connection_id WHERE t.key = ")
            .push_bind(key);
        query
            .push(" AND t.value = ")
            .push_bind(value)
            .push(" AND t.connection_id")
            .push(than)
            .push_bind(start);
        if tags.len() > 1 {
            query.push(" AND (SELECT count(*) FROM tags AS o WHERE o.connection_id = t.connection_id AND (");
            query.push("o.key, o.value) IN (").push_values(tags, |mut pair, (key, value)| {
                pair.push_bind(key).push_bind(value);
            });
            query.push(")) = ").push_bind(integer(tags.len() as u64));
        }
        query.push(" ORDER BY t.connection_id");
    } else {
        query.push(" FROM connections AS c WHERE c.id").push(than).push_bind(start).push(" ORDER BY c.id");
    }
    query.push(" LIMIT ").push_bind(limit);
    let rows = query.build().fetch_all(db).await?;
    connections_from(&rows)
}

/// The tag with the fewest connections left to list. Counting goes only as far as it takes to tell, and gives up where
/// all are common: then either will do.
async fn rarest<'t>(db: &mut SqliteConnection, tags: &'t Tags, start: &str) -> Read<Option<Tag<'t>>> {
    const SQL: &str = "SELECT count(*) FROM \
         (SELECT 1 FROM tags WHERE key = ? AND value = ? AND connection_id >= ? LIMIT ?)";
    let first = tags.iter().next();
    if tags.len() < 2 {
        return Ok(first);
    }
    for far in [500_i64, 20_000] {
        let mut best = (far, None);
        for tag in tags {
            let query = sqlx::query_scalar(SQL).bind(tag.0).bind(tag.1).bind(start).bind(far);
            let count: i64 = query.fetch_one(&mut *db).await?;
            if count < best.0 {
                best = (count, Some(tag));
            }
        }
        if best.1.is_some() {
            return Ok(best.1);
        }
    }
    Ok(first)
}

fn connections_from(rows: &[SqliteRow]) -> Read<Vec<ConnectionRow>> {
    rows.iter().map(|row| Cells::new(row).connection()).collect()
}

pub(super) async fn grants(
    db: &mut SqliteConnection,
    after: Option<&str>,
    limit: u32,
) -> Read<Vec<GrantRow>> {
    // No grant's id is empty.
    const SQL: &str =
        concat!("SELECT ", grant_columns!(), " FROM grants AS g WHERE g.id > ? ORDER BY g.id LIMIT ?");
    let rows = sqlx::query(SQL).bind(after.unwrap_or_default()).bind(limit).fetch_all(db).await?;
    rows.iter().map(|row| Cells::new(row).grant()).collect()
}

pub(super) async fn sessions(
    db: &mut SqliteConnection,
    after: Option<&[u8]>,
    limit: u32,
) -> Read<Vec<SessionRow>> {
    const SQL: &str = concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions WHERE state_hash > ? ORDER BY state_hash LIMIT ?"
    );
    let rows = sqlx::query(SQL).bind(after.unwrap_or_default()).bind(limit).fetch_all(db).await?;
    rows.iter().map(|row| Cells::new(row).session()).collect()
}

pub(super) async fn session(db: &mut SqliteConnection, state_hash: &[u8]) -> Read<Option<SessionRow>> {
    const SQL: &str = concat!("SELECT ", session_columns!(), " FROM sessions WHERE state_hash = ?");
    let row = sqlx::query(SQL).bind(state_hash).fetch_optional(db).await?;
    row.map(|row| Cells::new(&row).session()).transpose()
}

pub(super) async fn unfinished_session(db: &mut SqliteConnection, id: &str) -> Read<Option<SessionRow>> {
    const SQL: &str = concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions WHERE connection_id = ? AND stage = 'exchanged' ORDER BY seq DESC, state_hash DESC LIMIT 1"
    );
    let row = sqlx::query(SQL).bind(id).fetch_optional(db).await?;
    row.map(|row| Cells::new(&row).session()).transpose()
}

pub(super) async fn token_hash(db: &mut SqliteConnection, hash: &[u8]) -> Read<Option<TokenHashRow>> {
    const SQL: &str = "SELECT hash, grant_id, generation FROM token_hashes WHERE hash = ?";
    let row = sqlx::query(SQL).bind(hash).fetch_optional(db).await?;
    row.map(|row| Cells::new(&row).token_hash()).transpose()
}

pub(super) async fn meta(db: &mut SqliteConnection, name: &str) -> Read<Option<Vec<u8>>> {
    sqlx::query_scalar("SELECT value FROM meta WHERE name = ?").bind(name).fetch_optional(db).await
}

/// Whether anything sealed is kept.
pub(super) async fn has_sealed(db: &mut SqliteConnection) -> Read<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM grants) OR EXISTS (SELECT 1 FROM sessions)";
    sqlx::query_scalar(SQL).fetch_one(db).await
}

/// `kind` of the row that carries the sequence itself.
const SEQUENCE: i64 = 2;

pub(super) async fn changes(db: &mut SqliteConnection, since: u64) -> Read<Changes> {
    // Each part ends by itself where listing stops being worth it: on the first look everything is new.
    let sql = format!(
        "SELECT {SEQUENCE}, '', seq, horizon FROM sequence UNION ALL \
         SELECT * FROM (SELECT {GRANT}, id, 0, 0 FROM grants WHERE seq > ?1 LIMIT ?2) UNION ALL \
         SELECT * FROM (SELECT {CONNECTION}, id, 0, 0 FROM connections WHERE seq > ?1 LIMIT ?2) UNION ALL \
         SELECT DISTINCT kind, id, 0, 0 FROM removals WHERE seq > ?1"
    );
    let listed = integer(CHANGES_LISTED as u64 + 1);
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(integer(since)).bind(listed).fetch_all(db).await?;
    let (mut grants, mut connections) = (BTreeSet::new(), BTreeSet::new());
    let (mut seq, mut horizon) = (0, 0);
    for row in &rows {
        let mut cells = Cells::new(row);
        match (cells.next()?, cells.next::<String>()?) {
            (GRANT, id) => drop(grants.insert(id)),
            (CONNECTION, id) => drop(connections.insert(id)),
            _ => (seq, horizon) = (cells.number()?, cells.number()?),
        }
    }
    // A sequence behind the caller's is another store's: a backup was put back.
    if since < horizon || since > seq || grants.len() + connections.len() > CHANGES_LISTED {
        return Ok(Changes { seq, everything: true, ..Changes::default() });
    }
    let (grants, connections) = (grants.into_iter().collect(), connections.into_iter().collect());
    Ok(Changes { seq, grants, connections, everything: false })
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions as _, Row as _};

    use super::*;
    use crate::store::{Location, open};

    #[tokio::test]
    async fn what_is_looked_for_again_and_again_is_found_by_an_index_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("threelo.db");
        let opened = open(&Location::Sqlite(path.clone()), None).await.unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let mut db: SqliteConnection = options.connect().await.unwrap();
        for (which, index) in [
            (WhichDue::Idle(9), "grants_by_rotation"),
            (WhichDue::Old(9), "grants_by_consent"),
            (WhichDue::Dead, "grants_dead"),
            (WhichDue::Doubtful(9), "grants_in_doubt"),
        ] {
            for after in [None, Some((3, "g".to_owned()))] {
                let due = Due { auth_host: "a".into(), client_id: "c".into(), which, after, limit: 10 };
                let plan = due_query("EXPLAIN QUERY PLAN ", &due).build().fetch_all(&mut db).await.unwrap();
                let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
                assert_eq!(plan.len(), 1, "no sorting: {plan:?}");
                assert!(plan[0].contains(index), "{which:?}: {plan:?}");
            }
        }
        opened.store.close().await;
    }
}
