use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const GAP: u64 = 1_000;

/// Longest wait of those whose outcome is unclear.
const CAP: u64 = 240_000;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Replay,
    Wanted,
    Ahead,
}

/// Somebody who comes at a moment, and asks again when told to.
#[derive(Clone, Copy, Debug)]
struct Guest {
    comes: u64,
    kind: Kind,
}

impl Guest {
    fn need(self) -> Need {
        match self.kind {
            Kind::Replay => Need::Replay { by: self.comes + CAP },
            Kind::Wanted => Need::Wanted,
            Kind::Ahead => Need::Ahead,
        }
    }
}

fn guests() -> impl Strategy<Value = Vec<Guest>> {
    let kind = prop::sample::select(vec![Kind::Replay, Kind::Wanted, Kind::Ahead]);
    vec((0..600_000_u64, kind).prop_map(|(comes, kind)| Guest { comes, kind }), 1..400)
}

fn broken() -> Breaker {
    let mut breaker = Breaker::new(GAP);
    (0..OUTAGE_FROM).for_each(|_| breaker.failed(0));
    breaker
}

/// Plays an outage that does not end: when each guest's turn came, and which of them were forced.
fn play(guests: &[Guest]) -> Vec<(u64, Guest)> {
    let mut breaker = broken();
    let mut asks: BTreeSet<(u64, usize)> =
        guests.iter().enumerate().map(|(who, guest)| (guest.comes, who)).collect();
    let mut turns = Vec::new();
    while let Some((now, who)) = asks.pop_first() {
        match breaker.ask(who as u64, guests[who].need(), now) {
            Turn::Now => {
                breaker.failed(now);
                turns.push((now, guests[who]));
            }
            Turn::At(later) => {
                assert!(later > now, "asked to come back at once");
                asks.insert((later, who));
            }
        }
    }
    turns
}

proptest! {
    #[test]
    fn everybody_has_a_turn_and_no_two_are_closer_than_the_gap_unless_one_is_due(guests in guests()) {
        let turns = play(&guests);
        prop_assert_eq!(turns.len(), guests.len());
        for pair in turns.windows(2) {
            let (before, (at, guest)) = (pair[0].0, pair[1]);
            let due = matches!(guest.need(), Need::Replay { by } if by <= at);
            prop_assert!(due || at >= before + GAP, "{before} and {at}");
        }
    }

    #[test]
    fn an_unclear_outcome_is_never_left_longer_than_the_cap(guests in guests()) {
        for (at, guest) in play(&guests) {
            if matches!(guest.kind, Kind::Replay) {
                prop_assert!(at <= guest.comes + CAP, "came at {}, had its turn at {at}", guest.comes);
            }
        }
    }

    #[test]
    fn nobody_goes_ahead_of_need_while_somebody_waits_who_needs_it(guests in guests()) {
        let turns = play(&guests);
        for (at, guest) in &turns {
            if matches!(guest.kind, Kind::Ahead) {
                let passed = turns.iter().find(|(turn, other)| {
                    other.comes < *at && turn > at && !matches!(other.kind, Kind::Ahead)
                });
                prop_assert!(passed.is_none(), "{passed:?} waited at {at}");
            }
        }
    }

    #[test]
    fn one_clear_answer_lets_everybody_go(guests in guests(), at in 0..600_000_u64) {
        let mut breaker = broken();
        for (who, guest) in guests.iter().enumerate() {
            breaker.ask(who as u64, guest.need(), at);
        }
        breaker.answered();
        for (who, guest) in guests.iter().enumerate() {
            prop_assert_eq!(breaker.ask(who as u64, guest.need(), at), Turn::Now);
        }
    }
}

#[test]
fn a_few_failures_are_no_outage() {
    let mut breaker = Breaker::new(GAP);
    for _ in 0..10 {
        breaker.failed(5);
        breaker.failed(5);
        assert_eq!(breaker.ask(1, Need::Ahead, 5), Turn::Now);
        breaker.answered();
    }
}

#[test]
fn whoever_leaves_the_line_makes_room() {
    let mut breaker = broken();
    assert_eq!(breaker.ask(1, Need::Wanted, 0), Turn::At(GAP));
    assert_eq!(breaker.ask(2, Need::Wanted, 0), Turn::At(2 * GAP));
    breaker.leave(1);
    assert_eq!(breaker.ask(2, Need::Wanted, GAP), Turn::Now);
    assert!(breaker.line.is_empty() && breaker.told.is_empty());
}

#[test]
fn who_comes_to_need_it_moves_up() {
    let mut breaker = broken();
    for ticket in 0..5 {
        breaker.ask(ticket, Need::Ahead, 0);
    }
    assert_eq!(breaker.ask(4, Need::Wanted, 0), Turn::At(GAP));
    assert_eq!(breaker.ask(0, Need::Ahead, 0), Turn::At(2 * GAP));
}

#[test]
fn many_that_are_due_at_once_put_the_others_off_by_one_gap_only() {
    let mut breaker = broken();
    for ticket in 0..1_000 {
        assert_eq!(breaker.ask(ticket, Need::Replay { by: 7 * GAP }, 7 * GAP), Turn::Now);
    }
    assert_eq!(breaker.ask(1_000, Need::Wanted, 7 * GAP), Turn::At(8 * GAP));
}

#[test]
fn whoever_does_not_come_back_when_told_holds_nobody_up() {
    let mut breaker = broken();
    assert_eq!(breaker.ask(1, Need::Wanted, 0), Turn::At(GAP));
    let Turn::At(second) = breaker.ask(2, Need::Ahead, 0) else { panic!("the second goes first") };
    let Turn::At(again) = breaker.ask(2, Need::Ahead, second) else { panic!("the first is given a moment") };
    assert!(again <= second + GAP);
    assert_eq!(breaker.ask(2, Need::Ahead, again), Turn::Now);
    breaker.answered();
    assert!(breaker.line.is_empty() && breaker.told.is_empty());
}
