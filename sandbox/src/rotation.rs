//! Refresh token families: who may exchange which token when. Pure: state and time in, verdict out.
//!
//! A consent starts a family. Every exchange of a token hands out a child of it, one generation later (F3.2). A spent
//! token may be exchanged again inside the reuse window as long as none of its children was spent: only the
//! immediately preceding token is tolerated (F3.3, F3.5). Any other reuse is a breach and kills the family (F3.4).

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::settings::{DeadSibling, Siblings, WindowFrom};

/// The rules in force at one exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// How long a spent token may be exchanged again.
    pub(crate) window: Millis,
    /// Where that window starts.
    pub(crate) window_from: WindowFrom,
    /// Which siblings stay good.
    pub(crate) siblings: Siblings,
    /// What using one that lost means.
    pub(crate) dead_sibling: DeadSibling,
    /// Life without an exchange.
    pub(crate) idle: Millis,
    /// Life since the consent, if limited.
    pub(crate) absolute: Option<Millis>,
    /// Answer without a new refresh token; the one sent stays good (F3.2).
    pub(crate) keep: bool,
}

/// What has become of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FamilyState {
    /// Tokens can be exchanged.
    Live,
    /// A token was reused outside the rules (F3.4).
    Breached,
    /// A later consent took its place (F3.7).
    Replaced,
    /// The person removed the app (F1.10).
    Revoked,
    /// Not exchanged for too long (F3.3).
    Idle,
    /// The consent is too long ago (F3.3).
    TooOld,
}

/// Position of a token in its family.
pub(crate) type TokenId = usize;

/// One refresh token.
#[derive(Debug, Clone)]
struct Token {
    parent: Option<TokenId>,
    generation: u64,
    /// First and latest exchange.
    spent: Option<(Millis, Millis)>,
    /// Lost to a sibling.
    lost: bool,
    /// Whether one of its children was exchanged.
    child_spent: bool,
}

/// All refresh tokens that follow from one consent.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    tokens: Vec<Token>,
    state: FamilyState,
    consented_at: Millis,
    exchanged_at: Millis,
}

/// What an exchange leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A new token.
    Rotated {
        /// The new token.
        token: TokenId,
        /// The one sent had been exchanged before.
        replay: bool,
    },
    /// Success without a new token.
    Kept,
    /// The family has just died of this.
    Breach,
    /// Refused; nothing changed.
    Refused(Refusal),
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The family is dead.
    Dead(FamilyState),
    /// The token lost to a sibling.
    LostSibling,
    /// No such token.
    Unknown,
}

/// How a token stands, without exchanging it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// It can be exchanged.
    Live,
    /// It was exchanged and can be again, for now.
    Replayable,
    /// Exchanging it would kill the family.
    Stale,
    /// It lost to a sibling.
    LostSibling,
    /// Its family is dead.
    Dead,
    /// No such token.
    Unknown,
}

impl Family {
    /// A family with its first token, generation 0.
    #[must_use]
    pub(crate) fn start(consented_at: Millis, now: Millis) -> (Self, TokenId) {
        let first = Token { parent: None, generation: 0, spent: None, lost: false, child_spent: false };
        (Self { tokens: vec![first], state: FamilyState::Live, consented_at, exchanged_at: now }, 0)
    }

    /// Exchanges a token, or refuses to.
    pub(crate) fn exchange(&mut self, id: TokenId, now: Millis, rules: &Rules) -> Verdict {
        self.age(now, rules);
        match self.standing(id, now, rules) {
            Standing::Unknown => Verdict::Refused(Refusal::Unknown),
            Standing::Dead => Verdict::Refused(Refusal::Dead(self.state)),
            Standing::LostSibling if rules.dead_sibling == DeadSibling::Refused => {
                Verdict::Refused(Refusal::LostSibling)
            }
            Standing::Stale | Standing::LostSibling => {
                self.state = FamilyState::Breached;
                Verdict::Breach
            }
            Standing::Live | Standing::Replayable => self.rotate(id, now, rules),
        }
    }

    fn rotate(&mut self, id: TokenId, now: Millis, rules: &Rules) -> Verdict {
        self.exchanged_at = now;
        if rules.keep {
            return Verdict::Kept;
        }
        let replay = self.tokens.get(id).is_some_and(|token| token.spent.is_some());
        if replay && rules.siblings == Siblings::LastOnly {
            for token in self.tokens.iter_mut().filter(|token| token.parent == Some(id)) {
                token.lost = true;
            }
        }
        let mut generation = 0;
        let mut parent = None;
        if let Some(token) = self.tokens.get_mut(id) {
            let first = token.spent.map_or(now, |(first, _)| first);
            token.spent = Some((first, now));
            generation = token.generation + 1;
            parent = token.parent;
        }
        if let Some(parent) = parent.and_then(|parent| self.tokens.get_mut(parent)) {
            parent.child_spent = true;
        }
        let lost = replay && rules.siblings == Siblings::FirstOnly;
        self.tokens.push(Token { parent: Some(id), generation, spent: None, lost, child_spent: false });
        Verdict::Rotated { token: self.tokens.len() - 1, replay }
    }

    /// Lets time take its toll.
    pub(crate) fn age(&mut self, now: Millis, rules: &Rules) {
        if self.state != FamilyState::Live {
            return;
        }
        if rules.absolute.is_some_and(|limit| now - self.consented_at >= limit) {
            self.state = FamilyState::TooOld;
        } else if now - self.exchanged_at >= rules.idle {
            self.state = FamilyState::Idle;
        }
    }

    /// How a token stands. Call [`Family::age`] first.
    #[must_use]
    pub(crate) fn standing(&self, id: TokenId, now: Millis, rules: &Rules) -> Standing {
        let Some(token) = self.tokens.get(id) else { return Standing::Unknown };
        if self.state != FamilyState::Live {
            return Standing::Dead;
        }
        if token.lost {
            return Standing::LostSibling;
        }
        let Some((first, last)) = token.spent else { return Standing::Live };
        let from = if rules.window_from == WindowFrom::First { first } else { last };
        if now - from < rules.window && !token.child_spent { Standing::Replayable } else { Standing::Stale }
    }

    /// Ends a living family; what is dead keeps its first cause.
    pub(crate) fn end(&mut self, state: FamilyState) {
        if self.state == FamilyState::Live {
            self.state = state;
        }
    }

    /// Its state.
    #[must_use]
    pub(crate) fn state(&self) -> FamilyState {
        self.state
    }

    /// The generation of a token.
    #[must_use]
    pub(crate) fn generation(&self, id: TokenId) -> Option<u64> {
        self.tokens.get(id).map(|token| token.generation)
    }

    /// The newest generation handed out.
    #[must_use]
    pub(crate) fn newest(&self) -> u64 {
        self.tokens.iter().map(|token| token.generation).max().unwrap_or(0)
    }

    /// How many tokens stand like this.
    #[must_use]
    pub(crate) fn count(&self, standing: Standing, now: Millis, rules: &Rules) -> usize {
        // All but the youngest few of a long family are stale, so this walks them all; it is asked by tests only.
        (0..self.tokens.len()).filter(|id| self.standing(*id, now, rules) == standing).count()
    }

    /// When the person consented.
    #[must_use]
    pub(crate) fn consented_at(&self) -> Millis {
        self.consented_at
    }

    /// When a token was last exchanged.
    #[must_use]
    pub(crate) fn exchanged_at(&self) -> Millis {
        self.exchanged_at
    }
}

#[cfg(test)]
#[path = "rotation_tests.rs"]
mod tests;
