//! What is not promised, each shown by the shortest way there, so that it is known exactly and not guessed. A change
//! of the rules that makes one of these impossible is welcome, and moves it to `promises`.

use super::check::{find, holds};
use super::flaws::Flaw;
use super::hands::Move;
use super::provider::Siblings::{All, FirstOnly, LastOnly};
use super::setup::{Faults, LEASE, NEED, NO_BREACH, Promise, Setup, setup};
use super::system::Action;

const NONE: Faults = Faults { crash: 0, unclear: 0, clear: 0, delay: 0, stall: 0, store: 0, blip: 0, cut: 0 };

fn breaks(setup: &Setup, promise: Promise) -> Vec<Action> {
    find(setup, promise).unwrap_or_else(|| panic!("{}: {promise:?} holds after all", setup.name))
}

/// Rule 4: a worker stopped between its last look and its write, for longer than its lease, sends an old token.
#[test]
fn a_stop_between_look_and_write_longer_than_the_lease_spends_an_old_token() {
    let base = setup("stall ×3 within the gap", All);
    let faults = Faults { stall: LEASE, ..NONE };
    let paused = Setup { lives: &[2, 1], prompt: true, gap: true, faults, ..base };
    let way = breaks(&paused, Promise::Never(Flaw::BreachOutrun));
    let ticks_between = |who: usize| {
        let at = |what: Move| way.iter().position(|action| *action == Action::Worker(who, what));
        let (clear, send) = at(Move::Clear).zip(at(Move::Send))?;
        Some(way[clear..send].iter().filter(|action| **action == Action::Tick).count())
    };
    let stopped = [0, 1].map(ticks_between);
    assert!(stopped.contains(&Some(LEASE.into())), "stopped for {stopped:?} ticks: {way:?}");
    holds(&Setup { gap: false, ..paused }.and(&NO_BREACH));
}

/// Rule 6: a success is committed although its lease has lapsed. Whoever holds the lease by then may be past its last
/// look: it spends the token a second time within the window, and keeps what it gets as the spare.
#[test]
fn a_commit_later_than_its_lease_can_let_the_next_holder_replay_the_token() {
    let base = setup("store", All);
    let late = Setup { lives: &[1, 1], prompt: true, faults: Faults { store: 1, ..NONE }, ..base };
    let way = breaks(&late, Promise::Never(Flaw::SentBehind));
    assert!(way.contains(&Action::Worker(0, Move::StoreFails { wrote: false })), "{way:?}");
}

/// The lost reply carried the only token that lives. Nothing can be done; a crash comes to the same.
#[test]
fn where_only_the_first_sibling_lives_a_lost_reply_loses_the_connection() {
    for faults in [Faults { unclear: 1, ..NONE }, Faults { crash: 1, ..NONE }] {
        let base = setup("a lost reply", FirstOnly);
        let way = breaks(&Setup { prompt: true, faults, ..base }, Promise::NotLost);
        let lost = |action: &Action| {
            matches!(action, Action::Worker(_, Move::Unclear { acted: true } | Move::Crash))
        };
        assert_eq!(way.iter().filter(|action| lost(action)).count(), 1, "{way:?}");
    }
}

/// A request that arrives after its retry was answered takes the life of the pair that was stored.
#[test]
fn where_only_the_last_sibling_lives_a_request_overtaken_by_its_retry_loses_the_connection() {
    let base = setup("delay", LastOnly);
    let way = breaks(&Setup { prompt: true, faults: Faults { delay: 1, ..NONE }, ..base }, Promise::NotLost);
    assert_eq!(way.last(), Some(&Action::Stray(0, true)), "{way:?}");
}

/// The pair that lives was in the hands of a worker that crashed, while the other one was stored later than its lease.
#[test]
fn where_only_the_last_sibling_lives_a_late_commit_and_a_crash_lose_the_connection() {
    let base = setup("store, crash", LastOnly);
    let faults = Faults { store: 1, crash: 1, ..NONE };
    let way = breaks(&Setup { lives: &[1, 1], prompt: true, faults, ..base }, Promise::NotLost);
    assert!(way.contains(&Action::Worker(1, Move::Crash)), "{way:?}");
}

/// Rule 5 keeps back what is voluntary only: when something needs another rotation before the late request has
/// arrived, that request is a breach.
#[test]
fn a_needed_rotation_ahead_of_a_delayed_request_can_breach() {
    let base = setup("delay, needed", All);
    let needed = Setup { wishes: &[NEED], prompt: true, faults: Faults { delay: 1, ..NONE }, ..base };
    let way = breaks(&needed, Promise::Never(Flaw::BreachOutrun));
    assert_eq!(way.last(), Some(&Action::Stray(0, true)), "{way:?}");
}

/// A window counted from the first exchange ends for a delayed retry, too, although the retry left within it.
#[test]
fn a_delayed_retry_of_a_crashed_attempt_can_outlast_the_window() {
    let base = setup("delay, crash", All);
    let faults = Faults { delay: 1, crash: 1, ..NONE };
    breaks(&Setup { lives: &[2], prompt: true, faults, ..base }, Promise::Never(Flaw::BreachLate));
}

/// One worker holds a success that its store does not take for the whole window; another one, whose store works,
/// cannot know and spends the token again.
#[test]
fn a_success_unstored_for_the_whole_window_is_lost_to_another_worker() {
    let base = setup("store, any time", All);
    let way = breaks(&Setup { faults: Faults { store: 1, ..NONE }, ..base }, Promise::NotLost);
    assert!(way.iter().filter(|action| **action == Action::Tick).count() >= 5, "{way:?}");
}

/// Nobody can tell which of two siblings lives: where the other one counts as theft, trying it kills both.
#[test]
fn where_a_lost_sibling_counts_as_theft_a_late_commit_can_breach() {
    for siblings in [LastOnly, FirstOnly] {
        let base = setup("store, theft", siblings);
        let theft = Setup { theft: true, prompt: true, faults: Faults { store: 1, ..NONE }, ..base };
        breaks(&theft, Promise::Never(Flaw::BreachHurt));
    }
}

/// The other one is past its last look when the first one, whose session broke while it waited for its answer, commits:
/// what it then sends ends the pair that was stored, and the reply that carries the living one is lost.
#[test]
fn where_only_the_last_sibling_lives_a_broken_session_and_a_lost_reply_lose_the_connection() {
    let base = setup("cut, unclear", LastOnly);
    let faults = Faults { cut: 1, unclear: 1, ..NONE };
    let way = breaks(&Setup { lives: &[1, 1], prompt: true, faults, ..base }, Promise::NotLost);
    assert!(way.iter().any(|action| matches!(action, Action::Worker(_, Move::EvictLiving))), "{way:?}");
}
