//! The whole as the checker sees it: what can happen at any moment, and what comes of it.

use std::time::Instant;

use stateright::{Checker, Model, Property};

use super::jobs::{self, Job};
use super::quiet;
use super::setup::{Promise, Setup};
use super::state::State;
use crate::grant::model::flaws::Flaw;

/// One thing that happens. Numbers are those of tasks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Action {
    /// A task is begun.
    Begin(usize),
    /// Whoever is at it makes a step.
    Step(usize),
    /// The request reaches the provider or does not, and no clear answer comes back.
    Unclear(usize, bool),
    /// The store fails whoever is at it writing, having written or not.
    StoreFails(usize, bool),
    /// Whoever is at it ends without another word.
    Crash(usize),
    /// The lease of a grant lapses.
    Lapse(String),
}

impl Model for Setup {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = State::start(self);
        state.level();
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (who, slot) in state.slots.iter().enumerate() {
            let Some(job) = &slot.job else {
                if !slot.begun {
                    actions.push(Action::Begin(who));
                }
                continue;
            };
            if !job.worker().is_some_and(|worker| quiet::waits(state, worker)) {
                actions.push(Action::Step(who));
            }
            if state.faults.unclear > 0 && job.worker().is_some_and(|worker| worker.sends()) {
                actions.extend([Action::Unclear(who, false), Action::Unclear(who, true)]);
            }
            if state.faults.store > 0 && job.worker().is_none() {
                actions.extend([true, false].map(|wrote| Action::StoreFails(who, wrote)));
            }
            if state.faults.crash > 0 && (self.unstored || !matches!(job, Job::Issued(..))) {
                actions.push(Action::Crash(who));
            }
        }
        for id in state.rows.0.grants.keys() {
            let Some(holder) = state.leased(id) else { continue };
            let mut workers = state.slots.iter().filter_map(|slot| slot.job.as_ref()?.worker());
            if state.faults.stall > 0 || !workers.any(|worker| worker.name == holder) {
                actions.push(Action::Lapse(id.clone()));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Begin(who) => {
                state.slots[who].job = Some(jobs::begin(self, &mut state, self.tasks[who], who)?);
                state.slots[who].begun = true;
            }
            Action::Step(who) => {
                let job = state.slots[who].job.take()?;
                state.slots[who].job = jobs::step(self, &mut state, job);
            }
            Action::Unclear(who, acted) => {
                state.faults.unclear -= 1;
                let Some(Job::Rotating(worker)) = state.slots[who].job.take() else { return None };
                state.slots[who].job = Some(Job::Rotating(Box::new(worker.unclear(self, &mut state, acted))));
            }
            Action::StoreFails(who, wrote) => {
                state.faults.store -= 1;
                let mut fault = Some(wrote);
                let job = state.slots[who].job.take()?;
                state.slots[who].job = jobs::step_at(self, &mut state, job, &mut fault);
                // Not a write, and so not this.
                if fault.is_some() {
                    return None;
                }
            }
            Action::Crash(who) => {
                state.faults.crash -= 1;
                if let Some(Job::Parting(id, _)) = state.slots[who].job.take() {
                    state.parted.retain(|parted| *parted != id);
                }
            }
            Action::Lapse(id) => {
                let holder = state.leased(&id)?.to_owned();
                let mut workers = state.slots.iter().filter_map(|slot| slot.job.as_ref()?.worker());
                state.faults.stall -= u8::from(workers.any(|worker| worker.name == holder));
                state.lapse(&id);
            }
        }
        state.level();
        state.broken = if state.quiet() { quiet::broken(self, &state) } else { Vec::new() };
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.promises.iter().map(|promise| Property::always(promise.name(), promise.condition())).collect()
    }
}

/// One property for each, because the checker takes plain functions.
macro_rules! promises {
    ([$($flaw:ident)*] [$($quiet:ident)*]) => {
        impl Promise {
            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::Never(Flaw::$flaw) => stringify!($flaw),)*
                    Self::Never(_) => "another flaw",
                    Self::NothingDangles => "NothingDangles",
                    $(Self::$quiet => stringify!($quiet),)*
                }
            }

            fn condition(self) -> fn(&Setup, &State) -> bool {
                match self {
                    $(Self::Never(Flaw::$flaw) => |_, state| !state.flaws.has(Flaw::$flaw),)*
                    Self::Never(_) => |_, _| panic!("nobody notes this flaw here"),
                    Self::NothingDangles => |_, state| quiet::nothing_dangles(state),
                    $(Self::$quiet => |_, state| !state.broken.contains(&Self::$quiet),)*
                }
            }
        }
    };
}

promises!([Overwrote FenceFell SealedForAnother] [NotLost OneLives NotStuck NewestLeads GoneIsGone]);

/// Checks every promise in every reachable state.
pub(super) fn holds(setup: &Setup) {
    let begun = Instant::now();
    let checker = setup.clone().checker().threads(2).spawn_bfs().join();
    let states = checker.unique_state_count();
    println!(
        "{} {:?} {:?}: {states} states in {:?}",
        setup.name,
        setup.consents,
        setup.siblings,
        begun.elapsed()
    );
    let broken: Vec<_> = checker.discoveries().into_keys().collect();
    for name in &broken {
        let promise = setup.promises.iter().find(|promise| promise.name() == *name);
        println!("{name} is broken by {:#?}", promise.and_then(|promise| find(setup, *promise)));
    }
    assert!(broken.is_empty(), "{} {:?} {:?}: {broken:?} broken", setup.name, setup.consents, setup.siblings);
    assert!(checker.is_done() && states > 50, "{}: every state was looked at", setup.name);
}

/// The shortest way to break one promise, if there is one.
pub(super) fn find(setup: &Setup, promise: Promise) -> Option<Vec<Action>> {
    let setup = Setup { promises: vec![promise], ..setup.clone() };
    let checker = setup.checker().threads(1).spawn_bfs().join();
    let found = checker.discovery(promise.name()).map(|path| path.into_actions());
    let (setup, steps) = (checker.model(), found.as_ref().map_or(0, Vec::len));
    println!("{} {:?}, {}: {steps} steps", setup.name, setup.consents, promise.name());
    found
}
