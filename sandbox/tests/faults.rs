//! Faults, as a client on the other end of the wire meets them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::Bench;

async fn try_refresh(bench: &Bench, token: &str) -> Result<(u16, String), reqwest::Error> {
    let fields = json!({
        "grant_type": "refresh_token", "refresh_token": token,
        "client_id": "sandbox-client", "client_secret": "sandbox-secret",
    });
    let response = bench.http.post(bench.url("/oauth/token")).json(&fields).send().await?;
    let status = response.status().as_u16();
    Ok((status, response.text().await?))
}

async fn refresh_fault(bench: &Bench, kind: Value) -> u64 {
    bench.fault(json!({"path": "/oauth/token", "grant_type": "refresh_token", "kind": kind})).await
}

/// Waits until a request has come to the fault at this place and is held there.
async fn is_held(bench: &Bench, at: usize) {
    while bench.control("GET", "/faults", Value::Null).await[at]["waiting"] != 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_reset_breaks_the_connection_before_or_after_the_token_was_spent() {
    for (when, state) in [("before", "live"), ("after", "replayable")] {
        let bench = Bench::new().await;
        let pair = bench.ada().await;
        refresh_fault(&bench, json!({"reset": when})).await;
        let error = try_refresh(&bench, &pair.refresh).await.unwrap_err();
        assert!(error.is_request(), "{error:?}");
        assert_eq!(bench.inspect(&pair.refresh).await, state, "{when}");
        let seen = bench.log().await;
        assert_eq!(seen["requests"][1]["status"], Value::Null);
        assert_eq!(seen["counts"]["refresh_exchanges"], u64::from(when == "after"));
        assert_eq!(try_refresh(&bench, &pair.refresh).await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn statuses_and_pages_replace_the_answer_and_can_come_after_acting() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    refresh_fault(&bench, json!({"status": 429, "headers": {"Retry-After": "7"}, "body": {"error": "slow"}}))
        .await;
    let answer = try_refresh(&bench, &pair.refresh).await.unwrap();
    assert_eq!(answer, (429, "{\"error\":\"slow\"}".to_owned()));
    refresh_fault(&bench, json!({"html": 502})).await;
    let (status, body) = try_refresh(&bench, &pair.refresh).await.unwrap();
    assert!(status == 502 && body.starts_with("<!DOCTYPE html>"));
    assert_eq!(bench.inspect(&pair.refresh).await, "live");
    refresh_fault(&bench, json!({"status": 503, "act": true})).await;
    assert_eq!(try_refresh(&bench, &pair.refresh).await.unwrap().0, 503);
    assert_eq!(bench.inspect(&pair.refresh).await, "replayable");
}

#[tokio::test]
async fn broken_bodies_hide_a_rotation_that_happened() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    refresh_fault(&bench, json!({"malformed": true})).await;
    let (status, body) = try_refresh(&bench, &pair.refresh).await.unwrap();
    assert_eq!(status, 200);
    assert!(serde_json::from_str::<Value>(&body).is_err() && !body.is_empty());
    refresh_fault(&bench, json!({"truncate": 12})).await;
    let error = try_refresh(&bench, &pair.refresh).await.unwrap_err();
    assert!(!error.is_request(), "the head of the answer arrived: {error:?}");
    refresh_fault(&bench, json!({"truncate": 0})).await;
    assert!(try_refresh(&bench, &pair.refresh).await.is_err());
    assert_eq!(bench.log().await["counts"]["rotations"], 3);
}

#[tokio::test]
async fn delays_come_before_or_after_acting_and_the_server_goes_on_alone() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    refresh_fault(&bench, json!([{"delay_ms": 200}, {"delay_after_ms": 100}])).await;
    let began = Instant::now();
    assert_eq!(try_refresh(&bench, &pair.refresh).await.unwrap().0, 200);
    assert!(began.elapsed() >= Duration::from_millis(300));

    let other = bench.connect("grace", &["acme"], "read:jira-work offline_access").await;
    let id = refresh_fault(&bench, json!([{"delay_ms": 100}, {"hold": "before"}])).await;
    tokio::select! {
        answer = try_refresh(&bench, &other.refresh) => panic!("answered while it is held: {answer:?}"),
        () = is_held(&bench, 1) => {}
    }
    // The client has hung up, and the server does it all the same.
    assert_eq!(bench.inspect(&other.refresh).await, "live");
    bench.control("POST", &format!("/faults/{id}/release"), json!({})).await;
    while bench.inspect(&other.refresh).await != "replayable" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_held_request_waits_until_it_is_released() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    let id = refresh_fault(&bench, json!({"hold": "before"})).await;
    let waiting = try_refresh(&bench, &pair.refresh);
    let released = async {
        is_held(&bench, 0).await;
        assert_eq!(bench.inspect(&pair.refresh).await, "live");
        bench.control("POST", &format!("/faults/{id}/release"), json!({})).await;
    };
    let (answer, ()) = tokio::join!(waiting, released);
    assert_eq!(answer.unwrap().0, 200);
}

#[tokio::test]
async fn api_calls_can_fail_too() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    bench.fault(json!({"method": "POST", "path": "/ex/jira/*", "kind": {"reset": "after"}})).await;
    let id = bench.cloud_id("acme").await;
    let path = format!("/ex/jira/{id}/rest/api/3/issue");
    let body = json!({"fields": {"project": {"key": "ACME"}, "summary": "once"}});
    let sent = bench.http.post(bench.url(&path)).bearer_auth(&pair.access).json(&body).send().await;
    assert!(sent.is_err());
    assert_eq!(
        bench.control("GET", "/sites/acme/issues", Value::Null).await["created_keys"],
        json!(["ACME-58"])
    );
}

#[tokio::test]
async fn mistakes_in_control_calls_are_named() {
    let bench = Bench::new().await;
    for (method, path, body, part) in [
        ("POST", "/faults", json!({"path": "/x", "kind": {"dealy_ms": 1}}), "dealy_ms"),
        ("PATCH", "/settings", json!({"sibling": "all"}), "sibling"),
        ("PUT", "/world", json!({"consents": [{"account": "nobody", "sites": []}]}), "nobody"),
        (
            "POST",
            "/consent",
            json!({"url": bench.authorize_url("read:jira-work"), "sites": ["nowhere"]}),
            "nowhere",
        ),
        ("POST", "/sites/nowhere/uninstall", json!({}), "nowhere"),
    ] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = bench.http.request(method, bench.url(&format!("/_sandbox{path}")));
        let response = request.json(&body).send().await.unwrap();
        assert!(response.status().is_client_error(), "{path}");
        let body: Value = response.json().await.unwrap();
        assert!(body["error"].as_str().unwrap().contains(part), "{body}");
    }
}
