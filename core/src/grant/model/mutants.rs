//! Wrong protocols. The checker must find each of them out where the right one holds.

use super::check::{find, holds};
use super::flaws::Flaw;
use super::provider::Siblings::{All, LastOnly};
use super::setup::{AHEAD, Faults, LEASE, Mutant, NEED, Promise, Setup, setup};

const NONE: Faults = Faults { crash: 0, unclear: 0, clear: 0, delay: 0, stall: 0, store: 0, blip: 0, cut: 0 };

/// The mutant breaks what the protocol keeps in the very same configuration.
fn caught(base: Setup, mutant: Mutant, promise: Promise) {
    let found = find(&Setup { mutant: Some(mutant), ..base.clone() }, promise);
    assert!(found.is_some(), "{mutant:?} was not found out");
    holds(&Setup { promises: vec![promise], ..base });
}

#[test]
fn spending_again_without_reading_after_a_lapsed_lease_is_found_out() {
    let base = setup("mutant: spends unread", All);
    let faults = Faults { unclear: 1, stall: 2, ..NONE };
    let base = Setup { lives: &[1, 1], prompt: true, faults, ..base };
    caught(base, Mutant::SpendsUnread, Promise::Never(Flaw::SpentBehindLook));
}

#[test]
fn marking_dead_without_reading_again_is_found_out() {
    let base = setup("mutant: buries unread", LastOnly);
    let base = Setup { prompt: true, faults: Faults { store: 1, ..NONE }, ..base };
    caught(base, Mutant::BuriesUnread, Promise::NotDeadInVain);
}

#[test]
fn committing_without_looking_at_the_generation_is_found_out() {
    let base = setup("mutant: commits over anything", All);
    let base = Setup { prompt: true, faults: Faults { store: 1, ..NONE }, ..base };
    caught(base, Mutant::CommitsOverAnything, Promise::Never(Flaw::Overwrote));
}

#[test]
fn forgetting_an_unclear_attempt_is_found_out() {
    let base = setup("mutant: forgets doubt", All);
    let faults = Faults { delay: 1, ..NONE };
    let base = Setup { wishes: &[AHEAD], prompt: true, closing: true, faults, ..base };
    caught(base, Mutant::ForgetsDoubt, Promise::Never(Flaw::BreachOutrun));
}

#[test]
fn ending_the_next_holders_lease_by_a_late_commit_is_found_out() {
    let base = setup("mutant: frees another's lease", All);
    let base = Setup { wishes: &[NEED], prompt: true, faults: Faults { store: 1, ..NONE }, ..base };
    caught(base, Mutant::FreesOthersLease, Promise::Never(Flaw::BreachOutrun));
}

#[test]
fn overtaking_the_request_of_a_process_that_just_died_is_found_out() {
    let base = setup("mutant: evicts at once", LastOnly);
    let base = Setup { lives: &[1, 1], prompt: true, faults: Faults { crash: 1, ..NONE }, ..base };
    caught(base, Mutant::EvictsAtOnce, Promise::NotLost);
}

#[test]
fn a_third_sibling_that_takes_the_place_of_the_second_is_found_out() {
    let base = setup("mutant: keeps one spare", LastOnly);
    let faults = Faults { store: 2, ..NONE };
    // Two leases lapse within the window.
    let base = Setup { lives: &[1, 1, 1], window: 2 * LEASE + 1, prompt: true, faults, ..base };
    caught(base, Mutant::KeepsOneSpare, Promise::NotLost);
}

#[test]
fn a_request_that_leaves_when_its_lease_may_be_taken_away_is_found_out() {
    let base = setup("mutant: sends late", LastOnly);
    let base = Setup { lives: &[1, 1], prompt: true, faults: Faults { stall: 1, crash: 1, ..NONE }, ..base };
    caught(base, Mutant::SendsLate, Promise::NotLost);
}
