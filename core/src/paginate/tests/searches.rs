//! Searches for users, whose windows are filtered after they were cut (F8 row 5), or clamped: nothing says which.

use super::walks::walk;
use super::*;

/// A server that looks at `window` users at most from where it is asked, and shows those who match.
fn search(window: usize, matching: Vec<bool>) -> Arc<Fake> {
    fake(move |options, _| {
        let wanted = usize::try_from(asked(options, "maxResults").unwrap().as_u64().unwrap()).unwrap();
        let looked_at = (start_of(options)..matching.len().min(1000)).take(wanted.min(window));
        page(
            &looked_at
                .filter(|at| matching[*at])
                .map(|at| json!({ "key": "", "self": at.to_string() }))
                .collect(),
        )
    })
}

fn wanted(limit: Option<u64>, page_size: Option<u64>) -> PaginateOptions {
    PaginateOptions {
        limit,
        page_size,
        ..PaginateOptions::new("user-42", "/rest/api/3/user/assignable/search")
    }
}

fn users(matching: &[bool]) -> Vec<u64> {
    (0..1000_u64).zip(matching).filter(|(_, matches)| **matches).map(|(at, _)| at).collect()
}

#[test]
fn a_thousand_users_are_looked_at_and_no_more() {
    let matching: Vec<bool> = (0..2000_usize).map(|at| at.is_multiple_of(200)).collect();
    let server = search(usize::MAX, matching);
    let mut paginator = Paginator::new(server.clone(), wanted(None, None)).unwrap();
    let mut found = Vec::new();
    while let Some(items) = next(&mut paginator).unwrap() {
        found.extend(items);
    }
    assert_eq!(found, [0, 200, 400, 600, 800]);
    // Windows of 50, and one or the other more to learn that they are whole.
    assert!((20..25).contains(&server.asked()), "{}", server.asked());
}

/// Whoever joins shifts the others, and somebody comes twice: that does not make the windows of a server that clamps
/// any larger.
#[test]
fn somebody_who_joins_meanwhile_does_not_widen_the_windows() {
    for page_size in [None, Some(100)] {
        let server = fake(|options, count| {
            // One joins in front of all others after the first page.
            let joined = usize::from(count > 0);
            let looked_at = (start_of(options)..200 + joined).take(20);
            let person = |at: usize| match (at, joined) {
                (0, 1) => json!({ "self": "999" }),
                (at, joined) => json!({ "self": (at - joined).to_string() }),
            };
            page(&looked_at.map(person).collect())
        });
        let mut paginator = Paginator::new(server, wanted(None, page_size)).unwrap();
        let mut found = Vec::new();
        while let Some(items) = next(&mut paginator).unwrap() {
            found.extend(items);
        }
        assert_eq!(found, (0..200).collect::<Vec<_>>());
    }
}

proptest! {
    #[test]
    fn filtered_windows_give_everybody_once(
        matching in prop::collection::vec(prop::bool::weighted(0.4), 0..400),
        page_size in prop::option::of(1..120_u64),
        limit in prop::option::of(0..200_u64),
        stops in prop::collection::vec(0..60_usize, 0..6),
    ) {
        let server = || search(usize::MAX, matching.clone());
        let expected: Vec<u64> = users(&matching).into_iter().take(limit.unwrap_or(u64::MAX) as usize).collect();
        prop_assert_eq!(walk(&server, &wanted(limit, page_size), &stops), expected);
    }

    #[test]
    fn windows_that_are_filtered_and_clamped_give_everybody_once(
        matching in prop::collection::vec(prop::bool::weighted(0.4), 0..400),
        clamp in 50..130_usize,
        page_size in prop::option::of(1..200_u64),
        stops in prop::collection::vec(0..60_usize, 0..6),
    ) {
        let server = || search(clamp, matching.clone());
        prop_assert_eq!(walk(&server, &wanted(None, page_size), &stops), users(&matching));
    }

    #[test]
    fn windows_smaller_than_documented_that_hide_few_give_everybody_once(
        users in 0..400_usize,
        hidden_every in 3..8_usize,
        clamp in 20..50_usize,
        page_size in prop::option::of(1..200_u64),
        stops in prop::collection::vec(0..60_usize, 0..6),
    ) {
        let matching: Vec<bool> = (0..users).map(|at| at % hidden_every != 0).collect();
        let server = || search(clamp, matching.clone());
        prop_assert_eq!(walk(&server, &wanted(None, page_size), &stops), super::searches::users(&matching));
    }

    #[test]
    fn clamped_windows_give_everybody_once(
        users in 0..400_u64,
        clamp in 1..60_usize,
        stops in prop::collection::vec(0..60_usize, 0..6),
    ) {
        let server = || search(clamp, vec![true; users as usize]);
        prop_assert_eq!(walk(&server, &wanted(None, None), &stops), (0..users).collect::<Vec<_>>());
    }
}
