//! Seals the pairs of one grant with the first key. A grant that is being rotated is left to its holder: the pair that
//! holder stores is sealed with the first key anyway, and spares it has seen refused must stay recognisable.

use std::sync::Mutex;

use secrecy::ExposeSecret as _;

use super::change::{Changed, change};
use super::runner::Shared;
use super::tokens::TokenPair;
use super::transitions::lease_left;
use crate::error::Result;
use crate::lock::lock;
use crate::store::{GrantRow, Sealed, Sealer, Spare, TokenHashRow, Write};

/// What came of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// It was moved.
    Now,
    /// There was nothing to move, or no grant any more.
    Before,
    /// It is being rotated.
    Busy,
    /// It was sealed with a key that was not given, or is damaged.
    Unreadable,
}

/// Tries once.
pub(crate) async fn rekey(shared: &Shared, grant_id: &str) -> Result<Moved> {
    let (sealer, timings) = (&*shared.sealer, &shared.endpoint.timings);
    let declined = Mutex::new(Moved::Before);
    let changed = change(&*shared.store, grant_id, |row, now| {
        let why = if is_current(sealer, row) {
            Moved::Before
        } else if row.lease.as_ref().is_some_and(|lease| lease_left(lease, now, timings) > 0) {
            Moved::Busy
        } else {
            match resealed(sealer, row) {
                Ok(moved) => return Some(moved),
                Err(error) => {
                    tracing::error!(grant = row.id, code = %error.code(), "a grant cannot be moved to the first key: {}", error.message());
                    Moved::Unreadable
                }
            }
        };
        *lock(&declined) = why;
        None
    })
    .await?;
    Ok(match changed {
        Changed::Written(_) => Moved::Now,
        Changed::Declined(_) => *lock(&declined),
        Changed::Gone => Moved::Before,
    })
}

fn is_current(sealer: &Sealer, row: &GrantRow) -> bool {
    sealer.is_current(&row.pair) && row.spares.iter().all(|spare| sealer.is_current(&spare.pair))
}

/// The row with its pairs sealed anew, and what their refresh tokens are known by under the first key.
fn resealed(sealer: &Sealer, row: &GrantRow) -> Result<(GrantRow, Vec<Write>)> {
    let mut hashes = Vec::new();
    let mut anew = |pair: &Sealed, generation| -> Result<Sealed> {
        let pair = TokenPair::open(sealer, &row.id, generation, pair)?;
        let hash = sealer.fingerprint(pair.refresh.expose_secret());
        hashes.push(Write::AddTokenHash(TokenHashRow { hash, grant_id: row.id.clone(), generation }));
        pair.seal(sealer, &row.id, generation)
    };
    let pair = anew(&row.pair, row.generation)?;
    let spares = row.spares.iter().map(|spare| {
        Ok::<_, crate::Error>(Spare { pair: anew(&spare.pair, spare.generation)?, ..spare.clone() })
    });
    let spares = spares.collect::<Result<_>>()?;
    Ok((GrantRow { pair, spares, ..row.clone() }, hashes))
}
