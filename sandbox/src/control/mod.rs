//! The control API under `/_sandbox`: what a test sets up, and what it looks at afterwards.

mod answers;
mod choices;
mod handlers;
mod openapi;
mod routes;
mod world;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::reply::{Reply, Request};
use crate::scopes::fit;
use crate::serve::Sandbox;
use routes::ROUTES;

/// What a control call leads to: JSON, or what is wrong and its status.
type Outcome = Result<Value, (u16, String)>;

/// Answers a control call.
#[must_use]
pub(crate) fn route(sandbox: &Sandbox, request: &Request) -> Reply {
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    let found = ROUTES
        .iter()
        .filter(|route| route.method == request.method.as_str())
        .find_map(|route| Some((route, fit(route.path, &path)?)));
    let outcome = match found {
        Some((route, holes)) => {
            let hole = holes.first().map_or("", String::as_str);
            (route.run)(sandbox, request, hole)
        }
        None => Err(unknown()),
    };
    match outcome {
        Ok(value) => Reply::json(200, &value),
        Err((status, why)) => Reply::json(status, &json!({"error": why})),
    }
}

fn bad(why: impl ToString) -> (u16, String) {
    (400, why.to_string())
}

fn unknown() -> (u16, String) {
    (404, "there is no such control call".into())
}

/// The body; an empty one is an empty object.
fn body<T: DeserializeOwned>(request: &Request) -> Result<T, (u16, String)> {
    let text: &[u8] = if request.body.is_empty() { b"{}" } else { &request.body };
    named(text).map_err(bad)
}

/// Reads an object: serde would take a list, too, and guess the names of what stands in it.
pub(crate) fn named<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    let fields: Map<String, Value> = serde_json::from_slice(text)?;
    serde_json::from_value(Value::Object(fields))
}
