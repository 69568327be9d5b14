//! Which kind of listing an answer is (F8), where its items are, and where it goes on. Told from the answer alone, as
//! far as that can be; the rest is in [`crate::atlassian::listings`]. Nothing here knows a network.

mod counted;
mod given;
mod link_header;
mod members;

#[cfg(test)]
mod tests;

use serde_json::value::RawValue;

use super::position::Position;
use crate::atlassian::listings::{Array, SEARCH_WINDOW, SEARCHED_USERS};
use members::Members;

/// What an answer is an answer to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    /// The page that was asked for.
    pub(super) at: &'a Position,
    /// Where the caller's own query begins to count.
    pub(super) first: u64,
    /// How many items were asked for, where that is known.
    pub(super) window: Option<u64>,
    /// The most items that a page of this listing has had.
    pub(super) widest: u64,
    /// Whether the listing is asked by POST: addresses are not followed then.
    pub(super) posts: bool,
    /// What a plain list is, at this path.
    pub(super) array: Array,
}

/// What came with an answer's body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// The `Link` header.
    pub(super) link: Option<&'a str>,
    /// Whether Confluence answered: its addresses can leave out `/wiki`.
    pub(super) confluence: bool,
    /// The path that was asked, below the site.
    pub(super) path: &'a str,
}

/// A page as it came; the items still lie in the answer's body.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    pub(super) items: Vec<&'a RawValue>,
    pub(super) next: Next,
    /// How far the next page is from this one, and how many there are in all, where both can be counted on: what
    /// pages can be asked for before this one's end is known.
    pub(super) outlook: Option<Outlook>,
    /// The answer says itself which page it is, or ends whatever it says.
    pub(super) says_where: bool,
    /// Where a window of users leads if the server looked at more than it gave (F8 row 5); `next` is right if it looked
    /// at no more. One of them is found to be true when the next page comes.
    pub(super) whole_window: Option<Next>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outlook {
    pub(super) stride: u64,
    pub(super) total: u64,
}

/// Where a page leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Page(Position),
    End,
    /// Not forward, or onward without saying where.
    Stalled,
}

/// Why an answer is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NotJson,
    NoListing,
    /// It is paged in another way than the page before.
    OtherShape,
}

impl<'a> Listing<'a> {
    fn new(items: Vec<&'a RawValue>, next: Next) -> Self {
        Self { items, next, outlook: None, says_where: false, whole_window: None }
    }
}

/// Reads an answer.
pub(super) fn read<'a>(
    body: &'a [u8],
    around: Around<'_>,
    question: Question<'_>,
) -> Result<Listing<'a>, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::NotJson)?;
    let listing = match text.trim_start().bytes().next() {
        Some(b'[') => {
            let items = serde_json::from_str(text).map_err(|_| Refusal::NotJson)?;
            plain(items, around, question)
        }
        Some(b'{') => {
            let members = Members::read(text).ok_or(Refusal::NotJson)?;
            object(&members, around, question).ok_or(Refusal::NoListing)?
        }
        _ if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => return Err(Refusal::NoListing),
        _ => return Err(Refusal::NotJson),
    };
    match &listing.next {
        Next::Page(next) if *question.at != Position::First && !same_kind(next, question.at) => {
            Err(Refusal::OtherShape)
        }
        _ => Ok(listing),
    }
}

fn same_kind(one: &Position, other: &Position) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

fn object<'a>(members: &Members<'a>, around: Around<'_>, question: Question<'_>) -> Option<Listing<'a>> {
    if members.has("lastPage") || (members.has("since") && members.has("until")) {
        return counted::feed(members, question);
    }
    if members.has("isLastPage") {
        return counted::desk(members, question);
    }
    if members.has("nextPageCursor") || (members.has("cursor") && members.has("values")) {
        return given::cursor(members);
    }
    if members.get::<u64>("startAt").is_some() {
        return counted::pages(members, "startAt", Position::StartAt, question);
    }
    if members.get::<u64>("offset").is_some() {
        return counted::pages(members, "offset", Position::Offset, question);
    }
    if members.has("nextPageToken") {
        return given::token(members, members.items_of_any_name()?);
    }
    if members.has("startingAfter") || members.has("endingBefore") {
        return given::between(members, question);
    }
    if let Some(listing) = given::link(members, around, question) {
        return Some(listing);
    }
    match question.at {
        Position::StartAt(_) => counted::pages(members, "startAt", Position::StartAt, question),
        Position::Offset(_) => counted::pages(members, "offset", Position::Offset, question),
        Position::NextPageToken(_) => match members.items_of_any_name() {
            Some(items) => given::token(members, items),
            None => within(members),
        },
        _ => match members.items() {
            // More, and no word on where: places may be counted all the same.
            Some(_) if members.has("values") && members.get("isLast") == Some(false) => {
                counted::pages(members, "startAt", Position::StartAt, question)
            }
            // The same where places are tokens: what is missing would be lost without a word.
            Some(items) if members.get("isLast") == Some(false) => Some(Listing::new(items, Next::Stalled)),
            // All there is, or the last page of a shape whose pages before the last say where they lead (rows 3, 4, 9,
            // 13, 14).
            Some(items) => Some(Listing::new(items, Next::End)),
            None => within(members),
        },
    }
}

/// Row 4, where the page is one member of the answer.
fn within<'a>(members: &Members<'a>) -> Option<Listing<'a>> {
    let inner = members.page_within()?;
    let items = inner.items()?;
    given::token(&inner, items)
}

/// Row 5: a list and nothing else.
fn plain<'a>(items: Vec<&'a RawValue>, around: Around<'_>, question: Question<'_>) -> Listing<'a> {
    let start = question.start();
    let length = counted::length(&items);
    let after = |step: u64| match start.saturating_add(step) {
        next if question.array == Array::Windows && next >= SEARCHED_USERS => Next::End,
        next if next > start => Next::Page(Position::StartAt(next)),
        _ => Next::Stalled,
    };
    match question.array {
        Array::Pages if length == 0 => Listing::new(items, Next::End),
        Array::Pages => Listing::new(items, after(length)),
        Array::Windows => {
            let window = question.window.unwrap_or(length);
            let stride = question.stride(window, length);
            let whole = Some(after(stride)).filter(|_| (1..window).contains(&length));
            let next = match length {
                0 => after(stride),
                _ if whole.is_some() => after(length),
                _ => after(window),
            };
            Listing { says_where: true, whole_window: whole, ..Listing::new(items, next) }
        }
        Array::Whole => {
            let next = around.link.and_then(link_header::next).filter(|_| !question.posts);
            let next = next.and_then(|link| given::address(link, None, around));
            Listing::new(items, next.map_or(Next::End, |link| Next::Page(Position::Link(link))))
        }
    }
}

impl Question<'_> {
    /// How far a window leads of which `length` items are left after filtering, when `window` were asked for: no
    /// further than it reached, or what lies behind would be lost. It reached as far as the widest page, and as far as
    /// the size that is documented for a page; but where pages are well filled and none is that wide, the server is
    /// taken to clamp them.
    fn stride(&self, window: u64, length: u64) -> u64 {
        let widest = self.widest.max(length).min(window);
        let certain = window.min(SEARCH_WINDOW);
        if widest.saturating_mul(4) >= certain { widest } else { certain }
    }

    /// The place that was asked for, where places are counted.
    fn start(&self) -> u64 {
        match self.at {
            Position::StartAt(at) | Position::Offset(at) | Position::Start(at) | Position::Since(at) => *at,
            _ => self.first,
        }
    }
}
