//! The Confluence of a site: just enough to have something to call.

use serde_json::{Value, json};

use crate::errors;
use crate::gateway::Call;
use crate::reply::Reply;

/// GET `/wiki/api/v2/spaces` (F8, shape 14): as many spaces as the site has projects, a cursor inside a relative link.
#[must_use]
pub(crate) fn spaces(call: &mut Call<'_>) -> Reply {
    let limit =
        call.params.number("limit").unwrap_or(25).clamp(1, call.state.world.settings.page_size_limit.max(1));
    let start = match call.params.get("cursor") {
        None => 0,
        Some(cursor) => match cursor.strip_prefix("space-").and_then(|number| number.parse::<usize>().ok()) {
            Some(start) => start,
            None => return errors::jira(400, "Invalid cursor"),
        },
    };
    let total = call.site().map_or(0, |site| usize::try_from(site.config.projects).unwrap_or(0));
    let space = |at: usize| {
        json!({"id": (65_537 + at).to_string(), "key": format!("SPACE{at}"), "name": format!("Space {at}"),
               "type": "global", "status": "current"})
    };
    let results: Vec<Value> = (start..total).take(limit).map(space).collect();
    let next = start + results.len();
    let mut links = json!({"base": format!("{}/wiki", call.base())});
    if next >= total {
        return Reply::json(200, &json!({"results": results, "_links": links}));
    }
    let link = format!("/wiki/api/v2/spaces?limit={limit}&cursor=space-{next}");
    if let Some(links) = links.as_object_mut() {
        links.insert("next".into(), json!(link));
    }
    Reply::json(200, &json!({"results": results, "_links": links}))
        .header("link", &format!("<{link}>; rel=\"next\""))
}
