//! Taking a connection away, at the store: one try, which goes through only if everything it rests on is still so.
//! Like [`super::placing`] it knows no network, clock or key, and is what the model checker runs.

use crate::error::Result;
use crate::store::{Expect, GrantRow, Store, Write};

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

/// Takes the connection away, and its grant when nothing else uses it.
pub(crate) async fn part(store: &dyn Store, id: &str) -> Result<Parting> {
    let unfinished = store.unfinished_session(id).await?;
    let forget = unfinished.iter().map(|session| Write::DeleteSession(session.state_hash.clone()));
    let mut writes: Vec<Write> = forget.chain([Write::DeleteConnection(id.to_owned())]).collect();
    let Some((row, grant)) = store.resolve(id).await? else { return Ok(Parting::NotThere) };
    let expect = vec![
        Expect::Connection(id.to_owned(), Some(row.seq)),
        Expect::Grant(grant.id.clone(), Some(grant.seq)),
    ];
    let last = store.connections_of(&grant.id).await?.len() <= 1;
    // Written as it is, so that who read it meanwhile notices.
    writes.push(if last { Write::DeleteGrant(grant.id.clone()) } else { Write::PutGrant(grant.clone()) });
    Ok(match store.write(expect, writes).await? {
        Some(_) => Parting::Gone { grant: Box::new(grant), last },
        None => Parting::Outrun,
    })
}
