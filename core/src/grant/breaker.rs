//! One breaker per app (DESIGN §3, rule 5): while the token endpoint does not answer, attempts over all grants of the
//! app are spaced instead of each grant trying by itself. Pure: moments go in, turns come out; [`super::gate`] waits.
//!
//! Who waits stands in a line: first those whose outcome is unclear, because their window is running out, then those
//! whose callers have nothing usable, then those that only rotate ahead of need. One clear answer lets all go.

use std::collections::{BTreeSet, HashMap};

/// So many attempts in a row without a clear answer, over all grants, are an outage.
const OUTAGE_FROM: u32 = 3;

/// Why somebody wants to try. The order is that of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// The outcome of an earlier attempt is unclear; it has to be repeated by this moment, breaker or not.
    Replay {
        /// Boot milliseconds.
        by: u64,
    },
    /// Somebody has nothing usable.
    Wanted,
    /// Nobody needs it yet.
    Ahead,
}

/// What one who asks is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is its turn, and it has left the line.
    Now,
    /// Ask again at this moment, in boot milliseconds: its turn comes then, or later if others come before it.
    At(u64),
}

/// One who waits, for as long as it does.
pub(crate) type Ticket = u64;

/// The state of one app's token endpoint as this process sees it. All moments are boot milliseconds.
#[derive(Debug)]
pub(crate) struct Breaker {
    /// Least distance between two attempts in an outage.
    gap: u64,
    /// Attempts without a clear answer since the last one that had one.
    failures: u32,
    /// Nobody's turn comes before this.
    next: u64,
    line: BTreeSet<(Need, Ticket)>,
    /// What those in the line want, and when each was told to ask again.
    told: HashMap<Ticket, (Need, u64)>,
}

impl Breaker {
    pub(crate) fn new(gap: u64) -> Self {
        Self { gap: gap.max(1), failures: 0, next: 0, line: BTreeSet::new(), told: HashMap::new() }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.failures >= OUTAGE_FROM
    }

    /// The endpoint answered clearly: the outage is over.
    pub(crate) fn answered(&mut self) {
        self.failures = 0;
        self.line.clear();
        self.told.clear();
    }

    /// An attempt ended without a clear answer.
    pub(crate) fn failed(&mut self, now: u64) {
        self.failures = self.failures.saturating_add(1);
        if self.failures == OUTAGE_FROM {
            self.next = now.saturating_add(self.gap);
        }
    }

    /// Whether it is this one's turn; if not, it stands in the line from now on, where its need puts it.
    pub(crate) fn ask(&mut self, ticket: Ticket, need: Need, now: u64) -> Turn {
        self.leave(ticket);
        if !self.is_open() {
            return Turn::Now;
        }
        let overdue = matches!(need, Need::Replay { by } if by <= now);
        let before = self.line.range(..(need, ticket));
        let ahead = before.filter(|(_, other)| !self.is_away(*other, now)).count() as u64;
        if overdue || (ahead == 0 && self.next <= now) {
            self.next = self.next.max(now.saturating_add(self.gap));
            return Turn::Now;
        }
        self.line.insert((need, ticket));
        let turn = self.next.max(now).saturating_add(ahead.saturating_mul(self.gap));
        // Whoever should have gone before has not asked yet.
        let turn = turn.max(now.saturating_add(1));
        let turn = match need {
            Need::Replay { by } => turn.min(by),
            Need::Wanted | Need::Ahead => turn,
        };
        self.told.insert(ticket, (need, turn));
        Turn::At(turn)
    }

    /// Whether one in the line has not come back when it was told to: it waits for something else, such as the store.
    fn is_away(&self, ticket: Ticket, now: u64) -> bool {
        self.told.get(&ticket).is_some_and(|(_, told)| told.saturating_add(self.gap) < now)
    }

    /// It does not want to try any more.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        if let Some((need, _)) = self.told.remove(&ticket) {
            self.line.remove(&(need, ticket));
        }
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
