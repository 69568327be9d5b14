//! A client without background: when a call returns, nothing that it began goes on, and nothing is lost by that.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Sandbox, connect, finish, myself};
use threelo_core::{Client, ClientOptions, Code, ConnectOptions, IdOptions, ManyOptions, RequestOptions};
use tokio::runtime::{Builder, Runtime};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn options(sandbox: &Sandbox) -> ClientOptions {
    ClientOptions { background: false, ..sandbox.options() }
}

async fn client(sandbox: &Sandbox) -> Client {
    Client::open(options(sandbox)).await.unwrap()
}

fn on_refresh(kind: Value, times: u32) -> Value {
    json!({ "path": "/oauth/token", "grant_type": "refresh_token", "kind": kind, "times": times })
}

async fn generation(client: &Client) -> u64 {
    client.connection("user-1").await.unwrap().generation
}

fn in_time(id: &str, timeout: Duration) -> IdOptions {
    IdOptions { timeout: Some(timeout), ..IdOptions::from(id) }
}

/// Waits until a request is held.
async fn is_held(sandbox: &Sandbox) {
    let waiting = async { while sandbox.get("faults").await[0]["waiting"] != 1 {} };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

/// Runs what a client does on a runtime of its own, whose tasks can be counted.
async fn apart<T: Send + 'static>(runtime: &Runtime, work: impl Future<Output = T> + Send + 'static) -> T {
    runtime.spawn(work).await.unwrap()
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[tokio::test]
async fn a_token_near_its_end_is_rotated_within_the_call_that_meets_it() {
    let sandbox = Sandbox::start().await;
    let mut options = options(&sandbox);
    // Every token is near its end, and none so near that a call must wait for another one.
    options.timings.early_margin = Duration::from_secs(7200);
    options.timings.hard_margin = Duration::ZERO;
    options.timings.margin_share = 1;
    let client = Client::open(options).await.unwrap();
    connect(&sandbox, &client, "user-1", None).await;
    let before = generation(&client).await;
    assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
    assert_eq!(generation(&client).await, before + 1);
    // With a provider that is down the token there is serves, and nothing keeps trying.
    sandbox.fault(on_refresh(json!({ "status": 503 }), 1)).await;
    assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
    assert_eq!(generation(&client).await, before + 1);
    assert_eq!(sandbox.refreshes().await, before);
}

#[tokio::test]
async fn a_rotation_that_fails_ends_with_its_callers_patience() {
    let sandbox = Sandbox::start().await;
    let runtime = runtime();
    let mut options = options(&sandbox);
    options.timings.retry_base = Duration::from_millis(20);
    let client = apart(&runtime, async { Client::open(options).await.unwrap() }).await;
    connect(&sandbox, &client, "user-1", None).await;
    sandbox.fault(on_refresh(json!({ "status": 503 }), 0)).await;
    let calling = client.clone();
    let error = apart(&runtime, async move { calling.refresh("user-1").await.unwrap_err() }).await;
    assert_eq!(error.code(), Code::IdentityUnavailable);
    // A rotation that went on would be one of these for as long as the provider is down. (Connections take a moment.)
    let idle = async {
        while runtime.metrics().num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, idle).await.expect("something goes on after the call");
    sandbox.clear_faults().await;
    let calling = client.clone();
    assert_eq!(apart(&runtime, async move { calling.refresh("user-1").await.unwrap().generation }).await, 2);
    drop(client);
    runtime.shutdown_background();
}

#[tokio::test]
async fn who_leaves_a_rotation_that_others_wait_for_does_not_end_it() {
    let sandbox = Sandbox::start().await;
    let client = client(&sandbox).await;
    connect(&sandbox, &client, "user-1", None).await;
    let held = sandbox.fault(on_refresh(json!({ "hold": "after" }), 1)).await;
    let stays = tokio::spawn({
        let client = client.clone();
        async move { client.refresh("user-1").await }
    });
    while sandbox.refreshes().await == 0 {}
    // Somebody else still waits: the call may end on time, and the process does not freeze under the other one.
    let error = client.refresh(in_time("user-1", Duration::from_millis(50))).await.unwrap_err();
    assert_eq!(error.code(), Code::Timeout);
    assert!(!stays.is_finished());
    sandbox.post(&format!("faults/{held}/release"), json!({})).await;
    assert_eq!(stays.await.unwrap().unwrap().generation, 2);
    assert_eq!(sandbox.refreshes().await, 1);
}

#[tokio::test]
async fn who_comes_to_a_rotation_that_is_about_to_end_gets_a_token() {
    // Enough to begin a rotation.
    const TIME: Duration = Duration::from_secs(3);
    let comes = async |answer: Value| {
        let sandbox = Sandbox::start().await;
        let client = client(&sandbox).await;
        connect(&sandbox, &client, "user-1", None).await;
        let held = sandbox.fault(on_refresh(answer, 1)).await;
        let (begun, leaving) = (Instant::now(), client.clone());
        let leaves = tokio::spawn(async move { leaving.refresh(in_time("user-1", TIME)).await });
        is_held(&sandbox).await;
        // Its time is up, and it still waits for what it began.
        tokio::time::sleep_until((begun + TIME + Duration::from_millis(50)).into()).await;
        assert!(!leaves.is_finished());
        let comes = tokio::spawn({
            let client = client.clone();
            async move { client.refresh("user-1").await }
        });
        tokio::task::yield_now().await;
        sandbox.post(&format!("faults/{held}/release"), json!({})).await;
        assert_eq!(leaves.await.unwrap().unwrap_err().code(), Code::Timeout);
        assert!(comes.await.unwrap().unwrap().generation >= 2);
        let counts = sandbox.counts().await;
        assert_eq!((&counts["replays"], &counts["breaches"]), (&json!(0), &json!(0)));
    };
    tokio::join!(comes(json!({ "hold": "after" })), comes(json!({ "hold": "before" })));
}

#[tokio::test]
async fn a_consent_out_of_time_is_finished_and_says_so() {
    let sandbox = Sandbox::start().await;
    let client = client(&sandbox).await;
    let session = client.connect(ConnectOptions::new("user-1", Some("browser-1"))).await.unwrap();
    let callback = sandbox.consent(&session.url, "ada", &["acme"]).await;
    sandbox.fault(json!({ "path": "/oauth/token", "kind": { "delay_after_ms": 300 }, "times": 1 })).await;
    let mut options = support::complete(&callback);
    options.timeout = Some(Duration::from_millis(50));
    // Whether the sites were still looked up depends on the time left; the pair is stored in any case.
    let _ = client.complete(options).await;
    assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
}

#[tokio::test]
async fn disconnecting_tells_the_provider_before_it_returns() {
    let sandbox = Sandbox::start().await;
    let client = client(&sandbox).await;
    connect(&sandbox, &client, "user-1", None).await;
    let hold = json!({ "path": "/oauth/revoke", "kind": { "hold": "before" }, "times": 0 });
    let held = sandbox.fault(hold).await;
    let disconnect = |time| {
        let client = client.clone();
        tokio::spawn(async move { client.disconnect(in_time("user-1", time)).await })
    };
    let waits = disconnect(PATIENCE);
    is_held(&sandbox).await;
    assert!(!waits.is_finished());
    sandbox.post(&format!("faults/{held}/release"), json!({})).await;
    waits.await.unwrap().unwrap();
    let asked = sandbox.get("log").await["requests"].as_array().unwrap().clone();
    assert_eq!(asked.last().unwrap()["path"], "/oauth/revoke");

    sandbox.clear_faults().await;
    connect(&sandbox, &client, "user-1", None).await;
    sandbox.fault(json!({ "path": "/oauth/revoke", "kind": { "hold": "before" }, "times": 1 })).await;
    // A provider that does not answer takes the time there is, and fails nothing.
    disconnect(Duration::from_secs(3)).await.unwrap().unwrap();
    assert_eq!(client.connection("user-1").await.unwrap_err().code(), Code::ConnectionNotFound);
}

#[tokio::test]
async fn calls_for_many_are_waited_for_together() {
    let sandbox = Sandbox::start().await;
    let client = client(&sandbox).await;
    finish(&sandbox, &client, ConnectOptions::new("user-1", Some("browser-1")), "ada", &["acme"])
        .await
        .unwrap();
    let calls = || async { sandbox.counts().await["api_calls"].as_u64().unwrap() };
    let before = calls().await;
    let mut many = ManyOptions::new(vec!["user-1".to_owned(); 8], "GET", "/rest/api/3/myself");
    many.concurrency = 4;
    let mut results = client.proxy_request_many(many).unwrap();
    for (taken, made) in [4, 4, 4, 4, 8, 8, 8, 8].into_iter().enumerate() {
        let result = results.next().await.unwrap();
        assert_eq!(result.outcome.unwrap().status, 200);
        assert_eq!(calls().await - before, made, "after {} results", taken + 1);
    }
    assert!(results.next().await.is_none());
}

#[tokio::test]
async fn a_client_with_background_beside_it_keeps_its_own_ways() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    let still =
        Client::open(ClientOptions { store: store.to_str().unwrap().to_owned(), ..options(&sandbox) })
            .await
            .unwrap();
    let other = sandbox.client_at(&store).await;
    connect(&sandbox, &still, "user-1", None).await;
    let held = sandbox.fault(on_refresh(json!({ "hold": "after" }), 1)).await;
    let begun = tokio::spawn({
        let other = other.clone();
        async move { other.refresh("user-1").await }
    });
    is_held(&sandbox).await;
    let waited = other.refresh(in_time("user-1", Duration::from_millis(50))).await.unwrap_err();
    assert_eq!(waited.code(), Code::Timeout);
    begun.abort();
    // The rotation is the other client's and goes on in its background; this one only joins it.
    let joined = still.refresh(in_time("user-1", Duration::from_millis(50))).await.unwrap_err();
    assert_eq!(joined.code(), Code::Timeout);
    sandbox.post(&format!("faults/{held}/release"), json!({})).await;
    // Asked again it would rotate anew where it came too late to join.
    let stored = async { while other.connection("user-1").await.unwrap().generation < 2 {} };
    tokio::time::timeout(PATIENCE, stored).await.expect("the rotation goes on");
    assert_eq!(sandbox.refreshes().await, 1);
    let path = RequestOptions::new("user-1", "GET", "/rest/api/3/myself");
    assert_eq!(still.proxy_request(path).await.unwrap().status, 200);
}
