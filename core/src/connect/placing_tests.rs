use super::*;
use crate::grant::model::first_row;
use crate::store::{Intent, Spare};

fn grant(id: &str, consented_at: u64) -> GrantRow {
    let pair = Sealed(id.as_bytes().to_vec());
    GrantRow { id: id.into(), pair, generation: 1, consented_at, ..first_row() }
}

fn resealed() -> Sealed {
    Sealed(b"resealed".to_vec())
}

fn spare(pair: Sealed, generation: u64) -> Spare {
    Spare { pair, generation, issued_at: first_row().rotated_at, kept_at: 7 }
}

/// What the new grant leaves to the elder.
fn left() -> Vec<Spare> {
    vec![spare(resealed(), 2)]
}

#[test]
fn the_pair_of_a_later_consent_leads_and_the_displaced_one_is_a_spare() {
    let home = merged(&grant("elder", 1), &grant("new", 2), left(), 7);
    assert_eq!((home.id.as_str(), home.generation, &home.pair), ("elder", 2, &resealed()));
    assert_eq!((home.spares, home.consented_at), (vec![spare(grant("elder", 1).pair, 1)], 2));
}

#[test]
fn the_pair_of_an_earlier_consent_is_a_spare_of_a_later_one() {
    let (elder, new) = (grant("elder", 2), grant("new", 1));
    let home = merged(&elder, &new, left(), 7);
    assert_eq!((home.generation, &home.pair, home.consented_at), (1, &elder.pair, 2));
    assert_eq!(home.spares, left());
}

#[test]
fn no_pair_of_either_grant_is_thrown_away_and_those_of_the_newer_consent_come_first() {
    let [kept, sibling] = [Sealed(vec![1]), Sealed(vec![2])];
    let (elder, new) = (grant("elder", 1), grant("new", 2));
    let elder = GrantRow { spares: vec![spare(kept.clone(), 1)], ..elder };
    let left = vec![spare(resealed(), 2), spare(sibling.clone(), 2)];
    let names = |home: GrantRow| home.spares.into_iter().map(|spare| spare.pair).collect::<Vec<_>>();
    let home = merged(&elder, &new, left.clone(), 7);
    assert_eq!(names(home), [sibling.clone(), elder.pair.clone(), kept.clone()]);
    let later = GrantRow { consented_at: 3, ..elder };
    assert_eq!(names(merged(&later, &new, left, 7)), [kept, resealed(), sibling]);
}

#[test]
fn that_a_pair_may_have_been_spent_goes_along_with_it() {
    let intent = |generation| Some(Intent { generation, since: 5, last: 6 });
    let new = GrantRow { intent: intent(1), ..grant("new", 2) };
    assert_eq!(merged(&grant("elder", 1), &new, left(), 7).intent, intent(2));
    let elder = GrantRow { intent: intent(1), ..grant("elder", 1) };
    assert_eq!(merged(&elder, &grant("new", 2), left(), 7).intent, intent(1), "its own stays");
}
