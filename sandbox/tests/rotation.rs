//! Refresh tokens over HTTP. The rules themselves are tested beside them, in `src/rotation_tests.rs`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::Bench;

const DAY: i64 = 24 * 3600;

#[tokio::test]
async fn rotation_replay_and_breach_are_counted() {
    let bench = Bench::new().await;
    let first = bench.ada().await;
    let second = bench.rotated(&first.refresh).await;
    assert_ne!(second.refresh, first.refresh);
    bench.rotated(&first.refresh).await;
    assert_eq!(bench.inspect(&first.refresh).await, "replayable");
    bench.advance(600).await;
    assert_eq!(bench.inspect(&first.refresh).await, "stale");
    let dead = json!({"error": "unauthorized_client", "error_description": "refresh_token is invalid"});
    assert_eq!(bench.refresh(&first.refresh).await, (403, dead.clone()));
    assert_eq!(bench.refresh(&second.refresh).await, (403, dead));
    let log = bench.log().await;
    let outcomes: Vec<&str> =
        log["requests"].as_array().unwrap().iter().filter_map(|one| one["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["code_exchanged", "rotated", "replayed", "breach", "refused"]);
    assert_eq!(
        log["counts"],
        json!({"code_exchanges": 1, "refresh_exchanges": 4, "rotations": 2, "replays": 1, "breaches": 1, "api_calls": 0})
    );
    let grants = bench.control("GET", "/grants", Value::Null).await;
    assert_eq!(
        (&grants[0]["family_state"], &grants[0]["live_refresh_tokens"]),
        (&json!("breached"), &json!(0))
    );
}

#[tokio::test]
async fn a_dead_token_is_described_in_the_words_of_the_switch() {
    let bench = Bench::new().await;
    for (setting, error) in [
        ("unauthorized_client", "unauthorized_client"),
        ("invalid_grant", "invalid_grant"),
        ("expired_or_revoked", "invalid_grant"),
    ] {
        bench.settings(json!({"dead_token_error": setting})).await;
        let (status, body) = bench.refresh("unknown").await;
        assert_eq!((status, &body["error"]), (403, &json!(error)));
    }
}

#[tokio::test]
async fn wrong_credentials_do_not_spend_the_token() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    let fields =
        json!({"grant_type": "refresh_token", "refresh_token": pair.refresh, "client_secret": "wrong"});
    assert_eq!(bench.token(fields).await.status(), 401);
    assert_eq!(bench.inspect(&pair.refresh).await, "live");
}

#[tokio::test]
async fn a_new_consent_replaces_earlier_tokens_unless_consents_are_independent() {
    for (setting, first_status) in [("replace", 403), ("independent", 200)] {
        let bench = Bench::with(json!({"settings": {"separate_consents": setting}})).await;
        let (first, second) = (bench.ada().await, bench.ada().await);
        assert_eq!(bench.refresh(&first.refresh).await.0, first_status, "{setting}");
        assert_eq!(bench.refresh(&second.refresh).await.0, 200, "{setting}");
        let (status, _) = bench.jira("/rest/api/3/myself", &first.access).await;
        assert_eq!(status, 200, "access tokens live on");
    }
}

#[tokio::test]
async fn replacing_happens_with_the_exchange_or_with_the_consent() {
    for (when, state) in [("exchange", "live"), ("consent", "dead")] {
        let bench = Bench::with(json!({"settings": {"replace_when": when}})).await;
        let pair = bench.ada().await;
        bench.consent("ada", &["acme"], "read:jira-work offline_access").await;
        assert_eq!(bench.inspect(&pair.refresh).await, state);
    }
}

#[tokio::test]
async fn another_account_is_not_touched() {
    let bench = Bench::new().await;
    let ada = bench.ada().await;
    bench.connect("grace", &["acme"], "read:jira-work offline_access").await;
    bench.rotated(&ada.refresh).await;
}

#[tokio::test]
async fn an_old_access_token_stays_or_dies() {
    for (setting, status) in [("stays", 200), ("dies", 401)] {
        let bench = Bench::with(json!({"settings": {"old_access_token": setting}})).await;
        let pair = bench.ada().await;
        let next = bench.rotated(&pair.refresh).await;
        assert_eq!(bench.jira("/rest/api/3/myself", &pair.access).await.0, status);
        assert_eq!(bench.jira("/rest/api/3/myself", &next.access).await.0, 200);
    }
}

#[tokio::test]
async fn an_answer_may_lack_the_refresh_token() {
    let bench = Bench::with(json!({"settings": {"omit_refresh_token": 1}})).await;
    let pair = bench.ada().await;
    let kept = bench.rotated(&pair.refresh).await;
    assert!(kept.body.get("refresh_token").is_none());
    bench.advance(3600).await;
    let next = bench.rotated(&pair.refresh).await;
    assert!(!next.refresh.is_empty());
}

#[tokio::test]
async fn idle_and_absolute_limits_hold_on_the_sandboxs_clock() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    bench.advance(90 * DAY).await;
    assert_eq!(bench.refresh(&pair.refresh).await.0, 403);
    for (limit, status) in [(true, 403), (false, 200)] {
        bench.settings(json!({"absolute_limit": limit})).await;
        let mut pair = bench.ada().await;
        for _ in 0..5 {
            bench.advance(72 * DAY).await;
            pair = bench.rotated(&pair.refresh).await;
        }
        bench.advance(5 * DAY).await;
        assert_eq!(bench.refresh(&pair.refresh).await.0, status);
    }
}

#[tokio::test]
async fn revoking_ends_everything_and_a_new_consent_begins_anew() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    bench.control("POST", "/accounts/ada/revoke", json!({})).await;
    assert_eq!(bench.refresh(&pair.refresh).await.0, 403);
    assert_eq!(bench.jira("/rest/api/3/myself", &pair.access).await.0, 401);
    let again = bench.connect("ada", &["zeta"], "read:jira-work").await;
    assert_eq!(bench.listed(&again.access).await.len(), 1, "the sites of the revoked grant are gone");
}

#[tokio::test]
async fn a_changed_password_ends_tokens_until_it_is_restored() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    bench.advance(1).await;
    bench.control("POST", "/accounts/ada/password", json!({"changed": true})).await;
    assert_eq!(bench.refresh(&pair.refresh).await.0, 403);
    bench.control("POST", "/accounts/ada/password", json!({"changed": false})).await;
    bench.rotated(&pair.refresh).await;
}

#[tokio::test]
async fn access_tokens_expire_while_refresh_tokens_do_not() {
    let bench = Bench::with(json!({"stopped_at": 1_790_000_000})).await;
    let pair = bench.ada().await;
    bench.control("POST", "/tokens/expire", json!({})).await;
    assert_eq!(
        bench.jira("/rest/api/3/myself", &pair.access).await,
        (401, json!({"code": 401, "message": "Unauthorized"}))
    );
    let next = bench.rotated(&pair.refresh).await;
    bench.advance(3599).await;
    assert_eq!(bench.jira("/rest/api/3/myself", &next.access).await.0, 200);
    bench.advance(1).await;
    for (setting, status) in [(401, 401), (403, 403), (404, 404)] {
        bench.settings(json!({"expired_token_status": setting})).await;
        assert_eq!(bench.jira("/rest/api/3/myself", &next.access).await.0, status);
    }
}

#[tokio::test]
async fn no_secret_reaches_log_or_grants() {
    let bench = Bench::new().await;
    let code = bench.consent("ada", &["acme"], "read:jira-work offline_access").await;
    let pair = bench.exchange_code(&code).await;
    let next = bench.rotated(&pair.refresh).await;
    bench.http.get(bench.authorize_url("read:jira-work")).send().await.unwrap();
    let seen = format!("{}{}", bench.log().await, bench.control("GET", "/grants", Value::Null).await);
    for secret in [&code, &pair.access, &pair.refresh, &next.access, &next.refresh, &"the-state".to_owned()] {
        assert!(!seen.contains(secret.as_str()));
    }
    assert!(!seen.contains("sandbox-secret"));
}

#[tokio::test]
async fn revocation_is_answered_whether_or_not_it_ends_anything() {
    for (setting, status, state) in
        [("ignored", 200, "live"), ("grant", 200, "dead"), ("missing", 404, "live")]
    {
        let bench = Bench::with(json!({"settings": {"revocation": setting}})).await;
        let pair = bench.ada().await;
        let revoke = async |secret: &str, token: &str| {
            let body = json!({"token": token, "client_id": "sandbox-client", "client_secret": secret});
            bench.http.post(bench.url("/oauth/revoke")).json(&body).send().await.unwrap().status().as_u16()
        };
        let wrong = if setting == "missing" { 404 } else { 401 };
        assert_eq!(revoke("wrong", &pair.refresh).await, wrong, "{setting}");
        assert_eq!(revoke("sandbox-secret", "unknown").await, status, "{setting}");
        assert_eq!(revoke("sandbox-secret", &pair.refresh).await, status, "{setting}");
        let seen = bench.control("POST", "/tokens/inspect", json!({"refresh_token": pair.refresh})).await;
        assert_eq!(seen["state"], state, "{setting}: {seen}");
    }
}
