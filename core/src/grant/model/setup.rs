//! What is checked: how many workers, which faults and how many of each, and what must hold.

use std::time::Duration;

use super::flaws::Flaw;
use super::provider::Siblings;
use crate::timings::Timings;

/// Time goes in ticks. What matters is the order of the intervals, which is that of the shipped ones: a request leaves, if
/// at all, while less than an attempt has passed since its lease was taken or renewed; one attempt, and one heartbeat, are
/// shorter than a lease; the longest rest is shorter than the reuse window.
pub(super) const ATTEMPT: u8 = 1;
/// A lease.
pub(super) const LEASE: u8 = 3;
/// How often it is renewed while resting.
pub(super) const HEARTBEAT: u8 = 1;
/// The longest rest between two attempts.
pub(super) const REST: u8 = 1;

/// The intervals as the protocol's own code takes them, a tick being a millisecond.
pub(super) fn timings(window: u8) -> Timings {
    let ticks = |count: u8| Duration::from_millis(count.into());
    Timings {
        attempt_timeout: ticks(ATTEMPT),
        lease: ticks(LEASE),
        heartbeat: ticks(HEARTBEAT),
        reuse_window: ticks(window),
        retry_cap: ticks(REST),
        ..Timings::default()
    }
}

/// Faults that may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    /// A worker ends without another word. This is also what an error of the store comes to for one who neither holds
    /// the lease nor is in doubt.
    pub(super) crash: u8,
    /// An exchange whose outcome the worker does not learn: the request or the reply is lost, a 5xx before or after
    /// the provider acted.
    pub(super) unclear: u8,
    /// An exchange that certainly did nothing: no connection, 429, the app's credentials refused.
    pub(super) clear: u8,
    /// A request that is still on its way when its worker gives up.
    pub(super) delay: u8,
    /// A tick during which a worker that could go on does not.
    pub(super) stall: u8,
    /// The store fails where a new pair is stored, with or without having written it, and is away for any time.
    pub(super) store: u8,
    /// The store fails at any other step of a worker that makes it again then, with or without having written, and is
    /// away for any time.
    pub(super) blip: u8,
    /// A holder is taken for gone although it lives: its session with the store broke.
    pub(super) cut: u8,
}

/// A wrong protocol, which must be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    /// Spends again after a rest without renewing, reading or looking at the time.
    SpendsUnread,
    /// Believes a refusal at once.
    BuriesUnread,
    /// Commits whatever the generation is by now.
    CommitsOverAnything,
    /// Commits and gives the lease back as if every outcome were known.
    ForgetsDoubt,
    /// Ends whoever's lease there is by committing.
    FreesOthersLease,
    /// Takes the lease of a dead process at once.
    EvictsAtOnce,
    /// Sends for as long as the lease has an attempt left, and not only until it may be taken away.
    SendsLate,
    /// Has room for one spare: the next one takes its place.
    KeepsOneSpare,
}

/// What one worker is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wish {
    pub(super) voluntary: bool,
    pub(super) revive: bool,
}

/// Something needs a new token now.
pub(super) const NEED: Wish = Wish { voluntary: false, revive: false };
/// Nothing does yet.
pub(super) const AHEAD: Wish = Wish { voluntary: true, revive: false };

/// A person or the keep-alive asks for it, dead or not.
pub(super) const REVIVE: Wish = Wish { voluntary: false, revive: true };

/// One configuration.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) name: &'static str,
    pub(super) siblings: Siblings,
    /// Spending a token that lost to a sibling is a breach, too.
    pub(super) theft: bool,
    /// The provider's reuse window in ticks.
    pub(super) window: u8,
    /// How often each worker is started.
    pub(super) lives: &'static [u8],
    pub(super) wishes: &'static [Wish],
    pub(super) faults: Faults,
    /// A delayed request arrives within this many ticks or never.
    pub(super) late: u8,
    /// Workers may be told to end while they rest.
    pub(super) closing: bool,
    /// Workers are never away so long that the window of a spent token runs out.
    pub(super) prompt: bool,
    /// A worker may also be held up between its last look and the moment its request leaves.
    pub(super) gap: bool,
    pub(super) mutant: Option<Mutant>,
    pub(super) promises: Vec<Promise>,
}

/// What must hold in every reachable state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// This never happens.
    Never(Flaw),
    /// No quiescent state has a dead grant although the provider takes a token that the store holds or once held.
    NotDeadInVain,
    /// From every quiescent state a worker that meets no fault ends fresh if the provider takes the newest or a
    /// spare token.
    NotStuck,
    /// The store, a worker or a reply on its way holds a token that the provider takes.
    NotLost,
}

/// What holds whatever happens.
const ALWAYS: [Promise; 6] = [
    Promise::Never(Flaw::SpentBehindLook),
    Promise::Never(Flaw::Overwrote),
    Promise::Never(Flaw::Leapt),
    Promise::Never(Flaw::FenceFell),
    Promise::NotDeadInVain,
    Promise::NotStuck,
];

/// No token older than the newest generation leaves, not even by a hair.
pub(super) const NONE_BEHIND: [Promise; 2] =
    [Promise::Never(Flaw::PassedBehind), Promise::Never(Flaw::SentBehind)];

/// No family is killed.
pub(super) const NO_BREACH: [Promise; 3] =
    [Promise::Never(Flaw::BreachOutrun), Promise::Never(Flaw::BreachLate), Promise::Never(Flaw::BreachHurt)];

/// One grant, two workers that are started twice each, no fault, and what must hold whatever happens.
pub(super) fn setup(name: &'static str, siblings: Siblings) -> Setup {
    Setup {
        name,
        siblings,
        theft: false,
        window: 5,
        lives: &[2, 2],
        wishes: &[NEED],
        faults: Faults::default(),
        late: 3,
        closing: false,
        prompt: false,
        gap: false,
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
