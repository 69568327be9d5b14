//! `_echo`: not an operation of Atlassian's, but a way to see exactly what arrived.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::gateway::Call;
use crate::reply::Reply;

/// Any method. The `Authorization` header is left out: answers end up in logs of tests.
#[must_use]
pub(crate) fn echo(call: &mut Call<'_>) -> Reply {
    let request = call.request;
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in request.headers.iter().filter(|(name, _)| *name != "authorization") {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        match headers.get_mut(name.as_str()) {
            // A header sent several times shows as a list.
            Some(Value::Array(list)) => list.push(json!(value)),
            Some(one) => *one = json!([one.take(), value]),
            None => {
                headers.insert(name.as_str().to_owned(), json!(value));
            }
        }
    }
    let body = json!({
        "method": request.method.as_str(), "path": request.path, "query": request.query, "headers": headers,
        "body": std::str::from_utf8(&request.body).ok(), "body_base64": STANDARD.encode(&request.body),
    });
    Reply::json(200, &body)
}
