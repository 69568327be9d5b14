//! Runs the checker.

use std::time::Instant;

use stateright::{Checker, Model};

use super::setup::{Promise, Setup};
use super::system::Action;

/// Checks every promise in every reachable state.
pub(super) fn holds(setup: &Setup) {
    let begun = Instant::now();
    let checker = setup.clone().checker().threads(2).spawn_bfs().join();
    let states = checker.unique_state_count();
    println!("{} {:?}: {states} states in {:?}", setup.name, setup.siblings, begun.elapsed());
    let broken: Vec<_> = checker.discoveries().into_keys().collect();
    for name in &broken {
        let promise = setup.promises.iter().find(|promise| promise.name() == *name);
        println!("{name} is broken by {:#?}", promise.and_then(|promise| find(setup, *promise)));
    }
    assert!(broken.is_empty(), "{} {:?}: {broken:?} broken", setup.name, setup.siblings);
    assert!(checker.is_done() && states > 500, "{}: every state was looked at", setup.name);
}

/// The shortest way to break one promise, if there is one.
pub(super) fn find(setup: &Setup, promise: Promise) -> Option<Vec<Action>> {
    let setup = Setup { promises: vec![promise], ..setup.clone() };
    let checker = setup.checker().threads(1).spawn_bfs().join();
    let found = checker.discovery(promise.name()).map(|path| path.into_actions());
    let states = checker.unique_state_count();
    let steps = found.as_ref().map_or(0, Vec::len);
    println!(
        "{} {:?}, {}: {states} states, {steps} steps",
        checker.model().name,
        checker.model().siblings,
        promise.name()
    );
    found
}
