//! `field`.

use serde_json::{Value, json};

use crate::gateway::Call;
use crate::reply::Reply;

/// Names and types of the fields that seeded issues have, as Atlassian's OpenAPI document shows them (F10.3).
const FIELDS: [(&str, &str, &str); 7] = [
    ("summary", "Summary", "string"),
    ("description", "Description", "string"),
    ("status", "Status", "status"),
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
            "searchable": true, "clauseNames": [id], "schema": {"system": id, "type": kind},
        })
    });
    Reply::json(200, &Value::from(shown.to_vec()))
}
