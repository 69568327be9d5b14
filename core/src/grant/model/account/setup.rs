//! What is checked: what there is at first, what may happen to it, and what must hold.

use super::rows::newest;
use crate::grant::model::flaws::Flaw;
use crate::grant::model::provider::Siblings;
use crate::store::memory::Rows;
use crate::store::{Expect, Spare, Write};

/// What a new consent does to the earlier ones of the same account: what F3.7 leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Consents {
    /// Nothing.
    Apart,
    /// It ends them.
    NewestOnly,
    /// Nothing, but whichever of them is rotated ends the others.
    LastRotated,
}

/// Where a consent comes from and what it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) connection: &'static str,
    pub(super) sites: &'static [&'static str],
    /// Its account is not learnt before it is placed.
    pub(super) unknown: bool,
}

/// A grant that is there at first, and what uses it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    pub(super) sites: &'static [&'static str],
    /// Connections and their sites.
    pub(super) used_by: &'static [(&'static str, &'static str)],
    /// Its account has not been learnt.
    pub(super) unknown: bool,
    /// It was imported, and nothing has been learnt of it.
    pub(super) imported: bool,
}

/// Something that may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Task {
    /// A person consents, and the callback is completed. The number is that of [`Setup::origins`].
    Consent(usize),
    /// A consent or an import that was left open is finished.
    Resume(&'static str),
    /// A connection is taken away.
    Part(&'static str),
    /// The account of a connection's grant is learnt late.
    Learn(&'static str),
    /// A connection's grant is rotated, by this process, whose memory is kept, or by another one.
    Rotate { connection: &'static str, here: bool },
}

/// Faults that may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    /// A task ends without another word.
    pub(super) crash: u8,
    /// An exchange whose outcome its worker does not learn.
    pub(super) unclear: u8,
    /// A lease lapses although its holder lives.
    pub(super) stall: u8,
    /// The store answers the write of a consent, a disconnect or a merge with an error, having written or not.
    pub(super) store: u8,
}

pub(super) const NONE: Faults = Faults { crash: 0, unclear: 0, stall: 0, store: 0 };

/// One configuration.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) name: &'static str,
    pub(super) consents: Consents,
    pub(super) siblings: Siblings,
    pub(super) given: Vec<Given>,
    pub(super) origins: Vec<Origin>,
    /// What may happen, each once.
    pub(super) tasks: Vec<Task>,
    pub(super) faults: Faults,
    /// The store was just set back by two rotations that this process remembers.
    pub(super) restored: bool,
    /// A consent may also crash while its pair is in no store yet.
    pub(super) unstored: bool,
    /// A consent does not lose its patience with the rotations it disturbs before their leases have lapsed.
    pub(super) patient: bool,
    pub(super) mutant: Option<Mutant>,
    pub(super) promises: Vec<Promise>,
}

/// What must hold in every reachable state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Promise {
    /// This never happens.
    Never(Flaw),
    /// Every connection has its grant, and so has every consent that is to be finished.
    NothingDangles,
    /// Left to itself, every connection's grant holds a token that the provider takes.
    NotLost,
    /// Left to itself, some connection's grant does, if there are connections and the provider takes any token of the
    /// account. More cannot be had of two grants that end each other.
    OneLives,
    /// Left to itself, a rotation of it ends fresh if the provider takes the newest or a spare token: at once, and
    /// also after the reuse window unless the row says that there is something to be settled before.
    NotStuck,
    /// Left to itself, a connection's grant holds its newest consent's pair or a newer one, and never keeps it as the
    /// spare of an older one's, while the provider takes it. A consent that was taken away unfinished counts for none.
    NewestLeads,
    /// Left to itself, a connection taken away is gone, and an account without connections has no grant left.
    GoneIsGone,
}

/// What holds whatever happens.
pub(super) const ALWAYS: [Promise; 7] = [
    Promise::Never(Flaw::Overwrote),
    Promise::Never(Flaw::FenceFell),
    Promise::Never(Flaw::SealedForAnother),
    Promise::NothingDangles,
    Promise::NotStuck,
    Promise::NewestLeads,
    Promise::GoneIsGone,
];

/// A configuration in which nothing fails, and what must hold whatever happens.
pub(super) fn setup(name: &'static str, consents: Consents) -> Setup {
    Setup {
        name,
        consents,
        siblings: Siblings::All,
        given: vec![],
        origins: vec![],
        tasks: vec![],
        faults: NONE,
        restored: false,
        unstored: false,
        patient: false,
        mutant: None,
        promises: ALWAYS.to_vec(),
    }
}

impl Setup {
    /// The same with more promises.
    pub(super) fn and(mut self, more: &[Promise]) -> Self {
        self.promises.extend(more);
        self
    }
}

/// A wrong rule, which must be found out. It spoils a batch on its way to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    /// A consent does not keep the pair it displaces.
    DropsTheDisplaced,
    /// A disconnect takes the grant along although another connection uses it.
    PartsBlindly,
    /// Where two grants become one, the older consent leads.
    OlderLeads,
    /// A consent is placed whatever has become of the grants meanwhile.
    PlacesBlindly,
    /// Two grants become one without what was in doubt about the newer one.
    ForgetsDoubt,
    /// A consent keeps no pair of a third grant that ends with it.
    DropsTheThird,
    /// A new pair whose writing may have failed is written again, whatever has become of it.
    StoresBlindly,
}

impl Mutant {
    pub(super) fn spoil(self, before: &Rows, expect: &mut Vec<Expect>, writes: &mut [Write]) {
        let parting = writes.iter().any(|write| matches!(write, Write::DeleteConnection(_)));
        match self {
            Self::PartsBlindly if parting => {
                for write in writes.iter_mut() {
                    if let Write::PutGrant(row) = write {
                        *write = Write::DeleteGrant(row.id.clone());
                    }
                }
            }
            Self::StoresBlindly => expect.retain(|one| !matches!(one, Expect::TokenHashUnseen(_))),
            Self::PlacesBlindly if !parting => expect.retain(|one| !matches!(one, Expect::Grant(..))),
            _ => {}
        }
        for write in writes {
            let Write::PutGrant(row) = write else { continue };
            let Some(old) = before.grants.get(&row.id) else { continue };
            let consent = |row| newest(row).map(|(family, _)| family);
            if parting || consent(row) == consent(old) {
                continue;
            }
            match self {
                Self::DropsTheDisplaced => row.spares.clear(),
                Self::ForgetsDoubt => row.intent = None,
                Self::DropsTheThird => {
                    let known = [consent(row), consent(old)];
                    row.spares.retain(|spare| known.contains(&Some(spare.pair.0[0])));
                }
                Self::OlderLeads => {
                    let (pair, generation) = (row.pair.clone(), row.generation);
                    row.spares = vec![Spare { pair, generation, issued_at: 0, kept_at: 0 }];
                    (row.pair, row.generation) = (old.pair.clone(), old.generation);
                }
                _ => {}
            }
        }
    }
}

/// One grant that reaches both sites.
pub(super) const BOTH: Given = Given {
    sites: &["acme", "zeta"],
    used_by: &[("user-1", "acme"), ("user-2", "zeta")],
    unknown: false,
    imported: false,
};
/// One that reaches acme.
pub(super) const ACME: Given =
    Given { sites: &["acme"], used_by: &[("user-1", "acme")], unknown: false, imported: false };
/// One that reaches zeta.
pub(super) const ZETA: Given =
    Given { sites: &["zeta"], used_by: &[("user-2", "zeta")], unknown: false, imported: false };
/// One that another system held until now.
pub(super) const IMPORTED: Given =
    Given { sites: &["acme"], used_by: &[("user-3", "acme")], unknown: true, imported: true };

/// One that reaches acme, too, and does not know its account.
pub(super) const UNKNOWN: Given =
    Given { sites: &["acme"], used_by: &[("user-2", "acme")], unknown: true, imported: false };

pub(super) const fn reaching(connection: &'static str, sites: &'static [&'static str]) -> Origin {
    Origin { connection, sites, unknown: false }
}

/// A rotation in another process.
pub(super) const fn there(connection: &'static str) -> Task {
    Task::Rotate { connection, here: false }
}

/// One in this process.
pub(super) const fn here(connection: &'static str) -> Task {
    Task::Rotate { connection, here: true }
}
