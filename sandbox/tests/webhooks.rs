//! Dynamic webhooks and long tasks.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use support::Bench;

const DAY: i64 = 86_400;

struct Hooks {
    bench: Bench,
    token: String,
    path: String,
}

impl Hooks {
    async fn new() -> Self {
        let bench = Bench::with(json!({"settings": {"expires_in": 90 * DAY}})).await;
        let scopes = "read:jira-work manage:jira-webhook manage:jira-configuration";
        let token = bench.connect("ada", &["acme"], scopes).await.access;
        let path = format!("/ex/jira/{}/rest/api/3", bench.cloud_id("acme").await);
        Self { bench, token, path }
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let response = self.bench.send(method, &format!("{}{path}", self.path), &self.token, body).await;
        (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
    }

    async fn register(&self, url: &str, webhooks: Value) -> Value {
        let (status, body) =
            self.send("POST", "/webhook", Some(json!({"url": url, "webhooks": webhooks}))).await;
        assert_eq!(status, 200, "{body}");
        body["webhookRegistrationResult"].clone()
    }

    async fn listed(&self) -> Vec<u64> {
        let (_, page) = self.send("GET", "/webhook", None).await;
        page["values"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect()
    }

    async fn deliveries(&self, query: &str) -> Vec<Value> {
        let path = format!("/sites/acme/webhooks{query}");
        self.bench.control("GET", &path, Value::Null).await.as_array().unwrap().clone()
    }
}

fn hook(events: &[&str]) -> Value {
    json!({"events": events, "jqlFilter": "project = ACME"})
}

#[tokio::test]
async fn registering_answers_200_whatever_became_of_each() {
    let hooks = Hooks::new().await;
    let one = hook(&["jira:issue_created"]);
    let unread = json!({"events": ["jira:issue_created"], "jqlFilter": "project = OTHER"});
    let wrong = [json!({"events": ["jira:issue_created"]}), hook(&["sprint_blown_up"]), hook(&[]), unread];
    let all: Vec<Value> = std::iter::once(one.clone()).chain(wrong).collect();
    let results = hooks.register("https://app.example.com/hook", json!(all)).await;
    assert_eq!(results[0], json!({"createdWebhookId": 1000}));
    assert!((1..5).all(|at| results[at]["errors"].is_array()), "{results}");

    let elsewhere = hooks.register("https://app.example.com/other", json!([one])).await;
    assert!(elsewhere[0]["errors"][0].as_str().unwrap().contains("single URL"));

    let five: Vec<&Value> = std::iter::repeat_n(&one, 5).collect();
    let results = hooks.register("https://app.example.com/hook", json!(five)).await;
    assert_eq!(results[3], json!({"createdWebhookId": 1004}));
    assert!(results[4]["errors"][0].as_str().unwrap().contains("maximum"));
}

#[tokio::test]
async fn webhooks_last_thirty_days_unless_they_are_refreshed_or_removed() {
    let hooks = Hooks::new().await;
    let three =
        json!([hook(&["jira:issue_created"]), hook(&["jira:issue_created"]), hook(&["jira:issue_created"])]);
    hooks.register("https://app.example.com/hook", three).await;
    assert_eq!(hooks.listed().await, [1000, 1001, 1002]);
    hooks.bench.advance(29 * DAY).await;
    // Ids that are not the caller's are ignored.
    let (status, body) =
        hooks.send("PUT", "/webhook/refresh", Some(json!({"webhookIds": [1000, 1001, 77]}))).await;
    assert_eq!((status, body["expirationDate"].is_string()), (200, true));
    assert_eq!(hooks.send("DELETE", "/webhook", Some(json!({"webhookIds": [1001]}))).await.0, 202);
    hooks.bench.advance(2 * DAY).await;
    assert_eq!(hooks.listed().await, [1000]);
    assert_eq!(hooks.send("DELETE", "/webhook", None).await.0, 400);
}

#[tokio::test]
async fn deliveries_are_signed_with_the_apps_secret_and_end_with_the_grant() {
    let hooks = Hooks::new().await;
    let two = json!([hook(&["jira:issue_updated"]), hook(&["jira:issue_updated", "comment_created"])]);
    hooks.register("https://app.example.com/hook", two).await;
    let deliveries = hooks.deliveries("").await;
    assert_eq!(deliveries.len(), 1);
    let one = &deliveries[0];
    assert_eq!(one["url"], "https://app.example.com/hook");
    assert_eq!(one["body"]["matchedWebhookIds"], json!([1000, 1001]));
    assert_eq!(
        (&one["body"]["issue"]["key"], &one["body"]["webhookEvent"]),
        (&json!("ACME-1"), &json!("jira:issue_updated"))
    );
    let token = one["headers"]["authorization"].as_str().unwrap().strip_prefix("Bearer ").unwrap();
    let (text, signature) = token.rsplit_once('.').unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"sandbox-secret").unwrap();
    mac.update(text.as_bytes());
    mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();

    let commented = hooks.deliveries("?event=comment_created&issue=ACME-7").await;
    assert_eq!(commented[0]["body"]["matchedWebhookIds"], json!([1001]));
    assert!(hooks.deliveries("?event=jira:issue_deleted").await.is_empty());
    let told = (&one["body"]["changelog"]["items"][0]["field"], &commented[0]["body"]["changelog"]);
    assert_eq!(told, (&json!("summary"), &Value::Null), "what changed is told of updates alone");
    // F9.9: a grant that is gone has its webhooks fall silent.
    hooks.bench.control("POST", "/accounts/ada/revoke", json!({})).await;
    assert!(hooks.deliveries("").await.is_empty());
}

#[tokio::test]
async fn a_filter_keeps_out_what_it_does_not_name() {
    let hooks = Hooks::new().await;
    let of = |jql: &str| json!({"events": ["jira:issue_updated"], "jqlFilter": jql});
    let three = json!([of("project = ACME"), of("project != ACME"), of("issueKey in (ACME-2)")]);
    hooks.register("https://app.example.com/hook", three).await;
    for (issue, matched) in [("ACME-1", json!([1000])), ("ACME-2", json!([1000, 1002]))] {
        let deliveries = hooks.deliveries(&format!("?issue={issue}")).await;
        assert_eq!(deliveries[0]["body"]["matchedWebhookIds"], matched, "{issue}");
    }
}

#[tokio::test]
async fn a_task_is_started_with_a_303_to_the_site_and_goes_on_with_each_look() {
    let hooks = Hooks::new().await;
    let path = format!("{}/priority/10001?replaceWith=1", hooks.path);
    let response = hooks.bench.send("DELETE", &path, &hooks.token, None).await;
    assert_eq!(response.status(), 303);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(location, "https://acme.atlassian.net/rest/api/3/task/10001");
    for (status, progress) in [("RUNNING", 50), ("COMPLETE", 100), ("COMPLETE", 100)] {
        let (_, task) = hooks.send("GET", "/task/10001", None).await;
        assert_eq!((&task["status"], &task["progress"]), (&json!(status), &json!(progress)));
    }
    // However often somebody looks.
    for _ in 0..300 {
        let (status, task) = hooks.send("GET", "/task/10001", None).await;
        assert_eq!((status, &task["status"]), (200, &json!("COMPLETE")));
    }
    for unknown in ["/task/10002", "/task/1", "/task/x"] {
        assert_eq!(hooks.send("GET", unknown, None).await.0, 404);
    }
}
