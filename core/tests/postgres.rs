//! Clients on one PostgreSQL database behave as clients on one file do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use postgres::Database;
use serde_json::json;
use support::{Sandbox, connect, myself};
use threelo_core::{Client, CloseOptions, Code, Keys};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A client that shares nothing with the others but the database: each URL has connections of its own.
async fn client(sandbox: &Sandbox, database: &Database, name: &str) -> Client {
    let mut options = sandbox.options();
    options.store = format!("{}?application_name={name}", database.url);
    options.encryption_key = Some(Keys::One(KEY.into()));
    Client::open(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_one_database_share_one_exchange() {
    let sandbox = Sandbox::start().await;
    let database = Database::make().await;
    let first = client(&sandbox, &database, "first").await;
    connect(&sandbox, &first, "user-1", None).await;
    let second = client(&sandbox, &database, "second").await;
    assert_eq!(myself(&second, "user-1").await.unwrap(), 200);
    sandbox.post("tokens/expire", json!({})).await;
    let calls =
        [&first, &second].into_iter().flat_map(|client| (0..25).map(move |_| myself(client, "user-1")));
    let statuses = futures::future::join_all(calls).await;
    assert!(statuses.iter().all(|status| matches!(status, Ok(200))), "{statuses:?}");
    assert_eq!(sandbox.refreshes().await, 1);
    for client in [first, second] {
        client.close(CloseOptions::default()).await.unwrap();
    }
}

#[tokio::test]
async fn a_key_is_asked_for_and_the_password_kept_to_oneself() {
    let sandbox = Sandbox::start().await;
    let mut options = sandbox.options();
    options.store = "postgresql://me:hunter2@127.0.0.1:1/x".to_owned();
    assert!(!format!("{options:?}").contains("hunter2"), "{options:?}");
    let error = Client::open(options.clone()).await.unwrap_err();
    assert_eq!(
        (error.code(), error.context()["option"].as_str()),
        (Code::InvalidConfig, Some("encryption_key"))
    );
    options.encryption_key = Some(Keys::One(KEY.into()));
    let error = Client::open(options).await.unwrap_err();
    assert_eq!(error.code(), Code::StoreUnavailable);
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}
