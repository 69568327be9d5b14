//! What befell a grant lately: a few entries in its own row, so that they are written with what they tell of, in the
//! same swap, and cost no write. They are kept as text and read when somebody asks: a row is loaded far more often.

use crate::records::LedgerEntry;

/// So many entries are kept, the newest.
pub const ENTRIES_KEPT: usize = 20;

/// A grant's ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger(String);

/// An entry as it is kept.
type Kept = (u64, u64, String, String);

impl Ledger {
    /// A ledger as a store kept it.
    #[must_use]
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The ledger as a store keeps it: empty, or JSON.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.0
    }

    /// What it holds, newest first.
    #[must_use]
    pub fn entries(&self) -> Vec<LedgerEntry> {
        let entry = |(at, generation, outcome, worker): Kept| LedgerEntry { at, generation, outcome, worker };
        self.read().into_iter().rev().map(entry).collect()
    }

    /// The same with one more entry, and without the oldest one if there were enough.
    #[must_use]
    pub fn with(&self, entry: LedgerEntry) -> Self {
        let LedgerEntry { at, generation, outcome, worker } = entry;
        let mut kept = self.read();
        kept.push((at, generation, outcome, worker));
        let surplus = kept.len().saturating_sub(ENTRIES_KEPT);
        let newest: Vec<_> = kept.into_iter().skip(surplus).collect();
        Self(serde_json::to_string(&newest).unwrap_or_default())
    }

    /// Oldest first. A ledger that does not read as one begins anew: it must not stand in the way of a rotation.
    fn read(&self) -> Vec<Kept> {
        if self.0.is_empty() {
            return Vec::new();
        }
        serde_json::from_str(&self.0).unwrap_or_else(|error| {
            tracing::warn!(%error, "a grant's ledger cannot be read and begins anew");
            Vec::new()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(generation: u64) -> LedgerEntry {
        LedgerEntry { at: 1_000 + generation, generation, outcome: "rotated".into(), worker: "7-ab".into() }
    }

    #[test]
    fn the_newest_entries_stay_newest_first() {
        assert_eq!(Ledger::default().entries(), vec![]);
        let full = (1..=50).fold(Ledger::default(), |ledger, n| ledger.with(entry(n)));
        let kept: Vec<u64> = full.entries().iter().map(|entry| entry.generation).collect();
        assert_eq!(kept, (31..=50).rev().collect::<Vec<_>>());
        assert_eq!(full.entries()[0], entry(50));
        assert_eq!(Ledger::from_text(full.as_text().to_owned()).entries(), full.entries());
    }

    #[test]
    fn what_cannot_be_read_stops_nobody() {
        let torn = Ledger::from_text("[[1,".into());
        assert_eq!(torn.entries(), vec![]);
        assert_eq!(torn.with(entry(1)).entries(), vec![entry(1)]);
    }
}
