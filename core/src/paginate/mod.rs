//! Listings: their shapes, cursors, and the stream over their items.
//!
//! A shape is told from the answer, not from the path (F8). Two are known: pages of `values` that are counted, and
//! pages of `issues` that are chained by tokens. What is asked here counts as a read, whatever its method.

mod cursor;
mod query;
mod shape;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::value::RawValue;

use crate::error::{Code, Error, Result};
use crate::options::{PaginateOptions, RequestOptions};
use crate::request::Response;
use cursor::{Cursor, Position};
use query::Query;
use shape::{Listing, Next};

/// So many empty pages in a row are a listing that has no end.
const MOST_EMPTY_PAGES: u32 = 1000;

/// What a paginator needs of the client.
pub(crate) trait Fetch: Send + Sync {
    /// One page: a call with [`crate::request::Intent::Listing`], and the cloud id of the site it went to.
    fn fetch(&self, options: RequestOptions) -> BoxFuture<'_, Result<(Response, String)>>;
}

/// One page of a listing.
#[derive(Debug)]
pub struct Page {
    /// The items, as Jira wrote them.
    pub items: Vec<Box<RawValue>>,
}

/// An iterator over the pages of a listing. A call of [`Paginator::next_page`] that is dropped or fails changes
/// nothing: the next one asks for the same page.
pub struct Paginator {
    fetch: Arc<dyn Fetch>,
    query: Query,
    /// The site the listing belongs to, once it is known.
    cloud_id: Option<String>,
    /// The page to ask for next, and how many items from there on are consumed already.
    next: Ahead,
    /// The page handed out last.
    handed: Option<Handed>,
    /// How many items may still be handed out.
    remaining: Option<u64>,
    /// Tokens that led to a page already.
    spent: HashSet<String>,
    empty_pages: u32,
}

#[derive(Clone, Debug)]
enum Ahead {
    Page {
        at: Position,
        skip: u64,
    },
    End,
    /// The page led back to a place where the listing was already.
    Stalled,
}

/// Where the page handed out last stands.
#[derive(Clone, Debug)]
struct Handed {
    at: Position,
    /// Items of that page before the first one handed out.
    skip: u64,
    given: u64,
    /// Whether all the rest of that page was handed out.
    whole: bool,
}

impl fmt::Debug for Paginator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paginator")
            .field("path", &self.query.path())
            .field("remaining", &self.remaining)
            .finish_non_exhaustive()
    }
}

impl Paginator {
    /// Checks the options; nothing is asked yet.
    ///
    /// # Errors
    /// `invalid_argument`, and `cursor_invalid` for a cursor that is damaged or belongs to another connection or
    /// query. Whether it belongs to another site is seen with the first page.
    pub(crate) fn new(fetch: Arc<dyn Fetch>, options: PaginateOptions) -> Result<Self> {
        let (limit, given) = (options.limit, options.cursor.clone());
        let query = Query::new(options)?;
        let cursor = match given {
            Some(text) => Cursor::decode(&text, query.fingerprint())?,
            None => Cursor { at: Position::Start, skip: 0, cloud_id: None },
        };
        Ok(Self {
            fetch,
            query,
            cloud_id: cursor.cloud_id,
            next: Ahead::Page { at: cursor.at, skip: cursor.skip },
            handed: None,
            remaining: limit,
            spent: HashSet::new(),
            empty_pages: 0,
        })
    }

    /// The next page that has items; `None` at the end, or when the limit is reached.
    ///
    /// # Errors
    /// Those of `proxy_request` and of [`Response::error_for_status`]; `cursor_invalid` where the cursor, or the pages
    /// before, belong to another site; `pagination_stalled`; `invalid_argument` where the path answers with something
    /// that is no listing threelo can page through.
    pub async fn next_page(&mut self) -> Result<Option<Page>> {
        loop {
            if self.remaining == Some(0) {
                return Ok(self.stop());
            }
            let (at, skip) = match &self.next {
                Ahead::Page { at, skip } => (at.clone(), *skip),
                Ahead::End => return Ok(self.stop()),
                Ahead::Stalled => return Err(self.stalled()),
            };
            let (response, cloud_id) = self.fetch.fetch(self.query.at(&at)).await?;
            response.error_for_status()?;
            self.check_site(cloud_id)?;
            let listing = shape::read(&response, &at)?;
            if let Some(page) = self.take(at, skip, listing)? {
                return Ok(Some(page));
            }
        }
    }

    /// Where to go on after `consumed` items of the page handed out last: a string any process and either language
    /// can resume from, with the same connection, path, method and query; `limit` is not part of it. `None` when
    /// nothing is left.
    #[must_use]
    pub fn cursor(&self, consumed: usize) -> Option<String> {
        let (at, skip) = match &self.handed {
            None => self.ahead()?,
            Some(page) => {
                let consumed = u64::try_from(consumed).unwrap_or(u64::MAX).min(page.given);
                if consumed == page.given && page.whole && !matches!(self.next, Ahead::Stalled) {
                    self.ahead()?
                } else {
                    (&page.at, page.skip + consumed)
                }
            }
        };
        let cursor = Cursor { at: at.clone(), skip, cloud_id: self.cloud_id.clone() };
        Some(cursor.encode(self.query.fingerprint()))
    }

    fn ahead(&self) -> Option<(&Position, u64)> {
        match &self.next {
            Ahead::Page { at, skip } => Some((at, *skip)),
            Ahead::End | Ahead::Stalled => None,
        }
    }

    /// Nothing more is handed out: what was handed out last counts as consumed.
    fn stop(&mut self) -> Option<Page> {
        if let Some(page) = &mut self.handed {
            page.skip += page.given;
            page.given = 0;
        }
        None
    }

    /// Moves past a page that has come, and hands out what the caller has not had of it.
    fn take(&mut self, at: Position, skip: u64, listing: Listing<'_>) -> Result<Option<Page>> {
        let length = u64::try_from(listing.items.len()).unwrap_or(u64::MAX);
        self.empty_pages = if length == 0 { self.empty_pages + 1 } else { 0 };
        if self.empty_pages > MOST_EMPTY_PAGES {
            return Err(self.stalled());
        }
        if let Position::Token(token) = &at {
            self.spent.insert(token.clone());
        }
        let skipped = skip.min(length);
        self.next = match listing.next {
            Next::End => Ahead::End,
            Next::Page(Position::Token(token)) if self.spent.contains(&token) => Ahead::Stalled,
            Next::Page(next) => Ahead::Page { at: next, skip: skip - skipped },
            Next::Stalled => Ahead::Stalled,
        };
        let rest = length - skipped;
        if rest == 0 {
            return Ok(None);
        }
        let given = self.remaining.map_or(rest, |remaining| remaining.min(rest));
        self.remaining = self.remaining.map(|remaining| remaining - given);
        self.handed = Some(Handed { at, skip: skipped, given, whole: given == rest });
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let items = listing.items.into_iter().skip(count(skipped)).take(count(given));
        Ok(Some(Page { items: items.map(ToOwned::to_owned).collect() }))
    }

    fn check_site(&mut self, cloud_id: String) -> Result<()> {
        match &self.cloud_id {
            Some(known) if *known != cloud_id => Err(Error::new(
                Code::CursorInvalid,
                "the listing was begun on another site than the one the connection has now",
            )),
            Some(_) => Ok(()),
            None => {
                self.cloud_id = Some(cloud_id);
                Ok(())
            }
        }
    }

    fn stalled(&self) -> Error {
        let path = self.query.path();
        Error::new(Code::PaginationStalled, format!("{path} led back to a page it had led to before"))
            .with("path", path)
    }
}
