//! One moment of the system: the stored row, the provider, the workers, what is on its way.
//!
//! Time stands still and the past recedes: now is always [`NOW`], and a tick makes everything one older, up to the
//! age from which on it makes no difference. That keeps the states finite without a limit on time.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::flaws::{Flaw, Flaws};
use super::provider::{Family, Token};
use super::setup::{Faults, Setup};
use crate::clock::Stamp;
use crate::grant::protocol::{Answer, Goal, Rotation, Step, Which};
use crate::store::{GrantRow, Ledger, Sealed};

/// The present, on every clock.
pub(super) const NOW: u64 = 1000;

/// The moment `age` ticks ago.
pub(super) fn stamp(age: u8) -> Stamp {
    let at = NOW - u64::from(age);
    Stamp { boot: Some("b".to_owned()), boot_ms: at, wall_ms: at }
}

/// A sealed pair stands for its refresh token.
pub(super) fn seal(token: Token) -> Sealed {
    Sealed(vec![token])
}

pub(super) fn open(pair: &Sealed) -> Token {
    pair.0[0]
}

/// The stored row, hashed by what can differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row(pub(super) Arc<GrantRow>);

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let row = &self.0;
        (row.generation, &row.pair, row.fence, row.death.is_some()).hash(state);
        (&row.lease, &row.intent).hash(state);
        row.spares.len().hash(state);
        row.spares.iter().for_each(|spare| (&spare.pair, spare.generation).hash(state));
    }
}

/// No more spares than this come about with the faults there are.
const MOST_SPARES: usize = 4;

/// What a worker keeps of the row it last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    pub(super) generation: u64,
    pub(super) newest: Token,
    pub(super) spares: [Option<Token>; MOST_SPARES],
}

impl Seen {
    pub(super) fn of(row: &GrantRow) -> Self {
        assert!(row.spares.len() <= MOST_SPARES, "room for all of them");
        let spares = std::array::from_fn(|at| row.spares.get(at).map(|spare| open(&spare.pair)));
        Self { generation: row.generation, newest: open(&row.pair), spares }
    }
}

/// Some tokens, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Tokens(u16);

impl Tokens {
    pub(super) fn add(&mut self, token: Option<Token>) {
        self.0 |= token.map_or(0, |token| 1 << token);
    }

    pub(super) fn has(self, token: Token) -> bool {
        self.0 & (1 << token) != 0
    }

    /// What the protocol's own code knows them by.
    pub(super) fn pairs(self) -> Vec<Sealed> {
        (0..16).filter(|token| self.has(*token)).map(seal).collect()
    }
}

/// Where a request or its reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mail {
    /// The request is on its way.
    OnWay(Request),
    /// The reply is, with a new token if there is one.
    Reply(Answer, Option<Token>),
}

/// A request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Request {
    pub(super) token: Token,
    /// Ticks since it left.
    pub(super) age: u8,
    /// It takes longer than a request should.
    pub(super) delayed: bool,
}

/// How far a worker is within its step. Numbers are ages in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Hand {
    /// About to read the row for a step that does. The step began `since` ago, this try of it `now` ago.
    Reading { since: u8, now: u8 },
    /// About to write what it made of the row it read, having read the time `now` ago; in vain if the row has changed.
    Writing { since: u8, now: u8, changed: bool },
    /// About to read the row once more after a renewal.
    Rereading { now: u8 },
    /// Waiting until the store can be reached again.
    StoreAway,
    /// Letting another worker go on.
    Waiting,
    /// About to take the lease away from a holder that is gone.
    Evicting { changed: bool, living: bool },
    /// Connecting to the provider.
    Connecting { age: u8 },
    /// Connected, with time enough left on the lease a moment ago.
    Cleared { age: u8 },
    /// The request has left.
    Sent { age: u8, mail: Mail },
    /// Resting, having renewed the lease `beat` ago.
    Resting { age: u8, beat: u8 },
    /// About to write the renewal.
    Beating { age: u8, now: u8, changed: bool },
}

/// One worker's memory. It is lost in a crash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Worker {
    pub(super) name: String,
    pub(super) rotation: Rotation,
    pub(super) step: Step,
    pub(super) hand: Hand,
    pub(super) seen: Option<Seen>,
    /// Ticks since just before the lease was taken or renewed.
    pub(super) leased: u8,
    /// A success that is not stored yet: its token and generation.
    pub(super) fresh: Option<(Token, u64)>,
    /// The spares it has seen refused.
    pub(super) refused: Tokens,
}

impl Worker {
    pub(super) fn new(name: String, goal: Goal) -> Self {
        let (rotation, step) = Rotation::new(goal);
        let hand = Hand::Reading { since: 0, now: 0 };
        Self { name, rotation, step, hand, seen: None, leased: 0, fresh: None, refused: Tokens::default() }
    }

    /// The spare that it is about to spend or has just spent, as `attempt.rs` chooses it.
    pub(super) fn spare(&self) -> Option<Token> {
        let spares = self.seen?.spares.into_iter().flatten();
        let mut untried = spares.filter(|token| !self.refused.has(*token));
        untried.next().filter(|_| self.step == Step::Exchange(Which::Spare))
    }

    /// A token that it has, or that is on its way to it.
    pub(super) fn token(&self) -> Option<Token> {
        match self.hand {
            Hand::Sent { mail: Mail::Reply(Answer::Rotated, token), .. } => token,
            _ => self.fresh.map(|(token, _)| token),
        }
    }
}

/// A place for a worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    /// How often one may still be started here.
    pub(super) lives: u8,
    pub(super) worker: Option<Worker>,
}

/// One moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) row: Row,
    pub(super) family: Family,
    pub(super) slots: Vec<Slot>,
    /// Requests nobody waits for any more, in order.
    pub(super) strays: Vec<Request>,
    pub(super) faults: Faults,
    pub(super) flaws: Flaws,
    /// Tokens the store has held.
    pub(super) stored: Tokens,
}

impl State {
    pub(super) fn start(setup: &Setup) -> Self {
        let slots = setup.lives.iter().map(|lives| Slot { lives: *lives, worker: None }).collect();
        Self {
            row: Row(Arc::new(first_row())),
            family: Family::start(),
            slots,
            strays: Vec::new(),
            faults: setup.faults,
            flaws: Flaws::default(),
            stored: {
                let mut first = Tokens::default();
                first.add(Some(0));
                first
            },
        }
    }

    /// Nobody works, nothing is on its way.
    pub(super) fn quiet(&self) -> bool {
        self.strays.is_empty() && self.slots.iter().all(|slot| slot.worker.is_none())
    }

    /// The holder of the lease, if its process has ended.
    pub(super) fn gone(&self) -> Option<&str> {
        let holder = self.row.0.lease.as_ref().map(|lease| lease.holder.as_str())?;
        let lives =
            self.slots.iter().filter_map(|slot| slot.worker.as_ref()).any(|worker| worker.name == holder);
        (!lives).then_some(holder)
    }

    /// The newest and the spare tokens of the store.
    pub(super) fn held(&self) -> impl Iterator<Item = Token> + use<> {
        let seen = Seen::of(&self.row.0);
        std::iter::once(seen.newest).chain(seen.spares.into_iter().flatten())
    }

    /// Whether the provider takes a token that the store, a worker or a reply on its way holds.
    pub(super) fn lives(&self, window: u8) -> bool {
        let workers = self.slots.iter().filter_map(|slot| slot.worker.as_ref()?.token());
        self.held().chain(workers).any(|token| self.family.takes(token, window))
    }

    /// Writes the row: every worker that has read it and not written yet will do so in vain.
    pub(super) fn put(&mut self, new: GrantRow) {
        let old = &self.row.0;
        if new.generation > old.generation + 1 {
            self.flaws.note(Flaw::Leapt);
        }
        if new.generation < old.generation || (new.generation == old.generation && new.pair != old.pair) {
            self.flaws.note(Flaw::Overwrote);
        }
        if new.fence < old.fence {
            self.flaws.note(Flaw::FenceFell);
        }
        self.row = Row(Arc::new(levelled(new)));
        for token in self.held() {
            self.stored.add(Some(token));
        }
        for worker in self.slots.iter_mut().filter_map(|slot| slot.worker.as_mut()) {
            if let Hand::Writing { changed, .. }
            | Hand::Beating { changed, .. }
            | Hand::Evicting { changed, .. } = &mut worker.hand
            {
                *changed = true;
            }
        }
    }
}

/// Times that no rule reads are made equal, so that they tell no states apart.
fn levelled(mut row: GrantRow) -> GrantRow {
    (row.rotated_at, row.expires_at) = (NOW, NOW);
    for spare in &mut row.spares {
        (spare.issued_at, spare.kept_at) = (NOW, NOW);
    }
    if let Some(death) = &mut row.death {
        death.at = NOW;
        death.reason.clear();
    }
    row
}

pub(crate) fn first_row() -> GrantRow {
    GrantRow {
        id: String::new(),
        auth_host: String::new(),
        client_id: String::new(),
        account_id: None,
        generation: 0,
        pair: seal(0),
        spares: Vec::new(),
        death: None,
        scopes: Vec::new(),
        sites: Vec::new(),
        expires_at: NOW,
        rotated_at: NOW,
        born: None,
        first_consented_at: 0,
        consented_at: 0,
        lease: None,
        fence: 0,
        intent: None,
        ledger: Ledger::default(),
        seq: 0,
    }
}
