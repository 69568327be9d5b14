//! A rotation that nobody answers for any more is made again while that can help, whether or not anybody uses the
//! connection.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use support::{Sandbox, connect};
use threelo_core::clock::{Stamp, wall_ms};
use threelo_core::{Client, ClientOptions, CloseOptions, Code, EventKind, KeepAliveOptions};

const PATIENCE: Duration = Duration::from_secs(30);

async fn database(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

async fn generation(path: &Path) -> i64 {
    sqlx::query_scalar("SELECT generation FROM grants").fetch_one(&mut database(path).await).await.unwrap()
}

/// A grant as a process leaves it that is killed after the provider has rotated.
async fn left(sandbox: &Sandbox, path: &Path, since: u64, lease: Option<serde_json::Value>) {
    let client = sandbox.client_at(path).await;
    connect(sandbox, &client, "user-1", None).await;
    client.close(CloseOptions::default()).await.unwrap();
    let intent = json!({ "generation": 1, "since": since, "last": since }).to_string();
    let update = "UPDATE grants SET intent = ?, lease = ?, fence = 1";
    let lease = lease.map(|lease| lease.to_string());
    sqlx::query(update).bind(intent).bind(lease).execute(&mut database(path).await).await.unwrap();
}

async fn becomes_two(path: &Path) {
    let two = async {
        while generation(path).await != 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, two).await.unwrap();
}

fn at(sandbox: &Sandbox, path: &Path) -> ClientOptions {
    ClientOptions { store: path.to_str().unwrap().to_owned(), ..sandbox.options() }
}

#[tokio::test]
async fn a_process_that_starts_takes_up_what_another_one_left() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    left(&sandbox, &path, wall_ms(), None).await;
    let client = sandbox.client_at(&path).await;
    becomes_two(&path).await;
    let told: Vec<_> = client.connection("user-1").await.unwrap().ledger.unwrap();
    assert_eq!(
        told.into_iter().map(|entry| entry.outcome).collect::<Vec<_>>(),
        ["rotated", "interrupted", "connected"]
    );
    assert_eq!(sandbox.refreshes().await, 1);
}

#[tokio::test]
async fn a_lease_whose_holder_has_ended_is_not_waited_for() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let holder = format!("{}/1", "0".repeat(32));
    let lease = json!({ "holder": holder, "fence": 1, "at": Stamp::now() });
    left(&sandbox, &path, wall_ms(), Some(lease)).await;
    let mut options = at(&sandbox, &path);
    options.timings.attempt_timeout = Duration::from_secs(1);
    let _client = Client::open(options).await.unwrap();
    becomes_two(&path).await;
}

#[tokio::test]
async fn what_nobody_can_bring_back_is_left_until_it_is_needed() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    left(&sandbox, &path, wall_ms() - 600_000, None).await;
    let client = sandbox.client_at(&path).await;
    let report = client.keep_alive(KeepAliveOptions::default()).await.unwrap();
    assert_eq!((report.rotated, report.failed), (0, 0));
    assert_eq!((generation(&path).await, sandbox.refreshes().await), (1, 0));
}

#[tokio::test]
async fn without_a_background_a_pass_of_keep_alive_takes_it_up_and_nothing_else_does() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    left(&sandbox, &path, wall_ms(), None).await;
    let client = Client::open(ClientOptions { background: false, ..at(&sandbox, &path) }).await.unwrap();
    client.connection("user-1").await.unwrap();
    assert_eq!(sandbox.refreshes().await, 0);
    let report = client.keep_alive(KeepAliveOptions::default()).await.unwrap();
    assert_eq!((report.rotated, report.failed), (1, 0));
    assert_eq!((generation(&path).await, sandbox.refreshes().await), (2, 1));
}

#[tokio::test]
async fn clients_that_are_opened_at_once_take_it_up_once() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    left(&sandbox, &path, wall_ms(), None).await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(sandbox.client_at(&path).await);
    }
    becomes_two(&path).await;
    for client in &clients {
        client.close(CloseOptions::default()).await.unwrap();
    }
    assert_eq!(sandbox.refreshes().await, 1);
}

#[tokio::test]
async fn what_looks_for_it_keeps_no_client_and_no_program() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    let unfinished = client.unfinished();
    assert!(unfinished.is_done());
    client.close(CloseOptions::default()).await.unwrap();
    assert!(unfinished.is_done());
}

/// The store refuses every write to a grant.
const AWAY: &str = "CREATE TRIGGER no_insert BEFORE INSERT ON grants BEGIN SELECT RAISE(ABORT, 'away'); END; \
    CREATE TRIGGER no_update BEFORE UPDATE ON grants BEGIN SELECT RAISE(ABORT, 'away'); END;";
const BACK: &str = "DROP TRIGGER no_insert; DROP TRIGGER no_update;";

#[tokio::test]
async fn a_store_that_fails_in_the_middle_of_a_doubtful_rotation_does_not_end_it() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let client = sandbox.client_at(&path).await;
    connect(&sandbox, &client, "user-1", None).await;
    let mut events = client.events();
    let lost = json!({ "path": "/oauth/token", "grant_type": "refresh_token", "kind": { "reset": "after" }, "times": 1 });
    sandbox.fault(lost).await;
    let caller = tokio::spawn({
        let client = client.clone();
        async move { client.refresh("user-1").await }
    });
    while events.next().await.unwrap().kind != EventKind::RotationFailed {}
    sqlx::raw_sql(AWAY).execute(&mut database(&path).await).await.unwrap();
    assert_eq!(caller.await.unwrap().unwrap_err().code(), Code::StoreUnavailable);
    sqlx::raw_sql(BACK).execute(&mut database(&path).await).await.unwrap();
    becomes_two(&path).await;
    let counts = sandbox.counts().await;
    assert_eq!((&counts["replays"], &counts["breaches"]), (&json!(1), &json!(0)));
}
