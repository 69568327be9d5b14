//! What can go wrong at one step. A state remembers it, so that a promise can be read off the state.

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Flaw {
    /// An attempt was begun with a token older than the newest generation in the store at that moment.
    SpentBehindLook,
    /// The look at the time, with the connection standing, let a token pass that was older than the newest
    /// generation in the store at that moment.
    PassedBehind,
    /// A token older than the newest generation in the store left.
    SentBehind,
    /// A commit wrote over a generation as new as its own, or newer.
    Overwrote,
    /// A generation was left out.
    Leapt,
    /// A fence fell.
    FenceFell,
    /// A pair is stored under another grant or generation than it was sealed for, so that nobody can open it.
    SealedForAnother,
    /// A token was exchanged a second time.
    Replayed,
    /// The family died because a token was spent one of whose children was spent before.
    BreachOutrun,
    /// The family died because a spent token was spent again after its window.
    BreachLate,
    /// The family died although the store, a worker or a reply on its way held a token the provider would have taken.
    BreachHurt,
}

/// Those that happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Flaws(u16);

impl Flaws {
    pub(super) fn note(&mut self, flaw: Flaw) {
        self.0 |= 1 << flaw as u16;
    }

    pub(super) fn and(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    pub(super) fn has(self, flaw: Flaw) -> bool {
        self.0 & (1 << flaw as u16) != 0
    }
}
