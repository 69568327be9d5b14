//! What a world is made of, as schemas. Names and defaults come from the world itself, so that they cannot be others.

use serde_json::{Map, Value, json};

use super::openapi::{object, properties};
use crate::world::{Account, App, GrantMode, PastConsent, Product, Site, World};

/// The schemas, by their names.
pub(super) fn schemas() -> [(&'static str, Value); 5] {
    let listed =
        |name: &str| json!({"type": "array", "items": {"$ref": format!("#/components/schemas/{name}")}});
    let mut world = properties(&json!(World::default()));
    for (member, name) in [
        ("apps", "App"),
        ("accounts", "Account"),
        ("sites", "Site"),
        ("consents", "Consent"),
        ("faults", "Fault"),
    ] {
        world.insert(member.into(), listed(name));
    }
    world.insert("settings".into(), json!({"$ref": "#/components/schemas/Settings"}));
    world.insert(
        "stopped_at".into(),
        json!({"type": "integer", "nullable": true, "description": "the Unix second at which the clock stands until it is moved; null: it goes with the machine's"}),
    );
    [
        ("World", object(world, &[])),
        ("App", app()),
        ("Account", account()),
        ("Site", site()),
        ("Consent", consent()),
    ]
}

fn app() -> Value {
    let mut fields = properties(&json!(App::default()));
    fields.insert("grant_mode".into(), json!({
        "type": "string", "enum": [GrantMode::Account, GrantMode::Resource], "default": GrantMode::Account,
        "description": "what a consent covers: all sites the account consented to for this app, or those chosen in it",
    }));
    describe(
        &mut fields,
        &[
            ("redirect_uris", "callbacks; one is matched exactly"),
            ("scopes", "those of the console; offline_access is always allowed"),
        ],
    );
    object(fields, &[])
}

fn account() -> Value {
    let empty =
        Account { name: String::new(), id: String::new(), display_name: String::new(), email: String::new() };
    let mut fields = properties(&json!(empty));
    describe(
        &mut fields,
        &[
            ("name", "short name for tests"),
            ("id", "account id; made from seed and name where it is empty"),
            ("display_name", "name on screen; the short name where it is empty"),
            ("email", "name@example.com where it is empty"),
        ],
    );
    object(fields, &["name"])
}

fn site() -> Value {
    // What serde fills in is what the document says it does.
    let least =
        serde_json::from_value::<Site>(json!({"subdomain": ""})).map(|site| json!(site)).unwrap_or_default();
    let mut fields = properties(&least);
    fields.insert(
        "products".into(),
        json!({
            "type": "array", "items": {"type": "string", "enum": [Product::Jira, Product::Confluence]},
            "default": least.get("products"),
        }),
    );
    fields.insert("accounts".into(), json!({"type": "array", "items": {"type": "string"}, "nullable": true}));
    describe(
        &mut fields,
        &[
            ("subdomain", "first label of its host name"),
            ("name", "name on screen; the subdomain where it is empty"),
            ("cloud_id", "made from seed and subdomain where it is empty"),
            ("url", "https://{subdomain}.atlassian.net where it is empty"),
            ("accounts", "names or ids of those who may use it; null: all"),
            ("issues", "how many are there from the start"),
        ],
    );
    object(fields, &["subdomain"])
}

fn consent() -> Value {
    let empty =
        PastConsent { client_id: String::new(), account: String::new(), sites: Vec::new(), scopes: None };
    let mut fields = properties(&json!(empty));
    fields.insert("scopes".into(), json!({"type": "array", "items": {"type": "string"}, "nullable": true}));
    describe(
        &mut fields,
        &[
            ("client_id", "the app; the first one where it is empty"),
            ("account", "name or id"),
            ("sites", "subdomains"),
            ("scopes", "null: all of the app's"),
        ],
    );
    object(fields, &["account", "sites"])
}

fn describe(fields: &mut Map<String, Value>, told: &[(&str, &str)]) {
    for (name, text) in told {
        if let Some(field) = fields.get_mut(*name).and_then(Value::as_object_mut) {
            field.insert("description".into(), json!(text));
        }
    }
}
