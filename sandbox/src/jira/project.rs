//! `project/search`, and one project.

use serde_json::{Value, json};

use crate::errors;
use crate::gateway::Call;
use crate::jira::data::Project;
use crate::jira::paging::{Window, page_bean};
use crate::reply::Reply;

/// GET `/project/search` (F8, shape 1). `query` filters by key and name.
#[must_use]
pub(crate) fn search(call: &mut Call<'_>) -> Reply {
    let base = call.base();
    let query = call.params.get("query").unwrap_or("").to_lowercase();
    let projects = call.site().map(|site| site.data.projects.as_slice()).unwrap_or_default();
    let matching: Vec<Value> = projects
        .iter()
        .filter(|one| one.key.to_lowercase().contains(&query) || one.name.to_lowercase().contains(&query))
        .map(|one| show(&base, one))
        .collect();
    let window = Window::of(call, 50);
    let total = matching.len();
    let values = window.cut(matching.into_iter());
    Reply::json(200, &page_bean(call, "/rest/api/3/project/search", window, total, values))
}

/// GET `/project/{key}`, by key or id.
#[must_use]
pub(crate) fn get(call: &mut Call<'_>) -> Reply {
    let (base, named) = (call.base(), call.hole());
    let found = call.site().and_then(|site| {
        site.data.projects.iter().find(|one| one.key == named || one.id.to_string() == named)
    });
    found.map_or_else(
        || errors::jira(404, &format!("No project could be found with key '{named}'.")),
        |one| Reply::json(200, &show(&base, one)),
    )
}

fn show(base: &str, one: &Project) -> Value {
    json!({
        "self": format!("{base}/rest/api/3/project/{}", one.id), "id": one.id.to_string(), "key": one.key,
        "name": one.name, "projectTypeKey": "software", "simplified": false, "isPrivate": false,
    })
}
