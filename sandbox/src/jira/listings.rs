//! Listings that are here for the shape of their pages (F8). Each has as many items as the site has seeded issues.

use serde_json::{Map, Value, json};

use crate::clock::{Millis, SECOND};
use crate::errors;
use crate::gateway::Call;
use crate::jira::issue::{missing, position, show};
use crate::jira::paging::{Window, page_bean};
use crate::reply::Reply;

fn total(call: &Call<'_>) -> usize {
    call.site().map_or(0, |site| usize::try_from(site.config.issues).unwrap_or(usize::MAX))
}

/// Shape 1: the changes of one issue.
pub(crate) fn changelog(call: &mut Call<'_>) -> Reply {
    if position(call).is_none() {
        return missing();
    }
    let (window, total) = (Window::of(call, 100), total(call));
    let change = |at: usize| json!({"id": (at + 1).to_string(), "items": [{"field": "status"}]});
    let values = window.cut((0..total).map(change));
    let path =
        call.request.path.split_once("/rest/").map(|(_, rest)| format!("/rest/{rest}")).unwrap_or_default();
    Reply::json(200, &page_bean(call, &path, window, total, values))
}

/// Shape 4: a token, and no word on whether this is the last page.
pub(crate) fn bulk_changelog(call: &mut Call<'_>) -> Reply {
    let body = call.request.json().unwrap_or(Value::Null);
    let limit = call.state.world.settings.page_size_limit.max(1);
    let asked = body.get("maxResults").and_then(Value::as_u64).and_then(|max| usize::try_from(max).ok());
    let size = asked.unwrap_or(1000).clamp(1, limit);
    let start = match body.get("nextPageToken").and_then(Value::as_str) {
        None => 0,
        Some(token) => match token.strip_prefix("changes-").and_then(|start| start.parse().ok()) {
            Some(start) => start,
            None => return errors::jira(400, "The nextPageToken is invalid."),
        },
    };
    let total = total(call);
    let one = |at: usize| json!({"issueId": (10_001 + at).to_string(), "changeHistories": [{"id": (at + 1).to_string()}]});
    let page: Vec<Value> = (start..total).take(size).map(one).collect();
    let next = start + page.len();
    let mut body = json!({"issueChangeLogs": page});
    if let Some(fields) = body.as_object_mut().filter(|_| next < total) {
        fields.insert("nextPageToken".into(), json!(format!("changes-{next}")));
    }
    Reply::json(200, &body)
}

/// Shape 6: a cursor that is sent back.
pub(crate) fn plans(call: &mut Call<'_>) -> Reply {
    let limit = call.state.world.settings.page_size_limit.max(1);
    let (size, total) = (call.params.number("maxResults").unwrap_or(50).clamp(1, limit), total(call));
    let cursor = call.params.get("cursor").unwrap_or("0");
    let Ok(start) = cursor.parse::<usize>() else { return errors::jira(400, "The cursor is invalid.") };
    let plan = |at: usize| json!({"id": (at + 1).to_string(), "name": format!("Plan {}", at + 1), "status": "Active"});
    let values: Vec<Value> = (start..total).take(size).map(plan).collect();
    let next = start + values.len();
    let body = json!({
        "cursor": start.to_string(), "nextPageCursor": next.to_string(), "isLast": next >= total,
        "maxResults": size, "total": total, "values": values,
    });
    Reply::json(200, &body)
}

/// Shape 7: a feed of changes; work logs were updated a second apart before the world began.
pub(crate) fn worklogs(call: &mut Call<'_>) -> Reply {
    let (total, size) = (total(call), call.state.world.settings.page_size_limit.max(1));
    let since: Millis = call.params.get("since").and_then(|since| since.parse().ok()).unwrap_or(0);
    let begun = call.site().map_or(0, |site| site.data.started());
    let at = |index: usize| begun - Millis::try_from(total - index).unwrap_or(0) * SECOND;
    let newer: Vec<usize> = (0..total).filter(|index| at(*index) > since).collect();
    let values: Vec<Value> = newer
        .iter()
        .take(size)
        .map(|index| json!({"worklogId": index + 1, "updatedTime": at(*index), "properties": []}))
        .collect();
    let (until, last) =
        (newer.get(values.len().saturating_sub(1)).map_or(since, |index| at(*index)), newer.len() <= size);
    let site = format!("{}/rest/api/3/worklog/updated?since=", call.base());
    let mut body = json!({
        "values": values, "since": since, "until": until, "lastPage": last, "self": format!("{site}{since}"),
    });
    if let Some(fields) = body.as_object_mut().filter(|_| !last) {
        fields.insert("nextPage".into(), json!(format!("{site}{until}")));
    }
    Reply::json(200, &body)
}

/// Shape 8: offset and limit.
pub(crate) fn audit(call: &mut Call<'_>) -> Reply {
    let limit = call.state.world.settings.page_size_limit.max(1);
    let size = call.params.number("limit").unwrap_or(1000).clamp(1, limit);
    let (start, total) = (call.params.number("offset").unwrap_or(0), total(call));
    let record =
        |at: usize| json!({"id": at + 1, "summary": format!("Record {}", at + 1), "category": "permissions"});
    let records: Vec<Value> = (start..total).take(size).map(record).collect();
    Reply::json(200, &json!({"offset": start, "limit": size, "total": total, "records": records}))
}

/// Shape 11, first half: `isLast` and no `total`.
pub(crate) fn sprints(call: &mut Call<'_>) -> Reply {
    let (window, total) = (Window::of(call, 50), total(call));
    let sprint = |at: usize| json!({"id": at + 1, "name": format!("Sprint {}", at + 1), "state": "closed"});
    let values = window.cut((0..total).map(sprint));
    let last = window.start + values.len() >= total;
    Reply::json(
        200,
        &json!({"maxResults": window.size, "startAt": window.start, "isLast": last, "values": values}),
    )
}

/// Shape 11, second half: issues with a `total`.
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

/// Shape 12: Service Management's `start`, `limit`, `isLastPage`, and links.
pub(crate) fn service_desks(call: &mut Call<'_>) -> Reply {
    let (start, size) = start_and_limit(call, "limit", 50);
    let total = total(call);
    let desk = |at: usize| json!({"id": (at + 1).to_string(), "projectName": format!("Desk {}", at + 1)});
    let values: Vec<Value> = (start..total).take(size).map(desk).collect();
    let last = start + values.len() >= total;
    let page =
        |start: usize| format!("{}/rest/servicedeskapi/servicedesk?start={start}&limit={size}", call.base());
    let mut links = Map::new();
    links.insert("self".into(), json!(page(start)));
    links.insert("base".into(), json!(call.base()));
    links.insert("context".into(), json!(""));
    if !last {
        links.insert("next".into(), json!(page(start + values.len())));
    }
    if start > 0 {
        links.insert("prev".into(), json!(page(start.saturating_sub(size))));
    }
    let body = json!({
        "size": values.len(), "start": start, "limit": size, "isLastPage": last, "_links": links, "values": values,
    });
    Reply::json(200, &body)
}

/// Shape 13: Confluence v1, whose next link is relative to the context.
pub(crate) fn contents(call: &mut Call<'_>) -> Reply {
    let (start, size) = start_and_limit(call, "limit", 25);
    let total = total(call);
    let page =
        |at: usize| json!({"id": (at + 1).to_string(), "type": "page", "title": format!("Page {}", at + 1)});
    let results: Vec<Value> = (start..total).take(size).map(page).collect();
    let next = start + results.len();
    let mut links = json!({"base": format!("{}/wiki", call.base()), "context": "/wiki"});
    if let Some(links) = links.as_object_mut().filter(|_| next < total) {
        links.insert("next".into(), json!(format!("/rest/api/content?limit={size}&start={next}")));
    }
    let body =
        json!({"results": results, "start": start, "limit": size, "size": next - start, "_links": links});
    Reply::json(200, &body)
}

fn start_and_limit(call: &Call<'_>, limit: &str, default: usize) -> (usize, usize) {
    let most = call.state.world.settings.page_size_limit.max(1);
    (call.params.number("start").unwrap_or(0), call.params.number(limit).unwrap_or(default).clamp(1, most))
}
