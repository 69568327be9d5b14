//! The whole as the checker sees it: what can happen at any moment, and what comes of it.

use std::sync::Arc;

use stateright::{Model, Property};

use super::exchange;
use super::flaws::Flaw;
use super::hands::{self, Move};
use super::provider::Standing;
use super::quiet;
use super::setup::{ATTEMPT, HEARTBEAT, LEASE, Promise, REST, Setup, Wish};
use super::state::{Hand, Mail, NOW, Request, State, Worker};
use crate::grant::protocol::Goal;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Action {
    /// A tick of time passes.
    Tick,
    /// A worker starts, with the newest generation as the one that is not enough.
    Start(usize, bool, bool),
    /// A worker moves.
    Worker(usize, Move),
    /// A request nobody waits for arrives, or is lost.
    Stray(usize, bool),
}

impl Model for Setup {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::start(self)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let mut moves = Vec::new();
        for (who, slot) in state.slots.iter().enumerate() {
            if slot.worker.is_none() && slot.lives > 0 {
                actions
                    .extend(self.wishes.iter().map(|wish| Action::Start(who, wish.voluntary, wish.revive)));
            }
            moves.clear();
            hands::moves(self, state, who, &mut moves);
            actions.extend(moves.iter().map(|what| Action::Worker(who, *what)));
        }
        for stray in 0..state.strays.len() {
            actions.extend([Action::Stray(stray, true), Action::Stray(stray, false)]);
        }
        actions.push(Action::Tick);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => {
                if !may_pass(self, &mut state) {
                    return None;
                }
                pass(self, &mut state);
            }
            Action::Start(who, voluntary, revive) => start(&mut state, who, Wish { voluntary, revive }),
            Action::Worker(who, what) => {
                hands::make(self, &mut state, who, what);
            }
            Action::Stray(which, arrives) => {
                let request = state.strays.remove(which);
                if arrives {
                    exchange::arrive(self, &mut state, request);
                }
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.promises.iter().map(|promise| Property::always(promise.name(), promise.condition())).collect()
    }
}

/// Starts a worker. Its name is its own for ever.
pub(super) fn start(state: &mut State, who: usize, wish: Wish) {
    let newer_than = state.row.0.generation;
    let slot = &mut state.slots[who];
    let goal = Goal { newer_than, voluntary: wish.voluntary, revive: wish.revive };
    slot.worker = Some(Worker::new(format!("{who}.{}", slot.lives), goal));
    slot.lives -= 1;
}

/// Whether a tick may pass now; takes what it costs.
fn may_pass(setup: &Setup, state: &mut State) -> bool {
    let on_way = state.slots.iter().filter_map(|slot| match slot.worker.as_ref()?.hand {
        Hand::Sent { mail: Mail::OnWay(request), .. } => Some(request),
        _ => None,
    });
    let overdue =
        |request: Request| request.age + 1 >= if request.delayed { setup.late + 1 } else { ATTEMPT };
    if on_way.chain(state.strays.iter().copied()).any(overdue) {
        return false;
    }
    if setup.prompt && state.held().any(|token| state.family.last_chance(token, setup.window)) {
        return false;
    }
    let mut workers = state.slots.iter().filter_map(|slot| slot.worker.as_ref());
    if !setup.gap && workers.any(|worker| matches!(worker.hand, Hand::Cleared { .. })) {
        return false;
    }
    let stalled = state.slots.iter().filter_map(|slot| slot.worker.as_ref()).any(|w| hands::urgent(w.hand));
    if stalled {
        let Some(left) = state.faults.stall.checked_sub(1) else { return false };
        state.faults.stall = left;
    }
    true
}

/// Makes everything a tick older.
pub(super) fn pass(setup: &Setup, state: &mut State) {
    let older = |age: &mut u8, most: u8| *age = most.min(*age + 1);
    // A worker held up judges by a time read earlier: the row's times differ as much longer.
    let slack = setup.faults.stall;
    let row = Arc::make_mut(&mut state.row.0);
    if let Some(lease) = &mut row.lease {
        let at = (lease.at.boot_ms - 1).max(NOW - u64::from(LEASE + slack));
        (lease.at.boot_ms, lease.at.wall_ms) = (at, at);
    }
    if let Some(intent) = &mut row.intent {
        let oldest = NOW - u64::from(setup.window + slack);
        intent.last = (intent.last - 1).max(oldest);
        intent.since = (intent.since - 1).max(oldest);
    }
    state.family.age(setup.window);
    for request in &mut state.strays {
        request.age += 1;
    }
    for worker in state.slots.iter_mut().filter_map(|slot| slot.worker.as_mut()) {
        older(&mut worker.leased, LEASE);
        match &mut worker.hand {
            Hand::Reading { since, now } | Hand::Writing { since, now, .. } => {
                older(since, LEASE);
                older(now, u8::MAX);
            }
            Hand::Rereading { now } => older(now, u8::MAX),
            Hand::StoreAway | Hand::Waiting | Hand::Evicting { .. } => {}
            Hand::Connecting { age } | Hand::Cleared { age } => older(age, ATTEMPT),
            Hand::Sent { age, mail } => {
                older(age, ATTEMPT);
                if let Mail::OnWay(request) = mail {
                    request.age += 1;
                }
            }
            Hand::Resting { age, beat } => {
                older(age, REST);
                older(beat, HEARTBEAT);
            }
            Hand::Beating { age, now, .. } => {
                older(age, REST);
                older(now, u8::MAX);
            }
        }
    }
}

/// One property for each flaw, because the checker takes plain functions.
macro_rules! promises {
    ($($flaw:ident)*) => {
        impl Promise {
            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::Never(Flaw::$flaw) => stringify!($flaw),)*
                    Self::NotDeadInVain => "NotDeadInVain",
                    Self::NotStuck => "NotStuck",
                    Self::NotLost => "NotLost",
                }
            }

            fn condition(self) -> fn(&Setup, &State) -> bool {
                match self {
                    $(Self::Never(Flaw::$flaw) => |_, state| !state.flaws.has(Flaw::$flaw),)*
                    Self::NotDeadInVain => {
                        |setup, state| !state.quiet() || state.row.0.death.is_none() || !kept_back(setup, state)
                    }
                    Self::NotStuck => {
                        |setup, state| !state.quiet() || state.row.0.death.is_some() || quiet::recovers(setup, state)
                    }
                    Self::NotLost => |setup, state| state.lives(setup.window),
                }
            }
        }
    };
}

promises!(SpentBehindLook PassedBehind SentBehind Overwrote Leapt FenceFell SealedForAnother Replayed BreachOutrun BreachLate BreachHurt);

/// Whether the provider takes a token the store holds, or one it once held and never spent.
fn kept_back(setup: &Setup, state: &State) -> bool {
    let unspent = |token| state.family.standing(token, setup.window) == Standing::Live;
    state.held().any(|token| state.family.takes(token, setup.window))
        || (0..16).any(|token| state.stored.has(token) && unspent(token))
}
