//! Jira Software: boards and their issues.

use serde_json::{Value, json};

use crate::gateway::Call;
use crate::jira::issue::show;
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

/// GET `/rest/agile/1.0/board/{id}/issue` (F8, shape 11): issues, with a `total`.
#[must_use]
pub(crate) fn board_issues(call: &mut Call<'_>) -> Reply {
    let window = Window::of(call, 50);
    let positions: Vec<_> = call.site().map(|site| site.data.positions().collect()).unwrap_or_default();
    let fields = ["*all".to_owned()];
    let issues = window.cut(positions.iter().map(|at| show(call, *at, &fields)));
    let body = json!({
        "startAt": window.start, "maxResults": window.size, "total": positions.len(), "issues": issues,
    });
    Reply::json(200, &body)
}
