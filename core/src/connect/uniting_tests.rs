use super::super::decide::tests::{grant, row};
use super::*;
use crate::store::{Death, Intent, Lease};

const NOW: u64 = 1_000_000;

fn now() -> Stamp {
    Stamp { boot: Some("b".into()), boot_ms: NOW, wall_ms: NOW }
}

/// A grant of ada's, consented at this time, with a connection on each of these sites, reaching those.
fn one(id: &str, consented_at: u64, used: &[&str], reached: &[&str]) -> Relative {
    let grant = GrantRow { consented_at, ..grant(id, Some("ada"), reached) };
    let connections = used.iter().map(|site| row(&format!("{id}-{site}"), id, Some(site))).collect();
    Relative { grant, connections }
}

fn verdict(first: &Relative, second: &Relative) -> Verdict {
    let told = unite(first, second, &now(), &Timings::default());
    let turned = match unite(second, first, &now(), &Timings::default()) {
        Verdict::First => Verdict::Second,
        Verdict::Second => Verdict::First,
        other => other,
    };
    assert_eq!(told, turned, "whoever is named first");
    told
}

/// What the loser leaves to the winner.
fn left(name: u8) -> Vec<Spare> {
    vec![Spare { pair: Sealed(vec![name]), generation: 1, issued_at: 5, kept_at: NOW }]
}

fn with(relative: &Relative, change: impl Fn(&mut GrantRow)) -> Relative {
    let mut changed = relative.clone();
    change(&mut changed.grant);
    changed
}

#[test]
fn the_newest_consent_takes_the_other_in() {
    let (old, new) = (one("old", 1, &["acme"], &["acme"]), one("new", 2, &["zeta"], &["acme", "zeta"]));
    assert_eq!(verdict(&new, &old), Verdict::First);
}

#[test]
fn a_consent_that_does_not_reach_what_is_in_use_leaves_the_other_alone() {
    let (old, new) = (one("old", 1, &["acme"], &["acme", "zeta"]), one("new", 2, &["zeta"], &["zeta"]));
    assert_eq!(verdict(&new, &old), Verdict::Apart);
}

#[test]
fn an_unfinished_consent_is_left_to_itself() {
    let (old, new) = (one("old", 1, &["acme"], &["acme"]), one("new", 2, &[], &["acme"]));
    assert_eq!(verdict(&new, &old), Verdict::Apart);
}

#[test]
fn what_lives_goes_before_what_was_refused() {
    let dead = |row: &mut GrantRow| row.death = Some(Death { reason: "revoked".into(), at: 1 });
    let (old, new) = (one("old", 1, &["acme"], &["acme"]), one("new", 2, &["acme"], &["acme"]));
    assert_eq!(verdict(&with(&new, dead), &old), Verdict::Second);
    assert_eq!(verdict(&with(&new, dead), &with(&old, dead)), Verdict::First);
    let united = united(&new.grant, &with(&old, dead).grant, left(7), &now());
    assert_eq!(united.spares, [], "a refused pair is no spare");
}

#[test]
fn nothing_is_done_while_one_of_them_is_rotated_or_the_loser_is_in_doubt() {
    let held = |row: &mut GrantRow| {
        row.lease = Some(Lease { holder: "w/1".into(), fence: 1, at: now() });
    };
    let doubt = |row: &mut GrantRow| {
        row.intent = Some(Intent { generation: row.generation, since: NOW, last: NOW });
    };
    let (old, new) = (one("old", 1, &["acme"], &["acme"]), one("new", 2, &["acme"], &["acme"]));
    assert_eq!(verdict(&with(&new, held), &old), Verdict::Later);
    assert_eq!(verdict(&new, &with(&old, held)), Verdict::Later);
    assert_eq!(verdict(&new, &with(&old, doubt)), Verdict::Later);
    assert_eq!(verdict(&with(&new, doubt), &old), Verdict::First, "its token stays where it is");
}

#[test]
fn the_losers_pairs_are_spares_beside_the_winners() {
    let (old, new) = (one("old", 1, &["acme"], &["acme"]).grant, one("new", 2, &["acme"], &["acme"]).grant);
    let first = united(&new, &old, left(7), &now());
    assert_eq!((first.generation, &first.pair), (new.generation, &new.pair), "nothing is spent by it");
    assert_eq!(first.spares, left(7));
    let again = united(&first, &old, left(8), &now());
    assert_eq!(again.spares, [left(7), left(8)].concat());
}
