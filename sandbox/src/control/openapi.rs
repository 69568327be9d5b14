//! The OpenAPI document of the control API, written from its routes.

use serde_json::{Map, Value, json};

use super::routes::{ROUTES, Route, Takes};
use crate::settings::Settings;
use crate::world::World;

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
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "The control API of threelo's sandbox",
            "description": "JSON in, JSON out. Never logged, never subject to faults. The sandbox's README tells more.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": paths,
        "components": {"schemas": {
            "World": {"type": "object", "properties": properties(&json!(World::default()))},
            "Settings": {"type": "object", "properties": properties(&json!(Settings::default()))},
            "Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
        }},
    })
}

fn operation(route: &Route) -> Value {
    let answer = |text: &str, schema: Value| json!({"description": text, "content": {"application/json": {"schema": schema}}});
    let wrong = || answer("What is wrong.", json!({"$ref": "#/components/schemas/Error"}));
    let mut operation = json!({
        "summary": route.says, "parameters": parameters(route),
        "responses": {"200": answer("Done.", json!({"type": answered(route)})), "400": wrong(), "404": wrong()},
    });
    if let (Some(fields), Some(schema)) = (operation.as_object_mut(), taken(route)) {
        let content = json!({"application/json": {"schema": schema}});
        fields.insert("requestBody".into(), json!({"content": content}));
    }
    operation
}

fn answered(route: &Route) -> &'static str {
    if route.method == "GET" && matches!(route.path, "faults" | "grants" | "sites/{site}/webhooks") {
        "array"
    } else {
        "object"
    }
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
        Takes::Fault => Some(json!({
            "type": "object", "required": ["path", "kind"], "additionalProperties": false,
            "properties": {
                "method": {"type": "string"},
                "path": {"type": "string", "description": "exact, or a prefix ending in *"},
                "grant_type": {"type": "string"},
                "kind": {"description": "one object of the README's table, or a list of them"},
                "times": {"type": "integer", "default": 1, "description": "0: until cleared"},
                "skip": {"type": "integer", "default": 0},
            },
        })),
    }
}

/// Names, types and defaults, from what the defaults are.
fn properties(defaults: &Value) -> Map<String, Value> {
    let schema = |value: &Value| match value {
        Value::Null => json!({"nullable": true}),
        Value::Bool(_) => json!({"type": "boolean", "default": value}),
        Value::Number(_) => json!({"type": "number", "default": value}),
        Value::String(_) => json!({"type": "string", "default": value}),
        Value::Array(_) => json!({"type": "array", "items": {}}),
        Value::Object(_) => json!({"type": "object"}),
    };
    let fields = defaults.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), schema(value))).collect()
}
