//! What the rotation promises, over all reachable states of a number of configurations. What holds always is in
//! `setup::ALWAYS`; each configuration adds what its faults leave possible.

use super::check::holds;
use super::flaws::Flaw;
use super::provider::Siblings::{All, FirstOnly, LastOnly};
use super::setup::{AHEAD, Faults, LEASE, NEED, NO_BREACH, NONE_BEHIND, Promise, REVIVE, Setup, setup};

const EVERY: [super::provider::Siblings; 3] = [All, LastOnly, FirstOnly];

/// No fault at all.
const NONE: Faults = Faults { crash: 0, unclear: 0, clear: 0, delay: 0, stall: 0, store: 0, blip: 0, cut: 0 };

#[test]
fn when_nothing_fails_each_generation_is_exchanged_once() {
    for siblings in EVERY {
        let base = setup("nothing fails", siblings);
        let three = Setup { lives: &[1, 1, 1], wishes: &[NEED, AHEAD, REVIVE], closing: true, ..base };
        holds(
            &three.and(&[Promise::Never(Flaw::Replayed), Promise::NotLost]).and(&NONE_BEHIND).and(&NO_BREACH),
        );
    }
}

#[test]
fn a_crash_and_lost_replies_within_the_window_cost_no_connection() {
    for siblings in [All, LastOnly] {
        let base = setup("crash, unclear ×2, in time", siblings);
        let faults = Faults { crash: 1, unclear: 2, ..NONE };
        let two = Setup { lives: &[2, 1], prompt: true, faults, ..base };
        holds(&two.and(&NONE_BEHIND).and(&NO_BREACH).and(&[Promise::NotLost]));
    }
}

#[test]
fn where_only_the_first_sibling_lives_no_crash_or_lost_reply_breaches_all_the_same() {
    let faults = Faults { crash: 1, unclear: 1, ..NONE };
    let base = setup("crash, unclear, in time", FirstOnly);
    holds(&Setup { prompt: true, faults, ..base }.and(&NONE_BEHIND).and(&NO_BREACH));
}

#[test]
fn workers_away_for_longer_than_the_window_kill_nothing_that_anybody_holds() {
    for siblings in EVERY {
        let base = setup("crash ×2, any time", siblings);
        let faults = Faults { crash: 2, ..NONE };
        let hurt = [Promise::Never(Flaw::BreachHurt), Promise::Never(Flaw::BreachOutrun)];
        holds(&Setup { wishes: &[NEED, REVIVE], faults, ..base }.and(&NONE_BEHIND).and(&hurt));
    }
}

#[test]
fn a_holder_paused_past_its_lease_costs_no_connection_however_siblings_fare() {
    for siblings in EVERY {
        let base = setup("stall ×3, in time", siblings);
        let two = Setup { lives: &[1, 1], prompt: true, faults: Faults { stall: LEASE, ..NONE }, ..base };
        holds(&two.and(&NO_BREACH).and(&[Promise::NotLost]));
    }
}

#[test]
fn a_stop_between_look_and_write_shorter_than_the_lease_is_harmless() {
    for siblings in EVERY {
        let base = setup("stall within the gap", siblings);
        let faults = Faults { stall: 1, ..NONE };
        holds(&Setup { prompt: true, gap: true, faults, ..base }.and(&NO_BREACH).and(&[Promise::NotLost]));
    }
}

#[test]
fn a_store_that_fails_at_commits_costs_no_connection_however_siblings_fare() {
    for siblings in EVERY {
        let base = setup("store ×2, in time", siblings);
        let two = Setup { prompt: true, faults: Faults { store: 2, ..NONE }, ..base };
        holds(&two.and(&NO_BREACH).and(&[Promise::NotLost]));
    }
}

#[test]
fn a_store_that_fails_at_a_commit_and_a_crash_breach_nothing() {
    for siblings in EVERY {
        let base = setup("store, crash, in time", siblings);
        let two = Setup { prompt: true, faults: Faults { store: 1, crash: 1, ..NONE }, ..base };
        let lost: &[Promise] = if siblings == All { &[Promise::NotLost] } else { &[] };
        holds(&two.and(&NO_BREACH).and(lost));
    }
}

#[test]
fn bad_weather_is_never_taken_for_a_dead_grant() {
    for siblings in EVERY {
        let base = setup("clear, unclear, in time", siblings);
        let faults = Faults { clear: 1, unclear: 1, ..NONE };
        let two =
            Setup { lives: &[1, 1], wishes: &[NEED, AHEAD], prompt: true, closing: true, faults, ..base };
        let lost: &[Promise] = if siblings == FirstOnly { &[] } else { &[Promise::NotLost] };
        holds(&two.and(&NONE_BEHIND).and(&NO_BREACH).and(lost));
    }
}

#[test]
fn a_delayed_request_breaches_nothing_while_nothing_needs_a_rotation() {
    for siblings in EVERY {
        let base = setup("delay, voluntary", siblings);
        let faults = Faults { delay: 1, ..NONE };
        let two = Setup { wishes: &[AHEAD], prompt: true, closing: true, faults, ..base };
        let lost: &[Promise] = if siblings == All { &[Promise::NotLost] } else { &[] };
        holds(&two.and(&NONE_BEHIND).and(&NO_BREACH).and(lost));
    }
}

#[test]
fn three_workers_hold_to_it_too() {
    for siblings in EVERY {
        let base = setup("three workers, store, crash", siblings);
        let faults = Faults { crash: 1, store: 1, ..NONE };
        let three = Setup { lives: &[1, 1, 1], prompt: true, faults, ..base };
        holds(&three.and(&NO_BREACH));
    }
}

#[test]
fn several_faults_at_once_breach_nothing() {
    for siblings in EVERY {
        let base = setup("crash, unclear, store", siblings);
        let faults = Faults { crash: 1, unclear: 1, store: 1, ..NONE };
        let two = Setup { lives: &[2, 1], prompt: true, faults, ..base };
        let lost: &[Promise] = if siblings == All { &[Promise::NotLost] } else { &[] };
        holds(&two.and(&NO_BREACH).and(lost));
    }
}

#[test]
fn as_many_siblings_of_one_token_as_there_are_workers_are_all_kept() {
    for siblings in EVERY {
        let base = setup("three workers, store ×2", siblings);
        let faults = Faults { store: 2, ..NONE };
        // Two leases lapse within the window.
        let three = Setup { lives: &[1, 1, 1], window: 2 * LEASE + 1, prompt: true, faults, ..base };
        holds(&three.and(&NO_BREACH).and(&[Promise::NotLost]));
    }
}

#[test]
fn a_store_that_fails_in_the_middle_of_a_doubtful_rotation_costs_no_connection() {
    for siblings in EVERY {
        let base = setup("unclear, blip, in time", siblings);
        let faults = Faults { unclear: 1, blip: 1, ..NONE };
        let two =
            Setup { lives: &[1, 1], wishes: &[NEED, REVIVE], prompt: true, closing: true, faults, ..base };
        let lost: &[Promise] = if siblings == FirstOnly { &[] } else { &[Promise::NotLost] };
        holds(&two.and(&NONE_BEHIND).and(&NO_BREACH).and(lost));
    }
}

#[test]
fn a_holder_that_is_wrongly_taken_for_gone_costs_no_connection() {
    for siblings in EVERY {
        let base = setup("cut, unclear, in time", siblings);
        let faults = Faults { cut: 1, unclear: 1, ..NONE };
        let two = Setup { lives: &[1, 1], prompt: true, faults, ..base };
        let lost: &[Promise] = if siblings == All { &[Promise::NotLost] } else { &[] };
        holds(&two.and(&NO_BREACH).and(lost));
        let base = setup("cut, stall, in time", siblings);
        let two = Setup { lives: &[1, 1], prompt: true, faults: Faults { cut: 1, stall: 1, ..NONE }, ..base };
        holds(&two.and(&NO_BREACH).and(&[Promise::NotLost]));
    }
}

#[test]
fn a_holder_that_was_held_up_and_dies_costs_no_connection() {
    for siblings in [All, LastOnly] {
        let base = setup("stall, crash, in time", siblings);
        let faults = Faults { stall: 1, crash: 1, ..NONE };
        let two = Setup { lives: &[1, 1], prompt: true, faults, ..base };
        holds(&two.and(&NO_BREACH).and(&[Promise::NotLost]));
    }
}
