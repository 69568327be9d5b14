//! Shapes whose places are numbers: the next one follows from what came.

use serde_json::value::RawValue;
use url::form_urlencoded;

use super::members::Members;
use super::{Listing, Next, Outlook, Question};
use crate::atlassian::listings::{Array, SEARCHED_USERS};
use crate::paginate::position::Position;

pub(super) fn length(items: &[&RawValue]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// Rows 1, 2, 8, 10 and 11: counted from `place`. The server may give fewer than it was asked for, so the next page
/// begins after what came; an empty page that is not the last is a window in which nothing was left to see. `isLast`
/// decides where it is there (rows 1 and 11), else a `next` address (dashboards, row 2), else `total`, else an empty
/// page.
pub(super) fn pages<'a>(
    members: &Members<'a>,
    place: &str,
    position: fn(u64) -> Position,
    question: Question<'_>,
) -> Option<Listing<'a>> {
    let mut items = members.items_of_any_name()?;
    let asked = question.start();
    let said: Option<u64> = members.get(place);
    let came_from = said.unwrap_or(asked);
    // A server that rounds down to its own pages repeats items the caller has had.
    let known = asked.saturating_sub(came_from);
    let length = length(&items);
    let window: u64 = members.get("maxResults").or_else(|| members.get("limit")).unwrap_or(0);
    let filtered = question.array == Array::Windows;
    let total: Option<u64> = members.get("total");
    let after = |stride: u64| {
        let next = came_from.saturating_add(stride);
        let ends = match (members.get::<bool>("isLast"), members.text("next"), total) {
            (Some(is_last), ..) => is_last,
            (None, Some(_), _) => false,
            (None, None, Some(total)) => next >= total || stride == 0,
            (None, None, None) => length == 0,
        };
        match ends || (filtered && next >= SEARCHED_USERS) {
            true => Next::End,
            false if next > asked => Next::Page(position(next)),
            false => Next::Stalled,
        }
    };
    // Searches for users in this shape are filtered like those of row 5.
    let reached = if filtered { question.stride(window, length) } else { window };
    let stride = if length == 0 { reached } else { length };
    let next = after(stride);
    let short = filtered && (1..window).contains(&length);
    let whole_window = short.then(|| after(reached));
    items.drain(..usize::try_from(known.min(length)).unwrap_or(usize::MAX).min(items.len()));
    let outlook = total.map(|total| Outlook { stride, total });
    Some(Listing { outlook, says_where: said.is_some(), whole_window, ..Listing::new(items, next) })
}

/// Row 12: Service Management. The address of the next page knows best where it begins: what the caller may not see
/// has been taken out of this one.
pub(super) fn desk<'a>(members: &Members<'a>, question: Question<'_>) -> Option<Listing<'a>> {
    let items = members.items()?;
    let said: Option<u64> = members.get("start");
    let start = said.unwrap_or_else(|| question.start());
    let length = length(&items);
    let led = members.get::<Links>("_links").and_then(|links| links.next).and_then(|link| start_in(&link));
    let stride = if length == 0 { members.get("limit").unwrap_or(0) } else { length };
    let next = led.unwrap_or_else(|| start.saturating_add(stride));
    let next = match members.get::<bool>("isLastPage") {
        Some(true) => Next::End,
        None if led.is_none() => Next::End,
        _ if next > question.start() => Next::Page(Position::Start(next)),
        _ => Next::Stalled,
    };
    Some(Listing { says_where: said.is_some(), ..Listing::new(items, next) })
}

#[derive(serde::Deserialize)]
struct Links {
    next: Option<String>,
}

fn start_in(link: &str) -> Option<u64> {
    let (_, query) = link.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "start")?.1.parse().ok()
}

/// Row 7: a feed of changes, oldest first. The next page holds what came after the youngest of this one.
pub(super) fn feed<'a>(members: &Members<'a>, question: Question<'_>) -> Option<Listing<'a>> {
    let items = members.items()?;
    let until: Option<u64> = members.get("until");
    let ends = match members.get::<bool>("lastPage") {
        Some(last) => last,
        None => members.text("nextPage").is_none(),
    };
    let next = match until {
        _ if ends => Next::End,
        Some(until) if until > question.start() => Next::Page(Position::Since(until)),
        _ => Next::Stalled,
    };
    Some(Listing { says_where: true, ..Listing::new(items, next) })
}
