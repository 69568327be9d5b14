//! A sandbox and a client of it, in a few lines.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use serde_json::{Value, json};
use threelo_core::{
    Client, ClientOptions, CompleteOptions, ConnectOptions, Connection, Error, RequestOptions, Result,
};
use threelo_sandbox::{Running, World, start};

/// A running sandbox.
pub struct Sandbox {
    running: Running,
    http: reqwest::Client,
}

impl Sandbox {
    pub async fn start() -> Self {
        Self::with(json!({})).await
    }

    pub async fn with(world: Value) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let world: World = serde_json::from_value(world).unwrap();
        let running = start(world, 0).await.unwrap();
        Self { running, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    pub fn url(&self) -> String {
        self.running.url().to_string().trim_end_matches('/').to_owned()
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/_sandbox/{path}", self.url());
        let response = self.http.post(url).json(&body).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Value {
        let url = format!("{}/_sandbox/{path}", self.url());
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }

    pub async fn settings(&self, settings: Value) {
        let url = format!("{}/_sandbox/settings", self.url());
        let response = self.http.patch(url).json(&settings).send().await.unwrap();
        assert!(response.status().is_success());
    }

    pub async fn fault(&self, fault: Value) -> u64 {
        self.post("faults", fault).await["id"].as_u64().unwrap()
    }

    pub async fn clear_faults(&self) {
        self.delete("faults").await;
    }

    pub async fn delete(&self, path: &str) {
        let response = self.http.delete(format!("{}/_sandbox/{path}", self.url())).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
    }

    pub async fn clear_log(&self) {
        self.http.delete(format!("{}/_sandbox/log", self.url())).send().await.unwrap();
    }

    pub async fn counts(&self) -> Value {
        self.get("log").await["counts"].clone()
    }

    pub async fn refreshes(&self) -> u64 {
        self.counts().await["refresh_exchanges"].as_u64().unwrap()
    }

    /// The person's part of a consent: returns where the browser lands.
    pub async fn consent(&self, url: &str, account: &str, sites: &[&str]) -> String {
        let body = json!({ "url": url, "account": account, "sites": sites });
        self.post("consent", body).await["callback"].as_str().unwrap().to_owned()
    }

    /// A pair of tokens that another system got for ada on acme, as the token endpoint gave it.
    pub async fn tokens_of_another_system(&self, client: &Client) -> Value {
        let session = client.connect(ConnectOptions::new("theirs", None)).await.unwrap();
        let callback = url::Url::parse(&self.consent(&session.url, "ada", &["acme"]).await).unwrap();
        let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let body = json!({
            "grant_type": "authorization_code", "client_id": "sandbox-client", "client_secret": "sandbox-secret",
            "code": code, "redirect_uri": "http://localhost:3000/callback",
        });
        let response =
            self.http.post(format!("{}/oauth/token", self.url())).json(&body).send().await.unwrap();
        response.json().await.unwrap()
    }

    pub fn options(&self) -> ClientOptions {
        let scopes = ["read:jira-work", "write:jira-work", "read:jira-user", "read:me"];
        let mut options =
            ClientOptions::new("sandbox-client", "sandbox-secret", "http://localhost:3000/callback", &scopes);
        options.store = "memory:".into();
        options.endpoints = [("auth".to_owned(), self.url()), ("api".to_owned(), self.url())].into();
        options
    }

    pub async fn client(&self) -> Client {
        Client::open(self.options()).await.unwrap()
    }

    pub async fn client_at(&self, path: &std::path::Path) -> Client {
        let mut options = self.options();
        options.store = path.to_str().unwrap().to_owned();
        Client::open(options).await.unwrap()
    }
}

/// Connects `id` through a consent of ada's on `site`.
pub async fn connect(sandbox: &Sandbox, client: &Client, id: &str, site: Option<&str>) -> Connection {
    let mut options = ConnectOptions::new(id, Some("browser-1"));
    options.site = site.map(str::to_owned);
    finish(sandbox, client, options, "ada", &[site.unwrap_or("acme")]).await.unwrap()
}

pub async fn finish(
    sandbox: &Sandbox,
    client: &Client,
    options: ConnectOptions,
    account: &str,
    sites: &[&str],
) -> Result<Connection, Error> {
    let session = client.connect(options).await?;
    let callback = sandbox.consent(&session.url, account, sites).await;
    client.complete(complete(&callback)).await
}

pub fn complete(callback: &str) -> CompleteOptions {
    CompleteOptions { callback_url: callback.into(), binding: Some("browser-1".into()), timeout: None }
}

pub async fn myself(client: &Client, id: &str) -> Result<u16, Error> {
    client
        .proxy_request(RequestOptions::new(id, "GET", "/rest/api/3/myself"))
        .await
        .map(|response| response.status)
}
