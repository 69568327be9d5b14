//! The OpenAPI document of the control API and the calls there are: neither has more than the other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use reqwest::Method;
use serde_json::{Value, json};
use support::Bench;

/// What a call answers without anything sent.
async fn answer(bench: &Bench, method: &str, path: &str) -> (u16, Value) {
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let response = bench.http.request(method, bench.url(path)).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn documented(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let every = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(|(method, one)| (method.clone(), path.clone(), one.clone()))
    });
    every.collect()
}

#[tokio::test]
async fn each_documented_call_exists_and_each_line_of_the_readme_is_documented() {
    let bench = Bench::new().await;
    let (_, document) = answer(&bench, "GET", "/_sandbox/openapi.json").await;
    let calls = documented(&document);
    assert!(calls.len() > 20);
    for (method, path, call) in &calls {
        let filled = path.replace("{site}", "acme").replace("{account}", "ada").replace("{id}", "1");
        let (status, body) = answer(&bench, method, &filled).await;
        assert_ne!(body["error"], "there is no such control call", "{method} {path}");
        // Without a body a call succeeds, unless it needs some of it.
        let needs = !call["requestBody"].is_null();
        assert!(status == 200 || needs && status == 400 || path.contains("{id}"), "{method} {path}: {body}");
    }
    let readme = include_str!("../README.md");
    let told: Vec<(String, String)> = readme
        .split("| `")
        .flat_map(|row| row.split(", `"))
        .filter_map(|text| text.split('`').next()?.split_once(" /_sandbox"))
        .map(|(method, path)| {
            let path = path.split([' ', '?']).next().unwrap();
            let path = path.replace("{subdomain}", "{site}");
            (method.to_lowercase(), format!("/_sandbox{path}"))
        })
        .collect();
    for (method, path, _) in &calls {
        assert!(told.contains(&(method.clone(), path.clone())), "the README does not tell {method} {path}");
    }
    for (method, path) in &told {
        let found = calls.iter().any(|(documented, at, _)| (documented, at) == (method, path));
        assert!(found, "the README tells {method} {path}, which is not there");
    }
}

#[tokio::test]
async fn what_is_not_documented_is_not_there() {
    let bench = Bench::new().await;
    for (method, path) in [
        ("POST", "/_sandbox"),
        ("GET", "/_sandbox/live"),
        ("GET", "/_sandbox/settings"),
        ("POST", "/_sandbox/world"),
        ("POST", "/_sandbox/sites/acme/explode"),
        ("GET", "/_sandbox/accounts/ada/revoke"),
        ("GET", "/_sandbox/log/1"),
    ] {
        let (status, body) = answer(&bench, method, path).await;
        assert_eq!(
            (status, &body["error"]),
            (404, &json!("there is no such control call")),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn every_setting_is_in_the_document_and_in_the_readme() {
    let bench = Bench::new().await;
    let (_, document) = answer(&bench, "GET", "/_sandbox/openapi.json").await;
    let readme = include_str!("../README.md");
    let settings = bench.control("PATCH", "/settings", json!({})).await;
    let schema = document["components"]["schemas"]["Settings"]["properties"].as_object().unwrap();
    for name in settings.as_object().unwrap().keys() {
        assert!(schema.contains_key(name), "{name}");
        assert!(readme.contains(&format!("`{name}`")), "{name} is not in the README");
    }
    let bad = json!({"error": "unknown"});
    let response = bench.http.patch(bench.url("/_sandbox/settings")).json(&bad).send().await.unwrap();
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn each_answer_of_a_switch_is_in_the_document_and_in_the_readme_and_is_taken() {
    let bench = Bench::new().await;
    let (_, document) = answer(&bench, "GET", "/_sandbox/openapi.json").await;
    let readme = include_str!("../README.md");
    let settings = bench.control("PATCH", "/settings", json!({})).await;
    for (name, described) in document["components"]["schemas"]["Settings"]["properties"].as_object().unwrap()
    {
        let Some(answers) = described["enum"].as_array() else {
            assert!(!settings[name].is_string(), "{name} has no list of its answers");
            continue;
        };
        assert_eq!(answers[0], settings[name], "the first is the default");
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}`"))).unwrap();
        for one in answers {
            assert!(
                row.contains(&format!("`{}`", one.as_str().unwrap())),
                "{name}: {one} is not in the README"
            );
            assert_eq!(bench.control("PATCH", "/settings", json!({name: one})).await[name], *one);
        }
    }
}

#[tokio::test]
async fn each_kind_of_fault_in_the_document_is_in_the_readme_and_is_taken() {
    let bench = Bench::new().await;
    let (_, document) = answer(&bench, "GET", "/_sandbox/openapi.json").await;
    let schemas = &document["components"]["schemas"];
    let readme = include_str!("../README.md");
    let kinds = schemas["FaultKind"]["properties"].as_object().unwrap();
    let mut all = serde_json::Map::new();
    for (name, described) in kinds {
        assert!(readme.contains(&format!("\"{name}\"")), "{name} is not in the README");
        let example = match described["type"].as_str() {
            Some("integer") => json!(200),
            Some("boolean") => json!(true),
            Some("object") => json!({"x-example": "yes"}),
            _ => described["enum"].get(0).cloned().unwrap_or(json!("text")),
        };
        all.insert(name.clone(), example);
    }
    bench.fault(json!({"path": "/never", "kind": all})).await;
    let shown = bench.control("GET", "/faults", Value::Null).await;
    assert_eq!(shown[0]["kind"], json!(all), "what the document knows is what a fault has");
    let order = schemas["Fault"]["properties"].as_object().unwrap();
    assert_eq!(
        order.keys().map(String::as_str).filter(|name| shown[0].get(name).is_none()).collect::<Vec<_>>(),
        ["times"]
    );
}

#[tokio::test]
async fn each_call_has_a_name_of_its_own() {
    let bench = Bench::new().await;
    let (_, document) = answer(&bench, "GET", "/_sandbox/openapi.json").await;
    let calls = documented(&document);
    let names: std::collections::HashSet<&str> =
        calls.iter().map(|(_, _, call)| call["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.len(), calls.len());
    assert!(names.contains("post_sites_site_rename"));
}
