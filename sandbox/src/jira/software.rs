//! Jira Software: boards.

use serde_json::{Value, json};

use crate::gateway::Call;
use crate::jira::paging::Window;
use crate::reply::Reply;

/// GET `/rest/agile/1.0/board` (F8, shape 11): `isLast`, and no `total`, as it often happens.
#[must_use]
pub(crate) fn boards(call: &mut Call<'_>) -> Reply {
    let base = call.base();
    let window = Window::of(call, 50);
    let projects = call.site().map(|site| site.data.projects.as_slice()).unwrap_or_default();
    let board = |(at, project): (usize, &crate::jira::data::Project)| {
        let id = at + 1;
        json!({
            "id": id, "self": format!("{base}/rest/agile/1.0/board/{id}"), "name": format!("{} board", project.key),
            "type": "scrum", "location": {"projectId": project.id, "projectKey": project.key},
        })
    };
    let values: Vec<Value> = window.cut(projects.iter().enumerate().map(board));
    let last = window.start + values.len() >= projects.len();
    let body = json!({"maxResults": window.size, "startAt": window.start, "isLast": last, "values": values});
    Reply::json(200, &body)
}
