//! The whole way, from a consent to a call, against the sandbox.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use futures::{StreamExt, stream};
use support::{Sandbox, connect, myself};
use threelo_core::body::Body;
use threelo_core::{ConnectOptions, RequestOptions, SiteChoice, Upload};

#[tokio::test]
async fn connect_complete_and_call() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    let connection = connect(&sandbox, &client, "user-1", Some("ACME")).await;
    assert_eq!(connection.site.as_ref().unwrap().url, "https://acme.atlassian.net");
    assert_eq!(connection.site_choice, Some(SiteChoice::Named));
    assert!(connection.account_id.unwrap().starts_with("712020:ada"));
    assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
    assert_eq!(sandbox.refreshes().await, 0);
}

#[tokio::test]
async fn refresh_makes_the_next_generation() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    let before = connect(&sandbox, &client, "user-1", None).await;
    let after = client.refresh("user-1").await.unwrap();
    assert_eq!((before.generation, after.generation), (1, 2));
    assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
    assert_eq!(sandbox.refreshes().await, 1);
}

#[tokio::test]
async fn fifty_calls_that_meet_an_expired_token_share_one_exchange() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    connect(&sandbox, &client, "user-1", None).await;
    sandbox.post("tokens/expire", serde_json::json!({})).await;
    let calls = (0..50).map(|_| myself(&client, "user-1"));
    let statuses = futures::future::join_all(calls).await;
    assert!(statuses.iter().all(|status| matches!(status, Ok(200))), "{statuses:?}");
    assert_eq!(sandbox.refreshes().await, 1);
}

#[tokio::test]
async fn two_connections_of_one_account_share_a_grant() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    let first = connect(&sandbox, &client, "user-1", Some("acme")).await;
    let second = connect(&sandbox, &client, "user-2", Some("zeta")).await;
    assert_eq!(first.grant_id, second.grant_id);
    assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
    client.refresh("user-1").await.unwrap();
    assert_eq!(myself(&client, "user-2").await.unwrap(), 200);
}

#[tokio::test]
async fn another_account_does_not_take_a_connection_over() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    connect(&sandbox, &client, "user-1", Some("acme")).await;
    let again = ConnectOptions::new("user-1", Some("browser-1"));
    let error = support::finish(&sandbox, &client, again, "grace", &["acme"]).await.unwrap_err();
    assert_eq!(error.code().as_str(), "account_mismatch");
    assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
}

#[tokio::test]
async fn an_upload_that_moves_takes_the_time_it_needs() {
    let sandbox = Sandbox::start().await;
    let mut options = sandbox.options();
    options.timings.request_timeout = std::time::Duration::from_secs(3);
    let client = threelo_core::Client::open(options).await.unwrap();
    connect(&sandbox, &client, "user-1", Some("acme")).await;
    let pieces = stream::iter(0..330).then(|_| async {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        Ok(bytes::Bytes::from_static(b"piece"))
    });
    let mut upload = RequestOptions::new("user-1", "POST", "/rest/api/3/issue/ACME-1/attachments");
    upload.files = Some(vec![Upload::new(Body::once(pieces.boxed(), None))]);
    assert_eq!(client.proxy_request(upload).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_token_that_replaced_a_rejected_one_is_not_replaced_for_a_minute() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    connect(&sandbox, &client, "user-1", None).await;
    let kind = serde_json::json!({ "status": 401, "body": { "code": 401, "message": "Unauthorized" } });
    sandbox.fault(serde_json::json!({ "path": "/ex/jira/*", "kind": kind, "times": 100 })).await;
    for _ in 0..2 {
        assert_eq!(myself(&client, "user-1").await.unwrap(), 401);
        assert_eq!(sandbox.refreshes().await, 1);
    }
}
