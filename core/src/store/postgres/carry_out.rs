//! Doing what is planned: one statement, however many rows, whose parts touch different rows and need no order.

use std::collections::BTreeSet;

use sqlx::postgres::PgConnection;
use sqlx::{Encode, Postgres, QueryBuilder, Type};

use super::columns::{integer, maybe_to_json, stage_columns, tag, to_json};
use super::plan::{Found, Last, Plan};
use super::text::stored;
use crate::store::{ConnectionRow, GrantRow, SessionRow};

type Done<T = ()> = Result<T, sqlx::Error>;

/// The statement and how many parts it has so far.
struct Parts {
    query: QueryBuilder<Postgres>,
    count: u32,
}

impl Parts {
    /// Begins a part; what it returns is for nobody.
    fn part(&mut self, sql: &str) -> &mut QueryBuilder<Postgres> {
        let before = if self.count == 0 { "WITH p" } else { "), p" };
        self.query.push(before).push(self.count).push(" AS (").push(sql);
        self.count += 1;
        &mut self.query
    }
}

/// Writes the rows, notes the new sequence, and has those who listen on `channel` told of it when it is committed.
pub(super) async fn carry_out(db: &mut PgConnection, plan: &Plan<'_>, found: &Found, channel: &str) -> Done {
    let mut parts = Parts { query: QueryBuilder::new(""), count: 0 };
    grants(&mut parts, plan)?;
    connections(&mut parts, plan)?;
    tags(&mut parts, plan, found);
    sessions(&mut parts, plan);
    others(&mut parts, plan);
    let Parts { mut query, count } = parts;
    query.push(if count > 0 { ") " } else { "" });
    query.push("UPDATE threelo_store SET seq = ").push_bind(integer(plan.seq));
    query.push(" RETURNING pg_notify(").push_bind(channel.to_owned()).push(", seq::text)");
    let noted = query.build().execute(db).await?;
    if noted.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// The rows that are written and the keys of those that are removed.
fn split<'p, K: Copy, T>(last: impl Iterator<Item = (K, &'p Last<'p, T>)>) -> (Vec<(&'p T, i64)>, Vec<K>) {
    let (mut put, mut gone) = (Vec::new(), Vec::new());
    for (key, last) in last {
        match last {
            Some((row, seq)) => put.push((*row, integer(*seq))),
            None => gone.push(key),
        }
    }
    (put, gone)
}

/// One column of all rows, as an array.
fn column<'r, R, T>(
    query: &mut QueryBuilder<Postgres>,
    rows: &'r [R],
    after: &str,
    value: impl Fn(&'r R) -> T,
) where
    Vec<T>: Encode<'r, Postgres> + Type<Postgres>,
{
    query.push_bind(rows.iter().map(value).collect::<Vec<_>>()).push(after);
}

/// The same where a value is written as JSON.
fn json<'r, R, T>(
    query: &mut QueryBuilder<Postgres>,
    rows: &'r [R],
    after: &str,
    value: impl Fn(&'r R) -> Done<T>,
) -> Done
where
    Vec<T>: Encode<'r, Postgres> + Type<Postgres>,
{
    query.push_bind(rows.iter().map(value).collect::<Done<Vec<_>>>()?).push(after);
    Ok(())
}

fn grants(parts: &mut Parts, plan: &Plan<'_>) -> Done {
    let (put, gone) = split::<_, GrantRow>(plan.grants.iter().map(|(id, last)| (*id, last)));
    if !gone.is_empty() {
        let ids: Vec<_> = gone.into_iter().map(stored).collect();
        parts.part("DELETE FROM threelo_grants WHERE id = ANY(").push_bind(ids).push(")");
    }
    if put.is_empty() {
        return Ok(());
    }
    let query = parts.part(
        "INSERT INTO threelo_grants (id, auth_host, client_id, account_id, generation, expires_at, rotated_at, \
         first_consented_at, consented_at, fence, seq, lease, intent, death, scopes, sites, pair, spare_pair, \
         spare_generation, spare_issued_at, spare_kept_at, ledger, born, more_spares) SELECT * FROM unnest(",
    );
    column(query, &put, ", ", |(row, _)| stored(&row.id));
    column(query, &put, ", ", |(row, _)| stored(&row.auth_host));
    column(query, &put, ", ", |(row, _)| stored(&row.client_id));
    column(query, &put, ", ", |(row, _)| row.account_id.as_deref().map(stored));
    column(query, &put, ", ", |(row, _)| integer(row.generation));
    column(query, &put, ", ", |(row, _)| integer(row.expires_at));
    column(query, &put, ", ", |(row, _)| integer(row.rotated_at));
    column(query, &put, ", ", |(row, _)| integer(row.first_consented_at));
    column(query, &put, ", ", |(row, _)| integer(row.consented_at));
    column(query, &put, ", ", |(row, _)| integer(row.fence));
    column(query, &put, ", ", |(_, seq)| *seq);
    json(query, &put, ", ", |(row, _)| maybe_to_json(row.lease.as_ref()))?;
    json(query, &put, ", ", |(row, _)| maybe_to_json(row.intent.as_ref()))?;
    json(query, &put, ", ", |(row, _)| maybe_to_json(row.death.as_ref()))?;
    json(query, &put, ", ", |(row, _)| to_json(&row.scopes))?;
    json(query, &put, ", ", |(row, _)| to_json(&row.sites))?;
    column(query, &put, ", ", |(row, _)| row.pair.0.as_slice());
    column(query, &put, ", ", |(row, _)| row.spares.first().map(|spare| spare.pair.0.as_slice()));
    column(query, &put, ", ", |(row, _)| row.spares.first().map(|spare| integer(spare.generation)));
    column(query, &put, ", ", |(row, _)| row.spares.first().map(|spare| integer(spare.issued_at)));
    column(query, &put, ", ", |(row, _)| row.spares.first().map(|spare| integer(spare.kept_at)));
    column(query, &put, ", ", |(row, _)| row.ledger.as_text());
    json(query, &put, ", ", |(row, _)| maybe_to_json(row.born.as_ref()))?;
    json(query, &put, ") ", |(row, _)| maybe_to_json(row.more_spares()))?;
    query.push(
        "ON CONFLICT (id) DO UPDATE SET \
         auth_host = excluded.auth_host, client_id = excluded.client_id, account_id = excluded.account_id, \
         generation = excluded.generation, expires_at = excluded.expires_at, rotated_at = excluded.rotated_at, \
         first_consented_at = excluded.first_consented_at, consented_at = excluded.consented_at, \
         fence = excluded.fence, seq = excluded.seq, lease = excluded.lease, intent = excluded.intent, \
         death = excluded.death, scopes = excluded.scopes, sites = excluded.sites, pair = excluded.pair, \
         spare_pair = excluded.spare_pair, spare_generation = excluded.spare_generation, \
         spare_issued_at = excluded.spare_issued_at, spare_kept_at = excluded.spare_kept_at, \
         ledger = excluded.ledger, born = excluded.born, more_spares = excluded.more_spares",
    );
    Ok(())
}

fn connections(parts: &mut Parts, plan: &Plan<'_>) -> Done {
    let (put, gone) = split::<_, ConnectionRow>(plan.connections.iter().map(|(id, last)| (*id, last)));
    if !gone.is_empty() {
        let ids: Vec<_> = gone.into_iter().map(stored).collect();
        parts.part("DELETE FROM threelo_connections WHERE id = ANY(").push_bind(ids).push(")");
    }
    if put.is_empty() {
        return Ok(());
    }
    let query = parts.part(
        "INSERT INTO threelo_connections (id, grant_id, site, site_choice, tags, metadata, created_at, seq) \
         SELECT * FROM unnest(",
    );
    column(query, &put, ", ", |(row, _)| stored(&row.id));
    column(query, &put, ", ", |(row, _)| stored(&row.grant_id));
    json(query, &put, ", ", |(row, _)| maybe_to_json(row.site.as_ref()))?;
    json(query, &put, ", ", |(row, _)| maybe_to_json(row.site_choice.as_ref()))?;
    json(query, &put, ", ", |(row, _)| to_json(&row.tags))?;
    json(query, &put, ", ", |(row, _)| to_json(&row.metadata))?;
    column(query, &put, ", ", |(row, _)| integer(row.created_at));
    column(query, &put, ") ", |(_, seq)| *seq);
    query.push(
        "ON CONFLICT (id) DO UPDATE SET grant_id = excluded.grant_id, site = excluded.site, \
         site_choice = excluded.site_choice, tags = excluded.tags, metadata = excluded.metadata, \
         created_at = excluded.created_at, seq = excluded.seq",
    );
    Ok(())
}

/// Adds and removes only the tags that changed: parts of one statement must not meet in a row.
fn tags(parts: &mut Parts, plan: &Plan<'_>, found: &Found) {
    let (mut added, mut gone) = (Vec::new(), Vec::new());
    for (id, last) in &plan.connections {
        let before =
            found.connections.get(*id).map(|(_, tags)| tags).into_iter().flatten().collect::<BTreeSet<_>>();
        let after = last.iter().flat_map(|(row, _)| &row.tags).collect::<BTreeSet<_>>();
        let entry = |(key, value): &(&String, &String)| (tag(key, value), stored(id));
        added.extend(after.difference(&before).map(entry));
        gone.extend(before.difference(&after).map(entry));
    }
    if !gone.is_empty() {
        let (tags, ids): (Vec<_>, Vec<_>) = gone.into_iter().unzip();
        let query =
            parts.part("DELETE FROM threelo_tags WHERE (tag, connection_id) IN (SELECT * FROM unnest(");
        query.push_bind(tags).push(", ").push_bind(ids).push("))");
    }
    if !added.is_empty() {
        let (tags, ids): (Vec<_>, Vec<_>) = added.into_iter().unzip();
        let query = parts.part("INSERT INTO threelo_tags (tag, connection_id) SELECT * FROM unnest(");
        query.push_bind(tags).push(", ").push_bind(ids).push(") ON CONFLICT DO NOTHING");
    }
}

fn sessions(parts: &mut Parts, plan: &Plan<'_>) {
    let (put, gone) = split::<_, SessionRow>(plan.sessions.iter().map(|(hash, last)| (*hash, last)));
    if !gone.is_empty() {
        parts.part("DELETE FROM threelo_sessions WHERE state_hash = ANY(").push_bind(gone).push(")");
    }
    if put.is_empty() {
        return;
    }
    let query = parts.part(
        "INSERT INTO threelo_sessions (state_hash, connection_id, stage, grant_id, payload, expires_at, seq) \
         SELECT * FROM unnest(",
    );
    column(query, &put, ", ", |(row, _)| row.state_hash.as_slice());
    column(query, &put, ", ", |(row, _)| stored(&row.connection_id));
    column(query, &put, ", ", |(row, _)| stage_columns(&row.stage).0);
    column(query, &put, ", ", |(row, _)| stage_columns(&row.stage).1.map(stored));
    column(query, &put, ", ", |(row, _)| row.payload.0.as_slice());
    column(query, &put, ", ", |(row, _)| integer(row.expires_at));
    column(query, &put, ") ", |(_, seq)| *seq);
    query.push(
        "ON CONFLICT (state_hash) DO UPDATE SET connection_id = excluded.connection_id, stage = excluded.stage, \
         grant_id = excluded.grant_id, payload = excluded.payload, expires_at = excluded.expires_at, \
         seq = excluded.seq",
    );
}

fn others(parts: &mut Parts, plan: &Plan<'_>) {
    let (hashes, metas, removals): (Vec<_>, Vec<_>, Vec<_>) =
        (plan.hashes.values().collect(), plan.metas.iter().collect(), plan.removals.iter().collect());
    if !hashes.is_empty() {
        let query =
            parts.part("INSERT INTO threelo_token_hashes (hash, grant_id, generation) SELECT * FROM unnest(");
        column(query, &hashes, ", ", |row| row.hash.as_slice());
        column(query, &hashes, ", ", |row| stored(&row.grant_id));
        column(query, &hashes, ") ON CONFLICT DO NOTHING", |row| integer(row.generation));
    }
    if !metas.is_empty() {
        let query = parts.part("INSERT INTO threelo_meta (name, value) SELECT * FROM unnest(");
        column(query, &metas, ", ", |(name, _)| stored(name));
        column(query, &metas, ") ON CONFLICT (name) DO UPDATE SET value = excluded.value", |(_, value)| {
            **value
        });
    }
    if !removals.is_empty() {
        let query = parts.part(
            "INSERT INTO threelo_removals (seq, kind, id, at) \
             SELECT *, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM unnest(",
        );
        column(query, &removals, ", ", |(seq, _, _)| integer(*seq));
        column(query, &removals, ", ", |(_, kind, _)| *kind);
        column(query, &removals, ") ON CONFLICT DO NOTHING", |(_, _, id)| stored(id));
    }
}
