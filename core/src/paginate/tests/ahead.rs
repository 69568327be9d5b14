//! Pages that are fetched before they are wanted.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;

/// A listing of `total` items in pages of `size`.
fn bean(options: &RequestOptions, size: usize, total: usize) -> Value {
    let start = start_of(options);
    let end = (start + size).min(total);
    let values: Vec<usize> = (start..end).collect();
    json!({ "startAt": start, "maxResults": size, "total": total, "isLast": end >= total, "values": values })
}

fn beans(size: usize, total: usize) -> Arc<Fake> {
    fake(move |options, _| page(&bean(options, size, total)))
}

fn parallel(parallel: u32) -> PaginateOptions {
    PaginateOptions { parallel, ..options("GET", None, None) }
}

fn all(paginator: &mut Paginator) -> Vec<u64> {
    let mut items = Vec::new();
    while let Some(page) = next(paginator).unwrap() {
        items.extend(page);
    }
    items
}

#[test]
fn the_next_page_comes_while_the_present_one_is_used() {
    for (prefetch, fetched) in [(true, 2), (false, 1)] {
        let server = chained(9, vec![4]);
        let asked = PaginateOptions { prefetch, ..options("GET", None, None) };
        let mut paginator = Paginator::new(server.clone(), asked).unwrap();
        assert_eq!(next(&mut paginator).unwrap().unwrap(), [0, 1, 2]);
        settle();
        assert_eq!(server.asked(), fetched);
        assert_eq!(next(&mut paginator).unwrap().unwrap(), [3, 4, 5]);
        settle();
        assert_eq!(server.asked(), fetched + 1);
    }
}

#[test]
fn nothing_is_fetched_ahead_by_a_client_without_background() {
    let mut server = beans(3, 100);
    Arc::get_mut(&mut server).unwrap().background = false;
    let mut paginator = Paginator::new(server.clone(), parallel(8)).unwrap();
    for pages in 1..4 {
        next(&mut paginator).unwrap();
        settle();
        assert_eq!(server.asked(), pages);
    }
}

#[test]
fn no_page_is_fetched_that_the_limit_leaves_no_room_for() {
    for (limit, fetched) in [(3, 1), (4, 2)] {
        let server = beans(3, 100);
        let asked = PaginateOptions { limit: Some(limit), ..parallel(8) };
        let mut paginator = Paginator::new(server.clone(), asked).unwrap();
        next(&mut paginator).unwrap();
        settle();
        assert_eq!(server.asked(), fetched, "limit {limit}");
    }
}

#[test]
fn what_is_fetched_ahead_does_not_move_the_cursor() {
    let ahead = chained(9, vec![4]);
    let mut ahead = Paginator::new(ahead, options("GET", None, None)).unwrap();
    let asked = PaginateOptions { prefetch: false, ..options("GET", None, None) };
    let mut behind = Paginator::new(chained(9, vec![4]), asked).unwrap();
    loop {
        let page = next(&mut ahead).unwrap();
        settle();
        assert_eq!(page, next(&mut behind).unwrap());
        for consumed in 0..4 {
            let place =
                |paginator: &Paginator| paginator.walk.place(consumed).map(|place| (place.at, place.skip));
            assert_eq!(place(&ahead), place(&behind));
        }
        if page.is_none() {
            return;
        }
    }
}

#[test]
fn a_failure_ahead_is_raised_when_its_page_is_asked_for() {
    let shaky = fake(|options, count| match count {
        1 => Response::of(403, "{}"),
        _ => page(&bean(options, 2, 5)),
    });
    let mut paginator = Paginator::new(shaky.clone(), options("GET", None, None)).unwrap();
    assert_eq!(next(&mut paginator).unwrap().unwrap(), [0, 1]);
    settle();
    assert_eq!(shaky.asked(), 2);
    let resumable = paginator.cursor(2);
    assert_eq!(next(&mut paginator).unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(paginator.cursor(2), resumable);
    assert_eq!(all(&mut paginator), [2, 3, 4]);
}

/// A loop that works on a page for a while must not die of an outage that was over long before it came for the next.
#[test]
fn a_failure_ahead_that_passes_is_asked_for_once_more_when_its_page_is_wanted() {
    for status in [503, 429] {
        let shaky = fake(move |options, count| match count {
            1 => Response::of(status, "{}"),
            _ => page(&bean(options, 2, 5)),
        });
        let mut paginator = Paginator::new(shaky.clone(), options("GET", None, None)).unwrap();
        assert_eq!(next(&mut paginator).unwrap().unwrap(), [0, 1]);
        settle();
        assert_eq!(shaky.asked(), 2);
        assert_eq!(all(&mut paginator), [2, 3, 4]);
    }
    // One that lasts is told, and once: the page was waited for then.
    let down = fake(|options, count| match count {
        0 => page(&bean(options, 2, 5)),
        _ => Response::of(503, "{}"),
    });
    let mut paginator = Paginator::new(down.clone(), options("GET", None, None)).unwrap();
    next(&mut paginator).unwrap();
    settle();
    assert_eq!(next(&mut paginator).unwrap_err().code(), Code::HttpError);
    assert_eq!(down.asked(), 3);
}

/// A server whose answers wait for permits; counts what waits.
fn gated(size: usize, total: usize) -> (Arc<Fake>, Arc<Semaphore>, Arc<AtomicUsize>) {
    let (gate, waiting) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    struct Waits(Arc<AtomicUsize>);
    impl Drop for Waits {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let (open, counted) = (Arc::clone(&gate), Arc::clone(&waiting));
    let server = slow(move |options, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        let (open, waits) = (Arc::clone(&open), Waits(Arc::clone(&counted)));
        Box::pin(async move {
            open.acquire().await.unwrap().forget();
            drop(waits);
            page(&bean(&options, size, total))
        })
    });
    (server, gate, waiting)
}

#[test]
fn dropping_or_resting_ends_what_is_under_way() {
    for drops in [true, false] {
        let (server, gate, waiting) = gated(2, 100);
        gate.add_permits(1);
        let mut paginator = Paginator::new(server, parallel(4)).unwrap();
        next(&mut paginator).unwrap();
        settle();
        assert_eq!(waiting.load(Ordering::SeqCst), 4);
        if drops {
            drop(paginator);
        } else {
            paginator.rest();
            gate.add_permits(1);
        }
        settle();
        assert_eq!(waiting.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn a_caller_that_gives_up_leaves_the_page_that_is_coming() {
    let (server, gate, _) = gated(2, 6);
    gate.add_permits(1);
    let mut paginator = Paginator::new(server.clone(), options("GET", None, None)).unwrap();
    next(&mut paginator).unwrap();
    RUNTIME.with_borrow(|runtime| {
        runtime.block_on(async { assert!(paginator.next_page().now_or_never().is_none()) });
    });
    gate.add_permits(10);
    assert_eq!(all(&mut paginator), [2, 3, 4, 5]);
    assert_eq!(server.asked(), 3);
}

#[test]
fn counted_pages_come_in_parallel_and_in_order() {
    let (server, gate, waiting) = gated(2, 20);
    gate.add_permits(1);
    let mut paginator = Paginator::new(server.clone(), parallel(4)).unwrap();
    let mut items = next(&mut paginator).unwrap().unwrap();
    for _ in 1..10 {
        settle();
        assert!(waiting.load(Ordering::SeqCst) <= 4);
        gate.add_permits(1);
        items.extend(next(&mut paginator).unwrap().unwrap());
    }
    assert_eq!(next(&mut paginator).unwrap(), None);
    assert_eq!(items, (0..20).collect::<Vec<_>>());
    // Nothing was asked for twice, and nothing behind the end.
    assert_eq!(server.asked(), 10);
}

#[test]
fn without_a_total_pages_come_one_after_the_other() {
    let untold = fake(|options, _| {
        let mut bean = bean(options, 2, 20);
        bean.as_object_mut().unwrap().remove("total");
        page(&bean)
    });
    let mut paginator = Paginator::new(untold.clone(), parallel(8)).unwrap();
    next(&mut paginator).unwrap();
    settle();
    assert_eq!(untold.asked(), 2);
    assert_eq!(all(&mut paginator).len(), 18);
}

#[test]
fn wrong_guesses_are_given_up() {
    // Its pages have two items and three in turn, so that no guess is right.
    let uneven =
        fake(|options, _| page(&bean(options, if start_of(options).is_multiple_of(5) { 2 } else { 3 }, 500)));
    let mut paginator = Paginator::new(uneven.clone(), parallel(16)).unwrap();
    assert_eq!(all(&mut paginator), (0..500).collect::<Vec<_>>());
    let pages = 200;
    assert!((pages..pages + 2 * 16).contains(&uneven.asked()), "{} requests", uneven.asked());
}

#[test]
fn a_few_wrong_guesses_are_forgotten_after_many_right_ones() {
    // Two pages near the beginning are short; all others are as long as the first.
    let farthest = Arc::new(AtomicUsize::new(0));
    let reached = Arc::clone(&farthest);
    let uneven = fake(move |options, _| {
        reached.fetch_max(start_of(options), Ordering::SeqCst);
        let short = [4, 9].contains(&start_of(options));
        page(&bean(options, if short { 1 } else { 2 }, 200))
    });
    let mut paginator = Paginator::new(uneven, parallel(8)).unwrap();
    let mut items = Vec::new();
    while let Some(page) = next(&mut paginator).unwrap() {
        items.extend(page);
        settle();
        if items.len() == 100 {
            assert_eq!(
                farthest.load(Ordering::SeqCst),
                100 + 7 * 2,
                "eight pages are fetched ahead in the middle"
            );
        }
    }
    assert_eq!(items, (0..200).collect::<Vec<_>>());
}

#[test]
fn bounds_of_parallel_are_kept() {
    for asked in [
        PaginateOptions { parallel: 0, ..options("GET", None, None) },
        PaginateOptions { parallel: 17, ..options("GET", None, None) },
        PaginateOptions { parallel: 2, prefetch: false, ..options("GET", None, None) },
    ] {
        let error = Paginator::new(beans(1, 1), asked).unwrap_err();
        assert_eq!((error.code(), &error.context()["option"]), (Code::InvalidArgument, &json!("parallel")));
    }
}

proptest! {
    /// Clamps that change, totals that change and lie: in parallel the same comes as one after the other.
    #[test]
    fn parallel_hands_out_what_one_after_the_other_does(
        total in 0..80_usize,
        clamps in prop::collection::vec(1..9_usize, 1..80),
        told in prop::collection::vec(0..120_usize, 1..80),
        parallel in 1..17_u32,
        limit in prop::option::of(0..90_u64),
        with_last: bool,
    ) {
        // What a page is depends on its place only, so that the order of requests does not matter.
        let server = || {
            let (clamps, told) = (clamps.clone(), told.clone());
            fake(move |options, _| {
                let start = start_of(options);
                let mut bean = bean(options, clamps[start % clamps.len()], total);
                if with_last {
                    bean["total"] = json!(told[start % told.len()]);
                } else {
                    bean.as_object_mut().unwrap().remove("isLast");
                }
                page(&bean)
            })
        };
        let asked = PaginateOptions { parallel, limit, ..options("GET", None, None) };
        let items = all(&mut Paginator::new(server(), asked).unwrap());
        let expected = (0..total as u64).take(limit.map_or(usize::MAX, |limit| limit as usize));
        prop_assert_eq!(items, expected.collect::<Vec<_>>());
    }
}
