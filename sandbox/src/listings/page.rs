//! Which page is asked for.

use serde_json::{Value, json};

use super::plan::Plan;
use super::{Listing, Shape};
use crate::gateway::Call;
use crate::mint::base64url;
use crate::settings::ListingFault;

/// No listing reaches as far as this; sums with it do not overflow.
const FARTHEST: usize = usize::MAX / 4;

/// A page that is asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// What the listing consists of.
    pub(crate) plan: Plan,
    /// First position of the page.
    pub(crate) start: usize,
    /// How many positions it has at most: what the server says it gives.
    pub(crate) size: usize,
    /// How many it really looks at.
    pub(crate) looks: usize,
    /// What was sent as the place in the listing, where it is a text.
    pub(crate) sent: Option<String>,
}

impl Asked {
    /// Reads what was asked for; what is wrong with it, otherwise.
    pub(crate) fn of(call: &Call<'_>, listing: &Listing) -> Result<Self, String> {
        let body = call.request.json().unwrap_or(Value::Null);
        if listing.method() == "POST" && !body.is_object() {
            return Err("Invalid request payload. Refer to the REST API documentation and try again.".into());
        }
        let value = |name: &str| match listing.body {
            true => body.get(name).and_then(text),
            false => call.params.get(name).map(str::to_owned),
        };
        let settings = &call.state.world.settings;
        let limit = settings.page_size_limit.max(1);
        let size = match &listing.size {
            Some(name) => {
                value(name).and_then(|size| size.parse().ok()).unwrap_or(listing.page).clamp(1, limit)
            }
            // A feed has pages of a size of its own; other listings without a size have one page.
            None if listing.shape == Shape::Feed => limit,
            None if listing.shape == Shape::Between => listing.page.clamp(1, limit),
            None => FARTHEST,
        };
        let plan = Plan::of(call, listing, size);
        let sent = match listing.shape {
            Shape::Token => value("nextPageToken"),
            Shape::Cursor | Shape::Link => value("cursor"),
            Shape::Context if listing.cursor => value("cursor"),
            Shape::Between => value("startingAfter"),
            _ => None,
        };
        let number = |name: &str| match value(name) {
            None => Ok(0),
            Some(text) => match text.parse::<usize>() {
                Ok(number) => Ok(number.min(FARTHEST)),
                Err(_) => Err(format!("{name} is not a number.")),
            },
        };
        let start = match listing.shape {
            Shape::Bean | Shape::Counted | Shape::Agile | Shape::Array => number("startAt")?,
            Shape::Offset => number("offset")?,
            Shape::Start => number("start")?,
            Shape::Context if !listing.cursor => number("start")?,
            Shape::After => number("after")?,
            Shape::Feed => plan.after(i64::try_from(number("since")?).unwrap_or(i64::MAX)),
            Shape::Token | Shape::Cursor | Shape::Link | Shape::Context | Shape::Between => {
                match sent.as_deref() {
                    None | Some("") => 0,
                    Some(sent) => open(sent, &listing.op).ok_or("The token or cursor is invalid.")?,
                }
            }
        };
        let size = match listing.size {
            Some(_) => size,
            // Where there is one page only, it is said to be as long as the list.
            None => size.min(plan.positions().max(1)),
        };
        // A server that does not listen to where it is asked to go on.
        let deaf = settings.listing_fault == ListingFault::Stuck && sent.is_none() && start > 0;
        let start = if deaf { 0 } else { start };
        let short = settings.listing_short_pages && listing.size.is_some() && (start / size) % 2 == 1;
        let looks = if short { size.div_ceil(2) } else { size };
        Ok(Self { plan, start, size, looks, sent })
    }

    /// The items of the page.
    pub(crate) fn items(&self) -> Vec<usize> {
        self.plan.items(self.start, self.looks)
    }

    /// The position after the page: a page without items is stepped over as a whole.
    pub(crate) fn next(&self) -> usize {
        let found = self.items().len();
        self.start + if found == 0 { self.size } else { self.plan.span(self.start, self.looks) }
    }

    /// Whether nothing comes after the page.
    pub(crate) fn last(&self) -> bool {
        self.next() >= self.plan.positions()
    }

    /// The token that leads to the next page.
    pub(crate) fn token(&self, call: &Call<'_>, listing: &Listing) -> String {
        let stuck = call.state.world.settings.listing_fault == ListingFault::Stuck;
        match &self.sent {
            Some(sent) if stuck && !sent.is_empty() => sent.clone(),
            _ => base64url(json!([self.next(), listing.op]).to_string().as_bytes()),
        }
    }
}

/// What a token leads to; it belongs to one operation.
fn open(token: &str, op: &str) -> Option<usize> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).ok()?;
    let (start, belongs): (usize, String) = serde_json::from_slice(&bytes).ok()?;
    (belongs == op).then_some(start)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
