//! The OpenAPI document of the control API, written from its routes.

use serde_json::{Map, Value, json};

use super::routes::{ROUTES, Route, Takes};
use super::{answers, choices, world};
use crate::settings::Settings;

/// The document.
#[must_use]
pub(super) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths.entry(format!("/_sandbox/{}", route.path)).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(route.method.to_lowercase(), operation(route));
        }
    }
    let mut schemas = Map::new();
    schemas.insert("Settings".into(), object(settings(), &[]));
    schemas.insert("Fault".into(), fault());
    schemas.insert(
        "FaultKind".into(),
        json!({"type": "object", "additionalProperties": false, "properties": fault_kind()}),
    );
    schemas.insert(
        "Error".into(),
        json!({"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}),
    );
    for (name, schema) in world::schemas().into_iter().chain(answers::schemas()) {
        schemas.insert(name.into(), schema);
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "The control API of threelo's sandbox",
            "description": "JSON in, JSON out. Never logged, never subject to faults. The sandbox's README tells more.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

fn operation(route: &Route) -> Value {
    let answer = |text: &str, schema: Value| json!({"description": text, "content": {"application/json": {"schema": schema}}});
    let wrong = || answer("What is wrong.", json!({"$ref": "#/components/schemas/Error"}));
    let mut operation = json!({
        "operationId": operation_id(route), "summary": route.says, "parameters": parameters(route),
        "responses": {"200": answer("Done.", answers::of(route)), "400": wrong(), "404": wrong()},
    });
    if let (Some(fields), Some(schema)) = (operation.as_object_mut(), taken(route)) {
        let content = json!({"application/json": {"schema": schema}});
        fields.insert("requestBody".into(), json!({"content": content}));
    }
    operation
}

/// Such as `post_sites_site_rename`, for those who generate clients.
fn operation_id(route: &Route) -> String {
    let words =
        route.path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(route.method.to_lowercase()).chain(words.map(str::to_owned)).collect::<Vec<_>>().join("_")
}

/// What stands in braces in the path, and what a GET takes in its query.
fn parameters(route: &Route) -> Vec<Value> {
    let holes = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut found: Vec<Value> = holes
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    if let (Takes::Fields(fields), "GET") = (route.takes, route.method) {
        found.extend(fields.iter().map(|(name, kind, required, what)| {
            json!({"name": name, "in": "query", "required": required, "description": what, "schema": {"type": kind}})
        }));
    }
    found
}

fn taken(route: &Route) -> Option<Value> {
    match route.takes {
        Takes::Nothing => None,
        Takes::Fields(_) if route.method == "GET" => None,
        Takes::Fields(fields) => {
            let needed: Vec<_> = fields.iter().filter(|field| field.2).map(|field| field.0).collect();
            let described = fields.iter().map(|(name, kind, _, what)| {
                let strings = (*kind == "array").then(|| json!({"type": "string"}));
                let mut schema = json!({"type": kind, "description": what});
                if let (Some(schema), Some(strings)) = (schema.as_object_mut(), strings) {
                    schema.insert("items".into(), strings);
                }
                ((*name).to_owned(), schema)
            });
            let properties: Map<String, Value> = described.collect();
            let mut schema =
                json!({"type": "object", "additionalProperties": false, "properties": properties});
            if let Some(schema) = schema.as_object_mut().filter(|_| !needed.is_empty()) {
                schema.insert("required".into(), json!(needed));
            }
            Some(schema)
        }
        Takes::World => Some(json!({"$ref": "#/components/schemas/World"})),
        Takes::Settings => Some(json!({"$ref": "#/components/schemas/Settings"})),
        Takes::Fault => Some(json!({"$ref": "#/components/schemas/Fault"})),
    }
}

fn fault() -> Value {
    json!({
        "type": "object", "required": ["path", "kind"], "additionalProperties": false,
        "properties": {
            "method": {"type": "string"},
            "path": {"type": "string", "description": "exact, or a prefix ending in *"},
            "grant_type": {"type": "string"},
            "kind": {
                "description": "what goes wrong; the parts of a list apply together",
                "oneOf": [
                    {"$ref": "#/components/schemas/FaultKind"},
                    {"type": "array", "items": {"$ref": "#/components/schemas/FaultKind"}},
                ],
            },
            "times": {"type": "integer", "default": 1, "minimum": 0, "description": "0: until cleared"},
            "skip": {"type": "integer", "default": 0, "minimum": 0, "description": "requests that go by before"},
        },
    })
}

fn fault_kind() -> Value {
    let when = |what: &str| json!({"type": "string", "enum": ["before", "after"], "description": what});
    let wait = |what: &str| json!({"type": "integer", "minimum": 0, "description": what});
    let status = |what: &str| json!({"type": "integer", "minimum": 200, "maximum": 599, "description": what});
    json!({
        "delay_ms": wait("milliseconds before the request is acted on"),
        "delay_after_ms": wait("milliseconds before the answer"),
        "hold": when("waits until it is released, before or after the request is acted on"),
        "reset": when("breaks the connection, before or after the request is acted on"),
        "status": status("this answer instead"),
        "body": {"description": "of that answer: a string as it is, or JSON"},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}, "description": "of that answer"},
        "html": status("a page with this status instead"),
        "malformed": {"type": "boolean", "description": "JSON cut in the middle"},
        "truncate": wait("bytes, after which the connection closes"),
        "act": {"type": "boolean", "description": "whether the request is acted on"},
    })
}

/// Settings have switches, and a number that is off where it is null.
fn settings() -> Map<String, Value> {
    let mut fields = properties(&json!(Settings::default()));
    for (name, field) in &mut fields {
        if let (Some(field), Some(all)) = (field.as_object_mut(), choices::of(name)) {
            field.insert("enum".into(), json!(all));
        }
    }
    fields.insert("listing_items".into(), json!({"type": "integer", "minimum": 0, "nullable": true}));
    fields
}

/// An object with these members, of which some must be there, and no others.
pub(super) fn object(properties: Map<String, Value>, required: &[&str]) -> Value {
    let mut schema = json!({"type": "object", "additionalProperties": false, "properties": properties});
    if let Some(schema) = schema.as_object_mut().filter(|_| !required.is_empty()) {
        schema.insert("required".into(), json!(required));
    }
    schema
}

/// Names, types and defaults, from what the defaults are. Lists are of texts, where nothing else is said.
pub(super) fn properties(defaults: &Value) -> Map<String, Value> {
    let schema = |value: &Value| match value {
        Value::Null => json!({}),
        Value::Bool(_) => json!({"type": "boolean", "default": value}),
        Value::Number(number) if number.is_f64() => json!({"type": "number", "default": value}),
        Value::Number(_) => json!({"type": "integer", "default": value}),
        Value::String(_) => json!({"type": "string", "default": value}),
        Value::Array(_) => json!({"type": "array", "items": {"type": "string"}}),
        Value::Object(_) => json!({"type": "object"}),
    };
    let fields = defaults.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), schema(value))).collect()
}
