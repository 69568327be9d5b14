//! Read, change, write if unchanged, and again: how a pure transition reaches the store.

use futures::future::BoxFuture;

use crate::clock::Stamp;
use crate::error::{Code, Error, Result};
use crate::store::{Expect, GrantRow, Store, Write};

/// What came of a change.
#[derive(Debug)]
pub(crate) enum Changed {
    /// It was written; the row as it is now.
    Written(Box<GrantRow>),
    /// The transition did not want it; the row as it is.
    Declined(Box<GrantRow>),
    /// There is no such grant.
    Gone,
}

/// Losing this often in a row to other writers of one grant means that something is wrong.
const TRIES: u32 = 1000;

/// Applies `transition` to a grant: it gets the row and the store's time, and gives the new row with whatever else
/// belongs into the same batch, or nothing.
pub(crate) async fn change(
    store: &dyn Store,
    grant_id: &str,
    transition: impl Fn(&GrantRow, &Stamp) -> Option<(GrantRow, Vec<Write>)> + Send + Sync,
) -> Result<Changed> {
    again_and_again(store, grant_id, transition, |expect, writes| store.write(expect, writes)).await
}

/// The same for a transition that saves a pair which is stored nowhere else: see [`Store::rescue`].
pub(crate) async fn rescue(
    store: &dyn Store,
    grant_id: &str,
    transition: impl Fn(&GrantRow, &Stamp) -> Option<(GrantRow, Vec<Write>)> + Send + Sync,
) -> Result<Changed> {
    again_and_again(store, grant_id, transition, |expect, writes| store.rescue(expect, writes)).await
}

async fn again_and_again<'s>(
    store: &'s dyn Store,
    grant_id: &str,
    transition: impl Fn(&GrantRow, &Stamp) -> Option<(GrantRow, Vec<Write>)> + Send + Sync,
    write: impl Fn(Vec<Expect>, Vec<Write>) -> BoxFuture<'s, Result<Option<u64>>> + Send + Sync,
) -> Result<Changed> {
    for _ in 0..TRIES {
        // The time is read first: judged a little early, a lease seems to live a little longer, never shorter.
        let now = store.now().await?;
        let Some(row) = store.grant(grant_id).await? else { return Ok(Changed::Gone) };
        let Some((mut new, mut writes)) = transition(&row, &now) else {
            return Ok(Changed::Declined(Box::new(row)));
        };
        writes.insert(0, Write::PutGrant(new.clone()));
        let expect = vec![Expect::Grant(grant_id.to_owned(), Some(row.seq))];
        if let Some(seq) = write(expect, writes).await? {
            new.seq = seq;
            return Ok(Changed::Written(Box::new(new)));
        }
    }
    Err(Error::new(Code::StoreUnavailable, "other writers of one grant never let this one through"))
}
