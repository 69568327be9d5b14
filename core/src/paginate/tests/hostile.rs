//! Servers that would keep a listing from ending.

use super::*;

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
fn a_list_that_repeats_itself_is_not_handed_out_twice() {
    let users = PaginateOptions::new("user-42", "/rest/api/3/users/search");
    let deaf = fake(|_, _| page(&json!([1, 2])));
    let mut paginator = Paginator::new(deaf, users).unwrap();
    assert_eq!(next(&mut paginator).unwrap().unwrap(), [1, 2]);
    assert_eq!(next(&mut paginator).unwrap_err().code(), Code::PaginationStalled);
}

#[test]
fn one_page_for_ever_new_tokens_stalls() {
    let endless = fake(|_, count| page(&json!({ "issues": [1], "nextPageToken": count.to_string() })));
    let mut paginator = Paginator::new(endless, options("GET", None, None)).unwrap();
    let outcome = (0..10).map(|_| next(&mut paginator)).find_map(Result::err).unwrap();
    assert_eq!(outcome.code(), Code::PaginationStalled);
}

/// An answer made of what pages are made of, in any mixture.
fn anything() -> impl Strategy<Value = Value> {
    let small = 0..6_u64;
    prop_oneof![
        (small.clone(), small.clone(), small.clone(), any::<bool>()).prop_map(|(start, total, items, last)| {
            json!({ "startAt": start * 3, "maxResults": items, "total": total * 7, "isLast": last, "values": vec![1; items as usize] })
        }),
        (small.clone(), small.clone()).prop_map(|(start, items)| json!({ "startAt": start, "issues": vec![2; items as usize] })),
        (small.clone(), small.clone()).prop_map(|(token, items)| json!({ "issues": vec![3; items as usize], "nextPageToken": token.to_string() })),
        (small.clone(), small.clone()).prop_map(|(at, items)| json!({ "results": vec![4; items as usize], "_links": { "next": format!("/rest/x?{at}") } })),
        (small.clone(), small.clone()).prop_map(|(until, items)| json!({ "values": vec![5; items as usize], "until": until, "lastPage": false })),
        (small.clone(), small.clone()).prop_map(|(at, items)| json!({ "values": vec![6; items as usize], "start": at, "isLastPage": false })),
        small.prop_map(|items| json!(vec![7; items as usize])),
        Just(json!({ "issues": [], "nextPageToken": "t" })),
    ]
}

proptest! {
    #[test]
    fn any_listing_ends_or_hands_something_out(
        answers in prop::collection::vec(anything(), 1..12),
        parallel in 1..5_u32,
        path in prop::sample::select(vec!["/rest/x", "/rest/api/3/users/search", "/rest/api/3/user/search", "/wiki/x"]),
    ) {
        let server = fake(move |_, count| page(&answers[count % answers.len()]));
        let asked = PaginateOptions { parallel, ..PaginateOptions::new("user-42", path) };
        let mut paginator = Paginator::new(server.clone(), asked).unwrap();
        for _ in 0..300 {
            let before = server.asked();
            let outcome = next(&mut paginator);
            // Pages without items have a limit, and what is fetched ahead is bounded.
            prop_assert!(server.asked() - before <= 1002 * 5, "{} requests for one page", server.asked() - before);
            match outcome {
                Ok(Some(items)) => prop_assert!(!items.is_empty()),
                Ok(None) => return Ok(()),
                Err(error) => {
                    prop_assert!(matches!(error.code(), Code::PaginationStalled | Code::InvalidArgument), "{}", error);
                    return Ok(());
                }
            }
        }
    }
}
