//! Clocks that are hours off cost no connection and cause no storm of rotations. The sandbox's clock is moved instead of
//! this machine's: what counts is how far they are apart.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::time::Duration;

use postgres::Database;
use serde_json::json;
use support::{Sandbox, connect, myself};
use threelo_core::clock::wall_ms;
use threelo_core::{Client, Keys};

const HOUR: i64 = 3_600_000;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// How far the times of a connection are from this machine's clock, in hours.
fn hours_off(at: u64) -> i64 {
    (i64::try_from(at).unwrap() - i64::try_from(wall_ms()).unwrap() + HOUR / 2).div_euclid(HOUR)
}

#[tokio::test]
async fn a_clock_that_is_hours_off_is_learnt_and_rotates_nothing_by_itself() {
    for off in [-8, 8] {
        let sandbox = Sandbox::with(json!({ "settings": { "date_header": "sandbox" } })).await;
        sandbox.post("time", json!({ "advance_s": off * 3600 })).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let client = sandbox.client_at(&path).await;
        let connection = connect(&sandbox, &client, "user-1", None).await;
        assert_eq!(hours_off(connection.refreshed_at), off, "times are those of the token endpoint");
        assert_eq!(hours_off(connection.access_expires_at), off + 1);
        // Another process, which has not learnt anything yet, and this one.
        let next = sandbox.client_at(&path).await;
        for client in [&client, &next, &client, &next] {
            assert_eq!(myself(client, "user-1").await.unwrap(), 200, "{off} h");
        }
        assert_eq!(sandbox.refreshes().await, 0, "{off} h");
        assert_eq!(next.refresh("user-1").await.unwrap().generation, 2);
        for client in [&client, &next, &client, &next] {
            assert_eq!(myself(client, "user-1").await.unwrap(), 200, "{off} h");
        }
        assert_eq!(sandbox.refreshes().await, 1, "{off} h");
    }
}

/// As after a virtual machine was put aside with all its clocks.
#[tokio::test]
async fn hours_that_no_clock_here_has_counted_cost_one_rotation() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    connect(&sandbox, &client, "user-1", None).await;
    sandbox.post("time", json!({ "advance_s": 8 * 3600 })).await;
    for _ in 0..20 {
        assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
    }
    assert_eq!(sandbox.refreshes().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_from_before_the_databases_clock_was_set_back_is_waited_for_no_longer_than_another() {
    let sandbox = Sandbox::start().await;
    let database = Database::make().await;
    let mut options = sandbox.options();
    options.store = database.url.clone();
    options.encryption_key = Some(Keys::One(KEY.into()));
    options.timings.attempt_timeout = Duration::from_secs(3);
    options.timings.lease = Duration::from_secs(10);
    let client = Client::open(options).await.unwrap();
    connect(&sandbox, &client, "user-1", None).await;
    // As a holder leaves it that took it an hour ahead of the clock and ended.
    let stamp = "json_build_object('boot', 'postgresql:' || id, 'boot_ms', ahead, 'wall_ms', ahead)";
    let ahead = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint + 3600000";
    database
        .execute(&format!(
            "UPDATE threelo_grants SET fence = 7, lease = (SELECT json_build_object('holder', 'nobody/1', 'fence', 7, \
             'at', {stamp})::text FROM threelo_store, LATERAL (SELECT {ahead} AS ahead) AS clock)"
        ))
        .await;
    assert_eq!(client.refresh("user-1").await.unwrap().generation, 2);
    assert_eq!(sandbox.refreshes().await, 1);
}
