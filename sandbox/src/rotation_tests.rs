use super::*;
use crate::clock::{DAY, SECOND};
use Verdict::{Breach, Refused};

const MINUTE: Millis = 60 * SECOND;

fn rules() -> Rules {
    Rules {
        window: 10 * MINUTE,
        window_from: WindowFrom::First,
        siblings: Siblings::All,
        dead_sibling: DeadSibling::Refused,
        idle: 90 * DAY,
        absolute: Some(365 * DAY),
        keep: false,
    }
}

fn siblings(siblings: Siblings) -> Rules {
    Rules { siblings, ..rules() }
}

fn family() -> Family {
    Family::start(0, 0).0
}

/// Exchanges a token that must rotate; answers the new one.
fn rotate(family: &mut Family, token: TokenId, now: Millis, rules: &Rules) -> TokenId {
    match family.exchange(token, now, rules) {
        Verdict::Rotated { token, .. } => token,
        other => panic!("expected a rotation, got {other:?}"),
    }
}

#[test]
fn every_exchange_hands_out_the_next_generation() {
    let mut family = family();
    let one = rotate(&mut family, 0, MINUTE, &rules());
    let two = rotate(&mut family, one, 2 * MINUTE, &rules());
    assert_eq!([0, one, two].map(|token| family.generation(token)), [Some(0), Some(1), Some(2)]);
    assert_eq!(family.newest(), 2);
    assert_eq!(family.count(Standing::Live, 2 * MINUTE, &rules()), 1);
}

#[test]
fn a_token_can_be_exchanged_again_inside_the_window() {
    let mut family = family();
    rotate(&mut family, 0, 0, &rules());
    let again = family.exchange(0, 10 * MINUTE - 1, &rules());
    assert_eq!(again, Verdict::Rotated { token: 2, replay: true });
    assert_eq!(family.state(), FamilyState::Live);
}

#[test]
fn reuse_after_the_window_kills_the_family() {
    let mut family = family();
    let one = rotate(&mut family, 0, 0, &rules());
    assert_eq!(family.exchange(0, 10 * MINUTE, &rules()), Breach);
    assert_eq!(family.state(), FamilyState::Breached);
    let refused = Refused(Refusal::Dead(FamilyState::Breached));
    assert_eq!(family.exchange(one, 10 * MINUTE, &rules()), refused);
    assert_eq!(family.exchange(0, 10 * MINUTE, &rules()), refused, "a breach is counted once");
}

#[test]
fn the_window_counts_from_the_first_exchange_or_from_the_latest() {
    for (window_from, tolerated) in [(WindowFrom::First, false), (WindowFrom::Last, true)] {
        let rules = Rules { window_from, ..rules() };
        let mut family = family();
        rotate(&mut family, 0, 0, &rules);
        rotate(&mut family, 0, 9 * MINUTE, &rules);
        let third = family.exchange(0, 18 * MINUTE, &rules);
        assert_eq!(third != Breach, tolerated, "{window_from:?}");
    }
}

#[test]
fn without_a_window_any_reuse_is_a_breach() {
    let rules = Rules { window: 0, ..rules() };
    let mut family = family();
    rotate(&mut family, 0, 0, &rules);
    assert_eq!(family.exchange(0, 0, &rules), Breach);
}

#[test]
fn the_last_but_one_token_is_a_breach_even_inside_the_window() {
    let mut family = family();
    let one = rotate(&mut family, 0, 0, &rules());
    rotate(&mut family, one, SECOND, &rules());
    assert_eq!(family.exchange(0, 2 * SECOND, &rules()), Breach);
}

#[test]
fn the_immediately_preceding_token_is_tolerated_while_an_older_one_is_not() {
    let mut family = family();
    let one = rotate(&mut family, 0, 0, &rules());
    rotate(&mut family, one, SECOND, &rules());
    rotate(&mut family, one, 2 * SECOND, &rules());
    assert_eq!(family.state(), FamilyState::Live);
    assert_eq!(family.exchange(0, 3 * SECOND, &rules()), Breach);
}

#[test]
fn all_siblings_stay_good_even_after_one_of_them_went_on() {
    let rules = siblings(Siblings::All);
    let mut family = family();
    let (first, second) = (rotate(&mut family, 0, 0, &rules), rotate(&mut family, 0, SECOND, &rules));
    assert_eq!(family.count(Standing::Live, SECOND, &rules), 2);
    rotate(&mut family, first, 20 * MINUTE, &rules);
    rotate(&mut family, second, 40 * MINUTE, &rules);
}

#[test]
fn with_last_only_the_earlier_sibling_is_refused_and_the_later_one_lives() {
    let rules = siblings(Siblings::LastOnly);
    let mut family = family();
    let (first, second) = (rotate(&mut family, 0, 0, &rules), rotate(&mut family, 0, SECOND, &rules));
    assert_eq!(family.exchange(first, SECOND, &rules), Refused(Refusal::LostSibling));
    rotate(&mut family, second, SECOND, &rules);
}

#[test]
fn with_first_only_the_later_sibling_is_refused_and_the_earlier_one_lives() {
    let rules = siblings(Siblings::FirstOnly);
    let mut family = family();
    let (first, second) = (rotate(&mut family, 0, 0, &rules), rotate(&mut family, 0, SECOND, &rules));
    assert_eq!(family.exchange(second, SECOND, &rules), Refused(Refusal::LostSibling));
    rotate(&mut family, first, SECOND, &rules);
}

#[test]
fn a_lost_sibling_can_count_as_theft() {
    for (which, lost) in [(Siblings::LastOnly, 1), (Siblings::FirstOnly, 2)] {
        let rules = Rules { dead_sibling: DeadSibling::Breach, ..siblings(which) };
        let mut family = family();
        rotate(&mut family, 0, 0, &rules);
        rotate(&mut family, 0, SECOND, &rules);
        assert_eq!(family.exchange(lost, SECOND, &rules), Breach, "{which:?}");
    }
}

#[test]
fn an_answer_without_refresh_token_leaves_the_old_one_good() {
    let keep = Rules { keep: true, ..rules() };
    let mut family = family();
    assert_eq!(family.exchange(0, 0, &keep), Verdict::Kept);
    assert_eq!(family.exchange(0, 20 * MINUTE, &keep), Verdict::Kept);
    assert_eq!(family.exchange(0, 40 * MINUTE, &rules()), Verdict::Rotated { token: 1, replay: false });
}

#[test]
fn ninety_days_without_an_exchange_end_it_and_each_exchange_begins_them_anew() {
    let mut family = family();
    let one = rotate(&mut family, 0, 90 * DAY - 1, &rules());
    let two = rotate(&mut family, one, 180 * DAY - 2, &rules());
    assert_eq!(family.exchange(two, 270 * DAY - 2, &rules()), Refused(Refusal::Dead(FamilyState::Idle)));
}

#[test]
fn the_absolute_limit_survives_rotation_and_can_be_switched_off() {
    for (absolute, good) in [(Some(365 * DAY), false), (None, true)] {
        let rules = Rules { absolute, ..rules() };
        let mut family = family();
        let mut token = 0;
        for day in [80, 160, 240, 320] {
            token = rotate(&mut family, token, day * DAY, &rules);
        }
        let last = family.exchange(token, 365 * DAY, &rules);
        assert_eq!(last != Refused(Refusal::Dead(FamilyState::TooOld)), good);
    }
}

#[test]
fn an_ended_family_refuses_and_keeps_its_first_cause() {
    let mut family = family();
    family.end(FamilyState::Replaced);
    family.end(FamilyState::Revoked);
    assert_eq!(family.exchange(0, 0, &rules()), Refused(Refusal::Dead(FamilyState::Replaced)));
}

#[test]
fn a_token_that_does_not_exist_changes_nothing() {
    let mut family = family();
    assert_eq!(family.exchange(7, 0, &rules()), Refused(Refusal::Unknown));
    assert_eq!(family.state(), FamilyState::Live);
}
