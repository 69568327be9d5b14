//! A sandbox in this process and a plain HTTP client to drive it.

#![allow(dead_code, clippy::unwrap_used, reason = "every test file uses its own part of it")]

use reqwest::{Client, Method, Response, redirect};
use serde_json::{Value, json};
use threelo_sandbox::{Running, World, start};

pub(crate) const CALLBACK: &str = "http://localhost:3000/callback";

pub(crate) struct Bench {
    pub(crate) running: Running,
    pub(crate) http: Client,
}

#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) body: Value,
}

impl Pair {
    pub(crate) fn from(body: Value) -> Self {
        let text = |name: &str| body[name].as_str().unwrap_or("").to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token"), body }
    }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(json!({})).await
    }

    pub(crate) async fn with(world: Value) -> Self {
        // The second test of a process finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let world: World = serde_json::from_value(world).unwrap();
        let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        Self { running: start(world, 0).await.unwrap(), http }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }

    pub(crate) fn authorize_url(&self, scopes: &str) -> String {
        let params = [
            ("audience", "api.atlassian.com"),
            ("client_id", "sandbox-client"),
            ("scope", scopes),
            ("redirect_uri", CALLBACK),
            ("state", "the-state"),
            ("response_type", "code"),
            ("prompt", "consent"),
        ];
        url::Url::parse_with_params(&self.url("/authorize"), params).unwrap().into()
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = self.url(&format!("/_sandbox{path}"));
        let response = self.http.request(method, url).json(&body).send().await.unwrap();
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert!(status.is_success(), "{path}: {body}");
        body
    }

    pub(crate) async fn settings(&self, settings: Value) {
        self.control("PATCH", "/settings", settings).await;
    }

    pub(crate) async fn advance(&self, seconds: i64) {
        self.control("POST", "/time", json!({"advance_s": seconds})).await;
    }

    pub(crate) async fn fault(&self, order: Value) -> u64 {
        self.control("POST", "/faults", order).await["id"].as_u64().unwrap()
    }

    pub(crate) async fn log(&self) -> Value {
        self.control("GET", "/log", Value::Null).await
    }

    pub(crate) async fn consent(&self, account: &str, sites: &[&str], scopes: &str) -> String {
        let order = json!({"url": self.authorize_url(scopes), "account": account, "sites": sites});
        let callback = self.control("POST", "/consent", order).await;
        query(callback["callback"].as_str().unwrap(), "code")
    }

    pub(crate) async fn token(&self, mut fields: Value) -> Response {
        for (name, value) in [("client_id", "sandbox-client"), ("client_secret", "sandbox-secret")] {
            if fields.get(name).is_none() {
                fields[name] = json!(value);
            }
        }
        self.http.post(self.url("/oauth/token")).json(&fields).send().await.unwrap()
    }

    pub(crate) async fn exchange_code(&self, code: &str) -> Pair {
        let fields = json!({"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK});
        let response = self.token(fields).await;
        assert_eq!(response.status(), 200);
        Pair::from(response.json().await.unwrap())
    }

    /// Consent and exchange.
    pub(crate) async fn connect(&self, account: &str, sites: &[&str], scopes: &str) -> Pair {
        let code = self.consent(account, sites, scopes).await;
        self.exchange_code(&code).await
    }

    pub(crate) async fn ada(&self) -> Pair {
        self.connect("ada", &["acme"], "read:jira-work write:jira-work read:jira-user offline_access").await
    }

    pub(crate) async fn refresh(&self, token: &str) -> (u16, Value) {
        let response = self.token(json!({"grant_type": "refresh_token", "refresh_token": token})).await;
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn rotated(&self, token: &str) -> Pair {
        let (status, body) = self.refresh(token).await;
        assert_eq!(status, 200, "{body}");
        Pair::from(body)
    }

    pub(crate) async fn inspect(&self, refresh_token: &str) -> Value {
        let found = self.control("POST", "/tokens/inspect", json!({"refresh_token": refresh_token})).await;
        found["state"].clone()
    }

    pub(crate) async fn cloud_id(&self, subdomain: &str) -> String {
        let world = self.control("GET", "/world", Value::Null).await;
        let sites = world["sites"].as_array().unwrap();
        let site = sites.iter().find(|site| site["subdomain"] == subdomain).unwrap();
        site["cloud_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn send(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Response {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, self.url(path)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        let response = self.send("GET", path, token, None).await;
        (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
    }

    pub(crate) async fn jira(&self, path: &str, token: &str) -> (u16, Value) {
        let id = self.cloud_id("acme").await;
        self.get(&format!("/ex/jira/{id}{path}"), token).await
    }

    pub(crate) async fn listed(&self, token: &str) -> Vec<(String, String)> {
        let (status, list) = self.get("/oauth/token/accessible-resources", token).await;
        assert_eq!(status, 200);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        list.as_array().unwrap().iter().map(|one| (text(&one["url"]), text(&one["scopes"][0]))).collect()
    }
}

pub(crate) fn query(url: &str, name: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}
