//! What a listing consists of: positions, of which most have an item.

use serde_json::{Map, Value, json};

use super::{Listing, Shape};
use crate::clock::{Millis, SECOND};
use crate::gateway::Call;
use crate::settings::Settings;
use crate::state::LiveSite;

/// `/user/search` and its relatives see the first thousand people only (F8 row 5).
const MOST_SEARCHED: usize = 1000;

/// The positions of a listing. Some have no item: it is hidden from the caller, and only after the window was cut.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    items: usize,
    /// First position of those in the middle without an item, and how many they are.
    gap: (usize, usize),
    /// One of so many positions has no item; 0: all have one.
    hidden_every: usize,
    /// When the changes of a feed began.
    begun: Millis,
}

impl Plan {
    /// The listing as it is on the site that is called.
    pub(crate) fn of(call: &Call<'_>, listing: &Listing, size: usize) -> Self {
        let settings = &call.state.world.settings;
        let (items, begun) =
            call.site().map_or((0, 0), |site| (count(site, settings, listing), site.data.started()));
        // A whole page is hidden, wherever a client's pages of this size begin.
        let gap = match settings.listing_empty_page && can_be_empty(listing) {
            true => (items / 2 / size * size, size),
            false => (items, 0),
        };
        let hidden_every = if searches(listing) { settings.hidden_users_every } else { 0 };
        Self { items, gap, hidden_every, begun }
    }

    /// How many positions there are.
    pub(crate) fn positions(&self) -> usize {
        // Of every n positions n - 1 have an item.
        let hidden = match self.hidden_every {
            0 => 0,
            every => self.items.saturating_sub(1) / every.saturating_sub(1).max(1),
        };
        self.items + self.gap.1 + hidden
    }

    /// The item at a position.
    fn at_position(&self, position: usize) -> Option<usize> {
        let (first, missing) = self.gap;
        let item = match position {
            before if before < first => before,
            inside if inside < first + missing => return None,
            after => after - missing,
        };
        let item = match self.hidden_every {
            0 => item,
            every if item % every == every - 1 => return None,
            every => item - item / every,
        };
        (item < self.items).then_some(item)
    }

    /// The items in a window.
    pub(crate) fn items(&self, start: usize, size: usize) -> Vec<usize> {
        (start..start.saturating_add(size)).filter_map(|position| self.at_position(position)).collect()
    }

    /// How many positions of a window are done with: those up to the gap, where the window reaches into it.
    pub(crate) fn span(&self, start: usize, size: usize) -> usize {
        let (first, missing) = self.gap;
        let reaches = missing > 0 && start < first && start.saturating_add(size) > first;
        if reaches { first - start } else { size.min(self.positions().saturating_sub(start)) }
    }

    /// When an item of a feed changed: a second apart, before the world began.
    pub(crate) fn changed(&self, position: usize) -> Millis {
        let back = self.positions().saturating_sub(position);
        self.begun - Millis::try_from(back).unwrap_or(0) * SECOND
    }

    /// The first position of a feed that changed after a time.
    pub(crate) fn after(&self, since: Millis) -> usize {
        (0..self.positions()).find(|position| self.changed(*position) > since).unwrap_or(self.positions())
    }
}

/// How many items a listing has on a site.
#[must_use]
pub(crate) fn count(site: &LiveSite, settings: &Settings, listing: &Listing) -> usize {
    let seeded = usize::try_from(site.config.issues).unwrap_or(usize::MAX);
    let items = settings.listing_items.unwrap_or(seeded);
    if searches(listing) { items.min(MOST_SEARCHED) } else { items }
}

/// Whether a page in the middle can be empty although more come: where something says that more come, and where
/// searches hide people after the window was cut (F8 row 5).
fn can_be_empty(listing: &Listing) -> bool {
    match listing.shape {
        Shape::Array => searches(listing),
        Shape::Counted | Shape::Offset => false,
        _ => listing.size.is_some() || listing.shape == Shape::Feed,
    }
}

fn searches(listing: &Listing) -> bool {
    listing.shape == Shape::Array
        && listing.path().contains("/user/")
        && !listing.path().contains("migration")
}

/// What tells an item from the others.
pub(crate) fn id(listing: &Listing, item: usize) -> Value {
    let number = item + 10_001;
    if listing.number { json!(number) } else { json!(number.to_string()) }
}

/// An item.
pub(crate) fn item(call: &Call<'_>, listing: &Listing, plan: &Plan, item: usize) -> Value {
    let id = id(listing, item);
    let Some(name) = &listing.id else { return id };
    let mut fields = Map::new();
    fields.insert("name".into(), json!(format!("Item {}", item + 1)));
    if listing.shape == Shape::Feed {
        // A feed with a gap in it has the later items later.
        let position = if item < plan.gap.0 { item } else { item + plan.gap.1 };
        fields.insert("updatedTime".into(), json!(plan.changed(position)));
    } else {
        fields.insert("self".into(), json!(format!("{}/{}/{}", call.base(), listing.path(), item + 10_001)));
    }
    fields.insert(name.clone(), id);
    Value::Object(fields)
}
