//! Every listing there is, served from a table: the shape of its pages is what counts, not what stands in them (F8).

mod page;
mod plan;
mod shape;
mod show;

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::errors;
use crate::gateway::Call;
use crate::jira::{issue, search};
use crate::reply::Reply;
use crate::scopes::fit;
use crate::settings::BarredOperations;
use crate::world::Product;

pub(crate) use show::show;

const TABLES: [&str; 2] = [include_str!("by_hand.txt"), include_str!("documented.txt")];

/// A line of the tables; documented.txt tells what its members mean.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    #[serde(default = "jira")]
    pub(crate) product: Product,
    pub(crate) op: String,
    pub(crate) row: u8,
    pub(crate) shape: Shape,
    pub(crate) list: String,
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) number: bool,
    pub(crate) ends: Option<String>,
    pub(crate) size: Option<String>,
    #[serde(default)]
    pub(crate) page: usize,
    #[serde(default)]
    pub(crate) body: bool,
    #[serde(default)]
    pub(crate) params: Map<String, Value>,
    pub(crate) json: Option<Value>,
    #[serde(default)]
    pub(crate) gone: bool,
    #[serde(default)]
    pub(crate) barred: bool,
    #[serde(default)]
    pub(crate) links: bool,
    pub(crate) beside: Option<String>,
    #[serde(default)]
    pub(crate) cursor: bool,
}

/// How pages look; the numbers are rows of F8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Shape {
    /// 1: `startAt`, `maxResults`, `total`, `isLast`, `self`, `nextPage`.
    Bean,
    /// 2, 10 and 11: `startAt`, `maxResults`, `total`.
    Counted,
    /// 11: `startAt`, `maxResults`, `isLast`, and no `total`, as it often happens.
    Agile,
    /// 3 and 4: `nextPageToken`.
    Token,
    /// 5: a plain array.
    Array,
    /// 6: `cursor` and `nextPageCursor`.
    Cursor,
    /// 7: `since` and `until`.
    Feed,
    /// 8: `offset`, `limit`, `total`.
    Offset,
    /// 9: `next`, an address with `after`.
    After,
    /// 12: `start`, `limit`, `isLastPage`, and links.
    Start,
    /// 13: a link relative to a context.
    Context,
    /// 14: a link with a cursor, in the body and in a header.
    Link,
    /// 15: `startingAfter`, and `endingBefore` for the way back.
    Between,
}

fn jira() -> Product {
    Product::Jira
}

static LISTINGS: LazyLock<Vec<Listing>> = LazyLock::new(|| {
    let lines = TABLES.into_iter().flat_map(str::lines).filter(|line| line.starts_with('{'));
    // A line that cannot be read would be missing, which a test sees.
    lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
});

impl Listing {
    pub(crate) fn method(&self) -> &str {
        self.op.split(' ').next().unwrap_or_default()
    }

    /// The template, without a slash in front.
    pub(crate) fn path(&self) -> &str {
        self.op.split_once(" /").map_or("", |(_, path)| path)
    }
}

/// The listing that a path leads to, and what stands at the parameters of its template.
#[must_use]
pub(crate) fn find(product: Product, method: &str, path: &[&str]) -> Option<(&'static Listing, Vec<String>)> {
    LISTINGS
        .iter()
        .filter(|one| one.product == product && one.method() == method)
        .find_map(|one| Some((one, fit(one.path(), path)?)))
}

/// Answers with a page.
#[must_use]
pub(crate) fn serve(call: &mut Call<'_>, listing: &'static Listing) -> Reply {
    if listing.gone {
        return search::removed(call);
    }
    if listing.barred && call.state.world.settings.barred_operations == BarredOperations::Refused {
        return errors::jira(403, "The caller is not an app that may use this operation.");
    }
    if listing.path().contains("{issueIdOrKey}") && issue::position(call).is_none() {
        return issue::missing();
    }
    match page::Asked::of(call, listing) {
        Ok(asked) => shape::reply(call, listing, &asked),
        Err(why) => errors::jira(400, &why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_read() {
        let lines = TABLES.into_iter().flat_map(str::lines).filter(|line| line.starts_with('{'));
        for line in lines {
            let read: Result<Listing, _> = serde_json::from_str(line);
            assert!(read.is_ok(), "{line}: {read:?}");
        }
    }

    #[test]
    fn the_tables_have_as_many_listings_of_each_row_as_the_facts_count() {
        // F8: 67 beans by schema, and in the tables those besides that only answer with a page of one, have no schema,
        // or are searched; 7 nested ones and one flat one with tokens; 8 arrays.
        let count = |row: u8| LISTINGS.iter().filter(|one| one.row == row).count();
        assert_eq!((1..=15).map(count).collect::<Vec<_>>(), [71, 6, 2, 8, 8, 2, 2, 1, 1, 2, 15, 7, 4, 4, 2]);
    }
}
