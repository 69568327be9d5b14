//! What control calls answer, as schemas.

use serde_json::{Map, Value, json};

use super::openapi::object;
use super::routes::Route;

/// The schema of a call's answer.
pub(super) fn of(route: &Route) -> Value {
    let named = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let list = |items: Value| json!({"type": "array", "items": items});
    let site = || all(&[("subdomain", "string"), ("cloud_id", "string")]);
    match (route.method, route.path) {
        (_, "world") => named("World"),
        (_, "settings") => named("Settings"),
        (_, "consent") => all(&[("callback", "string")]),
        (_, "time") => all(&[("now", "number"), ("offset_s", "number")]),
        (_, "tokens/expire") => all(&[("expired", "integer")]),
        (_, "tokens/inspect") => inspected(),
        (_, "accounts/{account}/revoke") => all(&[("revoked", "integer")]),
        (_, "accounts/{account}/password") => all(&[("changed", "boolean")]),
        (_, "sites/{site}/uninstall" | "sites/{site}/permissions" | "sites/{site}/suspend") => site(),
        (_, "sites/{site}/rename") => named("Site"),
        (_, "sites/{site}/issues") => issues(),
        (_, "sites/{site}/webhooks") => list(delivery()),
        ("GET", "faults") => list(named("OrderedFault")),
        ("POST", "faults") => all(&[("id", "integer")]),
        ("GET", "log") => named("Log"),
        ("GET", "grants") => list(named("Grant")),
        ("GET", "listings") => listings(),
        ("GET", "openapi.json") => json!({"type": "object"}),
        _ => object(Map::new(), &[]),
    }
}

/// The schemas that answers refer to, by their names.
pub(super) fn schemas() -> [(&'static str, Value); 4] {
    [("OrderedFault", fault()), ("Log", log()), ("Grant", grant()), ("Family", family())]
}

/// An object that has all of these and nothing else.
fn all(fields: &[(&str, &str)]) -> Value {
    with(fields, &[])
}

/// An object that has all of these, simple ones and others, and nothing else.
fn with(simple: &[(&str, &str)], others: &[(&str, Value)]) -> Value {
    let simple = simple.iter().map(|(name, kind)| ((*name).to_owned(), json!({"type": kind})));
    let others = others.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone()));
    let fields: Map<String, Value> = simple.chain(others).collect();
    let names: Vec<String> = fields.keys().cloned().collect();
    object(fields, &names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn strings() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn or_null(kind: &str) -> Value {
    json!({"type": kind, "nullable": true})
}

fn states(more: &[&str]) -> Value {
    let families = ["live", "breached", "replaced", "revoked", "idle", "too_old"];
    json!({"type": "string", "enum": families.iter().chain(more).collect::<Vec<_>>()})
}

fn inspected() -> Value {
    let fields = json!({
        "state": {"type": "string", "enum": ["live", "replayable", "stale", "lost_sibling", "dead", "expired", "unknown"]},
        "generation": {"type": "integer"}, "newest_generation": {"type": "integer"}, "account": {"type": "string"},
        "family_state": states(&[]), "scopes": strings(),
    });
    object(fields.as_object().cloned().unwrap_or_default(), &["state"])
}

fn issues() -> Value {
    let counts = ["seeded", "created", "updated", "total", "comments"].map(|name| (name, "integer"));
    with(&counts, &[("created_keys", strings())])
}

fn delivery() -> Value {
    let headers = json!({"type": "object", "additionalProperties": {"type": "string"}});
    with(&[("url", "string"), ("body", "object")], &[("headers", headers)])
}

fn fault() -> Value {
    let kind = json!({"$ref": "#/components/schemas/FaultKind"});
    let left = json!({"type": "integer", "nullable": true, "description": "null: until it is cleared"});
    with(
        &[
            ("id", "integer"),
            ("path", "string"),
            ("skip", "integer"),
            ("hits", "integer"),
            ("waiting", "integer"),
        ],
        &[("method", or_null("string")), ("grant_type", or_null("string")), ("kind", kind), ("left", left)],
    )
}

fn log() -> Value {
    let mut entry = json!({
        "n": {"type": "integer"}, "at": {"type": "number", "description": "Unix seconds on the sandbox's clock"},
        "status": {"type": "integer", "nullable": true, "description": "null: not answered"},
        "token_generation": {"type": "integer"}, "new_generation": {"type": "integer"},
        "fault": {"type": "integer", "description": "id of the fault that was used"},
    });
    if let Some(fields) = entry.as_object_mut() {
        for name in ["method", "path", "query", "grant_type", "account", "cloud_id", "outcome", "reason"] {
            fields.insert(name.into(), json!({"type": "string"}));
        }
    }
    let entry = object(
        entry.as_object().cloned().unwrap_or_default(),
        &["n", "at", "method", "path", "query", "status"],
    );
    let counted = ["code_exchanges", "refresh_exchanges", "rotations", "replays", "breaches", "api_calls"];
    let counts = all(&counted.map(|name| (name, "integer")));
    with(&[], &[("requests", json!({"type": "array", "items": entry})), ("counts", counts)])
}

fn grant() -> Value {
    let numbers = ["id", "live_refresh_tokens", "replayable_refresh_tokens", "live_access_tokens"];
    let simple: Vec<_> = numbers
        .map(|name| (name, "integer"))
        .into_iter()
        .chain(["client_id", "account", "account_id"].map(|name| (name, "string")))
        .chain([("revoked", "boolean")])
        .collect();
    let families = json!({"type": "array", "items": {"$ref": "#/components/schemas/Family"}});
    with(
        &simple,
        &[
            ("mode", json!({"type": "string", "enum": ["account", "resource"]})),
            ("scopes", strings()),
            ("sites", strings()),
            ("generation", or_null("integer")),
            ("family_state", states(&["none"])),
            ("families", families),
        ],
    )
}

fn family() -> Value {
    with(
        &[
            ("generation", "integer"),
            ("live_refresh_tokens", "integer"),
            ("replayable_refresh_tokens", "integer"),
            ("password_changed", "boolean"),
            ("consented_at", "number"),
            ("exchanged_at", "number"),
        ],
        &[("state", states(&[]))],
    )
}

fn listings() -> Value {
    let one = with(
        &[
            ("name", "string"),
            ("row", "integer"),
            ("product", "string"),
            ("method", "string"),
            ("path", "string"),
            ("params", "object"),
            ("status", "integer"),
            ("barred", "boolean"),
        ],
        &[
            ("json", or_null("object")),
            ("id", or_null("string")),
            ("size", or_null("string")),
            ("ids", json!({"type": "array", "items": {}})),
            ("classic_scopes", json!({"type": "array", "items": {"type": "string"}, "nullable": true})),
            ("granular_scopes", json!({"type": "array", "items": {"type": "string"}, "nullable": true})),
        ],
    );
    with(
        &[("site", "string")],
        &[("scopes", strings()), ("listings", json!({"type": "array", "items": one}))],
    )
}
