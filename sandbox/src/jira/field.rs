//! `field`.

use serde_json::{Value, json};

use crate::gateway::Call;
use crate::jql;
use crate::reply::Reply;

/// Names and types of the fields that seeded issues have, as Atlassian's OpenAPI document shows them (F10.3).
const FIELDS: [(&str, &str, &str); 13] = [
    ("summary", "Summary", "string"),
    ("description", "Description", "string"),
    ("project", "Project", "project"),
    ("issuetype", "Issue Type", "issuetype"),
    ("status", "Status", "status"),
    ("resolution", "Resolution", "resolution"),
    ("priority", "Priority", "priority"),
    ("labels", "Labels", "array"),
    ("assignee", "Assignee", "user"),
    ("created", "Created", "datetime"),
    ("updated", "Updated", "datetime"),
    ("comment", "Comment", "comments-page"),
    ("attachment", "Attachment", "array"),
];

/// GET `/field`: a plain list, without pages.
#[must_use]
pub(crate) fn list(_: &mut Call<'_>) -> Reply {
    let shown = FIELDS.map(|(id, name, kind)| {
        json!({
            "id": id, "key": id, "name": name, "custom": false, "navigable": true, "orderable": true,
            "searchable": jql::knows(id), "clauseNames": [id], "schema": {"system": id, "type": kind},
        })
    });
    Reply::json(200, &Value::from(shown.to_vec()))
}
