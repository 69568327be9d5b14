//! Issues: get, create, edit, delete.

use serde_json::{Map, Value, json};

use crate::errors;
use crate::gateway::Call;
use crate::jira::data::Position;
use crate::reply::Reply;

/// The issue that the path names.
#[must_use]
pub(crate) fn position(call: &Call<'_>) -> Option<Position> {
    call.site()?.data.find(call.hole())
}

/// 404 for an issue that is not there, or hidden (F6.6).
#[must_use]
pub(crate) fn missing() -> Reply {
    errors::jira(404, "Issue does not exist or you do not have permission to see it.")
}

/// An issue with some of its fields: `*all`, or names. Always with its id.
///
/// Asked for nothing but `id`, Jira sends nothing but the id (F8, shape 3).
#[must_use]
pub(crate) fn show(call: &Call<'_>, at: Position, fields: &[String]) -> Value {
    let Some(site) = call.site() else { return Value::Null };
    let id = site.data.id(at).to_string();
    if fields.iter().all(|field| field == "id") {
        return json!({"id": id});
    }
    let mut shown = json!({
        "expand": "renderedFields,names,schema", "id": id,
        "self": format!("{}/rest/api/3/issue/{id}", call.base()), "key": site.data.key(at),
    });
    if fields.iter().any(|field| field != "id" && field != "key") {
        let all = fields.iter().any(|field| field == "*all" || field == "*navigable");
        let wanted = |name: &String| all || fields.contains(name);
        let some: Map<String, Value> =
            site.data.fields(at).into_iter().filter(|(name, _)| wanted(name)).collect();
        if let Some(object) = shown.as_object_mut() {
            object.insert("fields".into(), Value::Object(some));
        }
    }
    shown
}

/// GET `/issue/{key}`
#[must_use]
pub(crate) fn get(call: &mut Call<'_>) -> Reply {
    let Some(at) = position(call) else { return missing() };
    let named = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
    let mut fields: Vec<String> = call.params.all("fields").flat_map(named).collect();
    if fields.is_empty() {
        fields.push("*all".into());
    }
    // Unlike search, this shows the whole frame whatever fields are asked for.
    fields.push("key".into());
    Reply::json(200, &show(call, at, &fields))
}

/// POST `/issue`
#[must_use]
pub(crate) fn create(call: &mut Call<'_>) -> Reply {
    let Some(Value::Object(mut body)) = call.request.json() else {
        return errors::jira(400, "There was an error parsing JSON. Check that your request body is valid.");
    };
    let fields = match body.remove("fields") {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let mut wrong = Map::new();
    let named = fields
        .get("project")
        .and_then(|one| one.get("key").or_else(|| one.get("id")))
        .and_then(Value::as_str);
    let projects = call.site().map(|site| site.data.projects.as_slice()).unwrap_or_default();
    let project = projects
        .iter()
        .position(|one| Some(one.key.as_str()) == named || Some(one.id.to_string().as_str()) == named);
    if project.is_none() {
        wrong.insert("project".into(), json!("Specify a valid project ID or key"));
    }
    if fields.get("summary").and_then(Value::as_str).is_none_or(str::is_empty) {
        wrong.insert("summary".into(), json!("You must specify a summary of the issue."));
    }
    let (Some(project), true) = (project, wrong.is_empty()) else {
        return errors::jira_fields(400, Value::Object(wrong));
    };
    let (now, base) = (call.state.clock.now(), call.base());
    let Some(site) = call.site_mut() else { return missing() };
    let at = site.data.create(project, fields, now);
    let id = site.data.id(at).to_string();
    let body = json!({"id": id, "key": site.data.key(at), "self": format!("{base}/rest/api/3/issue/{id}")});
    Reply::json(201, &body)
}

/// PUT `/issue/{key}`. `update.comment[].add` adds a comment each time it is sent: a PUT that is not idempotent.
#[must_use]
pub(crate) fn edit(call: &mut Call<'_>) -> Reply {
    let Some(at) = position(call) else { return missing() };
    let Some(Value::Object(mut body)) = call.request.json() else {
        return errors::jira(400, "There was an error parsing JSON. Check that your request body is valid.");
    };
    let fields = match body.remove("fields") {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let added = body.get("update").and_then(|update| update.get("comment")).and_then(Value::as_array);
    let added: Vec<Value> = added
        .into_iter()
        .flatten()
        .filter_map(|one| one.get("add").and_then(|add| add.get("body")).cloned())
        .collect();
    let (author, now) = (call.caller.account.clone(), call.state.clock.now());
    let Some(site) = call.site_mut() else { return missing() };
    site.data.edit(at, fields, now);
    for comment in added {
        site.data.comment(at, &author, comment, now);
    }
    Reply::empty(204)
}

/// DELETE `/issue/{key}`
#[must_use]
pub(crate) fn delete(call: &mut Call<'_>) -> Reply {
    let Some(at) = position(call) else { return missing() };
    if let Some(site) = call.site_mut() {
        site.data.delete(at);
    }
    Reply::empty(204)
}
