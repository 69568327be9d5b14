//! Every row of F8, as its pages look in the middle and at the end, and what else a server can say.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const JIRA: Around<'_> = Around { link: None, confluence: false, path: "/rest/x" };
const WIKI: Around<'_> = Around { link: None, confluence: true, path: "/wiki/rest/api/content" };

fn question(at: &Position) -> Question<'_> {
    Question { at, first: 0, window: None, widest: 0, posts: false, array: Array::Whole }
}

fn asked(body: &Value, around: Around<'_>, question: Question<'_>) -> Result<(usize, Next), Refusal> {
    let text = body.to_string();
    read(text.as_bytes(), around, question).map(|listing| (listing.items.len(), listing.next))
}

fn first(body: &Value) -> Result<(usize, Next), Refusal> {
    asked(body, JIRA, question(&Position::First))
}

fn start_at(at: u64) -> Next {
    Next::Page(Position::StartAt(at))
}

#[test]
fn rows_1_2_10_and_11_are_counted_from_start_at() {
    for (body, expected) in [
        (json!({"startAt":0,"maxResults":50,"total":3,"isLast":false,"values":[1,2]}), (2, start_at(2))),
        (json!({"startAt":2,"maxResults":50,"total":3,"isLast":true,"values":[3]}), (1, Next::End)),
        // isLast decides, whatever total says (row 11: it is often missing).
        (json!({"startAt":0,"total":2,"isLast":false,"values":[1,2]}), (2, start_at(2))),
        (json!({"startAt":0,"total":9,"isLast":true,"values":[1,2]}), (2, Next::End)),
        (json!({"startAt":0,"isLast":true,"values":[]}), (0, Next::End)),
        (json!({"startAt":0,"isLast":false,"values":[1],"total":null}), (1, start_at(1))),
        // Empty windows.
        (json!({"startAt":50,"maxResults":50,"isLast":false,"values":[]}), (0, start_at(100))),
        (json!({"startAt":0,"maxResults":0,"isLast":false,"values":[]}), (0, Next::Stalled)),
        (json!({"startAt":0,"isLast":false,"values":[]}), (0, Next::Stalled)),
        // Without isLast the total decides, and where there is none, an empty page.
        (json!({"startAt":0,"maxResults":2,"total":3,"values":[1,2]}), (2, start_at(2))),
        (json!({"startAt":2,"maxResults":2,"total":3,"values":[3]}), (1, Next::End)),
        (json!({"startAt":2,"maxResults":2,"total":9,"values":[]}), (0, start_at(4))),
        (json!({"startAt":2,"total":9,"values":[]}), (0, Next::End)),
        (json!({"startAt":2,"values":[1]}), (1, start_at(3))),
        (json!({"startAt":3,"values":[]}), (0, Next::End)),
        // Row 2: under a name of their own.
        (json!({"startAt":0,"maxResults":5,"total":9,"comments":[1,2]}), (2, start_at(2))),
        (json!({"startAt":0,"maxResults":5,"total":2,"worklogs":[1,2]}), (2, Next::End)),
        (
            json!({"startAt":0,"maxResults":5,"total":9,"issueTypes":[1],"createMetaIssueType":[]}),
            (1, start_at(1)),
        ),
        (json!({"startAt":0,"maxResults":5,"total":9,"results":[],"fields":[1,2]}), (2, start_at(2))),
        (json!({"startAt":0,"maxResults":5,"total":9,"histories":[1]}), (1, start_at(1))),
        // The total of dashboards is that of the page; an address says that there are more.
        (
            json!({"startAt":0,"maxResults":1,"total":1,"dashboards":[1],"next":"https://x/rest/x?startAt=1"}),
            (1, start_at(1)),
        ),
        (
            json!({"startAt":1,"maxResults":1,"total":1,"dashboards":[1],"prev":"https://x/rest/x"}),
            (1, Next::End),
        ),
        // A name nobody has told us, with no doubt which it is.
        (json!({"startAt":0,"total":9,"novelties":[1],"warningMessages":["a"]}), (1, start_at(1))),
        // Rows 10 and 11: issues that are counted.
        (
            json!({"expand":"x","startAt":0,"maxResults":2,"total":3,"issues":[1,2],"warningMessages":[]}),
            (2, start_at(2)),
        ),
    ] {
        assert_eq!(first(&body).unwrap(), expected, "{body}");
    }
}

#[test]
fn a_server_that_does_not_listen_to_the_place_is_noticed() {
    let at = Position::StartAt(4);
    let ask = |body: Value| asked(&body, JIRA, question(&at)).unwrap();
    // It rounds down to pages of its own: the first two are known.
    assert_eq!(ask(json!({"startAt":2,"isLast":false,"values":[2,3,4,5]})), (2, start_at(6)));
    assert_eq!(ask(json!({"startAt":0,"isLast":false,"values":[0,1]})), (0, Next::Stalled));
    assert_eq!(ask(json!({"startAt":0,"isLast":true,"values":[0,1]})), (0, Next::End));
    // It does not say where it is.
    assert_eq!(ask(json!({"isLast":false,"values":[4,5]})), (2, start_at(6)));
    assert_eq!(ask(json!({"total":9,"comments":[4,5]})), (2, start_at(6)));
}

#[test]
fn rows_3_and_4_go_on_with_their_token() {
    let token = |token: &str| Next::Page(Position::NextPageToken(token.to_owned()));
    for (body, expected) in [
        (json!({"issues":[{"id":"1"}],"nextPageToken":"a\"b","isLast":false}), (1, token("a\"b"))),
        (json!({"issues":[1],"nextPageToken":"t"}), (1, token("t"))),
        (json!({"issues":[],"nextPageToken":"t"}), (0, token("t"))),
        (json!({"issues":[1],"nextPageToken":"t","isLast":true}), (1, Next::End)),
        (json!({"issues":[1],"nextPageToken":null}), (1, Next::End)),
        (json!({"issues":[1],"nextPageToken":""}), (1, Next::End)),
        (json!({"issues":[1]}), (1, Next::End)),
        // More, without a word on where.
        (json!({"issues":[1],"isLast":false}), (1, Next::Stalled)),
        (json!({"issues":[1],"isLast":false,"nextPageToken":null}), (1, Next::Stalled)),
        (json!({"issues":[1],"isLast":true}), (1, Next::End)),
        (json!({"issueChangeLogs":[1,2],"nextPageToken":"t"}), (2, token("t"))),
        (json!({"issueChangeLogs":[1,2]}), (2, Next::End)),
        (json!({"novelties":[1],"nextPageToken":"t"}), (1, token("t"))),
        (json!({"projects":{"nextPageToken":"t","values":[1,2]},"statusId":"1"}), (2, token("t"))),
        (json!({"statusId":"1","issueTypes":{"values":[1]}}), (1, Next::End)),
        (json!({"workflows":{"values":[],"nextPageToken":null}}), (0, Next::End)),
    ] {
        assert_eq!(first(&body).unwrap(), expected, "{body}");
    }
    let at = Position::NextPageToken("t".into());
    let last = asked(&json!({"novelties":[1],"id":7}), JIRA, question(&at));
    assert_eq!(last.unwrap(), (1, Next::End));
    let last = asked(&json!({"projects":{"values":[1]}}), JIRA, question(&at));
    assert_eq!(last.unwrap(), (1, Next::End));
}

#[test]
fn row_5_is_a_list_and_ends_as_its_path_says() {
    let at = Position::StartAt(100);
    let ask = |items: usize, array: Array| {
        let question = Question { array, window: Some(50), ..question(&at) };
        asked(&json!(vec![1; items]), JIRA, question).unwrap()
    };
    let wide = |items: usize, at: &Position, window: u64, widest: u64| {
        let text = json!(vec![1; items]).to_string();
        let question = Question { array: Array::Windows, window: Some(window), widest, ..question(at) };
        let listing = read(text.as_bytes(), JIRA, question).unwrap();
        (listing.next, listing.whole_window)
    };
    let window = |items: usize, at: &Position| wide(items, at, 50, 0);
    assert_eq!(ask(50, Array::Pages), (50, start_at(150)));
    // Fewer than were asked for: the server may have clamped.
    assert_eq!(ask(20, Array::Pages), (20, start_at(120)));
    assert_eq!(ask(0, Array::Pages), (0, Next::End));
    // A filter, or a clamp: the next page tells.
    assert_eq!(window(12, &at), (start_at(112), Some(start_at(150))));
    assert_eq!(window(50, &at), (start_at(150), None));
    assert_eq!(window(0, &at), (start_at(150), None));
    // So many that a clamp is likelier: no page leads further than one that came.
    assert_eq!(window(20, &at), (start_at(120), Some(start_at(120))));
    assert_eq!(wide(12, &at, 50, 30), (start_at(112), Some(start_at(130))));
    assert_eq!(wide(0, &at, 50, 20), (start_at(120), None));
    // A window larger than the documents name may have been clamped to that.
    assert_eq!(wide(12, &at, 100, 0), (start_at(112), Some(start_at(150))));
    assert_eq!(wide(0, &at, 100, 0), (start_at(150), None));
    assert_eq!(wide(0, &at, 100, 80), (start_at(180), None));
    assert_eq!(wide(100, &at, 100, 80), (start_at(200), None));
    assert_eq!(ask(3, Array::Whole), (3, Next::End));
    let last = Position::StartAt(950);
    assert_eq!(window(12, &last), (start_at(962), Some(Next::End)));
    assert_eq!(window(50, &last), (Next::End, None));
    let question =
        Question { array: Array::Windows, window: Some(50), first: 30, ..question(&Position::First) };
    assert_eq!(asked(&json!([]), JIRA, question).unwrap(), (0, start_at(80)));
    // A filtered window in a bean: its size is what the server says.
    let bean = r#"{"startAt":30,"maxResults":40,"isLast":false,"values":[1]}"#;
    let listing = read(bean.as_bytes(), JIRA, question).unwrap();
    assert_eq!((listing.next, listing.whole_window), (start_at(31), Some(start_at(70))));
}

#[test]
fn row_6_goes_on_with_its_cursor() {
    let cursor = |cursor: &str| Next::Page(Position::Cursor(cursor.to_owned()));
    for (body, expected) in [
        (json!({"cursor":"","nextPageCursor":"2","isLast":false,"total":9,"values":[1]}), (1, cursor("2"))),
        // The last page names one, too.
        (
            json!({"cursor":"2","nextPageCursor":"4","isLast":true,"maxResults":2,"total":9,"values":[1]}),
            (1, Next::End),
        ),
        (json!({"cursor":"2","nextPageCursor":"4","last":true,"size":1,"values":[1]}), (1, Next::End)),
        (json!({"cursor":"2","values":[]}), (0, Next::End)),
    ] {
        assert_eq!(first(&body).unwrap(), expected, "{body}");
    }
}

#[test]
fn row_7_goes_on_from_its_youngest_change() {
    let since = |at| Next::Page(Position::Since(at));
    let site = "https://x.atlassian.net/api/~ver~/worklog/updated?since=5";
    for (body, expected) in [
        (json!({"values":[1],"since":0,"until":5,"lastPage":false,"nextPage":site}), (1, since(5))),
        (json!({"values":[1],"since":0,"until":5,"lastPage":true,"nextPage":site}), (1, Next::End)),
        (json!({"values":[1],"since":0,"until":5,"nextPage":site}), (1, since(5))),
        (json!({"values":[1],"since":0,"until":5}), (1, Next::End)),
        (json!({"values":[],"lastPage":false}), (0, Next::Stalled)),
    ] {
        assert_eq!(first(&body).unwrap(), expected, "{body}");
    }
    let at = Position::Since(5);
    for until in [4, 5] {
        let body = json!({"values":[1],"since":5,"until":until,"lastPage":false});
        assert_eq!(asked(&body, JIRA, question(&at)).unwrap(), (1, Next::Stalled));
    }
}

#[test]
fn row_8_is_counted_from_offset() {
    let offset = |at| Next::Page(Position::Offset(at));
    for (body, expected) in [
        (json!({"offset":0,"limit":1000,"total":3,"records":[1,2]}), (2, offset(2))),
        (json!({"offset":2,"limit":1000,"total":3,"records":[3]}), (1, Next::End)),
        (json!({"offset":0,"limit":2,"total":3,"records":[]}), (0, offset(2))),
    ] {
        assert_eq!(first(&body).unwrap(), expected, "{body}");
    }
}

#[test]
fn row_9_follows_its_address() {
    let next = "https://x.atlassian.net/rest/api/3/webhook/failed?failedAfter=1&maxResults=100";
    let body = json!({"values":[1],"maxResults":100,"next":next});
    assert_eq!(first(&body).unwrap(), (1, Next::Page(Position::Link(next.to_owned()))));
    assert_eq!(first(&json!({"values":[],"maxResults":100})).unwrap(), (0, Next::End));
    // Nothing an answer says makes a POST of an address.
    let question = Question { posts: true, ..question(&Position::First) };
    assert_eq!(asked(&body, JIRA, question).unwrap(), (1, Next::Stalled));
}

#[test]
fn row_12_begins_where_its_link_says() {
    let start = |at| Next::Page(Position::Start(at));
    let link = |start: u64| json!({"base":"https://x","context":"","next":format!("https://x/rest/y?limit=50&start={start}")});
    for (body, expected) in [
        (
            json!({"size":2,"start":0,"limit":2,"isLastPage":false,"_links":link(2),"values":[1,2]}),
            (2, start(2)),
        ),
        // Some of the window may not be seen.
        (
            json!({"size":1,"start":0,"limit":50,"isLastPage":false,"_links":link(50),"values":[1],"_expands":[]}),
            (1, start(50)),
        ),
        (json!({"size":1,"start":3,"limit":50,"isLastPage":false,"_links":{},"values":[1]}), (1, start(4))),
        (json!({"size":0,"start":3,"limit":50,"isLastPage":false,"values":[]}), (0, start(53))),
        (json!({"size":2,"start":0,"limit":2,"isLastPage":true,"_links":{},"values":[1,2]}), (2, Next::End)),
        (
            json!({"size":2,"start":0,"limit":2,"isLastPage":false,"_links":link(0),"values":[1,2]}),
            (2, Next::Stalled),
        ),
    ] {
        assert_eq!(first(&body).unwrap(), expected, "{body}");
    }
}

#[test]
fn row_15_goes_on_after_the_item_that_is_named() {
    let after = |item: &str| Position::StartingAfter(item.to_owned());
    let at = after("b");
    for (body, at, expected) in [
        (json!({"fields":[1,2],"startingAfter":"b"}), &Position::First, (2, Next::Page(at.clone()))),
        (
            json!({"availableTransitions":[1],"startingAfter":"b","endingBefore":null}),
            &Position::First,
            (1, Next::Page(at.clone())),
        ),
        (json!({"fields":[3],"startingAfter":"c","endingBefore":"b"}), &at, (1, Next::Page(after("c")))),
        (json!({"fields":[],"startingAfter":"c","endingBefore":"b"}), &at, (0, Next::Page(after("c")))),
        // The last page, whichever way it says so.
        (json!({"fields":[3],"endingBefore":"b"}), &at, (1, Next::End)),
        (json!({"fields":[3],"startingAfter":null,"endingBefore":"b"}), &at, (1, Next::End)),
        (json!({"fields":[3]}), &at, (1, Next::End)),
        (json!({"fields":[],"startingAfter":"b"}), &at, (0, Next::End)),
        (json!({"fields":[1]}), &Position::First, (1, Next::End)),
        // Nothing is before the first page, so the names have another meaning than is known.
        (json!({"fields":[1],"endingBefore":"b"}), &Position::First, (1, Next::Stalled)),
    ] {
        assert_eq!(asked(&body, JIRA, question(at)).unwrap(), expected, "{body}");
    }
    let odd = first(&json!({"fields":[1],"startingAfter":7}));
    assert_eq!(odd, Err(Refusal::NoListing));
}

#[test]
fn rows_13_and_14_follow_their_links() {
    let follow = |links: Value| {
        let body = json!({"results":[1,2],"start":0,"limit":2,"size":2,"_links":links});
        asked(&body, WIKI, question(&Position::First)).unwrap()
    };
    let link = |link: &str| (2, Next::Page(Position::Link(link.to_owned())));
    let v1 = "/rest/api/content?limit=2&start=2";
    assert_eq!(
        follow(json!({"base":"https://x/wiki","context":"/wiki","next":v1})),
        link(&format!("/wiki{v1}"))
    );
    assert_eq!(follow(json!({"next":v1})), link(&format!("/wiki{v1}")));
    let v2 = "/wiki/api/v2/pages?limit=2&cursor=abc%3D";
    assert_eq!(follow(json!({"base":"https://x/wiki","next":v2})), link(v2));
    assert_eq!(follow(json!({"context":"/wiki","next":v2})), link(v2));
    assert_eq!(follow(json!({"next":"?cursor=a"})), link("/wiki/rest/api/content?cursor=a"));
    // Where these may lead is for the target check to say, and it refuses them.
    assert_eq!(follow(json!({"next":"https://evil.example/wiki/x"})), link("https://evil.example/wiki/x"));
    assert_eq!(follow(json!({"next":"//evil.example/x"})), link("/wiki//evil.example/x"));
    assert_eq!(follow(json!({"next":"pages"})), (2, Next::Stalled));
    assert_eq!(follow(json!({"base":"https://x/wiki"})), (2, Next::End));
    assert_eq!(follow(json!({"next":null})), (2, Next::End));

    let header = Around { link: Some("</wiki/api/v2/pages?cursor=h>; rel=\"next\""), ..WIKI };
    let body = json!({"results":[1,2]});
    let headed = asked(&body, header, question(&Position::First)).unwrap();
    assert_eq!(headed, link("/wiki/api/v2/pages?cursor=h"));
    // The answer's own link comes first.
    let body = json!({"results":[1,2],"_links":{"next":v2}});
    assert_eq!(asked(&body, header, question(&Position::First)).unwrap(), link(v2));
    let list = asked(&json!([1, 2]), header, question(&Position::First)).unwrap();
    assert_eq!(list, link("/wiki/api/v2/pages?cursor=h"));
}

#[test]
fn all_there_is_is_a_listing_of_one_page() {
    for body in [json!([1, 2]), json!({"values":[1,2],"isLast":true}), json!({"issues":[1,2]})] {
        assert_eq!(first(&body).unwrap(), (2, Next::End), "{body}");
    }
    // More, without a word on where.
    assert_eq!(first(&json!({"values":[1],"isLast":false})).unwrap(), (1, start_at(1)));
}

#[test]
fn anything_else_is_refused() {
    let start = Position::StartAt(1);
    let token = Position::NextPageToken("t".into());
    for (body, at, refusal) in [
        ("{}", &Position::First, Refusal::NoListing),
        ("null", &Position::First, Refusal::NoListing),
        ("7", &Position::First, Refusal::NoListing),
        (r#"{"values":{},"startAt":0,"isLast":true}"#, &Position::First, Refusal::NoListing),
        (r#"{"startAt":0,"total":3,"a":[1],"b":[2]}"#, &Position::First, Refusal::NoListing),
        (r#"{"groups":[1],"total":25}"#, &Position::First, Refusal::NoListing),
        (r#"{"issues":[1],"nextPageToken":7}"#, &Position::First, Refusal::NoListing),
        (r#"{"a":{"values":[1]},"b":{"values":[2]}}"#, &Position::First, Refusal::NoListing),
        (r#"{"issues":[1],"nextPageToken":"t"}"#, &start, Refusal::OtherShape),
        (r#"{"values":[1],"startAt":0,"isLast":false}"#, &token, Refusal::OtherShape),
        ("<html>", &Position::First, Refusal::NotJson),
        ("", &Position::First, Refusal::NotJson),
        (r#"{"issues":["#, &Position::First, Refusal::NotJson),
        ("[1,", &Position::First, Refusal::NotJson),
        ("\u{0}", &Position::First, Refusal::NotJson),
    ] {
        let read = read(body.as_bytes(), JIRA, question(at));
        assert_eq!(read.map(|listing| listing.next).unwrap_err(), refusal, "{body}");
    }
    assert!(matches!(read(b"\xff", JIRA, question(&start)), Err(Refusal::NotJson)));
}

#[test]
fn only_places_that_can_be_counted_have_an_outlook() {
    let outlook = |body: &Value| {
        let text = body.to_string();
        read(text.as_bytes(), JIRA, question(&Position::First)).unwrap().outlook
    };
    let bean = json!({"startAt":0,"maxResults":2,"total":9,"isLast":false,"values":[1,2]});
    assert_eq!(outlook(&bean), Some(Outlook { stride: 2, total: 9 }));
    let records = json!({"offset":0,"limit":2,"total":9,"records":[1,2]});
    assert_eq!(outlook(&records), Some(Outlook { stride: 2, total: 9 }));
    for body in [
        json!({"startAt":0,"isLast":false,"values":[1]}),
        json!({"issues":[1],"nextPageToken":"t"}),
        json!({"values":[1],"since":0,"until":5,"lastPage":false}),
    ] {
        assert_eq!(outlook(&body), None, "{body}");
    }
}

/// JSON that looks like pages: members of all shapes, with values that fit and values that do not.
fn page() -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec![
        "startAt",
        "maxResults",
        "total",
        "isLast",
        "values",
        "issues",
        "results",
        "nextPageToken",
        "nextPage",
        "next",
        "cursor",
        "nextPageCursor",
        "last",
        "lastPage",
        "since",
        "until",
        "offset",
        "limit",
        "records",
        "startingAfter",
        "endingBefore",
        "start",
        "size",
        "isLastPage",
        "_links",
        "projects",
        "novelties",
        "warningMessages",
    ]);
    let values = prop::sample::select(vec![
        "0",
        "1",
        "7",
        "18446744073709551615",
        "-1",
        "1e400",
        "1.5",
        "true",
        "false",
        "null",
        "\"\"",
        "\"t\"",
        "[]",
        "[1,2]",
        "[{}]",
        "{}",
        r#"{"next":"/x?start=3"}"#,
        r#"{"values":[1],"nextPageToken":"t"}"#,
        "\"/a?b\"",
        "\"https://x/y\"",
    ]);
    prop::collection::vec((names, values), 0..8).prop_map(|members| {
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

fn position() -> impl Strategy<Value = Position> {
    prop_oneof![
        Just(Position::First),
        any::<u64>().prop_map(Position::StartAt),
        any::<u64>().prop_map(Position::Offset),
        any::<u64>().prop_map(Position::Start),
        any::<u64>().prop_map(Position::Since),
        Just(Position::NextPageToken("t".into())),
        Just(Position::Cursor("c".into())),
        Just(Position::StartingAfter("s".into())),
        Just(Position::Link("/x".into())),
    ]
}

proptest! {
    #[test]
    fn counted_places_only_ever_grow(body in page(), at in position(), first: u64, window: Option<u64>, array in 0..3_u8) {
        let array = [Array::Whole, Array::Pages, Array::Windows][usize::from(array)];
        let question = Question { at: &at, first, window, widest: 0, posts: false, array };
        if let Ok(Listing { next: Next::Page(next), .. }) = read(body.as_bytes(), JIRA, question) {
            if at != Position::First {
                prop_assert!(same_kind(&next, &at));
            }
            if let (Some(before), Some(after)) = (at.index(), next.index()) {
                prop_assert!(after > before, "{} leads from {:?} to {:?}", body, at, next);
            }
            if let (Position::Since(before), Position::Since(after)) = (&at, &next) {
                prop_assert!(after > before);
            }
        }
    }

    #[test]
    fn nothing_a_server_sends_does_more_than_be_refused(body in prop::collection::vec(any::<u8>(), 0..60), link in "\\PC{0,40}") {
        let around = Around { link: Some(&link), ..WIKI };
        let _ = read(&body, around, question(&Position::First));
    }
}
