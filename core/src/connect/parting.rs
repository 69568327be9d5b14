//! Taking a connection away, at the store: one try, which goes through only if everything it rests on is still so.
//! Like [`super::placing`] it knows no network, clock or key, and is what the model checker runs.

use super::pairs::left_by;
use super::placing::account_key;
use crate::error::Result;
use crate::grant::spares;
use crate::store::{Expect, GrantRow, Sealed, SessionStage, Store, Write};

/// What came of one try.
#[derive(Debug)]
pub(crate) enum Parting {
    /// There is no such connection.
    NotThere,
    /// Somebody else wrote meanwhile.
    Outrun,
    /// The connection is gone.
    Gone {
        /// The grant it used.
        grant: Box<GrantRow>,
        /// The grant went with it, because nothing else used it.
        last: bool,
    },
}

/// Takes the connection away, with a consent for it that is not finished, and with the grants that nothing uses then:
/// its own, the unfinished consent's, and with the account's last connection whatever else of that account was kept.
/// `reseal` seals the pair of a grant for a generation of another one.
pub(crate) async fn part(
    store: &dyn Store,
    id: &str,
    reseal: impl Fn(&GrantRow, &str, u64) -> Result<Sealed>,
) -> Result<Parting> {
    let unfinished = store.unfinished_session(id).await?;
    let Some((row, grant)) = store.resolve(id).await? else { return Ok(Parting::NotThere) };
    let mut expect = vec![
        Expect::Connection(id.to_owned(), Some(row.seq)),
        Expect::Grant(grant.id.clone(), Some(grant.seq)),
    ];
    let mut writes = vec![Write::DeleteConnection(id.to_owned())];
    let last = store.connections_of(&grant.id).await?.len() <= 1;
    let mut unused = Vec::new();
    let mut kept = grant.clone();
    if let Some(session) = unfinished {
        writes.push(Write::DeleteSession(session.state_hash.clone()));
        if let SessionStage::Exchanged { grant_id } = &session.stage {
            unused.extend(store.grant(grant_id).await?);
        }
        for made in unused.iter().filter(|made| made.id != grant.id && made.account_id == grant.account_id) {
            // That consent may have ended the pair of those who stay (F3.7), so they get its pairs as spares.
            let now = store.now().await?.wall_ms;
            let left = left_by(made, &grant.id, grant.generation + 1, now, &reseal)?;
            kept = GrantRow { spares: spares::with(&kept.spares, left), death: None, ..kept };
        }
        expect.push(Expect::Session(session.state_hash, Some(session.seq)));
    }
    // Written even as it is, so that who read it meanwhile notices.
    writes.push(if last { Write::DeleteGrant(grant.id.clone()) } else { Write::PutGrant(kept) });
    if let Some(account) = account_key(&grant).filter(|_| last) {
        let finished = |other: &GrantRow| !other.sites.is_empty();
        unused.extend(store.grants_of(&account).await?.into_iter().filter(finished));
    }
    unused.retain(|other| other.id != grant.id);
    unused.dedup_by(|one, other| one.id == other.id);
    for other in unused {
        if store.connections_of(&other.id).await?.is_empty() {
            expect.push(Expect::Grant(other.id.clone(), Some(other.seq)));
            writes.push(Write::DeleteGrant(other.id));
        }
    }
    Ok(match store.write(expect, writes).await? {
        Some(_) => Parting::Gone { grant: Box::new(grant), last },
        None => Parting::Outrun,
    })
}
