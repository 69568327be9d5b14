//! Where in a listing we are: pure bookkeeping between the pages that come and the items that are handed out.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::cursor::Cursor;
use super::distinct::Distinct;
use super::guard::Guard;
use super::page::Page;
use super::position::Position;
use super::shape::{Listing, Next};

/// A place in a listing, and what is known of the way there.
#[derive(Debug)]
pub(super) struct Walk {
    next: Ahead,
    /// The page handed out last.
    handed: Option<Handed>,
    /// How many items may still be handed out.
    remaining: Option<u64>,
    guard: Guard,
    distinct: Option<Distinct>,
    /// The server looks at more than it gives: an item came twice where a short page was taken for a clamp.
    whole_windows: bool,
    /// The most items that a page has had.
    widest: u64,
    /// The page before the next one, where the next one may repeat items of it.
    overlapped: Option<Overlapped>,
}

/// A page whose items the next one may repeat. What came before it, the next one repeats no more of than this one does.
#[derive(Clone, Debug)]
struct Overlapped {
    at: Position,
    length: u64,
    /// Whether the next one begins where this one's items end, which is how a listing goes on that knows nothing else.
    adjoins: bool,
}

/// Where to go on.
#[derive(Clone, Debug)]
enum Ahead {
    /// The page to ask for, and how many items from there on are consumed already.
    Page(Place),
    End,
    /// The page led back to a place where the listing was already, or to none.
    Stalled,
}

/// Where the page handed out last stands.
#[derive(Clone, Debug)]
struct Handed {
    at: Position,
    learnt_at: u64,
    /// Items of that page before the first one handed out.
    skip: u64,
    /// For each item handed out, how many of that page end with it; nothing where they followed each other.
    ends: Option<Vec<u64>>,
    given: u64,
    /// Whether nothing is left of that page.
    whole: bool,
    /// The page before it, and its length, without which repeated items could not be told.
    after: Option<(Position, u64)>,
}

/// A place in a listing: a page, the items that are consumed from there on, and when it was learnt, in milliseconds
/// since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: Position,
    pub(super) skip: u64,
    pub(super) learnt_at: u64,
}

/// What a listing can do next.
pub(super) enum Step {
    /// Ask for a page, of which so many items are consumed; its place was learnt at this moment.
    Ask(Place),
    Done,
    Stalled,
}

impl Walk {
    pub(super) fn new(cursor: &Cursor, limit: Option<u64>, deduplicate: bool) -> Self {
        Self {
            next: Ahead::Page(Place { at: cursor.at.clone(), skip: cursor.skip, learnt_at: cursor.made_at }),
            handed: None,
            remaining: limit,
            guard: Guard::default(),
            distinct: deduplicate.then(Distinct::default),
            whole_windows: false,
            widest: 0,
            overlapped: None,
        }
    }

    pub(super) fn step(&self) -> Step {
        match &self.next {
            _ if self.remaining == Some(0) => Step::Done,
            Ahead::Page(place) => Step::Ask(place.clone()),
            Ahead::End => Step::Done,
            Ahead::Stalled => Step::Stalled,
        }
    }

    /// The page that will be asked for next, and how many items of the listing are still wanted from there on.
    pub(super) fn outlook(&self) -> Option<(&Position, u64)> {
        match &self.next {
            _ if self.remaining == Some(0) => None,
            Ahead::Page(Place { at, skip, .. }) => {
                Some((at, self.remaining.map_or(u64::MAX, |more| more.saturating_add(*skip))))
            }
            Ahead::End | Ahead::Stalled => None,
        }
    }

    /// The most items that a page has had.
    pub(super) fn widest(&self) -> u64 {
        self.widest
    }

    /// Nothing more is handed out: what was handed out last counts as consumed.
    pub(super) fn stop(&mut self) {
        if let Some(page) = &mut self.handed {
            page.skip = page.consumed(page.given);
            page.ends = None;
            page.given = 0;
        }
    }

    /// Moves past a page that has come now; `body` is where its items lie. Gives what the caller has not had of it, if
    /// there is any.
    pub(super) fn take(
        &mut self,
        place: Place,
        mut listing: Listing<'_>,
        body: &Bytes,
        now: u64,
    ) -> Option<Page> {
        let Place { at, skip, learnt_at } = place;
        let next = self.guard.passed(&at, &listing);
        if next == Next::Stalled && at.given().is_none() && next != listing.next {
            // The server does not listen to where it is asked to begin: these are items the caller has had.
            listing.items.clear();
        }
        let length = count(listing.items.len());
        // A listing that is resumed comes from that page to this one only where nothing had to be known for it.
        let after = self.overlapped.take().filter(|before| before.adjoins);
        self.widest = self.widest.max(length);
        let mut page = Handed {
            at,
            learnt_at,
            skip: skip.min(length),
            ends: None,
            given: 0,
            whole: true,
            after: after.map(|before| (before.at, before.length)),
        };
        let (items, repeated) = self.choose(&mut page, &listing);
        let left = skip - page.skip;
        let next = match listing.whole_window {
            Some(whole) => {
                self.whole_windows |= repeated;
                self.overlapped =
                    Some(Overlapped { at: page.at.clone(), length, adjoins: !self.whole_windows });
                if self.whole_windows { whole } else { next }
            }
            None => next,
        };
        if page.after.is_none() {
            // Those it repeats of the page before are the first: they are skipped as if they had been handed out.
            let repeats = page.ends.as_ref().and_then(|ends| ends.first()).map_or(0, |first| first - 1);
            page.skip = page.skip.max(repeats);
        }
        let going = self.guard.gave(page.given);
        self.next = match next {
            Next::End => Ahead::End,
            Next::Page(at) if going => Ahead::Page(Place { at, skip: left, learnt_at: now }),
            Next::Page(_) | Next::Stalled => Ahead::Stalled,
        };
        if items.is_empty() {
            return None;
        }
        self.remaining = self.remaining.map(|remaining| remaining - page.given);
        self.handed = Some(page);
        Some(Page::new(body, items.into_iter()))
    }

    /// The items of a page that are handed out, as many as are wanted; and whether one came that had come before.
    fn choose<'a>(&mut self, page: &mut Handed, listing: &Listing<'a>) -> (Vec<&'a RawValue>, bool) {
        let (mut items, mut ends) = (Vec::with_capacity(listing.items.len()), Vec::new());
        let mut repeated = false;
        for (end, item) in (1_u64..).zip(&listing.items) {
            let consumed = end <= page.skip;
            if !consumed && self.remaining == Some(page.given) {
                page.whole = false;
                break;
            }
            let new = self.distinct.as_mut().is_none_or(|distinct| distinct.is_new(item));
            repeated |= !new;
            if new && !consumed {
                items.push(*item);
                page.given += 1;
                if self.distinct.is_some() {
                    ends.push(end);
                }
            }
        }
        page.ends = self.distinct.is_some().then_some(ends);
        (items, repeated)
    }

    /// The place after `consumed` items of the page handed out last; `None` when nothing is left.
    pub(super) fn place(&self, consumed: usize) -> Option<Place> {
        let Some(page) = &self.handed else { return self.ahead() };
        let consumed = count(consumed).min(page.given);
        if consumed == page.given && page.whole && !matches!(self.next, Ahead::Stalled) {
            return self.ahead();
        }
        let consumed = page.consumed(consumed);
        let (at, skip) = match &page.after {
            Some((before, length)) => (before, length.saturating_add(consumed)),
            None => (&page.at, consumed),
        };
        Some(Place { at: at.clone(), skip, learnt_at: page.learnt_at })
    }

    fn ahead(&self) -> Option<Place> {
        match (&self.next, &self.overlapped) {
            (Ahead::Page(next), Some(Overlapped { at, length, .. })) => {
                Some(Place { at: at.clone(), skip: *length, learnt_at: next.learnt_at })
            }
            (Ahead::Page(next), None) => Some(next.clone()),
            (Ahead::End | Ahead::Stalled, _) => None,
        }
    }
}

impl Handed {
    /// How many items of the page lie behind `consumed` of those handed out.
    fn consumed(&self, consumed: u64) -> u64 {
        let last = consumed.checked_sub(1).and_then(|last| usize::try_from(last).ok());
        match (&self.ends, last) {
            (_, None) => self.skip,
            (Some(ends), Some(last)) => ends.get(last).copied().unwrap_or(self.skip),
            (None, Some(_)) => self.skip.saturating_add(consumed),
        }
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
