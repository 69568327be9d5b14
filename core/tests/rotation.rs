//! Rotation against a strict provider: nothing is spent twice, nothing is lost in bad weather.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use serde_json::json;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use support::{Sandbox, connect, myself};
use threelo_core::{Client, Code, ConnectionStatus, EventKind, IdOptions};

async fn expire(sandbox: &Sandbox) {
    sandbox.post("tokens/expire", json!({})).await;
}

fn on_refresh(kind: serde_json::Value, times: u32) -> serde_json::Value {
    json!({ "path": "/oauth/token", "grant_type": "refresh_token", "kind": kind, "times": times })
}

#[tokio::test]
async fn an_answer_lost_after_the_provider_rotated_is_asked_for_again_with_the_same_token() {
    for fault in [json!({ "reset": "after" }), json!({ "malformed": true }), json!({ "truncate": 20 })] {
        let sandbox = Sandbox::start().await;
        let client = sandbox.client().await;
        connect(&sandbox, &client, "user-1", None).await;
        sandbox.fault(on_refresh(fault.clone(), 1)).await;
        assert_eq!(client.refresh("user-1").await.unwrap().generation, 2, "{fault}");
        assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
        let counts = sandbox.counts().await;
        assert_eq!((counts["replays"].as_u64(), counts["breaches"].as_u64()), (Some(1), Some(0)), "{fault}");
    }
}

#[tokio::test]
async fn after_an_unclear_attempt_nothing_rotates_that_need_not() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    connect(&sandbox, &client, "user-1", None).await;
    sandbox.fault(on_refresh(json!({ "reset": "after" }), 1)).await;
    client.refresh("user-1").await.unwrap();
    // The lost request's twin could still arrive and spend the token before last, so the next rotation waits.
    assert_eq!(client.refresh("user-1").await.unwrap().generation, 2);
    // A token the API refuses is need enough.
    expire(&sandbox).await;
    assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
    assert_eq!(client.connection("user-1").await.unwrap().generation, 3);
}

#[tokio::test]
async fn bad_weather_kills_no_grant_and_serves_the_valid_token() {
    for weather in [
        json!({ "status": 503 }),
        json!({ "html": 403 }),
        json!({ "status": 429 }),
        json!({ "reset": "before" }),
    ] {
        let sandbox = Sandbox::start().await;
        let mut options = sandbox.options();
        options.timings.retry_base = Duration::from_millis(20);
        let client = Client::open(options).await.unwrap();
        connect(&sandbox, &client, "user-1", None).await;
        let fault = sandbox.fault(on_refresh(weather.clone(), 0)).await;
        let error = client.refresh("user-1").await.unwrap_err();
        assert_eq!(error.code(), Code::IdentityUnavailable, "{weather}");
        assert!(error.retryable());
        assert_eq!(myself(&client, "user-1").await.unwrap(), 200, "the access token is still good");
        // The rotation goes on in the background; joining it brings the fresh pair. Its next attempt is held until
        // it has been joined: a rotation of their own would bring those who come a token at once.
        let before = sandbox.refreshes().await;
        let held = sandbox.fault(on_refresh(json!({ "hold": "after" }), 1)).await;
        sandbox.delete(&format!("faults/{fault}")).await;
        while sandbox.get("faults").await[0]["waiting"] != 1 {
            tokio::task::yield_now().await;
        }
        let joins = tokio::spawn({
            let client = client.clone();
            async move { client.refresh("user-1").await }
        });
        let span = Some(Duration::from_millis(200));
        let waited = client.refresh(IdOptions { id: "user-1".into(), timeout: span }).await;
        assert_eq!(waited.unwrap_err().code(), Code::Timeout);
        sandbox.post(&format!("faults/{held}/release"), json!({})).await;
        let connection = joins.await.unwrap().unwrap();
        assert_eq!((connection.health, connection.generation), (ConnectionStatus::Active, 2), "{weather}");
        assert_eq!(sandbox.refreshes().await, before + 1);
        assert_eq!(sandbox.counts().await["breaches"], 0);
    }
}

#[tokio::test]
async fn a_revoked_grant_needs_a_person_and_a_reconnect_brings_it_back() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    let mut events = client.events();
    connect(&sandbox, &client, "user-1", Some("acme")).await;
    sandbox.post("accounts/ada/revoke", json!({})).await;
    let error = myself(&client, "user-1").await.unwrap_err();
    assert_eq!(error.code(), Code::ReauthorizationRequired);
    assert_eq!(error.context()["reason"], "revoked");
    let connection = client.connection("user-1").await.unwrap();
    assert_eq!(connection.health, ConnectionStatus::ReauthorizationRequired);
    loop {
        if events.next().await.unwrap().kind == EventKind::ReauthorizationRequired {
            break;
        }
    }
    let again = connect(&sandbox, &client, "user-1", None).await;
    assert_eq!(again.health, ConnectionStatus::Active);
    assert_eq!(again.site.unwrap().url, "https://acme.atlassian.net", "a reconnect keeps the site");
    assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
}

#[tokio::test]
async fn a_wrong_client_secret_is_a_fault_of_the_deployment() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let good = sandbox.client_at(&path).await;
    connect(&sandbox, &good, "user-1", None).await;
    let mut options = sandbox.options();
    options.store = path.to_str().unwrap().to_owned();
    options.client_secret = "wrong".into();
    let bad = Client::open(options).await.unwrap();
    assert_eq!(bad.refresh("user-1").await.unwrap_err().code(), Code::ClientCredentialsRejected);
    let connection = good.refresh("user-1").await.unwrap();
    assert_eq!((connection.health, connection.generation), (ConnectionStatus::Active, 2));
}

#[tokio::test]
async fn a_wrong_client_secret_is_nobody_elses_fault() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let good = sandbox.client_at(&path).await;
    connect(&sandbox, &good, "user-1", None).await;
    let mut options = sandbox.options();
    options.store = path.to_str().unwrap().to_owned();
    options.client_secret = "wrong".into();
    let bad = Client::open(options).await.unwrap();
    let fault = sandbox.fault(on_refresh(json!({ "hold": "before" }), 1)).await;
    let theirs = tokio::spawn(async move { bad.refresh("user-1").await });
    while sandbox.get("faults").await[0]["waiting"] != 1 {
        tokio::task::yield_now().await;
    }
    // Both clients are of one process and one store, so this one joins what the other one has begun.
    let mine = tokio::spawn({
        let good = good.clone();
        async move { good.refresh("user-1").await }
    });
    tokio::task::yield_now().await;
    sandbox.post(&format!("faults/{fault}/release"), json!({})).await;
    assert_eq!(theirs.await.unwrap().unwrap_err().code(), Code::ClientCredentialsRejected);
    assert_eq!(mine.await.unwrap().unwrap().generation, 2);
}

#[tokio::test]
async fn a_cancelled_caller_cancels_no_rotation() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    connect(&sandbox, &client, "user-1", None).await;
    let fault = sandbox.fault(on_refresh(json!({ "hold": "after" }), 1)).await;
    let caller = {
        let client = client.clone();
        tokio::spawn(async move { client.refresh("user-1").await })
    };
    while sandbox.get("faults").await[0]["waiting"] != 1 {
        tokio::task::yield_now().await;
    }
    caller.abort();
    sandbox.post(&format!("faults/{fault}/release"), json!({})).await;
    let mut generation = 1;
    while generation == 1 {
        generation = client.connection("user-1").await.unwrap().generation;
    }
    assert_eq!(sandbox.refreshes().await, 1);
}

#[tokio::test]
async fn an_attempt_whose_process_ended_is_told_of_and_made_again() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let client = sandbox.client_at(&path).await;
    connect(&sandbox, &client, "user-1", None).await;
    // As a process leaves it that was killed with its request on the way.
    let mut other: SqliteConnection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let now = threelo_core::clock::wall_ms();
    let intent = json!({ "generation": 1, "since": now, "last": now }).to_string();
    sqlx::query("UPDATE grants SET intent = ?").bind(intent).execute(&mut other).await.unwrap();
    let connection = client.refresh("user-1").await.unwrap();
    let told: Vec<_> = connection.ledger.unwrap().into_iter().map(|entry| entry.outcome).collect();
    assert_eq!(told, ["rotated", "interrupted", "connected"]);
}

#[tokio::test]
async fn clients_of_one_database_share_one_exchange() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let first = sandbox.client_at(&path).await;
    connect(&sandbox, &first, "user-1", None).await;
    let others =
        [sandbox.client_at(&path).await, sandbox.client_at(&path).await, sandbox.client_at(&path).await];
    for client in &others {
        assert_eq!(myself(client, "user-1").await.unwrap(), 200);
    }
    expire(&sandbox).await;
    let calls =
        others.iter().chain([&first]).flat_map(|client| (0..25).map(move |_| myself(client, "user-1")));
    let statuses = futures::future::join_all(calls).await;
    assert!(statuses.iter().all(|status| matches!(status, Ok(200))));
    assert_eq!(sandbox.refreshes().await, 1);
}

#[tokio::test]
async fn closing_finishes_the_rotation_in_flight() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let client = sandbox.client_at(&path).await;
    connect(&sandbox, &client, "user-1", None).await;
    let held = sandbox.fault(on_refresh(json!({ "hold": "after" }), 1)).await;
    let caller = {
        let client = client.clone();
        tokio::spawn(async move { client.refresh("user-1").await })
    };
    while sandbox.get("faults").await[0]["waiting"] != 1 {
        tokio::task::yield_now().await;
    }
    let closing = tokio::spawn({
        let client = client.clone();
        async move { client.close(threelo_core::CloseOptions::default()).await }
    });
    assert_eq!(caller.await.unwrap().unwrap_err().code(), Code::Cancelled);
    assert!(!closing.is_finished());
    sandbox.post(&format!("faults/{held}/release"), json!({})).await;
    closing.await.unwrap().unwrap();
    assert_eq!(client.connection("user-1").await.unwrap_err().code(), Code::Closed);
    let next = sandbox.client_at(&path).await;
    assert_eq!(next.connection("user-1").await.unwrap().generation, 2);
}

#[tokio::test]
async fn a_scope_failure_never_rotates() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    connect(&sandbox, &client, "user-1", None).await;
    let board = threelo_core::RequestOptions::new("user-1", "GET", "/rest/agile/1.0/board");
    let response = client.proxy_request(board).await.unwrap();
    assert_eq!(response.status, 401);
    assert_eq!(response.error_for_status().unwrap_err().code(), Code::MissingScope);
    assert_eq!(sandbox.refreshes().await, 0);
}

#[tokio::test]
async fn an_answer_without_a_refresh_token_keeps_the_old_one() {
    let sandbox = Sandbox::with(json!({ "settings": { "omit_refresh_token": 1 } })).await;
    let client = sandbox.client().await;
    connect(&sandbox, &client, "user-1", None).await;
    for generation in [2, 3] {
        assert_eq!(client.refresh("user-1").await.unwrap().generation, generation);
    }
}

#[tokio::test]
async fn a_token_near_its_end_is_rotated_in_the_background_while_it_serves() {
    let sandbox = Sandbox::with(json!({ "settings": { "expires_in": 10 } })).await;
    let client = sandbox.client().await;
    let connection = connect(&sandbox, &client, "user-1", None).await;
    assert_eq!(sandbox.refreshes().await, 0);
    // A tenth of its life before the end is the early margin of so short a life.
    let margin = connection.access_expires_at - 1_000;
    while threelo_core::clock::wall_ms() <= margin {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (status, ()) = tokio::join!(myself(&client, "user-1"), async {});
    assert_eq!(status.unwrap(), 200);
    while client.connection("user-1").await.unwrap().generation == 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(sandbox.refreshes().await, 1);
}

/// Sets a database back to what it was when `backup` was taken, as an operator would.
fn restore(backup: &std::path::Path, store: &std::path::Path) {
    let script = "import sqlite3, sys\nsqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))";
    let copied =
        std::process::Command::new("python3").args(["-c", script]).arg(backup).arg(store).status().unwrap();
    assert!(copied.success());
}

#[tokio::test]
async fn a_restored_backup_gets_the_newer_pair_written_back() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("store.db"), folder.path().join("backup.db"));
    let client = sandbox.client_at(&path).await;
    connect(&sandbox, &client, "user-1", None).await;
    restore(&path, &backup);
    client.refresh("user-1").await.unwrap();
    client.refresh("user-1").await.unwrap();
    restore(&backup, &path);
    assert_eq!(client.refresh("user-1").await.unwrap().generation, 4);
    assert_eq!(sandbox.counts().await["breaches"], 0);
    assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
}

#[tokio::test]
async fn a_grant_of_another_app_is_not_spent_with_this_ones_secret() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let client = sandbox.client_at(&path).await;
    connect(&sandbox, &client, "user-1", None).await;
    let mut options = sandbox.options();
    options.store = path.to_str().unwrap().to_owned();
    options.client_id = "another-app".into();
    let other = Client::open(options).await.unwrap();
    assert_eq!(other.refresh("user-1").await.unwrap_err().code(), Code::InvalidConfig);
    assert_eq!(client.refresh("user-1").await.unwrap().generation, 2);
}

#[tokio::test]
async fn tokens_that_cannot_be_stored_yet_are_told_of_lent_and_stored_when_they_can_be() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let client = sandbox.client_at(&path).await;
    connect(&sandbox, &client, "user-1", None).await;
    let fault = sandbox.fault(on_refresh(json!({ "hold": "after" }), 1)).await;
    let caller = {
        let client = client.clone();
        tokio::spawn(async move { client.refresh("user-1").await })
    };
    while sandbox.get("faults").await[0]["waiting"] != 1 {
        tokio::task::yield_now().await;
    }
    // Somebody else writes and does not end.
    let mut writer: SqliteConnection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut writer).await.unwrap();
    let mut events = client.events();
    assert_eq!(events.next().await.unwrap().kind, EventKind::KeyFileCreated);
    sandbox.post(&format!("faults/{fault}/release"), json!({})).await;
    let failed = events.next().await.unwrap();
    assert_eq!(failed.kind, EventKind::RotationFailed);
    assert!(failed.details["why"].as_str().unwrap().contains("stored"), "{failed:?}");
    assert_eq!(failed.details["access_token_still_valid"], true);
    assert_eq!(myself(&client, "user-1").await.unwrap(), 200, "the new token is lent meanwhile");
    sqlx::raw_sql("ROLLBACK").execute(&mut writer).await.unwrap();
    assert_eq!(events.next().await.unwrap().kind, EventKind::Rotated);
    caller.await.unwrap().unwrap();
    assert_eq!(client.connection("user-1").await.unwrap().generation, 2);
    assert_eq!((sandbox.refreshes().await, &sandbox.counts().await["breaches"]), (1, &json!(0)));
}

#[tokio::test]
async fn a_newer_version_that_migrates_the_store_during_an_exchange_costs_no_pair() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let client = sandbox.client_at(&path).await;
    connect(&sandbox, &client, "user-1", None).await;
    let fault = sandbox.fault(on_refresh(json!({ "hold": "after" }), 1)).await;
    let caller = {
        let client = client.clone();
        tokio::spawn(async move { client.refresh("user-1").await })
    };
    while sandbox.get("faults").await[0]["waiting"] != 1 {
        tokio::task::yield_now().await;
    }
    let mut newer: SqliteConnection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&mut newer).await.unwrap();
    sandbox.post(&format!("faults/{fault}/release"), json!({})).await;
    assert_eq!(caller.await.unwrap().unwrap().generation, 2);
    assert_eq!(
        client.refresh("user-1").await.unwrap_err().code(),
        Code::SchemaNewer,
        "and no rotation is begun"
    );
    assert_eq!((sandbox.refreshes().await, &sandbox.counts().await["breaches"]), (1, &json!(0)));
}
