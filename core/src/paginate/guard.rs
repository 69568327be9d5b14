//! What makes any listing end, whatever the server does: places are not visited twice, the same page does not come
//! for ever, and pages without items have a limit.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::position::Position;
use super::shape::{Listing, Next};

/// So many pages in a row with nothing to hand out are a listing that has no end.
const MOST_EMPTY_PAGES: u32 = 1000;

/// So many times may a page be the very same as the one before it, where the place of the page is the server's secret.
/// Pages of items without names can be equal by chance.
const MOST_REPEATS: u32 = 3;

/// What is remembered of a listing's way.
#[derive(Debug, Default)]
pub(super) struct Guard {
    hashes: RandomState,
    /// Places the server gave that led to a page already, by their hashes: a few bytes for each page.
    visited: HashSet<u64>,
    last_page: Option<u64>,
    repeats: u32,
    empty_pages: u32,
}

impl Guard {
    /// Notes a page that came. Says where to go on, which is nowhere if the listing turns in a circle.
    pub(super) fn passed(&mut self, at: &Position, listing: &Listing<'_>) -> Next {
        if let Some(given) = at.given() {
            self.visited.insert(self.hashes.hash_one(given));
        }
        self.repeats = if self.same_as_last(listing) { self.repeats + 1 } else { 0 };
        let allowed = if at.given().is_some() { MOST_REPEATS } else { 1 };
        let circles = match &listing.next {
            Next::Page(next) => {
                let known =
                    next.given().is_some_and(|given| self.visited.contains(&self.hashes.hash_one(given)));
                known || self.repeats >= allowed
            }
            _ => false,
        };
        if circles { Next::Stalled } else { listing.next.clone() }
    }

    /// Notes whether there was anything to hand out; says whether the listing may go on.
    pub(super) fn gave(&mut self, items: u64) -> bool {
        self.empty_pages = if items == 0 { self.empty_pages + 1 } else { 0 };
        self.empty_pages <= MOST_EMPTY_PAGES
    }

    /// Whether the page is the one before it once more. One that says where it stands is not looked at.
    fn same_as_last(&mut self, listing: &Listing<'_>) -> bool {
        if listing.items.is_empty() || listing.says_where {
            self.last_page = None;
            return false;
        }
        let texts: Vec<&str> = listing.items.iter().map(|item| item.get()).collect();
        let page = Some(self.hashes.hash_one(texts));
        std::mem::replace(&mut self.last_page, page) == page
    }
}
