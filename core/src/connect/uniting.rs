//! Two grants that turn out to be one account's (DESIGN §3, rule 11). An account can be learnt late, because nobody told
//! it when the consent was finished. Then the newest consent's grant takes the other one in, whose pairs become
//! spares and whose connections move. [`unite`] decides, pure; [`settle`] reads and writes, in one batch that goes
//! through only if everything it rests on is still so. Like [`super::placing`] it knows no network, clock or key.

use super::decide::Relative;
use super::pairs::left_by;
use super::placing::account_key;
use crate::clock::Stamp;
use crate::error::{Code, Error, Result};
use crate::grant::ledger::{Outcome, noted};
use crate::grant::protocol::LeaseView;
use crate::grant::spares;
use crate::grant::transitions::view;
use crate::records::Site;
use crate::store::{ConnectionRow, Expect, GrantRow, Sealed, Spare, Store, Write};
use crate::timings::Timings;

/// Losing this often to other writers means that something is wrong.
const TRIES: u32 = 100;

/// Whether two grants of one account become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The first takes the second in.
    First,
    /// The second takes the first in.
    Second,
    /// Both stay: the one that would live on does not reach all sites in use by the other (F1.7), or one of them is a
    /// consent that is not finished yet.
    Apart,
    /// One of them is being rotated, or an attempt to rotate the one that would go is in doubt: its pair may be about
    /// to change, and would be lost.
    Later,
}

/// Decides, by the rows as they are and the store's time.
pub(crate) fn unite(first: &Relative, second: &Relative, now: &Stamp, timings: &Timings) -> Verdict {
    let (winner, loser, verdict) = if rank(first) > rank(second) {
        (first, second, Verdict::First)
    } else {
        (second, first, Verdict::Second)
    };
    let reached = |row: &ConnectionRow| {
        let site = row.site.as_ref();
        site.is_none_or(|site| winner.grant.sites.iter().any(|listed| listed.cloud_id == site.cloud_id))
    };
    if first.in_the_making() || second.in_the_making() {
        return Verdict::Apart;
    }
    if winner.connections.is_empty() || loser.connections.is_empty() || !loser.connections.iter().all(reached)
    {
        return Verdict::Apart;
    }
    // Nobody's name is empty: a lease that has not lapsed is somebody else's.
    let [winning, losing] = [winner, loser].map(|one| view(&one.grant, &[], "", now, timings));
    if winning.lease != LeaseView::Free || losing.lease != LeaseView::Free || losing.doubtful {
        return Verdict::Later;
    }
    verdict
}

/// A grant that lives goes before one that was refused, then the newest consent counts.
fn rank(one: &Relative) -> (bool, u64, &str) {
    (one.grant.death.is_none(), one.grant.consented_at, &one.grant.id)
}

/// What came of learning an account late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The grant knows its account now and has taken in these connections, by id, with what they had been granted.
    Stays(Vec<Moved>),
    /// It went into another grant, with its connections.
    Went(Vec<Moved>),
    /// Not now: a rotation is under way.
    Later,
}

/// A connection that uses another grant now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) connection_id: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// Scopes it had and has no more.
    pub(crate) lost_scopes: Vec<String>,
}

/// What has been learnt of a grant.
pub(crate) struct Late<'a> {
    pub(crate) grant_id: &'a str,
    pub(crate) account_id: &'a str,
    pub(crate) listed: &'a [Site],
}

/// Gives a grant its account, and makes one of it and the account's others where that may be. `reseal` seals the pair of
/// a grant for a generation of another one.
pub(crate) async fn settle(
    store: &dyn Store,
    late: &Late<'_>,
    timings: &Timings,
    reseal: impl Fn(&GrantRow, &str, u64) -> Result<Sealed>,
) -> Result<Settled> {
    let mut taken_in = Vec::new();
    for _ in 0..TRIES {
        let now = store.now().await?;
        let Some(own) = own(store, late).await? else { return Ok(Settled::Stays(taken_in)) };
        let (mut verdict, mut other) = (Verdict::Apart, None);
        for relative in others(store, &own.grant).await? {
            verdict = unite(&own, &relative, &now, timings);
            if verdict != Verdict::Apart {
                other = Some(relative);
                break;
            }
        }
        let moved = match (verdict, other) {
            (Verdict::Later, _) => return Ok(Settled::Later),
            (Verdict::First, Some(other)) => write(store, &own, &other, &now, &reseal).await?,
            (Verdict::Second, Some(other)) => match write(store, &other, &own, &now, &reseal).await? {
                Some(moved) => return Ok(Settled::Went(moved)),
                None => None,
            },
            _ => {
                let expect = vec![Expect::Grant(own.grant.id.clone(), Some(own.grant.seq))];
                match store.write(expect, vec![Write::PutGrant(own.grant)]).await? {
                    Some(_) => return Ok(Settled::Stays(taken_in)),
                    None => None,
                }
            }
        };
        taken_in.extend(moved.into_iter().flatten());
    }
    Err(Error::new(Code::StoreUnavailable, "other writers never let an account's grants be made one"))
}

/// The grant with what has been learnt; `None` when it is gone, when somebody else learnt another account, or when its
/// consent or import is still to be finished, which learns the same and says where its connection belongs.
async fn own(store: &dyn Store, late: &Late<'_>) -> Result<Option<Relative>> {
    let Some(row) = store.grant(late.grant_id).await? else { return Ok(None) };
    if row.account_id.as_deref().is_some_and(|known| known != late.account_id) {
        return Ok(None);
    }
    let connections = store.connections_of(late.grant_id).await?;
    let stored = Relative { grant: row, connections };
    if stored.in_the_making() {
        return Ok(None);
    }
    let account_id = Some(late.account_id.to_owned());
    let grant = GrantRow { account_id, sites: late.listed.to_vec(), ..stored.grant };
    Ok(Some(Relative { grant, ..stored }))
}

/// The account's other grants, newest consent first.
async fn others(store: &dyn Store, own: &GrantRow) -> Result<Vec<Relative>> {
    let Some(key) = account_key(own) else { return Ok(Vec::new()) };
    let mut relatives = Vec::new();
    for grant in store.grants_of(&key).await?.into_iter().rev().filter(|grant| grant.id != own.id) {
        let connections = store.connections_of(&grant.id).await?;
        relatives.push(Relative { grant, connections });
    }
    Ok(relatives)
}

/// One try to write it: the connections that moved, or nothing when something is no longer so.
async fn write(
    store: &dyn Store,
    winner: &Relative,
    loser: &Relative,
    now: &Stamp,
    reseal: impl Fn(&GrantRow, &str, u64) -> Result<Sealed>,
) -> Result<Option<Vec<Moved>>> {
    let mut expect = vec![
        Expect::Grant(winner.grant.id.clone(), Some(winner.grant.seq)),
        Expect::Grant(loser.grant.id.clone(), Some(loser.grant.seq)),
    ];
    let left = left_by(&loser.grant, &winner.grant.id, winner.grant.generation, now.wall_ms, reseal)?;
    let mut writes = vec![
        Write::PutGrant(united(&winner.grant, &loser.grant, left, now)),
        Write::DeleteGrant(loser.grant.id.clone()),
    ];
    let lost = |scope: &&String| !winner.grant.scopes.contains(scope);
    let lost_scopes: Vec<String> = loser.grant.scopes.iter().filter(lost).cloned().collect();
    let mut moved = Vec::new();
    for row in &loser.connections {
        expect.push(Expect::Connection(row.id.clone(), Some(row.seq)));
        let to = winner.grant.id.clone();
        writes.push(Write::PutConnection(ConnectionRow { grant_id: to.clone(), ..row.clone() }));
        let from = loser.grant.id.clone();
        moved.push(Moved { connection_id: row.id.clone(), from, to, lost_scopes: lost_scopes.clone() });
    }
    Ok(store.write(expect, writes).await?.map(|_| moved))
}

/// The winner with the loser's pairs among its spares, unless the loser was refused. `left` are those, sealed for the
/// winner.
fn united(winner: &GrantRow, loser: &GrantRow, left: Vec<Spare>, now: &Stamp) -> GrantRow {
    let account_id = winner.account_id.clone().or_else(|| loser.account_id.clone());
    let lives = loser.death.is_none();
    let spares = spares::with(&winner.spares, left.into_iter().filter(|_| lives));
    let row = GrantRow { account_id, spares, ..winner.clone() };
    noted(row, winner.generation, Outcome::Merged, now.wall_ms)
}

#[cfg(test)]
#[path = "uniting_tests.rs"]
mod tests;
