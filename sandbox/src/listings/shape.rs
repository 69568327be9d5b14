//! What a page looks like, row by row of F8. Addresses in it are the site's (F5.3).

use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use super::page::Asked;
use super::plan::item;
use super::{Listing, Shape};
use crate::gateway::Call;
use crate::reply::Reply;
use crate::settings::{CursorPageEnd, LastPageToken, ListingFault};

/// Parameters that say where a page is; an address of another page has its own.
const PLACES: [&str; 8] =
    ["startAt", "maxResults", "maxResult", "start", "limit", "cursor", "after", "failedAfter"];

/// The page that was asked for.
#[must_use]
pub(crate) fn reply(call: &Call<'_>, listing: &Listing, asked: &Asked) -> Reply {
    let values: Vec<Value> =
        asked.items().into_iter().map(|at| item(call, listing, &asked.plan, at)).collect();
    let (settings, last) = (&call.state.world.settings, asked.last());
    let total = total(call, listing, asked);
    let mut link = None;
    let mut page = match listing.shape {
        Shape::Array => return Reply::json(200, &Value::Array(values)),
        Shape::Bean => json!({
            "self": address(call, "startAt", asked.start, asked.size), "startAt": asked.start,
            "maxResults": asked.size, "total": total, "isLast": last,
        }),
        Shape::Counted => json!({"startAt": asked.start, "maxResults": asked.size, "total": total}),
        Shape::Agile => json!({"startAt": asked.start, "maxResults": asked.size, "isLast": last}),
        Shape::Offset => json!({"offset": asked.start, "limit": asked.size, "total": total}),
        Shape::Token => return token(call, listing, asked, values),
        Shape::Cursor => {
            let end = match settings.cursor_page_end {
                CursorPageEnd::IsLast => "isLast",
                CursorPageEnd::Last => "last",
            };
            json!({
                "cursor": asked.sent.clone().unwrap_or_default(), "nextPageCursor": asked.token(call, listing),
                end: last, "maxResults": asked.size, "size": values.len(), "total": total,
            })
        }
        Shape::Feed => {
            let stuck = settings.listing_fault == ListingFault::Stuck;
            let since = call.params.get("since").and_then(|since| since.parse().ok()).unwrap_or(0);
            let until = match asked.next().checked_sub(1) {
                Some(position) if !(stuck || last && values.is_empty()) => asked.plan.changed(position),
                _ => since,
            };
            let feed = |since: i64| format!("{}/{}?since={since}", call.base(), listing.path());
            let mut page = json!({"since": since, "until": until, "lastPage": last, "self": feed(since)});
            put(&mut page, "nextPage", (!last).then(|| json!(feed(until))));
            page
        }
        Shape::After => json!({"maxResults": asked.size}),
        Shape::Between => {
            let mut page = json!({});
            put(&mut page, "startingAfter", (!last).then(|| json!(asked.token(call, listing))));
            put(&mut page, "endingBefore", asked.sent.clone().map(Value::String));
            page
        }
        Shape::Start => json!({
            "start": asked.start, "limit": asked.size, "size": values.len(), "isLastPage": last,
            "_links": service_links(call, asked),
        }),
        Shape::Context | Shape::Link => {
            let next = (!last).then(|| relative(call, listing, asked));
            let mut links = json!({"base": format!("{}/wiki", call.base())});
            put(&mut links, "next", next.clone().map(Value::String));
            if listing.shape == Shape::Link {
                link = next.map(|next| format!("<{next}>; rel=\"next\""));
                json!({"_links": links})
            } else {
                put(&mut links, "context", Some(json!("/wiki")));
                json!({"start": asked.start, "limit": asked.size, "size": values.len(), "_links": links})
            }
        }
    };
    put(&mut page, &listing.list, Some(Value::Array(values)));
    let onward = |name: &str| (!last).then(|| json!(address(call, name, asked.next(), asked.size)));
    match listing.shape {
        Shape::Bean => put(&mut page, "nextPage", onward("startAt")),
        Shape::After => put(&mut page, "next", onward("after")),
        Shape::Counted if listing.links => {
            put(&mut page, "next", onward("startAt"));
            let back = asked.start.saturating_sub(asked.size);
            let back = (asked.start > 0).then(|| json!(address(call, "startAt", back, asked.size)));
            put(&mut page, "prev", back);
        }
        _ => {}
    }
    if let Some(beside) = &listing.beside {
        put(&mut page, beside, Some(json!([{"id": "1", "name": "To Do"}])));
    }
    let reply = Reply::json(200, &page);
    link.map_or(Reply::json(200, &page), |link| reply.header("link", &link))
}

/// Rows 3 and 4: the items and the token stand together, in the page or one level down.
fn token(call: &Call<'_>, listing: &Listing, asked: &Asked, values: Vec<Value>) -> Reply {
    let last = asked.last();
    let null = call.state.world.settings.last_page_token == LastPageToken::Null;
    let (outer, list) = match listing.list.split_once('.') {
        Some((outer, list)) => (Some(outer), list),
        None => (None, &*listing.list),
    };
    let mut page = json!({list: values});
    put(
        &mut page,
        "nextPageToken",
        match last {
            false => Some(json!(asked.token(call, listing))),
            true => null.then_some(Value::Null),
        },
    );
    put(&mut page, listing.ends.as_deref().unwrap_or_default(), listing.ends.as_ref().map(|_| json!(last)));
    match outer {
        Some(outer) => Reply::json(200, &json!({outer: page, "id": "10001"})),
        None => Reply::json(200, &page),
    }
}

/// The total that is told: of positions, because items are hidden after counting.
fn total(call: &Call<'_>, listing: &Listing, asked: &Asked) -> usize {
    let true_total = asked.plan.positions();
    if call.state.world.settings.listing_fault != ListingFault::WobblingTotal || asked.start == 0 {
        return true_total;
    }
    // Where the total is the only sign of the end, too small a one would be a lie that nobody can see through.
    let alone = matches!(listing.shape, Shape::Counted | Shape::Offset);
    match (asked.start / asked.size) % 2 {
        1 if !alone => asked.start.min(3),
        _ => true_total + 3,
    }
}

/// Another page of this listing, as an address of the site.
fn address(call: &Call<'_>, place: &str, start: usize, size: usize) -> String {
    let path = call.request.path.split_once("/rest/").map_or("", |(_, path)| path);
    let sized = match place {
        "start" => "limit",
        _ => "maxResults",
    };
    let mut query = kept(call);
    query.append_pair(sized, &size.to_string()).append_pair(place, &start.to_string());
    format!("{}/rest/{path}?{}", call.base(), query.finish())
}

/// The parameters that stay from page to page.
fn kept(call: &Call<'_>) -> Serializer<'static, String> {
    let mut query = Serializer::new(String::new());
    for (name, value) in call.params.0.iter().filter(|(name, _)| !PLACES.contains(&name.as_str())) {
        query.append_pair(name, value);
    }
    query
}

/// Row 12.
fn service_links(call: &Call<'_>, asked: &Asked) -> Value {
    let page = |start: usize| json!(address(call, "start", start, asked.size));
    let mut links = json!({"self": page(asked.start), "base": call.base(), "context": ""});
    put(&mut links, "next", (!asked.last()).then(|| page(asked.next())));
    put(&mut links, "prev", (asked.start > 0).then(|| page(asked.start.saturating_sub(asked.size))));
    links
}

/// Rows 13 and 14: relative to `/wiki`, or beginning with it.
fn relative(call: &Call<'_>, listing: &Listing, asked: &Asked) -> String {
    let path = call.request.path.split_once("/wiki/").map_or("", |(_, path)| path);
    let mut query = kept(call);
    query.append_pair("limit", &asked.size.to_string());
    if listing.shape == Shape::Link || listing.cursor {
        query.append_pair("cursor", &asked.token(call, listing));
    } else {
        let stuck = call.state.world.settings.listing_fault == ListingFault::Stuck && asked.start > 0;
        let next = if stuck { asked.start } else { asked.next() };
        query.append_pair("start", &next.to_string());
    }
    let front = if listing.shape == Shape::Link { "/wiki/" } else { "/" };
    format!("{front}{path}?{}", query.finish())
}

fn put(object: &mut Value, name: &str, value: Option<Value>) {
    let fields: Option<&mut Map<String, Value>> = object.as_object_mut();
    if let (Some(fields), Some(value)) = (fields, value) {
        fields.insert(name.to_owned(), value);
    }
}
