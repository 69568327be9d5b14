//! An outage of the token endpoint with many grants: callers are told at once when theirs is due, what is valid keeps
//! serving, attempts are spaced over all grants, and the first clear answer brings everybody back.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use support::{Sandbox, finish, myself};
use threelo_core::clock::wall_ms;
use threelo_core::{Client, Code, ConnectOptions, Connection, IdOptions, Result};

/// So many failures in a row, over all grants, are an outage.
const OUTAGE_FROM: usize = 3;

/// How many requests have come to the token endpoint.
async fn attempts(sandbox: &Sandbox) -> usize {
    let log = sandbox.get("log").await;
    let asked = |request: &&Value| request["path"] == "/oauth/token";
    log["requests"].as_array().unwrap().iter().filter(asked).count()
}

fn id(n: usize) -> String {
    format!("user-{n}")
}

async fn join(sandbox: &Sandbox, client: &Client, n: usize) -> Result<Connection> {
    let options = ConnectOptions::new(id(n), Some("browser-1"));
    finish(sandbox, client, options, &format!("a{n}"), &["acme"]).await
}

/// So many accounts with a connection each, and one more without; attempts in an outage are `gap` apart.
async fn many(grants: usize, gap: Duration) -> (Sandbox, Client) {
    let accounts: Vec<Value> = (0..=grants).map(|n| json!({ "name": format!("a{n}") })).collect();
    let world = json!({
        "accounts": accounts,
        "sites": [{ "subdomain": "acme", "products": ["jira"] }],
    });
    let sandbox = Sandbox::with(world).await;
    let mut options = sandbox.options();
    options.timings.retry_base = gap;
    let client = Client::open(options).await.unwrap();
    for n in 0..grants {
        join(&sandbox, &client, n).await.unwrap();
    }
    (sandbox, client)
}

async fn down(sandbox: &Sandbox) {
    sandbox.fault(json!({ "path": "/oauth/token", "kind": { "status": 503 }, "times": 0 })).await;
}

/// Waits until each of so many grants has been rotated, and sees that none was rotated twice or in vain.
async fn each_rotated_once(sandbox: &Sandbox, client: &Client, grants: usize) {
    for n in 0..grants {
        while client.connection(id(n).as_str()).await.unwrap().generation < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let counts = sandbox.counts().await;
    assert_eq!((&counts["rotations"], &counts["breaches"]), (&json!(grants), &json!(0)));
}

/// Everything here is done long before the first attempt is due, so no clock decides what is seen.
#[tokio::test]
async fn callers_are_told_at_once_what_is_valid_serves_and_one_answer_brings_all_back() {
    const GRANTS: usize = 200;
    const GAP: Duration = Duration::from_secs(600);
    let (sandbox, client) = many(GRANTS, GAP).await;
    down(&sandbox).await;
    // A consent tries once and fails at once.
    for _ in 0..OUTAGE_FROM {
        assert_eq!(join(&sandbox, &client, GRANTS).await.unwrap_err().code(), Code::IdentityUnavailable);
    }

    let (before, start) = (attempts(&sandbox).await, wall_ms());
    let refused = join_all((0..GRANTS).map(|n| client.refresh(IdOptions { id: id(n), timeout: None }))).await;
    let mut due = Vec::new();
    for error in refused.into_iter().map(Result::unwrap_err) {
        assert_eq!(error.code(), Code::IdentityUnavailable, "{error}");
        assert!(error.retryable());
        due.push(error.context()["next_attempt_at"].as_u64().unwrap());
    }
    due.sort_unstable();
    assert!(due[0] > start, "the next attempt is due at {}, and it was {start}", due[0]);
    // A minute is for what passed between one look at the clock and the next.
    let apart = due.windows(2).map(|pair| pair[1] - pair[0]);
    let even = |apart: &u64| Duration::from_millis(*apart).abs_diff(GAP) < Duration::from_secs(60);
    assert!(apart.clone().all(|apart| even(&apart)), "{:?}", apart.collect::<Vec<_>>());

    for n in 0..GRANTS {
        assert_eq!(myself(&client, &id(n)).await.unwrap(), 200, "a valid token keeps serving");
    }
    assert_eq!(attempts(&sandbox).await, before, "none is due yet");

    sandbox.clear_faults().await;
    join(&sandbox, &client, GRANTS).await.unwrap();
    tokio::time::timeout(GAP / 2, each_rotated_once(&sandbox, &client, GRANTS))
        .await
        .expect("the first clear answer brings everybody back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_are_spaced_over_all_grants_however_many_wait() {
    const GRANTS: usize = 20;
    const GAP: Duration = Duration::from_millis(100);
    let (sandbox, client) = many(GRANTS + 2, GAP).await;
    down(&sandbox).await;
    let (begun, well) = (Instant::now(), attempts(&sandbox).await);
    let tried = async || attempts(&sandbox).await - well;
    // Who has nothing usable is told of no failure before the second, so two of them have met an outage.
    for n in [GRANTS, GRANTS + 1] {
        assert_eq!(client.refresh(id(n).as_str()).await.unwrap_err().code(), Code::IdentityUnavailable);
    }
    assert!(tried().await >= OUTAGE_FROM);

    let callers = (0..GRANTS).map(|n| {
        let client = client.clone();
        tokio::spawn(async move { client.refresh(id(n).as_str()).await })
    });
    let callers: Vec<_> = callers.collect();
    loop {
        let tried = tried().await;
        // The clock is read last: what is slow only leaves room for more attempts. One more of the first grant may have
        // been on its way when the outage was noticed.
        let turns = begun.elapsed().as_millis() / GAP.as_millis();
        let may = OUTAGE_FROM + 1 + usize::try_from(turns).unwrap() + 1;
        assert!(tried <= may, "{tried} attempts, of at most {may}");
        if tried >= OUTAGE_FROM + 15 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sandbox.clear_faults().await;
    for caller in callers {
        if let Err(error) = caller.await.unwrap() {
            assert_eq!(error.code(), Code::IdentityUnavailable, "{error}");
        }
    }
    each_rotated_once(&sandbox, &client, GRANTS + 2).await;
}
