//! Whole listings, walked through and resumed anywhere.

use super::*;

/// Reads a listing to its end, stopping and resuming in a new paginator wherever `stops` says: after how many items.
pub(super) fn walk(server: &dyn Fn() -> Arc<Fake>, asked: &PaginateOptions, stops: &[usize]) -> Vec<u64> {
    let limit = asked.limit;
    let mut stops = stops.iter().copied();
    let mut seen = Vec::new();
    let mut cursor = None;
    'resume: loop {
        let left = limit.map(|limit| limit - u64::try_from(seen.len()).unwrap());
        let options = PaginateOptions { limit: left, cursor, ..asked.clone() };
        let mut paginator = Paginator::new(server(), options).unwrap();
        let mut until = stops.next();
        while let Some(items) = next(&mut paginator).unwrap() {
            assert!(!items.is_empty());
            match until {
                Some(stop) if stop <= items.len() => {
                    seen.extend(&items[..stop]);
                    match paginator.cursor(stop) {
                        Some(text) => cursor = Some(text),
                        None => return seen,
                    }
                    continue 'resume;
                }
                _ => seen.extend(&items),
            }
            until = until.map(|stop| stop - items.len());
        }
        return seen;
    }
}

proptest! {
    #[test]
    fn every_item_comes_once_and_in_order(
        slots in prop::collection::vec(prop::bool::weighted(0.8), 0..60),
        clamps in prop::collection::vec(1_usize..9, 1..5),
        stops in prop::collection::vec(0_usize..25, 0..6),
        limit in prop::option::of(0_u64..70),
        with_last: bool,
        post: bool,
        chain: bool,
        prefetch: bool,
        deduplicate: bool,
    ) {
        let method = if post { "POST" } else { "GET" };
        let (all, server): (Vec<u64>, Box<dyn Fn() -> Arc<Fake>>) = if chain {
            // A clamp of one is an empty page here; among them must be a larger one.
            let clamps = [clamps, vec![3]].concat();
            let total = slots.len();
            ((0..total as u64).collect(), Box::new(move || chained(total, clamps.clone())))
        } else {
            let all = slots.iter().enumerate().filter(|(_, slot)| **slot).map(|(at, _)| at as u64).collect();
            (all, Box::new(move || counted(slots.clone(), clamps.clone(), with_last)))
        };
        let limited = all.iter().copied().take(limit.map_or(usize::MAX, |limit| limit as usize));
        let asked = PaginateOptions { prefetch, deduplicate, ..options(method, limit, None) };
        prop_assert_eq!(walk(&*server, &asked, &stops), limited.collect::<Vec<_>>());
    }
}

#[test]
fn a_limit_trims_and_the_cursor_goes_on_behind_it() {
    let server = || counted(vec![true; 10], vec![4], true);
    let mut paginator = Paginator::new(server(), options("GET", Some(6), None)).unwrap();
    assert_eq!(next(&mut paginator).unwrap().unwrap(), [0, 1, 2, 3]);
    assert_eq!(next(&mut paginator).unwrap().unwrap(), [4, 5]);
    let inside = paginator.cursor(1);
    assert_eq!(next(&mut paginator).unwrap(), None);
    let after = paginator.cursor(0);
    for (cursor, expected) in [(inside, vec![5, 6, 7]), (after, vec![6, 7])] {
        let mut paginator = Paginator::new(server(), options("GET", None, cursor)).unwrap();
        assert_eq!(next(&mut paginator).unwrap().unwrap(), expected);
    }
    let none = server();
    let mut paginator = Paginator::new(none.clone(), options("GET", Some(0), None)).unwrap();
    assert_eq!((next(&mut paginator).unwrap(), none.asked()), (None, 0));
}

#[test]
fn there_is_a_cursor_before_the_first_page_and_none_after_the_last() {
    let mut paginator = Paginator::new(chained(3, vec![3]), options("GET", None, None)).unwrap();
    let start = paginator.cursor(0).unwrap();
    assert_eq!(next(&mut paginator).unwrap().unwrap(), [0, 1]);
    assert_eq!(next(&mut paginator).unwrap().unwrap(), [2]);
    assert_eq!(paginator.cursor(1), None);
    assert!(paginator.cursor(0).is_some());
    assert_eq!(next(&mut paginator).unwrap(), None);
    assert_eq!(paginator.cursor(0), None);
    let mut again = Paginator::new(chained(3, vec![3]), options("GET", None, Some(start))).unwrap();
    assert_eq!(next(&mut again).unwrap().unwrap(), [0, 1]);
}

#[test]
fn the_end_of_a_page_and_the_beginning_of_the_next_are_one_place() {
    let mut paginator = Paginator::new(chained(9, vec![4]), options("GET", None, None)).unwrap();
    next(&mut paginator).unwrap();
    let place = paginator.walk.place(3).unwrap();
    // However long the next page takes to come: the place was learnt with this one.
    let later = page(&json!({ "issues": [4] }));
    let listing = read(&later, paginator.query.question(&place.at, 0)).unwrap();
    paginator.walk.take(place.clone(), listing, &later.body, place.learnt_at + 1000);
    assert_eq!(paginator.walk.place(0), Some(place));
}

#[test]
fn cursors_of_another_connection_query_or_site_are_refused() {
    let mut paginator = Paginator::new(chained(9, vec![3]), options("GET", None, None)).unwrap();
    next(&mut paginator).unwrap();
    let cursor = paginator.cursor(1);
    for other in [
        PaginateOptions { id: "user-43".into(), ..options("GET", None, cursor.clone()) },
        PaginateOptions { path: "/rest/y".into(), ..options("GET", None, cursor.clone()) },
        options("POST", None, cursor.clone()),
        PaginateOptions {
            params: json!({ "q": 1 }).as_object().cloned(),
            ..options("GET", None, cursor.clone())
        },
    ] {
        let error = Paginator::new(chained(9, vec![3]), other).unwrap_err();
        assert_eq!(error.code(), Code::CursorInvalid);
    }
    let other = || Arc::into_inner(chained(9, vec![3])).unwrap();
    let stranger = Fake { key: "other".into(), ..other() };
    let error = Paginator::new(Arc::new(stranger), options("GET", None, cursor.clone())).unwrap_err();
    assert_eq!(error.code(), Code::CursorInvalid);
    let elsewhere = Fake { cloud_id: "other".into(), ..other() };
    let mut paginator = Paginator::new(Arc::new(elsewhere), options("GET", None, cursor)).unwrap();
    assert_eq!(next(&mut paginator).unwrap_err().code(), Code::CursorInvalid);
}

#[test]
fn an_error_page_is_an_error_and_can_be_asked_for_again() {
    let shaky = fake(|_, count| match count {
        0 => Response::of(403, r#"{"errorMessages":["no"]}"#),
        _ => Response::of(200, r#"{"issues":[7]}"#),
    });
    let mut paginator = Paginator::new(shaky, options("GET", None, None)).unwrap();
    assert_eq!(next(&mut paginator).unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(next(&mut paginator).unwrap().unwrap(), [7]);
    assert_eq!(next(&mut paginator).unwrap(), None);
}

#[test]
fn items_that_shift_onto_the_next_page_come_once_where_that_is_wanted() {
    // Two new items push two old ones onto the second page.
    let shifting = || {
        fake(|options, _| {
            page(&match start_of(options) {
                0 => json!({ "startAt": 0, "total": 5, "isLast": false, "values": [1, 2, 3] }),
                _ => json!({ "startAt": 3, "total": 7, "isLast": true, "values": [2, 3, 4, 5] }),
            })
        })
    };
    let wanted = |deduplicate| PaginateOptions { deduplicate, ..options("GET", None, None) };
    assert_eq!(walk(&shifting, &wanted(false), &[]), [1, 2, 3, 2, 3, 4, 5]);
    assert_eq!(walk(&shifting, &wanted(true), &[]), [1, 2, 3, 4, 5]);
    let limited = PaginateOptions { limit: Some(4), ..wanted(true) };
    assert_eq!(walk(&shifting, &limited, &[]), [1, 2, 3, 4]);
    // The place after the first new one of the second page lies behind the two that were left out.
    let mut paginator = Paginator::new(shifting(), wanted(true)).unwrap();
    next(&mut paginator).unwrap();
    assert_eq!(next(&mut paginator).unwrap().unwrap(), [4, 5]);
    let inside = PaginateOptions { cursor: paginator.cursor(1), ..wanted(true) };
    let mut paginator = Paginator::new(shifting(), inside).unwrap();
    assert_eq!(next(&mut paginator).unwrap().unwrap(), [5]);
}

#[test]
fn a_place_that_is_not_taken_any_more_is_told_apart_from_a_bad_query() {
    let forgetful = |_: &RequestOptions, _| Response::of(400, r#"{"errorMessages":["no such token"]}"#);
    let mut paginator = Paginator::new(chained(9, vec![3]), options("GET", None, None)).unwrap();
    next(&mut paginator).unwrap();
    let place = paginator.walk.place(2).unwrap();
    let week_old = Cursor {
        at: place.at,
        skip: place.skip,
        cloud_id: Some("cloud".into()),
        made_at: place.learnt_at - 8 * 24 * 3600 * 1000,
    };
    let cursor = Some(week_old.encode(paginator.query.fingerprint(), |text| paginator.fetch.seals(text)));
    let mut resumed = Paginator::new(fake(forgetful), options("GET", None, cursor)).unwrap();
    let error = next(&mut resumed).unwrap_err();
    assert_eq!((error.code(), error.status()), (Code::CursorInvalid, Some(400)));
    assert!(error.message().contains("seven days"), "{error}");
    assert_eq!(error.context()["messages"], json!(["no such token"]));

    let mut paginator = Paginator::new(chained(9, vec![3]), options("GET", None, None)).unwrap();
    next(&mut paginator).unwrap();
    let young = options("GET", None, paginator.cursor(2));
    let error = next(&mut Paginator::new(fake(forgetful), young).unwrap()).unwrap_err();
    assert_eq!(error.code(), Code::CursorInvalid);
    assert!(!error.message().contains("seven days"), "{error}");

    let mut fresh = Paginator::new(fake(forgetful), options("GET", None, None)).unwrap();
    assert_eq!(next(&mut fresh).unwrap_err().code(), Code::HttpError);
}
