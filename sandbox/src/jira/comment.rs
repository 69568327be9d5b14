//! Comments of an issue.

use serde_json::{Value, json};

use crate::clock::jira_date;
use crate::errors;
use crate::gateway::Call;
use crate::jira::data::Comment;
use crate::jira::issue::{missing, position};
use crate::jira::paging::Window;
use crate::jira::people::user;
use crate::reply::Reply;

/// GET `/issue/{key}/comment` (F8, shape 2: total, but no `isLast`).
#[must_use]
pub(crate) fn list(call: &mut Call<'_>) -> Reply {
    let Some(at) = position(call) else { return missing() };
    let window = Window::of(call, 5000);
    let all = call.site().and_then(|site| site.data.comments.get(&at)).map(Vec::as_slice).unwrap_or_default();
    let comments: Vec<Value> = window.cut(all.iter().map(|comment| show(call, comment)));
    let body = json!({
        "startAt": window.start, "maxResults": window.size, "total": all.len(), "comments": comments,
    });
    Reply::json(200, &body)
}

/// POST `/issue/{key}/comment`
#[must_use]
pub(crate) fn add(call: &mut Call<'_>) -> Reply {
    let Some(at) = position(call) else { return missing() };
    let body = call.request.json().and_then(|mut json| json.get_mut("body").map(Value::take));
    let Some(body) = body.filter(|body| !body.is_null()) else {
        return errors::jira_fields(400, json!({"comment": "Comment body can not be empty!"}));
    };
    let (author, now) = (call.caller.account.clone(), call.state.clock.now());
    match call.site_mut().map(|site| site.data.comment(at, &author, body, now)) {
        Some(comment) => Reply::json(201, &show(call, &comment)),
        None => missing(),
    }
}

fn show(call: &Call<'_>, comment: &Comment) -> Value {
    let author = call.state.account(&comment.author).map(|account| user(account, &call.base()));
    let at = jira_date(comment.at);
    json!({"id": comment.id.to_string(), "author": author, "body": comment.body, "created": at, "updated": at})
}
