//! An outage of the token endpoint with many grants: attempts are spaced over all of them, callers are told at once
//! when theirs is due, what is valid keeps serving, and the first clear answer brings everybody back.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use support::{Sandbox, finish, myself};
use threelo_core::clock::wall_ms;
use threelo_core::{Client, Code, ConnectOptions, IdOptions};

const GRANTS: usize = 200;

/// Between two attempts.
const GAP: Duration = Duration::from_millis(100);

/// How many requests have come to the token endpoint.
async fn attempts(sandbox: &Sandbox) -> usize {
    let log = sandbox.get("log").await;
    let asked = |request: &&Value| request["path"] == "/oauth/token";
    log["requests"].as_array().unwrap().iter().filter(asked).count()
}

fn id(n: usize) -> String {
    format!("user-{n}")
}

/// So many accounts with a connection each.
async fn many(grants: usize) -> (Sandbox, Client) {
    let accounts: Vec<Value> = (0..grants).map(|n| json!({ "name": format!("a{n}") })).collect();
    let world = json!({
        "accounts": accounts,
        "sites": [{ "subdomain": "acme", "products": ["jira"] }],
    });
    let sandbox = Sandbox::with(world).await;
    let mut options = sandbox.options();
    options.timings.retry_base = GAP;
    let client = Client::open(options).await.unwrap();
    for n in 0..grants {
        let options = ConnectOptions::new(id(n), Some("browser-1"));
        finish(&sandbox, &client, options, &format!("a{n}"), &["acme"]).await.unwrap();
    }
    (sandbox, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_of_many_grants_are_spaced_and_one_answer_brings_all_back() {
    let (sandbox, client) = many(GRANTS + 1).await;
    let down =
        json!({ "path": "/oauth/token", "grant_type": "refresh_token", "kind": {"status": 503}, "times": 0 });
    sandbox.fault(down).await;
    let well = attempts(&sandbox).await;
    let first = client.refresh(id(GRANTS).as_str()).await.unwrap_err();
    assert_eq!(first.code(), Code::IdentityUnavailable);
    // Three failures are an outage; the fourth attempt of one grant comes after the third has been noted.
    while attempts(&sandbox).await < well + 4 {}

    let (before, begun) = (attempts(&sandbox).await, Instant::now());
    let patience = Duration::from_secs(3);
    let refresh = |n| client.refresh(IdOptions { id: id(n), timeout: Some(patience) });
    let refused = join_all((0..GRANTS).map(refresh)).await;
    let tried = attempts(&sandbox).await - before;
    let turns = begun.elapsed().as_millis() / GAP.as_millis() + 2;
    assert!(tried > 0 && tried <= usize::try_from(turns).unwrap(), "{tried} attempts, {turns} turns");
    let (mut told, now) = (0, wall_ms());
    for error in refused.into_iter().map(Result::unwrap_err) {
        assert_eq!(error.code(), Code::IdentityUnavailable, "{error}");
        assert!(error.retryable());
        told +=
            usize::from(error.context().get("next_attempt_at").is_some_and(|at| at.as_u64().unwrap() > now));
    }
    assert!(told >= GRANTS / 2, "{told} were told when their attempt is due");

    for n in 0..GRANTS {
        assert_eq!(myself(&client, &id(n)).await.unwrap(), 200, "a valid token keeps serving");
    }
    sandbox.clear_faults().await;
    for n in 0..=GRANTS {
        while client.connection(id(n).as_str()).await.unwrap().generation < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let counts = sandbox.counts().await;
    assert_eq!(
        (counts["rotations"].as_u64(), counts["breaches"].as_u64()),
        (Some(GRANTS as u64 + 1), Some(0))
    );
}
