//! The page of what the sandbox saw, and faults that are there from the start.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::{Value, json};
use support::Bench;

async fn page(bench: &Bench) -> String {
    let response = bench.http.get(bench.running.page()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("script-src 'sha256-") && policy.contains("form-action 'none'"), "{policy}");
    response.text().await.unwrap()
}

#[tokio::test]
async fn the_page_shows_requests_accounts_sites_and_the_clock_and_no_secret() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    bench.get("/me", &pair.access).await;
    bench.http.get(bench.authorize_url("read:jira-work")).send().await.unwrap();
    bench.advance(86_400 * 3).await;
    let page = page(&bench).await;
    for part in
        ["/oauth/token", "code_exchanged", "ada: acme".split(": ").next().unwrap(), "Alpha Team", "+3.0 days"]
    {
        assert!(page.contains(part), "{part}");
    }
    for secret in [&*pair.access, &pair.refresh, "sandbox-secret", "the-state"] {
        assert!(!page.contains(secret), "{secret}");
    }
    let log = bench.log().await;
    assert_eq!(log["requests"].as_array().unwrap().len(), 3, "looking at the page is not logged");
}

#[tokio::test]
async fn readers_are_told_of_changes_until_the_sandbox_stops() {
    let bench = Bench::new().await;
    let response = bench.http.get(bench.url("/_sandbox/changes")).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = response.bytes_stream();
    for change in ["a request", "a control call"] {
        match change {
            "a request" => drop(bench.http.get(bench.url("/me")).send().await.unwrap()),
            _ => bench.advance(60).await,
        }
        let event = tokio::time::timeout(Duration::from_secs(10), events.next()).await;
        let text = String::from_utf8(event.unwrap().unwrap().unwrap().to_vec()).unwrap();
        assert!(text.starts_with("event: changed\n"), "{change}: {text}");
    }
    bench.running.shutdown().await;
    let end = async { while events.next().await.is_some_and(|event| event.is_ok()) {} };
    tokio::time::timeout(Duration::from_secs(10), end).await.expect("an open page does not keep the sandbox");
}

#[tokio::test]
async fn faults_of_the_world_are_there_from_the_start_and_go_with_it() {
    let faults = json!([
        {"path": "/me", "kind": {"status": 503}, "times": 2},
        {"path": "/authorize", "kind": {"html": 502}},
    ]);
    let bench = Bench::with(json!({"faults": faults})).await;
    let status = async |path: &str| bench.http.get(bench.url(path)).send().await.unwrap().status().as_u16();
    assert_eq!([status("/me").await, status("/me").await, status("/me").await], [503, 503, 401]);
    let world = bench.control("GET", "/world", Value::Null).await;
    assert_eq!(world["faults"][0]["path"], "/me");

    bench.control("PUT", "/world", json!({"faults": [{"path": "/me", "kind": {"status": 504}}]})).await;
    assert_eq!([status("/me").await, status("/me").await], [504, 401]);
    assert_eq!(status("/authorize").await, 400, "the old world's faults are gone");
    let listed = bench.control("GET", "/faults", Value::Null).await;
    assert_eq!(
        (listed.as_array().unwrap().len(), &listed[0]["id"]),
        (1, &json!(3)),
        "no id means two faults"
    );
}

#[tokio::test]
async fn a_world_with_a_fault_that_makes_no_sense_is_refused_and_changes_nothing() {
    let wrong = json!({"faults": [{"path": "/me", "kind": {"status": 503}}, {"path": "/me", "kind": {"explode": 1}}]});
    let world = serde_json::from_value(wrong.clone()).unwrap();
    let error = threelo_sandbox::start(world, 0).await.unwrap_err();
    assert!(error.to_string().contains("number 2") && error.to_string().contains("explode"), "{error}");

    let bench = Bench::new().await;
    let response = bench.http.put(bench.url("/_sandbox/world")).json(&wrong).send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(bench.http.get(bench.url("/me")).send().await.unwrap().status(), 401);
}
