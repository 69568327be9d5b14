//! Which kind of listing an answer is (F8), where its items are, and where it goes on.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::cursor::Position;
use crate::error::{Code, Error, Result};
use crate::request::Response;

/// A page as it came; the items still lie in the answer's body.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    pub(super) items: Vec<&'a RawValue>,
    pub(super) next: Next,
}

/// Where a page leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Page(Position),
    End,
    /// Not forward.
    Stalled,
}

/// The members of all shapes. What is there says which it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    #[serde(borrow)]
    values: Option<&'a RawValue>,
    #[serde(borrow)]
    issues: Option<&'a RawValue>,
    #[serde(borrow)]
    next_page_token: Option<&'a RawValue>,
    #[serde(borrow)]
    start_at: Option<&'a RawValue>,
    #[serde(borrow)]
    max_results: Option<&'a RawValue>,
    #[serde(borrow)]
    total: Option<&'a RawValue>,
    #[serde(borrow)]
    is_last: Option<&'a RawValue>,
}

/// Reads the answer to a question for the page at `asked`.
///
/// # Errors
/// `http_error` where the answer is not JSON at all; `invalid_argument` where it is, but no listing of a known shape,
/// or of another shape than the pages before.
pub(super) fn read<'a>(response: &'a Response, asked: &Position) -> Result<Listing<'a>> {
    if let Ok(members) = serde_json::from_slice::<Members<'a>>(&response.body) {
        let counted = matches!(asked, Position::Start | Position::Offset(_));
        let chained = matches!(asked, Position::Start | Position::Token(_));
        let found = match (members.values, members.issues) {
            (Some(values), None) if counted => bean(&members, values, asked),
            (None, Some(issues)) if chained => chain(&members, issues),
            _ => None,
        };
        if let Some(listing) = found {
            return Ok(listing);
        }
    } else if serde_json::from_slice::<serde::de::IgnoredAny>(&response.body).is_err() {
        let text = format!("{} answered {} with something other than JSON", response.path(), response.status);
        return Err(Error::new(Code::HttpError, text)
            .with_status(response.status)
            .with("path", response.path()));
    }
    let given = format!("{:?}, whose answer is not a listing threelo can page through yet", response.path());
    Err(Error::argument(
        "path",
        given,
        "a listing with values and isLast or total, or with issues and nextPageToken",
    ))
}

/// Row 1: `values`, counted from `startAt`. The server may give fewer than it was asked for, so the next page begins
/// after what came; an empty page that is not the last is a window in which nothing was left to see.
fn bean<'a>(members: &Members<'a>, values: &'a RawValue, asked: &Position) -> Option<Listing<'a>> {
    let items: Vec<&RawValue> = value(Some(values))?;
    let start: u64 = value(members.start_at)?;
    if matches!(asked, Position::Offset(asked) if start < *asked) {
        // The server does not listen to startAt: these are items the caller has had.
        return Some(Listing { items: Vec::new(), next: Next::Stalled });
    }
    let is_last: Option<bool> = value(members.is_last);
    let total: Option<u64> = value(members.total);
    let window = value::<u64>(members.max_results).unwrap_or(0);
    let length = u64::try_from(items.len()).ok()?;
    let next = start.saturating_add(if length == 0 { window } else { length });
    let ends = match (is_last, total) {
        (Some(is_last), _) => is_last,
        (None, Some(total)) => next >= total || next == start,
        (None, None) => return None,
    };
    let next = match ends {
        true => Next::End,
        false if next > start => Next::Page(Position::Offset(next)),
        false => Next::Stalled,
    };
    Some(Listing { items, next })
}

/// Row 3: `issues`, chained by `nextPageToken`, which is absent or null on the last page. The withdrawn search
/// (row 10) also has `issues`, but counts them.
fn chain<'a>(members: &Members<'a>, issues: &'a RawValue) -> Option<Listing<'a>> {
    if members.start_at.is_some() || members.total.is_some() {
        return None;
    }
    let items: Vec<&RawValue> = value(Some(issues))?;
    let token = match members.next_page_token {
        Some(token) => Some(value::<String>(Some(token))?),
        None => None,
    };
    let last: Option<bool> = value(members.is_last);
    let next = match token {
        Some(token) if last != Some(true) => Next::Page(Position::Token(token)),
        _ => Next::End,
    };
    Some(Listing { items, next })
}

fn value<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(body: &str, asked: &Position) -> Result<(usize, Next)> {
        read(&Response::of(200, body), asked).map(|listing| (listing.items.len(), listing.next))
    }

    #[test]
    fn counted_pages_go_on_after_what_came() {
        let offset = |at| Next::Page(Position::Offset(at));
        for (body, expected) in [
            (r#"{"startAt":0,"maxResults":50,"total":3,"isLast":false,"values":[1,2]}"#, (2, offset(2))),
            (r#"{"startAt":2,"maxResults":50,"total":3,"isLast":true,"values":[3]}"#, (1, Next::End)),
            // `total` is often wrong or missing: isLast decides (F8 row 11).
            (r#"{"startAt":0,"total":2,"isLast":false,"values":[1,2]}"#, (2, offset(2))),
            (r#"{"startAt":0,"isLast":true,"values":[]}"#, (0, Next::End)),
            (r#"{"startAt":0,"isLast":false,"values":[1],"total":null}"#, (1, offset(1))),
            // Empty windows.
            (r#"{"startAt":50,"maxResults":50,"isLast":false,"values":[]}"#, (0, offset(100))),
            (r#"{"startAt":50,"maxResults":0,"isLast":false,"values":[]}"#, (0, Next::Stalled)),
            (r#"{"startAt":50,"isLast":false,"values":[]}"#, (0, Next::Stalled)),
            // Without isLast the total decides.
            (r#"{"startAt":0,"maxResults":2,"total":3,"values":[1,2]}"#, (2, offset(2))),
            (r#"{"startAt":2,"maxResults":2,"total":3,"values":[3]}"#, (1, Next::End)),
            (r#"{"startAt":2,"maxResults":2,"total":9,"values":[]}"#, (0, offset(4))),
            (r#"{"startAt":2,"total":9,"values":[]}"#, (0, Next::End)),
        ] {
            assert_eq!(next(body, &Position::Start).unwrap(), expected, "{body}");
        }
    }

    #[test]
    fn chained_pages_go_on_with_their_token() {
        let token = |token: &str| Next::Page(Position::Token(token.to_owned()));
        for (body, expected) in [
            (r#"{"issues":[{"id":"1"}],"nextPageToken":"a\"b","isLast":false}"#, (1, token("a\"b"))),
            (r#"{"issues":[1],"nextPageToken":"t"}"#, (1, token("t"))),
            (r#"{"issues":[],"nextPageToken":"t"}"#, (0, token("t"))),
            (r#"{"issues":[1],"nextPageToken":"t","isLast":true}"#, (1, Next::End)),
            (r#"{"issues":[1],"nextPageToken":null}"#, (1, Next::End)),
            (r#"{"issues":[1]}"#, (1, Next::End)),
        ] {
            assert_eq!(next(body, &Position::Start).unwrap(), expected, "{body}");
        }
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        let offset = Position::Offset(1);
        for (body, asked, code) in [
            ("{}", &Position::Start, Code::InvalidArgument),
            ("[1,2]", &Position::Start, Code::InvalidArgument),
            ("null", &Position::Start, Code::InvalidArgument),
            (r#"{"values":[1]}"#, &Position::Start, Code::InvalidArgument),
            (r#"{"values":{},"startAt":0,"isLast":true}"#, &Position::Start, Code::InvalidArgument),
            (r#"{"values":[1],"startAt":0}"#, &Position::Start, Code::InvalidArgument),
            (
                r#"{"issues":[1],"startAt":0,"maxResults":50,"total":1}"#,
                &Position::Start,
                Code::InvalidArgument,
            ),
            (r#"{"issues":[1],"nextPageToken":7}"#, &Position::Start, Code::InvalidArgument),
            (r#"{"issues":[1],"nextPageToken":"t"}"#, &offset, Code::InvalidArgument),
            ("<html>", &Position::Start, Code::HttpError),
            ("", &Position::Start, Code::HttpError),
            (r#"{"issues":["#, &Position::Start, Code::HttpError),
        ] {
            let error = next(body, asked).unwrap_err();
            assert_eq!(error.code(), code, "{body}");
            assert!(error.message().contains("/rest/x"), "{error}");
        }
    }

    #[test]
    fn items_stay_as_jira_wrote_them() {
        let body = r#"{"values":[ {"b":1.0,"a":12345678901234567890123} ,null],"startAt":0,"isLast":true}"#;
        let response = Response::of(200, body);
        let listing = read(&response, &Position::Start).unwrap();
        let texts: Vec<&str> = listing.items.iter().map(|item| item.get()).collect();
        assert_eq!(texts, [r#"{"b":1.0,"a":12345678901234567890123}"#, "null"]);
    }
}
