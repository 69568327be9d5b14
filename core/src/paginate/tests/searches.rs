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
    fn clamped_windows_give_everybody_once(
        users in 0..400_u64,
        clamp in 1..60_usize,
        stops in prop::collection::vec(0..60_usize, 0..6),
    ) {
        let server = || search(clamp, vec![true; users as usize]);
        prop_assert_eq!(walk(&server, &wanted(None, None), &stops), (0..users).collect::<Vec<_>>());
    }
}
