//! One moment: the rows, the provider, who is at work, and what this process remembers.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::jobs::Job;
use super::rows::{self, Descent, Shelf, grant_id, newest, renumber, seal, seqs, spares};
use super::setup::{Consents, Faults, Origin, Promise, Setup};
use crate::grant::model::flaws::Flaws;
use crate::grant::model::provider::{Family, Verdict};
use crate::grant::model::setup::LEASE;
use crate::grant::model::state::{NOW, first_row, stamp};
use crate::records::{Product, Site};
use crate::store::memory::Rows;
use crate::store::{ConnectionRow, GrantRow, Sealed, SessionRow, SessionStage};

/// The reuse window in ticks. It ends only where a promise looks beyond it.
pub(super) const WINDOW: u8 = 1;

/// What follows from one consent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Line {
    pub(super) family: Family,
    pub(super) origin: Origin,
    /// Its connection was put where it belongs.
    pub(super) placed: bool,
}

/// A task and who is at it.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) struct Slot {
    pub(super) begun: bool,
    pub(super) job: Option<Job>,
}

/// What this process remembers of grants.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Memory(pub(super) BTreeMap<String, GrantRow>);

impl Hash for Memory {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.values().for_each(|row| rows::grant(row, state));
    }
}

/// One moment.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) struct State {
    pub(super) rows: Shelf,
    pub(super) lines: Vec<Line>,
    pub(super) slots: Vec<Slot>,
    pub(super) memory: Memory,
    /// Connections that are being or were taken away, and were not consented to since.
    pub(super) parted: Vec<&'static str>,
    /// Promises about quiet states that this one breaks.
    pub(super) broken: Vec<Promise>,
    pub(super) faults: Faults,
    pub(super) flaws: Flaws,
}

impl State {
    pub(super) fn start(setup: &Setup) -> Self {
        let mut rows = Rows::default();
        let mut lines = Vec::new();
        for (given, number) in setup.given.iter().zip(0..) {
            let (connection, _) = given.used_by[0];
            let origin = Origin { connection, sites: given.sites, unknown: given.unknown };
            lines.push(Line { family: Family::start(), origin, placed: !given.imported });
            rows.seq += 1;
            let mut grant = new_grant(number, rows.seq);
            grant.account_id = grant.account_id.filter(|_| !given.unknown);
            if given.imported {
                rows.sessions.insert(vec![number], session(number, connection, rows.seq));
            } else {
                grant.sites = sites(given.sites);
            }
            for (id, on) in given.used_by {
                let site = (!given.imported).then(|| site(on));
                rows.connections.insert((*id).to_owned(), connection_row(id, &grant.id, site, rows.seq));
            }
            rows.grants.insert(grant.id.clone(), grant);
        }
        let mut memory = Memory::default();
        if setup.restored {
            for (row, line) in rows.grants.values().zip(&mut lines) {
                for token in 0..2 {
                    line.family.exchange(token, WINDOW, setup.siblings, false);
                }
                let (number, _) = newest(row).expect("sealed for it");
                let generation = row.generation + 2;
                let pair = seal((number, 2), &row.id, generation);
                memory.0.insert(row.id.clone(), GrantRow { pair, generation, seq: 0, ..row.clone() });
            }
        }
        Self {
            rows: Shelf(Arc::new(rows)),
            lines,
            slots: setup.tasks.iter().map(|_| Slot { begun: false, job: None }).collect(),
            memory,
            parted: Vec::new(),
            broken: Vec::new(),
            faults: setup.faults,
            flaws: Flaws::default(),
        }
    }

    /// Nobody is at work.
    pub(super) fn quiet(&self) -> bool {
        self.slots.iter().all(|slot| slot.job.is_none())
    }

    /// Whether the provider takes this token.
    pub(super) fn takes(&self, (family, token): Descent) -> bool {
        self.lines[usize::from(family)].family.takes(token, WINDOW)
    }

    /// The tokens of a grant that the provider takes.
    pub(super) fn taken(&self, row: &GrantRow) -> bool {
        newest(row).into_iter().chain(spares(row)).any(|token| self.takes(token))
    }

    /// Spends a token.
    pub(super) fn exchange(&mut self, setup: &Setup, (family, token): Descent) -> Option<Descent> {
        let line = &mut self.lines[usize::from(family)];
        let Verdict::Issued(new) = line.family.exchange(token, WINDOW, setup.siblings, false) else {
            return None;
        };
        if setup.consents == Consents::LastRotated {
            self.end_all_but(family);
        }
        Some((family, new))
    }

    /// Exchanges the code of a consent.
    pub(super) fn consent(&mut self, setup: &Setup, origin: Origin) -> u8 {
        self.lines.push(Line { family: Family::start(), origin, placed: false });
        let number = u8::try_from(self.lines.len() - 1).expect("few consents");
        if setup.consents == Consents::NewestOnly {
            self.end_all_but(number);
        }
        number
    }

    fn end_all_but(&mut self, number: u8) {
        let others = self.lines.iter_mut().zip(0..).filter(|(_, other)| *other != number);
        others.for_each(|(line, _)| line.family.end());
    }

    /// A lease of this grant that has not lapsed: its holder.
    pub(super) fn leased(&self, id: &str) -> Option<&str> {
        let lease = self.rows.0.grants.get(id)?.lease.as_ref()?;
        (lease.at == stamp(0)).then_some(lease.holder.as_str())
    }

    /// Lets the lease of a grant lapse.
    pub(super) fn lapse(&mut self, id: &str) {
        let rows = Arc::make_mut(&mut self.rows.0);
        if let Some(lease) = rows.grants.get_mut(id).and_then(|row| row.lease.as_mut()) {
            lease.at = stamp(LEASE);
            let holder = lease.holder.clone();
            let jobs = self.slots.iter_mut().filter_map(|slot| slot.job.as_mut());
            for worker in jobs.filter_map(Job::worker_mut).filter(|worker| worker.name == holder) {
                worker.leased = false;
            }
        }
    }

    /// Sequence numbers matter by their order alone; making them small makes equal what differs in nothing else.
    pub(super) fn level(&mut self) {
        let heard = self.slots.iter().filter_map(|slot| slot.job.as_ref()).flat_map(Job::seqs);
        let mut found: Vec<u64> = seqs(&self.rows.0).chain(heard).collect();
        found.sort_unstable();
        found.dedup();
        let most = found.len() as u64;
        if found.last() == Some(&most) && self.rows.0.seq == most {
            return;
        }
        let rank = |seq: u64| found.partition_point(|other| *other < seq) as u64 + 1;
        let rows = Arc::make_mut(&mut self.rows.0);
        renumber(rows, &rank);
        rows.seq = most;
        self.slots.iter_mut().filter_map(|slot| slot.job.as_mut()).for_each(|job| job.renumber(&rank));
    }
}

/// The grant made for a consent's pair, or an import's.
pub(super) fn new_grant(number: u8, seq: u64) -> GrantRow {
    let id = grant_id(number);
    GrantRow {
        pair: seal((number, 0), &id, 1),
        id,
        account_id: Some("ada".to_owned()),
        generation: 1,
        consented_at: NOW + u64::from(number),
        seq,
        ..first_row()
    }
}

/// The session of an exchanged consent, or of an import.
pub(super) fn session(number: u8, connection: &str, seq: u64) -> SessionRow {
    SessionRow {
        state_hash: vec![number],
        connection_id: connection.to_owned(),
        stage: SessionStage::Exchanged { grant_id: grant_id(number) },
        payload: Sealed(Vec::new()),
        expires_at: NOW,
        seq,
    }
}

/// A site by its cloud id; the rest makes no difference here.
fn site(name: &str) -> Site {
    Site {
        cloud_id: name.to_owned(),
        url: String::new(),
        name: String::new(),
        scopes: Vec::new(),
        products: vec![Product::Jira],
        avatar_url: None,
    }
}

pub(super) fn sites(names: &[&str]) -> Vec<Site> {
    names.iter().map(|name| site(name)).collect()
}

fn connection_row(id: &str, grant_id: &str, site: Option<Site>, seq: u64) -> ConnectionRow {
    ConnectionRow {
        id: id.to_owned(),
        grant_id: grant_id.to_owned(),
        site,
        site_choice: None,
        tags: Default::default(),
        metadata: Default::default(),
        created_at: NOW,
        seq,
    }
}
