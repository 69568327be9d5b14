//! What a grant's ledger tells, and how a change of its row comes to be told there.

use crate::random;
use crate::records::LedgerEntry;
use crate::store::GrantRow;

/// What happened, in the words of `LedgerEntry.outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A consent made the grant.
    Connected,
    /// Tokens of another system were taken over.
    Imported,
    /// A consent renewed the grant; the pair it displaced is the spare.
    Reconnected,
    /// Another grant turned out to be the same account's and was taken in; its pair is the spare.
    Merged,
    /// The newest token was spent for a new pair.
    Rotated,
    /// The spare was.
    RotatedSpare,
    /// A new pair came after another one had been stored, and is the spare.
    SpareKept,
    /// A newer pair than the store's was known and written back, as after a restored backup.
    WrittenBack,
    /// Nobody knows what became of an attempt; the same token is tried again.
    Unclear,
    /// The worker that was at it ended without a word; the same token is tried again.
    Interrupted,
    /// Atlassian refused the token, and no other was left.
    Refused,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Imported => "imported",
            Self::Reconnected => "reconnected",
            Self::Merged => "merged",
            Self::Rotated => "rotated",
            Self::RotatedSpare => "rotated_spare",
            Self::SpareKept => "spare_kept",
            Self::WrittenBack => "written_back",
            Self::Unclear => "unclear",
            Self::Interrupted => "interrupted",
            Self::Refused => "refused",
        }
    }

    /// Said again of the same generation it tells nothing new: an outage must not fill the ledger.
    fn is_said_once(self) -> bool {
        matches!(self, Self::Unclear | Self::Interrupted | Self::Refused)
    }
}

/// The row with one more entry about `generation`, by this process, at wall milliseconds `at`.
pub(crate) fn noted(row: GrantRow, generation: u64, outcome: Outcome, at: u64) -> GrantRow {
    let newest = row.ledger.entries().into_iter().next();
    let said = newest.is_some_and(|last| last.generation == generation && said_by(&last, outcome));
    if said {
        return row;
    }
    let entry = LedgerEntry { at, generation, outcome: outcome.word().to_owned(), worker: random::worker() };
    GrantRow { ledger: row.ledger.with(entry), ..row }
}

/// An attempt known to be unclear has not been interrupted as well.
fn said_by(last: &LedgerEntry, outcome: Outcome) -> bool {
    let of_doubt = [Outcome::Unclear.word(), Outcome::Interrupted.word()];
    match outcome {
        Outcome::Unclear | Outcome::Interrupted => of_doubt.contains(&last.outcome.as_str()),
        other => other.is_said_once() && last.outcome == other.word(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::first_row;
    use super::*;

    fn told(outcomes: &[(u64, Outcome)]) -> Vec<(u64, String)> {
        let row =
            outcomes.iter().fold(first_row(), |row, (generation, what)| noted(row, *generation, *what, 1));
        row.ledger.entries().into_iter().map(|entry| (entry.generation, entry.outcome)).collect()
    }

    #[test]
    fn an_outage_is_one_entry_and_a_crash_during_it_none() {
        let outage = [Outcome::Unclear, Outcome::Unclear, Outcome::Interrupted, Outcome::Unclear];
        assert_eq!(told(&outage.map(|outcome| (3, outcome))), [(3, "unclear".into())]);
        let again = [(3, Outcome::Interrupted), (4, Outcome::Rotated), (4, Outcome::Unclear)];
        assert_eq!(
            told(&again),
            [(4, "unclear".into()), (4, "rotated".into()), (3, "interrupted".into())],
            "one of the next generation is another one"
        );
    }

    #[test]
    fn a_dead_grant_tried_every_day_keeps_its_history() {
        let tried = [(2, Outcome::Rotated), (2, Outcome::Refused), (2, Outcome::Refused)];
        assert_eq!(told(&tried), [(2, "refused".into()), (2, "rotated".into())]);
    }

    #[test]
    fn the_worker_is_this_process_and_no_secret() {
        let row = noted(first_row(), 1, Outcome::Connected, 1);
        let worker = row.ledger.entries().remove(0).worker;
        assert!(worker.starts_with(&format!("{}-", std::process::id())), "{worker}");
        assert_eq!(worker, random::worker());
    }
}
