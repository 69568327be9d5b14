//! Shapes whose places are whatever the server gave: tokens, cursors, addresses.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::members::Members;
use super::{Around, Listing, Next, Question, link_header};
use crate::paginate::position::Position;

/// Rows 3 and 4: a token that is absent, null or empty on the last page.
pub(super) fn token<'a>(members: &Members<'a>, items: Vec<&'a RawValue>) -> Option<Listing<'a>> {
    chained(members, items, "nextPageToken", Position::NextPageToken)
}

/// Row 6: a cursor. Its last page can still name one.
pub(super) fn cursor<'a>(members: &Members<'a>) -> Option<Listing<'a>> {
    chained(members, members.items_of_any_name()?, "nextPageCursor", Position::Cursor)
}

fn chained<'a>(
    members: &Members<'a>,
    items: Vec<&'a RawValue>,
    name: &str,
    position: fn(String) -> Position,
) -> Option<Listing<'a>> {
    if members.is_odd(name) {
        return None;
    }
    let last = ["isLast", "last"].iter().find_map(|name| members.get::<bool>(name));
    let next = match (members.text(name), last) {
        (_, Some(true)) | (None, None) => Next::End,
        (Some(place), _) => Next::Page(position(place)),
        // More, without a word on where.
        (None, Some(false)) => Next::Stalled,
    };
    Some(Listing::new(items, next))
}

/// Row 15: the page lies between `endingBefore` and `startingAfter`, which leads on. Whether the last page names one as
/// well is not documented: nothing after the item that was named is the end, too.
pub(super) fn between<'a>(members: &Members<'a>, question: Question<'_>) -> Option<Listing<'a>> {
    if members.is_odd("startingAfter") {
        return None;
    }
    let items = members.items_of_any_name()?;
    let next = match members.text("startingAfter") {
        Some(place) if items.is_empty() && question.at.given() == Some(&place) => Next::End,
        Some(place) => Next::Page(Position::StartingAfter(place)),
        // A first page has nothing before it: this one means something else than is known.
        None if *question.at == Position::First && members.text("endingBefore").is_some() => Next::Stalled,
        None => Next::End,
    };
    Some(Listing::new(items, next))
}

/// Rows 9, 13 and 14: the address of the next page, in the answer or in its `Link` header. It is followed as it is.
pub(super) fn link<'a>(
    members: &Members<'a>,
    around: Around<'_>,
    question: Question<'_>,
) -> Option<Listing<'a>> {
    #[derive(Default, Deserialize)]
    struct Links {
        next: Option<String>,
        context: Option<String>,
    }
    let links: Links = members.get("_links").unwrap_or_default();
    let header = around.link.and_then(link_header::next).map(str::to_owned);
    let next = links.next.or_else(|| members.text("next")).or(header)?;
    let items = members.items()?;
    // Nothing an answer says makes a POST of an address.
    let next = address(&next, links.context.as_deref(), around).filter(|_| !question.posts);
    Some(Listing::new(items, next.map_or(Next::Stalled, |next| Next::Page(Position::Link(next)))))
}

/// What is asked next: an address as it came, or a path below the site. Confluence leaves its context out of some of
/// its paths (F8 row 13), which is `/wiki` on every site. Whether it may be asked is for the target check to say.
pub(super) fn address(link: &str, context: Option<&str>, around: Around<'_>) -> Option<String> {
    if link.contains("://") && !link.starts_with(['/', '?']) {
        return Some(link.to_owned());
    }
    if link.starts_with('?') {
        return Some(format!("{}{link}", around.path));
    }
    if !link.starts_with('/') {
        return None;
    }
    let context = context.filter(|context| context.starts_with('/')).unwrap_or("/wiki");
    let below =
        |root: &str| link.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    Some(if around.confluence && !below(context) && !below("/wiki") {
        format!("{}{link}", context.trim_end_matches('/'))
    } else {
        link.to_owned()
    })
}
