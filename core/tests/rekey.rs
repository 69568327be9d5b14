//! `rekey`: a store moves to another key while it is used.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use futures::future::join_all;
use serde_json::json;
use support::{Sandbox, complete, connect, finish, myself};
use threelo_core::{Client, Code, ConnectOptions, ImportOptions, Keys, RekeyOptions, RekeyReport};

const OLD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

async fn client(sandbox: &Sandbox, path: &Path, keys: &[&str]) -> Client {
    let mut options = sandbox.options();
    options.store = path.to_str().unwrap().to_owned();
    options.encryption_key = Some(Keys::Several(keys.iter().map(|&key| key.to_owned().into()).collect()));
    Client::open(options).await.unwrap()
}

async fn rekey(client: &Client) -> RekeyReport {
    client.rekey(RekeyOptions::default()).await.unwrap()
}

#[tokio::test]
async fn what_rotates_meanwhile_is_moved_as_well_and_nothing_is_lost() {
    let accounts: Vec<String> = (0..12).map(|n| format!("person-{n}")).collect();
    let named = |name: &String| json!({ "name": name });
    let sandbox = Sandbox::with(json!({ "accounts": accounts.iter().map(named).collect::<Vec<_>>() })).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let before = client(&sandbox, &path, &[OLD]).await;
    for account in &accounts {
        let asked = ConnectOptions::new(account, Some("browser-1"));
        finish(&sandbox, &before, asked, account, &["acme"]).await.unwrap();
    }
    // Deployed first: all can open what the others will seal. Then the new key seals.
    let (ready, moving) =
        (client(&sandbox, &path, &[OLD, NEW]).await, client(&sandbox, &path, &[NEW, OLD]).await);
    before.close(Default::default()).await.unwrap();
    // Every answer of the token endpoint takes its time, so that the pass comes upon rotations on their way.
    let slow = json!({ "path": "/oauth/token", "kind": { "delay_ms": 300 }, "times": 0 });
    sandbox.fault(slow).await;
    let rotations = join_all(accounts.iter().map(|id| moving.refresh(id.as_str())));
    let (rotated, report) = tokio::join!(rotations, rekey(&moving));
    rotated.into_iter().for_each(|connection| assert_eq!(connection.unwrap().generation, 2));
    assert!(report.complete, "{report:?}");
    assert_eq!(report.left, 0);
    // Somebody who still seals with the old key undoes a part of it, and the next pass finds that.
    ready.refresh(accounts[0].as_str()).await.unwrap();
    assert_eq!(rekey(&moving).await, RekeyReport { grants: 1, sessions: 0, left: 0, complete: true });
    let after = client(&sandbox, &path, &[NEW]).await;
    for account in &accounts {
        assert_eq!(myself(&after, account).await.unwrap(), 200);
        after.refresh(account.as_str()).await.unwrap();
    }
    assert_eq!(sandbox.counts().await["breaches"], 0);
}

#[tokio::test]
async fn consents_that_broke_are_moved_and_those_under_way_are_waited_for() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let before = client(&sandbox, &path, &[OLD]).await;
    let broken = before.connect(ConnectOptions::new("broken", Some("browser-1"))).await.unwrap();
    let callback = sandbox.consent(&broken.url, "ada", &["acme"]).await;
    let down = json!({ "path": "/oauth/token/accessible-resources", "kind": { "status": 503 }, "times": 0 });
    sandbox.fault(down).await;
    before.complete(complete(&callback)).await.unwrap_err();
    sandbox.clear_faults().await;
    let open = before.connect(ConnectOptions::new("open", Some("browser-1"))).await.unwrap();

    let moving = client(&sandbox, &path, &[NEW, OLD]).await;
    assert_eq!(rekey(&moving).await, RekeyReport { grants: 1, sessions: 1, left: 1, complete: false });
    // Not complete: the old key is still enough to open the store.
    client(&sandbox, &path, &[OLD]).await;
    let callback = sandbox.consent(&open.url, "grace", &["acme"]).await;
    moving.complete(complete(&callback)).await.unwrap();
    assert_eq!(rekey(&moving).await, RekeyReport { grants: 0, sessions: 0, left: 0, complete: true });
    let after = client(&sandbox, &path, &[NEW]).await;
    for id in ["broken", "open"] {
        assert_eq!(myself(&after, id).await.unwrap(), 200, "{id}");
    }
}

#[tokio::test]
async fn a_token_is_known_under_the_new_key() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let before = client(&sandbox, &path, &[OLD]).await;
    let tokens = sandbox.tokens_of_another_system(&sandbox.client().await).await;
    let import = |id: &str| {
        let options = json!({ "id": id, "refresh_token": tokens["refresh_token"], "site": "acme" });
        serde_json::from_value::<ImportOptions>(options).unwrap()
    };
    before.import_connection(import("ours")).await.unwrap();
    assert!(rekey(&client(&sandbox, &path, &[NEW, OLD]).await).await.complete);
    let after = client(&sandbox, &path, &[NEW]).await;
    assert_eq!(after.import_connection(import("twice")).await.unwrap_err().code(), Code::AlreadyImported);
}

#[tokio::test]
async fn what_another_key_sealed_is_left_and_named() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    connect(&sandbox, &client(&sandbox, &path, &[OLD]).await, "user-1", Some("acme")).await;
    // It may open the store, and then meets a row of a key that it was not given.
    let third = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
    client(&sandbox, &path, &[third, OLD]).await.refresh("user-1").await.unwrap();
    let moving = client(&sandbox, &path, &[NEW, OLD]).await;
    assert_eq!(rekey(&moving).await, RekeyReport { grants: 0, sessions: 0, left: 1, complete: false });
    assert_eq!(myself(&client(&sandbox, &path, &[OLD, third]).await, "user-1").await.unwrap(), 200);
}
