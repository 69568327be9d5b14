//! Consents that go wrong half-way, and what every process may rely on afterwards.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{Sandbox, complete, connect, myself};
use threelo_core::{
    Client, Code, ConnectOptions, ConnectionStatus, EventKind, ImportOptions, KeepAliveOptions,
    SelectSiteOptions,
};

#[tokio::test]
async fn another_process_completes_a_consent() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let session =
        sandbox.client_at(&path).await.connect(ConnectOptions::new("user-1", Some("browser-1"))).await;
    let callback = sandbox.consent(&session.unwrap().url, "ada", &["acme"]).await;
    let other = sandbox.client_at(&path).await;
    assert_eq!(other.complete(complete(&callback)).await.unwrap().id, "user-1");
    let again = other.complete(complete(&callback)).await.unwrap_err();
    assert_eq!(again.code(), Code::StateInvalid, "a state is good once");
}

#[tokio::test]
async fn a_state_belongs_to_its_browser_and_to_its_half_hour() {
    let sandbox = Sandbox::start().await;
    let mut options = sandbox.options();
    options.timings.session_ttl = Duration::from_millis(300);
    let client = Client::open(options).await.unwrap();
    let session = client.connect(ConnectOptions::new("user-1", Some("browser-1"))).await.unwrap();
    let callback = sandbox.consent(&session.url, "ada", &["acme"]).await;
    for binding in [None, Some("browser-2".into())] {
        let stolen = threelo_core::CompleteOptions { binding, ..complete(&callback) };
        assert_eq!(client.complete(stolen).await.unwrap_err().code(), Code::StateInvalid);
    }
    while threelo_core::clock::wall_ms() < session.expires_at {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(client.complete(complete(&callback)).await.unwrap_err().code(), Code::StateInvalid);
    assert_eq!(sandbox.counts().await["code_exchanges"], 0);
}

#[tokio::test]
async fn a_server_that_begins_anew_and_repeats_its_tokens_can_be_connected_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    for _ in 0..2 {
        // Same seed, same tokens, as when `threelo sandbox` is started again beside the store of yesterday.
        let sandbox = Sandbox::start().await;
        let client = sandbox.client_at(&path).await;
        let session = client.connect(ConnectOptions::new("user-1", Some("browser-1"))).await.unwrap();
        let callback = sandbox.consent(&session.url, "ada", &["acme"]).await;
        assert_eq!(client.complete(complete(&callback)).await.unwrap().id, "user-1");
        assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
    }
}

/// A consent whose look-ups fail after its pair was stored, as when a process dies there.
async fn half_done(sandbox: &Sandbox, path: &std::path::Path) -> String {
    half_done_for(sandbox, path, "user-1").await
}

async fn half_done_for(sandbox: &Sandbox, path: &std::path::Path, id: &str) -> String {
    let client = sandbox.client_at(path).await;
    let session = client.connect(ConnectOptions::new(id, Some("browser-1"))).await.unwrap();
    let callback = sandbox.consent(&session.url, "ada", &["acme"]).await;
    let down = json!({ "path": "/oauth/token/accessible-resources", "kind": { "status": 503 }, "times": 0 });
    sandbox.fault(down).await;
    let error = client.complete(complete(&callback)).await.unwrap_err();
    assert_eq!(error.code(), Code::IdentityUnavailable);
    sandbox.clear_faults().await;
    callback
}

#[tokio::test]
async fn a_consent_that_broke_after_the_exchange_is_finished_by_the_next_use() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    half_done(&sandbox, &path).await;
    let next = sandbox.client_at(&path).await;
    assert_eq!(myself(&next, "user-1").await.unwrap(), 200);
    assert_eq!(next.connection("user-1").await.unwrap().site.unwrap().url, "https://acme.atlassian.net");
    assert_eq!(sandbox.counts().await["code_exchanges"], 1);
}

#[tokio::test]
async fn a_consent_that_broke_after_the_exchange_is_finished_by_reloading_the_callback() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let callback = half_done(&sandbox, &path).await;
    let next = sandbox.client_at(&path).await;
    assert_eq!(next.complete(complete(&callback)).await.unwrap().id, "user-1");
    assert_eq!(sandbox.counts().await["code_exchanges"], 1);
}

#[tokio::test]
async fn a_consent_leaves_alone_what_another_one_of_the_account_is_still_making() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let client = sandbox.client_at(&path).await;
    connect(&sandbox, &client, "user-1", Some("acme")).await;
    let callback = half_done_for(&sandbox, &path, "user-2").await;
    assert_eq!(client.sites("user-1").await.unwrap().len(), 1);
    connect(&sandbox, &client, "user-3", Some("acme")).await;
    assert_eq!(client.complete(complete(&callback)).await.unwrap().id, "user-2");
    for id in ["user-1", "user-2", "user-3"] {
        assert_eq!(myself(&client, id).await.unwrap(), 200, "{id}");
        client.refresh(id).await.unwrap();
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_take_the_new_pair_along() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    let session = client.connect(ConnectOptions::new("user-1", Some("browser-1"))).await.unwrap();
    let callback = sandbox.consent(&session.url, "ada", &["acme"]).await;
    let hold = json!({ "path": "/oauth/token", "kind": { "hold": "after" } });
    let fault = sandbox.fault(hold).await;
    let caller = {
        let client = client.clone();
        tokio::spawn(async move { client.complete(complete(&callback)).await })
    };
    while sandbox.get("faults").await[0]["waiting"] != 1 {
        tokio::task::yield_now().await;
    }
    caller.abort();
    sandbox.post(&format!("faults/{fault}/release"), json!({})).await;
    while client.connection("user-1").await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
}

#[tokio::test]
async fn taking_the_first_site_is_told_with_the_others() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    let mut events = client.events();
    // Two sites at once are both new, so nothing tells which one was meant.
    let session = client.connect(ConnectOptions::new("user-1", Some("browser-1"))).await.unwrap();
    let callback = sandbox.consent(&session.url, "ada", &["zeta", "acme"]).await;
    let connection = client.complete(complete(&callback)).await.unwrap();
    assert_eq!(connection.site_choice, Some(threelo_core::SiteChoice::First));
    let told = loop {
        let event = events.next().await.unwrap();
        if event.kind == EventKind::SiteAutoSelected {
            break event;
        }
    };
    assert_eq!(told.connection_id.as_deref(), Some("user-1"));
    assert_eq!(told.details["others"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn fewer_scopes_than_before_are_told_by_name() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    connect(&sandbox, &client, "user-1", Some("acme")).await;
    let mut events = client.events();
    let mut less = ConnectOptions::new("user-1", Some("browser-1"));
    (less.scopes, less.keep_scopes) = (Some(vec!["read:jira-work".into()]), false);
    support::finish(&sandbox, &client, less, "ada", &["acme"]).await.unwrap();
    let told = loop {
        let event = events.next().await.unwrap();
        if event.kind == EventKind::ScopesReduced {
            break event;
        }
    };
    assert_eq!(told.details["scopes"], json!(["write:jira-work", "read:jira-user", "read:me"]));
}

#[tokio::test]
async fn an_import_without_an_access_token_rotates_at_its_first_use() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    let refresh =
        sandbox.tokens_of_another_system(&client).await["refresh_token"].as_str().unwrap().to_owned();
    let import = |id: &str| ImportOptions {
        id: id.into(),
        refresh_token: refresh.clone().into(),
        access_token: None,
        expires_at: None,
        scopes: None,
        account_id: None,
        site: Some("acme".into()),
        tags: None,
        metadata: None,
        timeout: None,
    };
    client.import_connection(import("ours")).await.unwrap();
    assert_eq!(sandbox.refreshes().await, 0);
    assert_eq!(myself(&client, "ours").await.unwrap(), 200);
    assert_eq!(sandbox.refreshes().await, 1);
    assert_eq!(client.connection("ours").await.unwrap().site.unwrap().url, "https://acme.atlassian.net");
    assert_eq!(client.import_connection(import("twice")).await.unwrap_err().code(), Code::AlreadyImported);
}

#[tokio::test]
async fn an_import_of_unknown_age_is_rotated_by_the_next_pass_of_keep_alive_and_a_fresh_one_is_not() {
    for (expires_in_ms, rotated) in [(None, 1), (Some(-60_000), 1), (Some(1_800_000), 0)] {
        let sandbox = Sandbox::start().await;
        let client = sandbox.client().await;
        let tokens = sandbox.tokens_of_another_system(&client).await;
        let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let expires_at =
            expires_in_ms.map(|span| u64::try_from(i128::try_from(now).unwrap() + span).unwrap());
        let import = ImportOptions {
            id: "ours".into(),
            refresh_token: token("refresh_token").into(),
            access_token: expires_at.map(|_| token("access_token").into()),
            expires_at,
            scopes: None,
            account_id: None,
            site: Some("acme".into()),
            tags: None,
            metadata: None,
            timeout: None,
        };
        client.import_connection(import).await.unwrap();
        assert_eq!(
            client.connection("ours").await.unwrap().health,
            ConnectionStatus::Active,
            "nobody knows better"
        );
        let report = client.keep_alive(KeepAliveOptions::default()).await.unwrap();
        assert_eq!(
            (report.rotated, report.failed, report.attention.len()),
            (rotated, 0, 0),
            "{expires_in_ms:?}"
        );
        assert_eq!(sandbox.refreshes().await, rotated);
        assert_eq!(client.keep_alive(KeepAliveOptions::default()).await.unwrap().rotated, 0);
        assert_eq!(myself(&client, "ours").await.unwrap(), 200);
    }
}

#[tokio::test]
async fn calls_that_come_upon_an_open_consent_together_finish_it_once() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    half_done(&sandbox, &path).await;
    let clients = [sandbox.client_at(&path).await, sandbox.client_at(&path).await];
    let calls = clients.iter().flat_map(|client| (0..10).map(move |_| myself(client, "user-1")));
    let statuses = futures::future::join_all(calls).await;
    assert!(statuses.iter().all(|status| matches!(status, Ok(200))), "{statuses:?}");
    assert_eq!(sandbox.counts().await["code_exchanges"], 1);
}

#[tokio::test]
async fn a_named_site_that_is_absent_needs_no_new_consent() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    let mut options = ConnectOptions::new("user-1", Some("browser-1"));
    options.site = Some("acmee".into());
    let error = support::finish(&sandbox, &client, options, "ada", &["acme"]).await.unwrap_err();
    assert_eq!(error.code(), Code::SiteNotFound);
    assert_eq!(myself(&client, "user-1").await.unwrap_err().code(), Code::SiteRequired);
    let select = SelectSiteOptions { id: "user-1".into(), site: "acme".into(), timeout: None };
    client.select_site(select).await.unwrap();
    assert_eq!(myself(&client, "user-1").await.unwrap(), 200);
}

#[tokio::test]
async fn the_last_disconnect_of_a_grant_removes_it() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    connect(&sandbox, &client, "user-1", Some("acme")).await;
    connect(&sandbox, &client, "user-2", Some("zeta")).await;
    client.disconnect("user-1").await.unwrap();
    assert_eq!(myself(&client, "user-1").await.unwrap_err().code(), Code::ConnectionNotFound);
    assert_eq!(myself(&client, "user-2").await.unwrap(), 200);
    client.disconnect("user-2").await.unwrap();
    assert_eq!(client.disconnect("user-2").await.unwrap_err().code(), Code::ConnectionNotFound);
}

/// Nobody tells whose consent it is.
async fn keep_the_account_secret(sandbox: &Sandbox, secret: bool) {
    let (me, myself) = if secret { ("missing", "forbidden") } else { ("ok", "ok") };
    sandbox.settings(json!({ "me": me, "myself": myself })).await;
}

#[tokio::test]
async fn an_account_learnt_late_makes_its_two_grants_one() {
    let sandbox = Sandbox::with(json!({ "settings": { "token_format": "opaque" } })).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (client, elsewhere) = (sandbox.client_at(&path).await, sandbox.client_at(&path).await);
    let first = connect(&sandbox, &client, "user-1", Some("acme")).await;
    keep_the_account_secret(&sandbox, true).await;
    let second = connect(&sandbox, &client, "user-2", Some("acme")).await;
    assert_eq!(second.account_id, None);
    assert_ne!(first.grant_id, second.grant_id);
    assert_eq!(myself(&elsewhere, "user-1").await.unwrap(), 403);

    // Nothing can be learnt yet, and nothing breaks.
    assert_eq!(client.sites("user-2").await.unwrap().len(), 1);
    assert_eq!(client.connection("user-2").await.unwrap().account_id, None);
    keep_the_account_secret(&sandbox, false).await;
    client.sites("user-2").await.unwrap();
    let (first, second) =
        (client.connection("user-1").await.unwrap(), client.connection("user-2").await.unwrap());
    assert_eq!(first.grant_id, second.grant_id, "the newest consent's");
    assert_eq!(first.account_id, second.account_id);
    assert!(first.account_id.is_some());
    assert_eq!(first.ledger.unwrap()[0].outcome, "merged");

    // The older consent's tokens have ended with the newer consent (F3.7); its connection lives, also elsewhere.
    sandbox.post("tokens/expire", json!({})).await;
    for client in [&client, &elsewhere] {
        for id in ["user-2", "user-1"] {
            assert_eq!(myself(client, id).await.unwrap(), 200, "{id}");
        }
    }
    assert_eq!(sandbox.counts().await["breaches"], 0);
}

#[tokio::test]
async fn a_token_is_that_of_the_new_grant_where_another_process_made_one_of_two() {
    let settings = json!({ "token_format": "opaque", "separate_consents": "independent" });
    let sandbox = Sandbox::with(json!({ "settings": settings })).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let client = sandbox.client_at(&path).await;
    connect(&sandbox, &client, "user-1", Some("acme")).await;
    keep_the_account_secret(&sandbox, true).await;
    connect(&sandbox, &client, "user-2", Some("acme")).await;
    keep_the_account_secret(&sandbox, false).await;
    // The other process remembers the grant that is about to go, with a token that has expired.
    let elsewhere = sandbox.client_at(&path).await;
    sandbox.settings(json!({ "expires_in": 0 })).await;
    elsewhere.refresh("user-1").await.unwrap();
    elsewhere.access_token("user-1").await.unwrap();
    client.sites("user-2").await.unwrap();
    elsewhere.access_token("user-1").await.unwrap();
    let ids = ["user-1", "user-2"].map(|id| client.connection(id));
    let grants: Vec<_> = futures::future::join_all(ids).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(grants[0].grant_id, grants[1].grant_id);
}

#[tokio::test]
async fn grants_of_one_account_that_reach_different_sites_stay_apart() {
    let world = json!({ "apps": [{
        "client_id": "sandbox-client", "client_secret": "sandbox-secret", "grant_mode": "resource",
        "redirect_uris": ["http://localhost:3000/callback"],
        "scopes": ["read:jira-work", "write:jira-work", "read:jira-user", "read:me"],
    }], "settings": { "token_format": "opaque", "separate_consents": "independent" } });
    let sandbox = Sandbox::with(world).await;
    let client = sandbox.client().await;
    connect(&sandbox, &client, "user-1", Some("acme")).await;
    keep_the_account_secret(&sandbox, true).await;
    connect(&sandbox, &client, "user-2", Some("zeta")).await;
    keep_the_account_secret(&sandbox, false).await;
    assert_eq!(
        client.refresh("user-2").await.unwrap().account_id,
        client.connection("user-1").await.unwrap().account_id
    );
    let ids = ["user-1", "user-2"];
    let grants = futures::future::join_all(ids.map(|id| client.connection(id))).await;
    let grants: Vec<_> = grants.into_iter().map(|connection| connection.unwrap().grant_id).collect();
    assert_ne!(grants[0], grants[1]);
    for id in ids {
        assert_eq!(myself(&client, id).await.unwrap(), 200, "{id}");
    }
}
