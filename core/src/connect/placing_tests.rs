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

#[test]
fn the_pair_of_a_later_consent_leads_and_the_displaced_one_is_the_spare() {
    let home = merged(&grant("elder", 1), &grant("new", 2), resealed(), 7);
    assert_eq!((home.id.as_str(), home.generation, &home.pair), ("elder", 2, &resealed()));
    let spare = Spare { pair: grant("elder", 1).pair, generation: 1, issued_at: home.rotated_at, kept_at: 7 };
    assert_eq!((home.spare, home.consented_at), (Some(spare), 2));
}

#[test]
fn the_pair_of_an_earlier_consent_is_the_spare_of_a_later_one() {
    let (elder, new) = (grant("elder", 2), grant("new", 1));
    let home = merged(&elder, &new, resealed(), 7);
    assert_eq!((home.generation, &home.pair, home.consented_at), (1, &elder.pair, 2));
    assert_eq!(home.spare.map(|spare| (spare.pair, spare.generation)), Some((resealed(), 2)));
}

#[test]
fn that_a_pair_may_have_been_spent_goes_along_with_it() {
    let intent = |generation| Some(Intent { generation, since: 5, last: 6 });
    let new = GrantRow { intent: intent(1), ..grant("new", 2) };
    assert_eq!(merged(&grant("elder", 1), &new, resealed(), 7).intent, intent(2));
    let elder = GrantRow { intent: intent(1), ..grant("elder", 1) };
    assert_eq!(merged(&elder, &grant("new", 2), resealed(), 7).intent, intent(1), "its own stays");
}
