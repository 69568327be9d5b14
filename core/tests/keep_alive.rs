//! One pass over the grants that nobody uses.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use support::{Sandbox, connect, finish};
use threelo_core::clock::{Stamp, wall_ms};
use threelo_core::{Client, ConnectOptions, ConnectionStatus, KeepAliveOptions};

const DAY: u64 = 24 * 3600 * 1000;

/// So many accounts with a connection each.
async fn many(grants: usize, path: &Path) -> (Sandbox, Client) {
    let accounts: Vec<Value> = (0..grants).map(|n| json!({ "name": format!("a{n}") })).collect();
    let world = json!({ "accounts": accounts, "sites": [{ "subdomain": "acme", "products": ["jira"] }] });
    let sandbox = Sandbox::with(world).await;
    let client = sandbox.client_at(path).await;
    for n in 0..grants {
        let options = ConnectOptions::new(format!("user-{n}"), Some("browser-1"));
        finish(&sandbox, &client, options, &format!("a{n}"), &["acme"]).await.unwrap();
    }
    (sandbox, client)
}

async fn sql(path: &Path, sql: String) {
    let mut database = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut database).await.unwrap();
}

#[tokio::test]
async fn as_many_grants_are_rotated_at_once_as_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, client) = many(6, &folder.path().join("store.db")).await;
    let hold = json!({ "path": "/oauth/token", "grant_type": "refresh_token", "kind": { "hold": "before" }, "times": 0 });
    let fault = sandbox.fault(hold).await;
    let pass = tokio::spawn(async move {
        client.keep_alive(KeepAliveOptions { idle_days: 0.0, concurrency: 2, ..Default::default() }).await
    });
    let waiting = || async { sandbox.get("faults").await[0]["waiting"].as_u64().unwrap() };
    while waiting().await < 2 {
        tokio::task::yield_now().await;
    }
    // Were there more, each would be a connection on its way to the same sandbox that is asked here.
    for _ in 0..50 {
        assert_eq!(waiting().await, 2);
    }
    while !pass.is_finished() {
        assert!(waiting().await <= 2);
        sandbox.post(&format!("faults/{fault}/release"), json!({})).await;
    }
    let report = pass.await.unwrap().unwrap();
    assert_eq!((report.rotated, report.failed), (6, 0));
    assert_eq!(sandbox.refreshes().await, 6);
}

#[tokio::test]
async fn what_another_worker_is_rotating_keeps_nobody_from_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (sandbox, client) = many(4, &path).await;
    let lease = json!({ "holder": "another-machine/1", "fence": 1, "at": Stamp::now() });
    sql(
        &path,
        format!(
            "UPDATE grants SET lease = '{lease}' WHERE id IN (SELECT id FROM grants ORDER BY id LIMIT 2)"
        ),
    )
    .await;
    let pass = tokio::spawn(async move {
        // One at a time: whoever waited for another worker would hold up everything.
        client.keep_alive(KeepAliveOptions { idle_days: 0.0, concurrency: 1, ..Default::default() }).await
    });
    while sandbox.counts().await["rotations"] != 2 {
        assert!(!pass.is_finished());
        tokio::task::yield_now().await;
    }
    sql(&path, "UPDATE grants SET lease = NULL WHERE generation = 1".to_owned()).await;
    let report = pass.await.unwrap().unwrap();
    assert_eq!((report.rotated, report.failed, sandbox.refreshes().await), (4, 0, 4));
}

#[tokio::test]
async fn passes_of_two_clients_at_once_rotate_each_grant_once() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (one, other) = (sandbox.client_at(&path).await, sandbox.client_at(&path).await);
    connect(&sandbox, &one, "user-1", None).await;
    let again = ConnectOptions::new("user-2", Some("browser-1"));
    finish(&sandbox, &one, again, "grace", &["acme"]).await.unwrap();
    let pass = || KeepAliveOptions { idle_days: 0.0, ..Default::default() };
    let (first, second) = tokio::join!(one.keep_alive(pass()), other.keep_alive(pass()));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.failed, second.failed), (0, 0));
    assert!(first.rotated.max(second.rotated) == 2, "{first:?} {second:?}");
    assert_eq!(sandbox.refreshes().await, 2);
}

/// What another pass was rotating when this one began has tokens that are older than this pass as well, and comes again
/// behind the others.
#[tokio::test]
async fn what_comes_again_in_a_pass_is_not_rotated_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (sandbox, client) = many(2, &path).await;
    let hold = || {
        sandbox.fault(json!({ "path": "/oauth/token", "grant_type": "refresh_token", "kind": { "hold": "before" }, "times": 1 }))
    };
    let release = async |fault: u64| sandbox.post(&format!("faults/{fault}/release"), json!({})).await;
    let held = async |fault: u64| {
        let is_waiting = |shown: &Value| shown["id"] == fault && shown["waiting"] == 1;
        while !sandbox.get("faults").await.as_array().unwrap().iter().any(is_waiting) {
            tokio::task::yield_now().await;
        }
    };
    let first = hold().await;
    let began = wall_ms();
    while wall_ms() < began + 5 {
        tokio::task::yield_now().await;
    }
    let pass = tokio::spawn(async move {
        client.keep_alive(KeepAliveOptions { idle_days: 0.0, concurrency: 1, ..Default::default() }).await
    });
    held(first).await;
    let second = hold().await;
    release(first).await;
    held(second).await;
    sql(&path, format!("UPDATE grants SET rotated_at = {began} WHERE generation = 2")).await;
    release(second).await;
    let report = pass.await.unwrap().unwrap();
    assert_eq!((report.rotated, report.failed, sandbox.refreshes().await), (2, 0, 2));
}

#[tokio::test]
async fn what_will_end_is_told_with_its_day_and_so_is_what_nobody_settles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (sandbox, client) = many(4, &path).await;
    let grant = |n| {
        let client = &client;
        async move { client.connection(format!("user-{n}").as_str()).await.unwrap().grant_id }
    };
    let now = wall_ms();
    let (idle, consented) = (now - 70 * DAY, now - 350 * DAY);
    let abandoned = json!({ "holder": "another-machine/1", "fence": 1, "at": { "boot": null, "boot_ms": 0, "wall_ms": now - DAY } });
    let intent = json!({ "generation": 1, "since": now - DAY, "last": now - DAY });
    for (n, change) in [
        (0, format!("rotated_at = {idle}")),
        (1, format!("first_consented_at = {consented}")),
        (2, format!("lease = '{abandoned}', intent = '{intent}'")),
    ] {
        sql(&path, format!("UPDATE grants SET {change} WHERE id = '{}'", grant(n).await)).await;
    }
    let judged = |n| {
        let client = &client;
        async move {
            let shown = client.connection(format!("user-{n}").as_str()).await.unwrap();
            (shown.health, shown.health_reason, shown.reconnect_by)
        }
    };
    let attention = |reason: &str, by| (ConnectionStatus::Attention, Some(reason.to_owned()), by);
    assert_eq!(judged(0).await, attention("inactive", Some(idle + 90 * DAY)));
    assert_eq!(judged(1).await, attention("old_consent", Some(consented + 365 * DAY)));
    assert_eq!(judged(2).await, attention("unclear_rotation", None));
    assert_eq!(judged(3).await, (ConnectionStatus::Active, None, None));

    let down = json!({ "path": "/oauth/token", "grant_type": "refresh_token", "kind": { "status": 503 }, "times": 0 });
    sandbox.fault(down).await;
    let report = client.keep_alive(KeepAliveOptions::default()).await.unwrap();
    assert_eq!((report.rotated, report.failed), (0, 1));
    let told: Vec<_> =
        report.attention.into_iter().map(|one| (one.connection_id, one.reason, one.reconnect_by)).collect();
    assert_eq!(
        told,
        [
            ("user-0".to_owned(), "inactive".to_owned(), Some(idle + 90 * DAY)),
            ("user-1".to_owned(), "old_consent".to_owned(), Some(consented + 365 * DAY)),
        ]
    );
}
