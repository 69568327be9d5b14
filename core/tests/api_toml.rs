//! `api.toml` is the one list of the public surface. The core keeps codes, defaults and intervals in Rust; here the
//! two are held together.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has found something"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use threelo_core::grant::Timings;
use threelo_core::{
    Call, Casing, ClientOptions, Code, ConnectOptions, ManyOptions, PaginateOptions, RequestOptions, Retry,
    SitePolicy,
};
use toml::Table;

fn api() -> Table {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../api.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

#[test]
fn codes_are_those_of_api_toml() {
    let api = api();
    let listed = api["errors"].as_table().unwrap();
    let known: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(known, listed.keys().map(String::as_str).collect());
    assert_eq!(known.len(), Code::ALL.len(), "no text stands for two codes");
    for code in Code::ALL {
        let entry = &listed[code.as_str()];
        assert_eq!(Some(code.retryable()), entry["retryable"].as_bool(), "{code}");
        assert_eq!(Some(code.hint()), entry["action"].as_str(), "{code}");
    }
}

#[test]
fn intervals_are_those_of_api_toml() {
    let Timings {
        connect_timeout,
        attempt_timeout,
        lease,
        heartbeat,
        wait,
        early_margin,
        hard_margin,
        margin_share,
        request_timeout,
        session_ttl,
        reuse_window,
        retry_base,
        retry_wanted,
        retry_cap,
        close_timeout,
    } = Timings::default();
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap();
    let ours: Table = [
        ("connect_timeout_ms", ms(connect_timeout)),
        ("attempt_timeout_ms", ms(attempt_timeout)),
        ("lease_ms", ms(lease)),
        ("heartbeat_ms", ms(heartbeat)),
        ("wait_ms", ms(wait)),
        ("early_margin_ms", ms(early_margin)),
        ("hard_margin_ms", ms(hard_margin)),
        ("margin_share", i64::from(margin_share)),
        ("request_timeout_ms", ms(request_timeout)),
        ("session_ttl_ms", ms(session_ttl)),
        ("reuse_window_ms", ms(reuse_window)),
        ("retry_base_ms", ms(retry_base)),
        ("retry_wanted_ms", ms(retry_wanted)),
        ("retry_cap_ms", ms(retry_cap)),
        ("close_timeout_ms", ms(close_timeout)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.into()))
    .collect();
    assert_eq!(&ours, api()["intervals"].as_table().unwrap());
}

/// A value of an option's type, so that every option can be offered to the decoder.
fn sample(option: &toml::Value) -> Value {
    if let Some(values) = option.get("values").and_then(toml::Value::as_array) {
        return json!(values[0].as_str().unwrap());
    }
    match option["type"].as_str().unwrap() {
        "string" | "string | null" | "any" => json!("x"),
        "string | bytes | list[string | bytes]" => json!("x"),
        "list[string]" => json!(["x"]),
        "map[string]" | "map[scalar | list[scalar]]" | "object" => json!({ "x": "x" }),
        "boolean" => json!(true),
        "integer" | "number" | "timestamp" => json!(1),
        other => panic!("what is a sample of {other}?"),
    }
}

/// The options of a group that cross as JSON, required ones alone or all of them.
fn options(group: &toml::Value, all: bool) -> Value {
    let listed = group["options"].as_table().unwrap().iter();
    let crossing = listed.filter(|(_, option)| option.get("beside").is_none());
    let wanted = crossing.filter(|(_, option)| all || option.get("required").is_some());
    wanted.map(|(name, option)| (name.clone(), sample(option))).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn every_verb_takes_its_options_and_no_other() {
    for (verb, entry) in api()["verbs"].as_table().unwrap() {
        let decode = |options: &Value| {
            let text = options.to_string();
            match verb.as_str() {
                "proxy_request" => RequestOptions::decode(&text, None, None, Casing::Snake).map(drop),
                "proxy_request_many" => ManyOptions::decode(&text, None, Casing::Snake).map(drop),
                "paginate" => PaginateOptions::decode(&text, Casing::Snake).map(drop),
                _ => Call::decode(verb, &text, Casing::Snake).map(drop),
            }
        };
        for all in [false, true] {
            let mut given = options(entry, all);
            assert_eq!(decode(&given).err().map(|error| error.to_string()), None, "{verb} with {given}");
            given["timeout"] = json!(1.5);
            assert!(decode(&given).is_ok(), "{verb} takes a timeout");
            given["no_such_option"] = json!(1);
            let error = decode(&given).unwrap_err();
            assert_eq!(
                (error.code(), &error.context()["option"]),
                (Code::InvalidArgument, &json!("no_such_option"))
            );
        }
        for name in options(entry, false).as_object().unwrap().keys() {
            let mut given = options(entry, false);
            given.as_object_mut().unwrap().remove(name);
            let error = decode(&given).unwrap_err();
            assert_eq!(
                (error.code(), &error.context()["option"]),
                (Code::InvalidArgument, &json!(name)),
                "{verb}"
            );
        }
    }
    assert_eq!(Call::decode("no_such_verb", "{}", Casing::Snake).unwrap_err().code(), Code::InvalidArgument);
}

#[test]
fn the_client_takes_its_options_and_no_other() {
    let client = &api()["client"];
    let decode = |given: &Value| ClientOptions::decode(&given.to_string(), Casing::Snake);
    let mut given = options(client, true);
    assert!(decode(&given).is_ok(), "{:?}", decode(&given).err());
    given["no_such_option"] = json!(1);
    let error = decode(&given).unwrap_err();
    assert_eq!((error.code(), &error.context()["option"]), (Code::InvalidConfig, &json!("no_such_option")));
}

/// The default `api.toml` gives an option.
fn default_of(api: &Table, path: &[&str]) -> Value {
    let value = path.iter().fold(&toml::Value::Table(api.clone()), |value, name| &value[*name]).clone();
    serde_json::to_value(value["default"].clone()).unwrap()
}

#[test]
fn defaults_are_those_of_api_toml() {
    let api = api();
    let text = options(&api["client"], false).to_string();
    let client = ClientOptions::decode(&text, Casing::Snake).unwrap();
    let policy = match client.site_policy {
        SitePolicy::First => "first",
        SitePolicy::Ask => "ask",
    };
    let of_client = |name| default_of(&api, &["client", "options", name]);
    assert_eq!(json!(client.store), of_client("store"));
    assert_eq!(json!(policy), of_client("site_policy"));
    assert_eq!(json!(client.max_body_bytes), of_client("max_body_bytes"));
    assert_eq!(json!(client.background), of_client("background"));

    let of_verb = |verb, name| default_of(&api, &["verbs", verb, "options", name]);
    let Call::Connect(ConnectOptions { allow_account_change, keep_scopes, .. }) =
        Call::decode("connect", &options(&api["verbs"]["connect"], false).to_string(), Casing::Snake)
            .unwrap()
    else {
        unreachable!("connect decodes to connect")
    };
    assert_eq!(json!(allow_account_change), of_verb("connect", "allow_account_change"));
    assert_eq!(json!(keep_scopes), of_verb("connect", "keep_scopes"));
    let request = options(&api["verbs"]["proxy_request"], false).to_string();
    let request = RequestOptions::decode(&request, None, None, Casing::Snake).unwrap();
    assert_eq!(json!(request.stream), of_verb("proxy_request", "stream"));
    assert_eq!(json!(request.relay), of_verb("proxy_request", "relay"));
    let retry = match request.retry {
        Retry::Safe => "safe",
        Retry::Idempotent => "idempotent",
        Retry::None => "none",
    };
    assert_eq!(json!(retry), of_verb("proxy_request", "retry"));
    let many = options(&api["verbs"]["proxy_request_many"], false).to_string();
    let many = ManyOptions::decode(&many, None, Casing::Snake).unwrap();
    assert_eq!((json!(retry), many.retry), (of_verb("proxy_request_many", "retry"), Retry::Safe));
    assert_eq!(json!(many.concurrency), of_verb("proxy_request_many", "concurrency"));
    assert_eq!(json!(many.all_sites), of_verb("proxy_request_many", "all_sites"));
    let paginate = options(&api["verbs"]["paginate"], false).to_string();
    let paginate = PaginateOptions::decode(&paginate, Casing::Snake).unwrap();
    assert_eq!(json!(paginate.method), of_verb("paginate", "method"));
    assert_eq!(json!(paginate.prefetch), of_verb("paginate", "prefetch"));
    assert_eq!(json!(paginate.parallel), of_verb("paginate", "parallel"));
    assert_eq!(json!(paginate.deduplicate), of_verb("paginate", "deduplicate"));
    let Call::KeepAlive(pass) = Call::decode("keep_alive", "{}", Casing::Snake).unwrap() else {
        unreachable!("keep_alive decodes to keep_alive")
    };
    assert_eq!(pass.idle_days, of_verb("keep_alive", "idle_days").as_f64().unwrap());
    assert_eq!(json!(pass.concurrency), of_verb("keep_alive", "concurrency"));
}

#[test]
fn every_default_of_api_toml_is_looked_at_above() {
    let api = api();
    let verbs = api["verbs"].as_table().unwrap().iter();
    let groups = verbs.map(|(name, group)| (name.as_str(), group)).chain([("client", &api["client"])]);
    let found: BTreeSet<String> = groups
        .flat_map(|(group, entry)| {
            let options = entry["options"].as_table().unwrap().iter();
            options
                .filter(|(_, option)| option.get("default").is_some())
                .map(move |(name, _)| format!("{group}.{name}"))
        })
        .collect();
    let looked_at = [
        "client.background",
        "client.max_body_bytes",
        "client.site_policy",
        "client.store",
        "connect.allow_account_change",
        "connect.keep_scopes",
        "keep_alive.concurrency",
        "keep_alive.idle_days",
        "paginate.deduplicate",
        "paginate.method",
        "paginate.parallel",
        "paginate.prefetch",
        "proxy_request.relay",
        "proxy_request.retry",
        "proxy_request.stream",
        "proxy_request_many.all_sites",
        "proxy_request_many.concurrency",
        "proxy_request_many.retry",
    ];
    assert_eq!(found, looked_at.map(str::to_owned).into());
}
