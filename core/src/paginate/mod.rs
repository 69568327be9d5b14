//! Listings: their shapes, cursors, and the stream over their items.
//!
//! A shape is told from the answer, not from the path (F8); what the answer cannot tell is in
//! [`crate::atlassian::listings`]. What is asked here counts as a read, whatever its method.

mod ahead;
mod cursor;
mod distinct;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod guard;
mod page;
mod position;
mod query;
mod shape;
mod walk;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::atlassian::listings::TOKEN_LIFE_MS;
use crate::clock::wall_ms;
use crate::error::{Code, Error, Result};
use crate::options::{PaginateOptions, RequestOptions};
use crate::request::Response;
use ahead::Ahead;
use cursor::Cursor;
pub use page::Page;
use query::Query;
use shape::{Around, Listing, Outlook, Question, Refusal};
use walk::{Place, Step, Walk};

/// So many pages at once, at most: each is held in memory until it is wanted.
const MOST_PARALLEL: u32 = 16;

/// What a paginator needs of the client.
pub(crate) trait Fetch: Send + Sync {
    /// One page: a call with [`crate::request::Intent::Listing`], and the cloud id of the site it went to.
    fn fetch(&self, options: RequestOptions) -> BoxFuture<'_, Result<(Response, String)>>;

    /// Whether pages may be fetched while nobody waits for one.
    fn background(&self) -> bool;

    /// The keyed hashes of a text: one for each key of the store, the one that seals first.
    fn seals(&self, text: &str) -> Vec<Vec<u8>>;
}

/// An iterator over the pages of a listing. A call of [`Paginator::next_page`] that is dropped or fails changes
/// nothing: the next one asks for the same page.
///
/// While a page is being used, the next one is fetched (`prefetch`), or several of them where they can be counted
/// (`parallel`). What is fetched ahead never shows before it is asked for, errors included, and ends when the
/// paginator is dropped.
pub struct Paginator {
    fetch: Arc<dyn Fetch>,
    query: Query,
    /// The site the listing belongs to, once it is known.
    cloud_id: Option<String>,
    /// It came from a cursor, and nothing was asked yet.
    resumed: bool,
    walk: Walk,
    ahead: Ahead,
    /// How many pages may be fetched ahead.
    depth: usize,
}

impl fmt::Debug for Paginator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paginator").field("path", &self.query.path()).finish_non_exhaustive()
    }
}

impl Paginator {
    /// Checks the options; nothing is asked yet.
    ///
    /// # Errors
    /// `invalid_argument`, and `cursor_invalid` for a cursor that is damaged or belongs to another connection or
    /// query. Whether it belongs to another site is seen with the first page.
    pub(crate) fn new(fetch: Arc<dyn Fetch>, options: PaginateOptions) -> Result<Self> {
        let depth = Some(depth(&options)?).filter(|_| fetch.background()).unwrap_or(0);
        let (limit, deduplicate, given) = (options.limit, options.deduplicate, options.cursor.clone());
        let query = Query::new(options)?;
        let cursor = match &given {
            Some(text) => Cursor::decode(text, query.fingerprint(), |text| fetch.seals(text))?,
            None => Cursor::default(),
        };
        let walk = Walk::new(&cursor, limit, deduplicate || query.windowed());
        Ok(Self {
            fetch,
            query,
            cloud_id: cursor.cloud_id,
            resumed: given.is_some(),
            walk,
            ahead: Ahead::default(),
            depth,
        })
    }

    /// The next page that has items; `None` at the end, or when the limit is reached.
    ///
    /// # Errors
    /// Those of `proxy_request` and of [`Response::error_for_status`]; `cursor_invalid` where the cursor, or the pages
    /// before, belong to another site, or where its place is not accepted any more; `pagination_stalled`;
    /// `invalid_argument` where the path answers with something that is no listing threelo can page through.
    pub async fn next_page(&mut self) -> Result<Option<Page>> {
        loop {
            let place = match self.walk.step() {
                Step::Ask(place) => place,
                Step::Done => {
                    self.walk.stop();
                    return Ok(None);
                }
                Step::Stalled => return Err(self.stalled()),
            };
            let fetched = match self.ahead.take(&place.at).await {
                Some(fetched) => fetched,
                None => self.fetch.fetch(self.query.at(&place.at)).await,
            };
            let (response, cloud_id) = fetched?;
            self.accepted(&response, &place)?;
            self.check_site(cloud_id)?;
            let listing = read(&response, self.query.question(&place.at, self.walk.widest()))?;
            self.resumed = false;
            let outlook = listing.outlook;
            let page = self.walk.take(place, listing, &response.body, wall_ms());
            self.reach(outlook);
            if page.is_some() {
                return Ok(page);
            }
        }
    }

    /// Where to go on after `consumed` items of the page handed out last: a string any process and either language
    /// can resume from, with the same store, connection, path, method and query; `limit` and the like are not part of
    /// it. `None` when nothing is left.
    #[must_use]
    pub fn cursor(&self, consumed: usize) -> Option<String> {
        let Place { at, skip, learnt_at } = self.walk.place(consumed)?;
        let cursor = Cursor { at, skip, cloud_id: self.cloud_id.clone(), made_at: learnt_at };
        Some(cursor.encode(self.query.fingerprint(), |text| self.fetch.seals(text)))
    }

    /// Ends what is being fetched ahead. The paginator can be used as before; it fetches anew.
    pub fn rest(&mut self) {
        self.ahead.clear();
    }

    /// Asks for what will be wanted next.
    fn reach(&mut self, outlook: Option<Outlook>) {
        if self.depth == 0 {
            return;
        }
        let (next, wanted) = self.walk.outlook().map_or((None, 0), |(at, wanted)| (Some(at), wanted));
        let (query, fetch) = (&self.query, &self.fetch);
        self.ahead.reach(next, self.depth, outlook, wanted, |at| {
            let (fetch, request) = (Arc::clone(fetch), query.at(at));
            async move { fetch.fetch(request).await }
        });
    }

    /// Refuses an error status. A place that was good once and is not any more is told apart from a bad query.
    fn accepted(&self, response: &Response, place: &Place) -> Result<()> {
        let Err(error) = response.error_for_status() else { return Ok(()) };
        let age = wall_ms().saturating_sub(place.learnt_at);
        let expired = age >= TOKEN_LIFE_MS;
        if response.status != 400 || place.at.given().is_none() || !(self.resumed || expired) {
            return Err(error);
        }
        let why = if expired { ": page tokens live for seven days" } else { "" };
        let path = self.query.path();
        let text = format!("{path} does not take the place the listing had come to any more{why}");
        let messages = error.context().get("messages").cloned().unwrap_or_default();
        let error = Error::new(Code::CursorInvalid, text).with_status(response.status).with("path", path);
        Err(error.with("age_ms", age).with("messages", messages))
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
        Error::new(
            Code::PaginationStalled,
            format!("{path} led back to a page it had led to before, or to none"),
        )
        .with("path", path)
    }
}

/// How many pages are fetched ahead.
fn depth(options: &PaginateOptions) -> Result<usize> {
    let parallel = options.parallel;
    if !(1..=MOST_PARALLEL).contains(&parallel) {
        let accepted = format!("1 to {MOST_PARALLEL}");
        return Err(Error::argument("parallel", parallel, &accepted));
    }
    if parallel > 1 && !options.prefetch {
        let given = format!("{parallel} without prefetch");
        return Err(Error::argument("parallel", given, "1 where nothing is fetched ahead"));
    }
    Ok(if options.prefetch { usize::try_from(parallel).unwrap_or(1) } else { 0 })
}

/// Reads the answer to a question.
fn read<'a>(response: &'a Response, question: Question<'_>) -> Result<Listing<'a>> {
    let path = response.path();
    let links: Vec<&str> =
        response.headers.get_all("link").iter().filter_map(|link| link.to_str().ok()).collect();
    let links = links.join(", ");
    let around = Around {
        link: Some(links.as_str()).filter(|links| !links.is_empty()),
        confluence: path.starts_with("/wiki/") || response.url.contains("/ex/confluence/"),
        path,
    };
    shape::read(&response.body, around, question).map_err(|refusal| {
        let what = match refusal {
            Refusal::NotJson => {
                let text = format!("{path} answered {} with something other than JSON", response.status);
                return Error::new(Code::HttpError, text).with_status(response.status).with("path", path);
            }
            Refusal::NoListing => "whose answer is not a listing threelo can page through",
            Refusal::OtherShape => "whose pages come in different shapes",
        };
        let accepted = "a listing: items, and where the next page is or that there is none";
        Error::argument("path", format!("{path:?}, {what}"), accepted)
    })
}
