//! Whole listings over a server that clamps, leaves windows empty, and repeats itself.

use std::sync::Mutex;

use futures::FutureExt;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::lock::lock;

/// What the fake server answers, given the request and how many came before it.
type Answer = Box<dyn Fn(&RequestOptions, usize) -> Response + Send + Sync>;

struct Fake {
    answer: Answer,
    asked: Mutex<usize>,
    cloud_id: String,
}

impl Fetch for Fake {
    fn fetch(&self, options: RequestOptions) -> BoxFuture<'_, Result<(Response, String)>> {
        let mut asked = lock(&self.asked);
        let response = (self.answer)(&options, *asked);
        *asked += 1;
        futures::future::ready(Ok((response, self.cloud_id.clone()))).boxed()
    }
}

fn fake(answer: impl Fn(&RequestOptions, usize) -> Response + Send + Sync + 'static) -> Arc<Fake> {
    Arc::new(Fake { answer: Box::new(answer), asked: Mutex::new(0), cloud_id: "cloud".into() })
}

fn options(method: &str, limit: Option<u64>, cursor: Option<String>) -> PaginateOptions {
    PaginateOptions { method: method.into(), limit, cursor, ..PaginateOptions::new("user-42", "/rest/x") }
}

fn next(paginator: &mut Paginator) -> Result<Option<Vec<u64>>> {
    let page = paginator.next_page().now_or_never().unwrap()?;
    Ok(page.map(|page| page.items.iter().map(|item| item.get().parse().unwrap()).collect()))
}

fn asked(options: &RequestOptions, name: &str) -> Option<Value> {
    let body = options.json.as_ref().and_then(Value::as_object);
    options.params.as_ref().and_then(|p| p.get(name)).or_else(|| body.and_then(|b| b.get(name))).cloned()
}

/// A counted listing: runs of items and of holes, of which each page sees one kind, at most a clamp at a time.
fn counted(slots: Vec<bool>, clamps: Vec<usize>, with_last: bool) -> Arc<Fake> {
    fake(move |options, count| {
        let start = asked(options, "startAt").map_or(0, |at| usize::try_from(at.as_u64().unwrap()).unwrap());
        let clamp = clamps[count % clamps.len()];
        let kind = slots.get(start).copied().unwrap_or(true);
        let window = slots.iter().skip(start).take(clamp).take_while(|slot| **slot == kind).count();
        let values: Vec<usize> = if kind { (start..start + window).collect() } else { Vec::new() };
        let mut body =
            json!({ "startAt": start, "maxResults": window, "total": slots.len(), "values": values });
        if with_last {
            body["isLast"] = json!(start + window >= slots.len());
            // Not to be trusted where isLast is there.
            body["total"] = json!(0);
        }
        Response::of(200, &body.to_string())
    })
}

/// A chained listing; pages can be empty on the way.
fn chained(total: usize, clamps: Vec<usize>) -> Arc<Fake> {
    fake(move |options, count| {
        let token = asked(options, "nextPageToken").map(|token| token.as_str().unwrap().to_owned());
        // The second number makes tokens of empty pages differ, as a server's do.
        let (start, step) = token.map_or((0, 0), |token| {
            let (start, step) = token.split_once('.').unwrap();
            (start.parse().unwrap(), step.parse::<usize>().unwrap())
        });
        let end = (start + clamps[count % clamps.len()] - 1).min(total);
        let issues: Vec<usize> = (start..end).collect();
        let token = (end < total).then(|| format!("{end}.{}", step + 1));
        let mut body = json!({ "issues": issues, "isLast": token.is_none() });
        if let Some(token) = token {
            body["nextPageToken"] = json!(token);
        }
        Response::of(200, &body.to_string())
    })
}

/// Reads a listing to its end, stopping and resuming in a new paginator wherever `stops` says: after how many items.
fn walk(server: &dyn Fn() -> Arc<Fake>, method: &str, limit: Option<u64>, stops: &[usize]) -> Vec<u64> {
    let mut stops = stops.iter().copied();
    let mut seen = Vec::new();
    let mut cursor = None;
    'resume: loop {
        let left = limit.map(|limit| limit - u64::try_from(seen.len()).unwrap());
        let mut paginator = Paginator::new(server(), options(method, left, cursor)).unwrap();
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
        prop_assert_eq!(walk(&*server, method, limit, &stops), limited.collect::<Vec<_>>());
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
    assert_eq!((next(&mut paginator).unwrap(), *lock(&none.asked)), (None, 0));
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
    let elsewhere = Fake { cloud_id: "other".into(), ..Arc::into_inner(chained(9, vec![3])).unwrap() };
    let mut paginator = Paginator::new(Arc::new(elsewhere), options("GET", None, cursor)).unwrap();
    assert_eq!(next(&mut paginator).unwrap_err().code(), Code::CursorInvalid);
}

#[test]
fn a_listing_that_turns_in_a_circle_stalls_instead_of_repeating() {
    let circle = fake(|options, _| {
        let next = match asked(options, "nextPageToken").as_ref().and_then(Value::as_str) {
            None => "a",
            Some("a") => "b",
            Some(_) => "a",
        };
        Response::of(200, &json!({ "issues": [1], "nextPageToken": next }).to_string())
    });
    let mut paginator = Paginator::new(circle, options("GET", None, None)).unwrap();
    for _ in ["", "a", "b"] {
        assert_eq!(next(&mut paginator).unwrap().unwrap(), [1]);
    }
    assert_eq!(next(&mut paginator).unwrap_err().code(), Code::PaginationStalled);
    // The last page was consumed; a later try asks for it again and skips what is known.
    assert!(paginator.cursor(1).is_some());

    for body in [
        json!({ "startAt": 0, "maxResults": 0, "isLast": false, "values": [] }),
        json!({ "startAt": 0, "isLast": false, "values": [] }),
    ] {
        let server = fake(move |_, _| Response::of(200, &body.to_string()));
        let mut paginator = Paginator::new(server, options("GET", None, None)).unwrap();
        assert_eq!(next(&mut paginator).unwrap_err().code(), Code::PaginationStalled);
    }
    // Goes forward and never ends.
    let endless = fake(|options, _| {
        let start = asked(options, "startAt").map_or(0, |at| at.as_u64().unwrap());
        Response::of(
            200,
            &json!({ "startAt": start, "maxResults": 5, "isLast": false, "values": [] }).to_string(),
        )
    });
    let mut paginator = Paginator::new(endless, options("GET", None, None)).unwrap();
    assert_eq!(next(&mut paginator).unwrap_err().code(), Code::PaginationStalled);
}

#[test]
fn a_server_that_ignores_the_offset_does_not_repeat_itself_for_ever() {
    let deaf = fake(|_, _| {
        Response::of(
            200,
            &json!({ "startAt": 0, "maxResults": 2, "isLast": false, "values": [1, 2] }).to_string(),
        )
    });
    let mut paginator = Paginator::new(deaf, options("GET", None, None)).unwrap();
    assert_eq!(next(&mut paginator).unwrap().unwrap(), [1, 2]);
    assert_eq!(next(&mut paginator).unwrap_err().code(), Code::PaginationStalled);
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
