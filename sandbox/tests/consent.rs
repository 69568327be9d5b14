//! What happens at `/authorize` and with the code that comes of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::{Bench, CALLBACK, query};

#[tokio::test]
async fn the_page_works_without_scripts_and_loads_nothing() {
    let bench = Bench::new().await;
    let page = bench.http.get(bench.authorize_url("read:jira-work offline_access")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'"));
    assert!(policy.contains("form-action 'self' http://localhost:3000"));
    let html = page.text().await.unwrap();
    for part in [
        "<html lang=\"en\">",
        "<title>",
        "<label for=\"account\">",
        "<legend>",
        "value=\"the-state\"",
        "Alpha Team",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("<script") && !html.contains("src="));
    assert!(!html.contains("acme-docs"), "a site without Jira cannot be chosen for Jira scopes");
}

#[tokio::test]
async fn an_invalid_request_shows_a_page_and_never_redirects() {
    let bench = Bench::new().await;
    let good = bench.authorize_url("read:jira-work");
    let cases = [
        good.replace("sandbox-client", "other"),
        good.replace("callback", "elsewhere"),
        good.replace("localhost%3A3000", "localhost%3A3001"),
        good.replace("response_type=code", "response_type=token"),
        good.replace("api.atlassian.com", "example.com"),
        good.replace("&prompt=consent", ""),
        good.replace("state=the-state", "state="),
        bench.authorize_url("read:jira-work openid"),
        bench.authorize_url("read:unknown:jira"),
        bench.authorize_url(""),
    ];
    for url in cases {
        let response = bench.http.get(&url).send().await.unwrap();
        assert_eq!(response.status(), 400, "{url}");
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    }
}

#[tokio::test]
async fn the_form_leads_back_with_code_and_state() {
    let bench = Bench::new().await;
    let url = url::Url::parse(&bench.authorize_url("read:jira-work offline_access")).unwrap();
    let mut form: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    for (name, value) in [("account", "grace"), ("site", "zeta"), ("decision", "accept")] {
        form.push((name.into(), value.into()));
    }
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
    let request =
        bench.http.post(bench.url("/authorize")).header("content-type", "application/x-www-form-urlencoded");
    let response = request.body(body).send().await.unwrap();
    assert_eq!(response.status(), 302);
    let location = response.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(CALLBACK));
    assert_eq!(query(location, "state"), "the-state");
    let pair = bench.exchange_code(&query(location, "code")).await;
    assert_eq!(
        bench.listed(&pair.access).await,
        [("https://zeta.atlassian.net".to_owned(), "read:jira-work".to_owned())]
    );
}

#[tokio::test]
async fn declining_leads_back_with_an_error_and_the_state() {
    let bench = Bench::new().await;
    let order = json!({"url": bench.authorize_url("read:jira-work"), "decision": "decline"});
    let callback = bench.control("POST", "/consent", order).await["callback"].as_str().unwrap().to_owned();
    assert_eq!(query(&callback, "error"), "access_denied");
    assert_eq!(query(&callback, "state"), "the-state");
    assert_eq!(query(&callback, "code"), "");
}

#[tokio::test]
async fn a_code_is_good_once_for_its_own_callback_and_for_a_while() {
    let bench = Bench::new().await;
    let exchange = async |code: &str, redirect_uri: &str| {
        let fields = json!({"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri});
        let response = bench.token(fields).await;
        (response.status().as_u16(), response.json::<Value>().await.unwrap()["error"].clone())
    };
    let code = bench.consent("ada", &["acme"], "read:jira-work").await;
    assert_eq!(exchange(&code, CALLBACK).await.0, 200);
    assert_eq!(exchange(&code, CALLBACK).await, (403, json!("invalid_grant")));
    let code = bench.consent("ada", &["acme"], "read:jira-work").await;
    assert_eq!(exchange(&code, "http://127.0.0.1:3000/callback").await, (403, json!("invalid_grant")));
    let code = bench.consent("ada", &["acme"], "read:jira-work").await;
    bench.advance(600).await;
    assert_eq!(exchange(&code, CALLBACK).await, (403, json!("invalid_grant")));
}

#[tokio::test]
async fn wrong_credentials_get_401_and_do_not_spend_the_code() {
    let bench = Bench::new().await;
    let code = bench.consent("ada", &["acme"], "read:jira-work").await;
    let fields = json!({"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_secret": "wrong"});
    let response = bench.token(fields).await;
    assert_eq!(response.status(), 401);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body, json!({"error": "access_denied", "error_description": "Unauthorized"}));
    bench.exchange_code(&code).await;
}

#[tokio::test]
async fn the_answer_has_a_refresh_token_only_with_offline_access() {
    let bench = Bench::new().await;
    let without = bench.connect("ada", &["acme"], "read:jira-work").await;
    assert!(without.body.get("refresh_token").is_none());
    let with = bench.ada().await;
    assert_eq!((&with.body["token_type"], &with.body["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert_eq!(with.body["scope"], "read:jira-work write:jira-work read:jira-user offline_access");
    assert_eq!(with.access.split('.').count(), 3);
}

#[tokio::test]
async fn a_form_is_accepted_as_well_as_json() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", "sandbox-client"),
        ("client_secret", "sandbox-secret"),
        ("refresh_token", &pair.refresh),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = bench
        .http
        .post(bench.url("/oauth/token"))
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(request.body(body).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn pkce_is_ignored_unless_it_is_switched_on() {
    let bench = Bench::new().await;
    for (check, expected) in [(false, 200), (true, 403)] {
        bench.settings(json!({"check_pkce": check})).await;
        let url = format!(
            "{}&code_challenge=abc&code_challenge_method=S256",
            bench.authorize_url("read:jira-work")
        );
        let callback = bench.control("POST", "/consent", json!({"url": url})).await;
        let code = query(callback["callback"].as_str().unwrap(), "code");
        let fields = json!({"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": "x"});
        assert_eq!(bench.token(fields).await.status(), expected);
    }
}

#[tokio::test]
async fn account_level_grants_collect_sites_which_old_tokens_reach_at_once() {
    let bench = Bench::new().await;
    let first = bench.connect("ada", &["acme"], "read:jira-work").await;
    assert_eq!(bench.listed(&first.access).await.len(), 1);
    bench.connect("ada", &["zeta"], "read:jira-work").await;
    assert_eq!(bench.listed(&first.access).await.len(), 2);
}

#[tokio::test]
async fn a_new_consent_overrides_the_scopes() {
    for (when, seen) in [("at_once", 401), ("at_refresh", 200)] {
        let bench = Bench::with(json!({"settings": {"scope_override": when}})).await;
        let first = bench.ada().await;
        bench.connect("ada", &["acme"], "read:jira-work").await;
        assert_eq!(bench.jira("/rest/api/3/myself", &first.access).await.0, seen, "{when}");
    }
}

#[tokio::test]
async fn resource_level_grants_cover_what_was_chosen_in_their_consent() {
    let world =
        json!({"apps": [{"grant_mode": "resource"}], "settings": {"separate_consents": "independent"}});
    let bench = Bench::with(world).await;
    let first = bench.connect("ada", &["zeta", "acme"], "read:jira-work offline_access").await;
    let second = bench.connect("ada", &["umbrella"], "read:jira-work offline_access").await;
    assert_eq!(bench.listed(&first.access).await.len(), 2);
    assert_eq!(bench.listed(&second.access).await.len(), 1);
    let umbrella = bench.cloud_id("umbrella").await;
    let path = format!("/ex/jira/{umbrella}/rest/api/3/search/jql?jql=project=UMBRELLA");
    assert_eq!(bench.get(&path, &first.access).await.0, 403);
    assert_eq!(bench.get(&path, &second.access).await.0, 200);
    bench.rotated(&first.refresh).await;
}

#[tokio::test]
async fn the_list_of_sites_is_as_awkward_as_the_real_one() {
    let bench = Bench::new().await;
    let scopes = "read:jira-work read:confluence-content.all";
    let pair = bench.connect("ada", &["umbrella", "Initech", "acme", "zeta", "acme-docs"], scopes).await;
    let urls: Vec<String> = bench.listed(&pair.access).await.into_iter().map(|(url, _)| url).collect();
    let subdomains: Vec<&str> =
        urls.iter().map(|url| url.trim_start_matches("https://").split('.').next().unwrap()).collect();
    assert_eq!(subdomains, ["acme-docs", "acme", "zeta", "acme", "umbrella", "Initech"]);
}

#[tokio::test]
async fn consents_of_the_past_are_in_the_grant() {
    let world = json!({"consents": [{"account": "ada", "sites": ["zeta", "umbrella"]}]});
    let bench = Bench::with(world).await;
    let pair = bench.connect("ada", &["acme"], "read:jira-work").await;
    assert_eq!(bench.listed(&pair.access).await.len(), 3);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_tokens() {
    let (one, two) = (Bench::new().await, Bench::new().await);
    assert_eq!(one.ada().await.refresh, two.ada().await.refresh);
    let before = one.ada().await;
    one.control("PUT", "/world", json!({})).await;
    assert_eq!(one.get("/me", &before.access).await.0, 401, "tokens of an earlier world are worth nothing");
    assert_ne!(one.ada().await.refresh, two.ada().await.refresh);
}
