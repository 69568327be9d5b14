//! Rows as the checker compares them: by what can differ, and by the order of their sequence numbers only.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::replay::Said;
use crate::grant::model::flaws::{Flaw, Flaws};
use crate::grant::model::provider::Token;
use crate::store::memory::Rows;
use crate::store::{ConnectionRow, GrantRow, Sealed, SessionRow, SessionStage};

/// A refresh token: which consent it goes back to, and its place in that consent's family.
pub(super) type Descent = (u8, Token);

/// Number `number` of the grants.
pub(super) fn grant_id(number: u8) -> String {
    format!("g{number}")
}

/// A sealed pair says what it was sealed for, so that opening it for anything else is noticed.
pub(super) fn seal((family, token): Descent, id: &str, generation: u64) -> Sealed {
    Sealed(vec![family, token, id.as_bytes()[1], u8::try_from(generation).expect("a short history")])
}

/// The refresh token in a sealed pair, if it was sealed for that.
pub(super) fn open(pair: &Sealed, id: &str, generation: u64) -> Option<Descent> {
    let descent = (pair.0[0], pair.0[1]);
    (*pair == seal(descent, id, generation)).then_some(descent)
}

/// The newest token.
pub(super) fn newest(row: &GrantRow) -> Option<Descent> {
    open(&row.pair, &row.id, row.generation)
}

/// Those of the spares that were sealed for their place.
pub(super) fn spares(row: &GrantRow) -> impl Iterator<Item = Descent> {
    row.spares.iter().filter_map(|spare| open(&spare.pair, &row.id, spare.generation))
}

/// What is wrong with these rows after those.
pub(super) fn noted(before: &Rows, after: &Rows, flaws: &mut Flaws) {
    for new in after.grants.values() {
        if newest(new).is_none() || spares(new).count() != new.spares.len() {
            flaws.note(Flaw::SealedForAnother);
        }
        let Some(old) = before.grants.get(&new.id) else { continue };
        if new.generation > old.generation + 1 {
            flaws.note(Flaw::Leapt);
        }
        if new.generation < old.generation || (new.generation == old.generation && new.pair != old.pair) {
            flaws.note(Flaw::Overwrote);
        }
        if new.fence < old.fence {
            flaws.note(Flaw::FenceFell);
        }
    }
}

/// The rows of a state, shared by the states that have the same.
#[derive(Clone, Debug)]
pub(super) struct Shelf(pub(super) Arc<Rows>);

impl PartialEq for Shelf {
    fn eq(&self, other: &Self) -> bool {
        let (one, two) = (&*self.0, &*other.0);
        one.grants == two.grants
            && one.connections == two.connections
            && one.sessions == two.sessions
            && one.hashes == two.hashes
    }
}

impl Hash for Shelf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let rows = &*self.0;
        rows.grants.values().for_each(|row| grant(row, state));
        rows.connections.values().for_each(|row| connection(row, state));
        rows.sessions.values().for_each(|row| session(row, state));
        rows.hashes.keys().for_each(|hash| hash.hash(state));
    }
}

/// What code in the middle of its work has heard.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Log(pub(super) Arc<Vec<Said>>);

impl Hash for Log {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.len().hash(state);
        for said in &*self.0 {
            match said {
                Said::Grant(row) => row.iter().for_each(|row| grant(row, state)),
                Said::Resolved(both) => {
                    if let Some((row, held)) = &**both {
                        connection(row, state);
                        grant(held, state);
                    }
                }
                Said::Grants(rows) => rows.iter().for_each(|row| grant(row, state)),
                Said::Connections(rows) => rows.iter().for_each(|row| connection(row, state)),
                Said::Session(row) => row.iter().for_each(|row| session(row, state)),
                Said::Wrote(seq) => seq.is_some().hash(state),
            }
            0xffu8.hash(state);
        }
    }
}

pub(super) fn grant<H: Hasher>(row: &GrantRow, state: &mut H) {
    (&row.id, row.generation, &row.pair, row.fence, row.seq, row.death.is_some()).hash(state);
    (&row.account_id, row.consented_at, row.sites.len(), &row.lease, &row.intent).hash(state);
    row.spares.len().hash(state);
    row.spares.iter().for_each(|spare| (&spare.pair, spare.generation).hash(state));
    row.sites.iter().for_each(|site| site.cloud_id.hash(state));
}

fn connection<H: Hasher>(row: &ConnectionRow, state: &mut H) {
    (&row.id, &row.grant_id, row.seq, row.site.as_ref().map(|site| &site.cloud_id)).hash(state);
}

pub(super) fn session<H: Hasher>(row: &SessionRow, state: &mut H) {
    (&row.state_hash, &row.connection_id, row.seq).hash(state);
    matches!(row.stage, SessionStage::Exchanged { .. }).hash(state);
}

/// The sequence numbers in these.
pub(super) fn seqs(rows: &Rows) -> impl Iterator<Item = u64> {
    let grants = rows.grants.values().map(|row| row.seq);
    let connections = rows.connections.values().map(|row| row.seq);
    grants.chain(connections).chain(rows.sessions.values().map(|row| row.seq))
}

/// Changes them.
pub(super) fn renumber(rows: &mut Rows, rank: &impl Fn(u64) -> u64) {
    rows.grants.values_mut().for_each(|row| row.seq = rank(row.seq));
    rows.connections.values_mut().for_each(|row| row.seq = rank(row.seq));
    rows.sessions.values_mut().for_each(|row| row.seq = rank(row.seq));
}

impl Log {
    pub(super) fn seqs(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|said| match said {
            Said::Grant(row) => row.iter().map(|row| row.seq).collect::<Vec<_>>(),
            Said::Resolved(both) => both.iter().flat_map(|both| [both.0.seq, both.1.seq]).collect(),
            Said::Grants(rows) => rows.iter().map(|row| row.seq).collect(),
            Said::Connections(rows) => rows.iter().map(|row| row.seq).collect(),
            Said::Session(row) => row.iter().map(|row| row.seq).collect(),
            Said::Wrote(_) => Vec::new(),
        })
    }

    pub(super) fn renumber(&mut self, rank: &impl Fn(u64) -> u64) {
        if self.0.is_empty() {
            return;
        }
        for said in Arc::make_mut(&mut self.0) {
            match said {
                Said::Grant(row) => row.iter_mut().for_each(|row| row.seq = rank(row.seq)),
                Said::Resolved(both) => {
                    if let Some(both) = &mut **both {
                        (both.0.seq, both.1.seq) = (rank(both.0.seq), rank(both.1.seq));
                    }
                }
                Said::Grants(rows) => rows.iter_mut().for_each(|row| row.seq = rank(row.seq)),
                Said::Connections(rows) => rows.iter_mut().for_each(|row| row.seq = rank(row.seq)),
                Said::Session(row) => row.iter_mut().for_each(|row| row.seq = rank(row.seq)),
                Said::Wrote(_) => {}
            }
        }
    }
}
