//! A sandbox, a folder, and the command in it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

pub mod terminal;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use threelo_sandbox::{Running, World};

pub const SECRET: &str = "sandbox-secret";

pub struct Desk {
    pub sandbox: Running,
    pub folder: tempfile::TempDir,
    pub http: reqwest::Client,
    pub callback: String,
}

impl Desk {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut World)) -> Self {
        // A port of its own for each test, which is free when it is asked for.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let callback = format!("http://localhost:{port}/callback");
        let mut world = World::default();
        world.apps[0].redirect_uris.push(callback.clone());
        change(&mut world);
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Self {
            sandbox: threelo_sandbox::start(world, 0).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
            http: http.build().unwrap(),
            callback,
        }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let url = self.sandbox.url();
        let mut command = Command::new(env!("CARGO_BIN_EXE_threelo"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().envs([
            ("THREELO_CLIENT_ID", "sandbox-client"),
            ("THREELO_CLIENT_SECRET", SECRET),
            ("THREELO_SCOPES", "read:jira-work,read:jira-user,read:me"),
            ("THREELO_REDIRECT_URI", &self.callback),
            ("THREELO_ENDPOINTS", &format!("auth={url},api={url}")),
            ("RUST_BACKTRACE", "1"),
        ]);
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output().unwrap()).await.unwrap()
    }

    pub async fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
        let output = self.run(&arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The person's part at Atlassian: where the browser is sent back to.
    pub async fn consent(&self, url: &str, decision: Value) -> String {
        let mut body = json!({ "url": url });
        body.as_object_mut().unwrap().extend(decision.as_object().unwrap().clone());
        let control = format!("{}/_sandbox/consent", self.sandbox.url());
        let answer: Value = self.http.post(control).json(&body).send().await.unwrap().json().await.unwrap();
        answer["callback"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// As a browser does it: the answer to a callback leads on to a page without code and state in its address.
    pub async fn get(&self, url: &str, cookie: &str) -> (u16, String) {
        let mut response = self.http.get(url).header("cookie", cookie).send().await.unwrap();
        if response.status() == 303 {
            let next = response.url().join(response.headers()["location"].to_str().unwrap()).unwrap();
            assert_eq!(next.query(), None);
            response = self.http.get(next).header("cookie", cookie).send().await.unwrap();
        }
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// An order to the sandbox.
    pub async fn control(&self, path: &str, body: Value) {
        let url = format!("{}/_sandbox{path}", self.sandbox.url());
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}");
    }

    /// From now on, until it is mended.
    pub async fn fault(&self, path: &str, kind: Value) {
        self.control("/faults", json!({ "path": path, "kind": kind, "times": 0 })).await;
    }

    pub async fn mend(&self) {
        self.http.delete(format!("{}/_sandbox/faults", self.sandbox.url())).send().await.unwrap();
    }

    /// Until a call is being held back by the first fault.
    pub async fn waiting(&self) {
        let held = async || {
            let faults = self.http.get(format!("{}/_sandbox/faults", self.sandbox.url())).send().await;
            faults.unwrap().json::<Value>().await.unwrap()[0]["waiting"].as_u64() > Some(0)
        };
        while !held().await {}
    }

    /// A pair of tokens as another system holds it, which got it by itself.
    pub async fn foreign_pair(&self, scopes: &str) -> Value {
        let mut url = url::Url::parse(self.sandbox.url()).unwrap().join("/authorize").unwrap();
        url.query_pairs_mut().extend_pairs([
            ("audience", "api.atlassian.com"),
            ("client_id", "sandbox-client"),
            ("scope", scopes),
            ("redirect_uri", &self.callback),
            ("state", "theirs"),
            ("response_type", "code"),
            ("prompt", "consent"),
        ]);
        let callback = self.consent(url.as_str(), json!({ "account": "ada", "sites": ["acme"] })).await;
        let callback = url::Url::parse(&callback).unwrap();
        let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let body = json!({
            "grant_type": "authorization_code", "client_id": "sandbox-client", "client_secret": SECRET,
            "code": code, "redirect_uri": self.callback,
        });
        let token = format!("{}/oauth/token", self.sandbox.url());
        self.http.post(token).json(&body).send().await.unwrap().json().await.unwrap()
    }

    /// `threelo connect`, and the address a browser is to open.
    pub async fn started(&self, arguments: &[&str]) -> (Child, String) {
        let arguments: Vec<_> = ["connect", "--print-url"].iter().chain(arguments).copied().collect();
        let mut child =
            self.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        // One byte at a time: what follows the line stays in the pipe.
        BufReader::with_capacity(1, stdout).read_line(&mut line).unwrap();
        (child, line.trim().to_owned())
    }

    /// The same as far as the browser has its cookie: the running command, the cookie, and where the consent is.
    pub async fn begin(&self, arguments: &[&str]) -> (Child, String, String) {
        let (child, start) = self.started(arguments).await;
        let started = self.http.get(start).send().await.unwrap();
        assert_eq!(started.status(), 303);
        let header = |name: &str| started.headers()[name].to_str().unwrap().to_owned();
        let cookie = header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        (child, cookie.split(';').next().unwrap().to_owned(), header("location"))
    }

    pub async fn connect(&self, id: &str) {
        let (child, cookie, url) = self.begin(&[id]).await;
        let callback = self.consent(&url, json!({ "account": "ada", "sites": ["acme"] })).await;
        let (status, page) = self.get(&callback, &cookie).await;
        assert_eq!(status, 200, "{page}");
        assert!(ended(child).await.status.success());
    }
}

pub async fn ended(child: Child) -> Output {
    tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn values(page: &str) -> Vec<String> {
    page.split("value=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

pub fn heading(page: &str) -> &str {
    page.split("<h1>").nth(1).unwrap().split("</h1>").next().unwrap()
}
