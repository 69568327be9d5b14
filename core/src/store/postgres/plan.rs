//! What a group of batches comes down to: which of them are written, and the one last state of every row they touch.
//! Nothing here asks the database; [`super::load`] did that before, and [`super::carry_out`] does what is planned.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::read::{CONNECTION, GRANT};
use super::writer::Batch;
use crate::records::Tags;
use crate::store::{ConnectionRow, Expect, GrantRow, SessionRow, TokenHashRow, Write};

/// The rows whose state matters to a group, by their keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked<'b> {
    pub(super) grants: BTreeSet<&'b str>,
    pub(super) connections: BTreeSet<&'b str>,
    pub(super) sessions: BTreeSet<&'b [u8]>,
    pub(super) hashes: BTreeSet<&'b [u8]>,
    pub(super) metas: BTreeSet<&'b str>,
}

/// Those of them that exist.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) grants: HashMap<String, u64>,
    pub(super) connections: HashMap<String, (u64, Tags)>,
    pub(super) sessions: HashMap<Vec<u8>, u64>,
    pub(super) hashes: HashSet<Vec<u8>>,
    pub(super) metas: HashSet<String>,
}

/// A row that is written, with its sequence number; `None` stands for one that is removed.
pub(super) type Last<'b, T> = Option<(&'b T, u64)>;

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan<'b> {
    /// The newest sequence number.
    pub(super) seq: u64,
    /// What each batch is answered with.
    pub(super) answers: Vec<Option<u64>>,
    pub(super) grants: BTreeMap<&'b str, Last<'b, GrantRow>>,
    pub(super) connections: BTreeMap<&'b str, Last<'b, ConnectionRow>>,
    pub(super) sessions: BTreeMap<&'b [u8], Last<'b, SessionRow>>,
    pub(super) hashes: BTreeMap<&'b [u8], &'b TokenHashRow>,
    pub(super) metas: BTreeMap<&'b str, &'b [u8]>,
    /// Sequence number, kind and id.
    pub(super) removals: BTreeSet<(u64, i16, &'b str)>,
}

impl<'b> Asked<'b> {
    pub(super) fn by(batches: &'b [Batch]) -> Self {
        let mut asked = Self::default();
        for expected in batches.iter().flat_map(|batch| &batch.expect) {
            match expected {
                Expect::Grant(id, _) => drop(asked.grants.insert(id)),
                Expect::Connection(id, _) => drop(asked.connections.insert(id)),
                Expect::Session(hash, _) => drop(asked.sessions.insert(hash)),
                Expect::TokenHashUnseen(hash) => drop(asked.hashes.insert(hash)),
                Expect::MetaAbsent(name) => drop(asked.metas.insert(name)),
            }
        }
        for write in batches.iter().flat_map(|batch| &batch.writes) {
            match write {
                // Only what was there is remembered as removed.
                Write::DeleteGrant(id) => drop(asked.grants.insert(id)),
                Write::DeleteConnection(id) => drop(asked.connections.insert(id)),
                // Its tags are replaced.
                Write::PutConnection(row) => drop(asked.connections.insert(&row.id)),
                _ => {}
            }
        }
        asked
    }

    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl<'b> Plan<'b> {
    pub(super) fn of(batches: &'b [Batch], found: &Found, head: u64) -> Self {
        let mut plan = Self { seq: head, ..Self::default() };
        for batch in batches {
            let holds = batch.expect.iter().all(|expected| plan.holds(found, expected));
            plan.seq += u64::from(holds);
            plan.answers.push(holds.then_some(plan.seq));
            if holds {
                batch.writes.iter().for_each(|write| plan.apply(found, write));
            }
        }
        plan
    }

    fn holds(&self, found: &Found, expected: &Expect) -> bool {
        match expected {
            Expect::Grant(id, seq) => self.grant(found, id) == *seq,
            Expect::Connection(id, seq) => self.connection(found, id) == *seq,
            Expect::Session(hash, seq) => {
                let planned = self.sessions.get(hash.as_slice());
                planned.map_or_else(|| found.sessions.get(hash).copied(), |last| last.map(|(_, seq)| seq))
                    == *seq
            }
            Expect::TokenHashUnseen(hash) => {
                !found.hashes.contains(hash) && !self.hashes.contains_key(hash.as_slice())
            }
            Expect::MetaAbsent(name) => {
                !found.metas.contains(name) && !self.metas.contains_key(name.as_str())
            }
        }
    }

    fn grant(&self, found: &Found, id: &str) -> Option<u64> {
        self.grants.get(id).map_or_else(|| found.grants.get(id).copied(), |last| last.map(|(_, seq)| seq))
    }

    fn connection(&self, found: &Found, id: &str) -> Option<u64> {
        let planned = self.connections.get(id);
        planned
            .map_or_else(|| found.connections.get(id).map(|(seq, _)| *seq), |last| last.map(|(_, seq)| seq))
    }

    fn apply(&mut self, found: &Found, write: &'b Write) {
        let seq = self.seq;
        match write {
            Write::PutGrant(row) => drop(self.grants.insert(&row.id, Some((row, seq)))),
            Write::PutConnection(row) => drop(self.connections.insert(&row.id, Some((row, seq)))),
            Write::PutSession(row) => drop(self.sessions.insert(&row.state_hash, Some((row, seq)))),
            Write::AddTokenHash(row) => drop(self.hashes.entry(&row.hash).or_insert(row)),
            Write::PutMeta(name, value) => drop(self.metas.insert(name, value)),
            Write::DeleteSession(hash) => drop(self.sessions.insert(hash, None)),
            Write::DeleteGrant(id) => {
                if self.grant(found, id).is_some() {
                    self.removals.insert((seq, GRANT, id));
                    self.grants.insert(id, None);
                }
            }
            Write::DeleteConnection(id) => {
                if self.connection(found, id).is_some() {
                    self.removals.insert((seq, CONNECTION, id));
                    self.connections.insert(id, None);
                }
            }
        }
    }
}
