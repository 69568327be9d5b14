//! Every error code as the command tells it: with a next step, an exit code, no secret and no stack trace.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use support::{Desk, SECRET, ended, text};

/// What the command cannot come upon: it closes its client last of all, and `internal` stands for a panic, of which
/// there is none to provoke.
const BEYOND: [&str; 2] = ["closed", "internal"];

const READ: [&str; 3] = ["request", "me", "/rest/api/3/myself"];
const WRITE: [&str; 5] = ["request", "me", "/rest/api/3/issue", "-d", "{}"];
const SEARCH: [&str; 6] =
    ["request", "me", "/rest/api/3/search/jql", "-q", "jql=project = ACME", "--paginate"];
/// A refresh token of another system.
const FOREIGN: &str = "a-token-from-elsewhere";
const OTHER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Remembers which codes were told.
#[derive(Default)]
struct Told {
    codes: BTreeSet<String>,
    /// What must never stand in an answer, beside what is known from the start.
    secrets: Vec<String>,
}

impl Told {
    /// As a program reads it.
    fn take(&mut self, code: &str, exit: i32, output: &Output) {
        let told = text(&output.stderr);
        let line =
            told.lines().rev().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{code}: {told}"));
        let error: Value = serde_json::from_str(line).unwrap();
        assert_eq!(error["error"]["code"], code, "{told}");
        assert!(!error["error"]["hint"].as_str().unwrap().is_empty(), "{code}");
        // A program may want to know whether to come back.
        assert_eq!(error["error"]["retryable"], exit == 4, "{told}");
        self.discreet(code, exit, output);
        self.codes.insert(code.to_owned());
    }

    /// As a person reads it.
    fn read(&mut self, code: &str, exit: i32, output: &Output) {
        let told = text(&output.stderr);
        let (_, told) =
            told.split_once(&format!("error[{code}]: ")).unwrap_or_else(|| panic!("{code}: {told}"));
        let (message, next) = told.split_once("\n  next: ").unwrap_or_else(|| panic!("{code}: {told}"));
        assert!(!message.trim().is_empty() && !next.trim().is_empty(), "{code}: {told}");
        self.discreet(code, exit, output);
    }

    /// No secret there is or was stands anywhere, and no trace of the program's inside.
    fn discreet(&self, code: &str, exit: i32, output: &Output) {
        assert_eq!(output.status.code(), Some(exit), "{code}");
        let all = text(&output.stdout) + &text(&output.stderr);
        let never = ["panicked", "stack backtrace", "src/", SECRET, "eyJ", OTHER_KEY, FOREIGN];
        for never in never.into_iter().chain(self.secrets.iter().map(|secret| &**secret)) {
            assert!(!all.contains(never), "{code} tells {never}: {all}");
        }
    }

    async fn of(&mut self, desk: &Desk, arguments: &[&str], code: &str, exit: i32) {
        self.with(desk, arguments, &[], code, exit).await;
    }

    async fn with(&mut self, desk: &Desk, arguments: &[&str], envs: &[(&str, &str)], code: &str, exit: i32) {
        let mut command = desk.command(arguments);
        command.envs(envs.iter().copied());
        self.read(code, exit, &finished(command).await);
        let mut command = desk.command(arguments);
        command.arg("--json").envs(envs.iter().copied());
        self.take(code, exit, &finished(command).await);
    }

    /// A consent whose callback is pasted as `changed` leaves it, and what comes of it.
    async fn of_pasted(
        &mut self,
        desk: &Desk,
        id: &str,
        decision: &Value,
        changed: impl Fn(String) -> String,
        code: &str,
    ) {
        let output = self.pasted(desk, &["connect", id, "--no-browser"], decision, &changed).await;
        self.read(code, 1, &output);
        let output = self.pasted(desk, &["connect", id, "--no-browser", "--json"], decision, &changed).await;
        self.take(code, 1, &output);
    }

    /// State and code are secrets from then on. The address itself is printed to be opened, and left out here.
    async fn pasted(
        &mut self,
        desk: &Desk,
        arguments: &[&str],
        decision: &Value,
        changed: impl Fn(String) -> String,
    ) -> Output {
        let mut command = desk.command(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = serde_json::from_str::<Value>(&line)
            .map_or(line.trim().to_owned(), |said| said["url"].as_str().unwrap().to_owned());
        let callback = desk.consent(&url, decision.clone()).await;
        for (name, value) in url::Url::parse(&callback).unwrap().query_pairs() {
            if ["state", "code"].contains(&&*name) {
                self.secrets.push(value.into_owned());
            }
        }
        writeln!(child.stdin.as_mut().unwrap(), "{}", changed(callback)).unwrap();
        drop(child.stdin.take());
        ended(child).await
    }
}

async fn finished(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_is_told_with_its_next_step() {
    let (desk, mut told) = (Desk::new().await, Told::default());
    desk.connect("me").await;
    told.secrets
        .push(std::fs::read_to_string(desk.folder.path().join("threelo.db.key")).unwrap().trim().to_owned());
    let ada = json!({ "account": "ada", "sites": ["acme"] });

    // What was asked, and the settings.
    told.of(&desk, &["list", "--store", "/nonexistent/threelo.db"], "invalid_config", 2).await;
    told.of(&desk, &["request", "me", "BREW", "/rest/api/3/myself"], "invalid_argument", 2).await;
    told.of(&desk, &["show", "nobody"], "connection_not_found", 1).await;
    told.of(&desk, &["request", "me", "https://evil.example/x"], "destination_refused", 1).await;
    told.of(&desk, &[&SEARCH[..], &["--cursor", "nonsense"]].concat(), "cursor_invalid", 1).await;

    // Consents.
    let declined = json!({ "account": "ada", "decision": "decline" });
    told.of_pasted(&desk, "no", &declined, |url| url, "authorization_denied").await;
    let foreign = |url: String| url.replace("state=", "state=x");
    told.of_pasted(&desk, "no", &ada, foreign, "state_invalid").await;
    let grace = json!({ "account": "grace", "sites": ["acme"] });
    told.of_pasted(&desk, "me", &grace, |url| url, "account_mismatch").await;

    let two = json!({ "account": "grace", "sites": ["acme", "zeta"] });
    told.pasted(&desk, &["connect", "two", "--no-browser", "--json"], &two, |url| url).await;
    told.of(&desk, &["request", "two", "/rest/api/3/myself"], "site_required", 1).await;

    // The API's answers.
    told.of(&desk, &["select-site", "me", "nowhere"], "site_not_found", 1).await;
    told.of(&desk, &["request", "me", "POST", "/rest/api/3/project", "-d", "{}"], "missing_scope", 1).await;
    told.of(&desk, &["request", "me", "/rest/api/3/search"], "endpoint_removed", 1).await;
    told.with(&desk, &READ, &[("THREELO_MAX_BODY_BYTES", "20")], "body_too_large", 1).await;
    desk.control("/sites/acme/permissions", json!({ "account": "ada", "allowed": false })).await;
    told.of(&desk, &READ, "permission_denied", 1).await;
    desk.control("/sites/acme/permissions", json!({ "account": "ada", "allowed": true })).await;
    desk.fault("/ex/*", json!({ "status": 418 })).await;
    told.of(&desk, &READ, "http_error", 1).await;
    desk.mend().await;
    desk.fault(
        "/ex/*",
        json!({ "status": 200, "body": { "issues": [{ "id": "1" }], "nextPageToken": "same" } }),
    )
    .await;
    told.of(&desk, &SEARCH, "pagination_stalled", 1).await;
    desk.mend().await;

    // The way there.
    told.of(&desk, &[&READ[..], &["--timeout", "0.000001"]].concat(), "timeout", 4).await;
    desk.fault("/ex/*", json!({ "hold": "before" })).await;
    let mut command = desk.command(&READ);
    let child = command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    desk.waiting().await;
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    told.take("cancelled", 130, &ended(child).await);
    desk.mend().await;
    desk.fault("/ex/*", json!({ "truncate": 5 })).await;
    told.of(&desk, &READ, "response_truncated", 4).await;
    desk.mend().await;
    desk.fault("/ex/*", json!({ "reset": "after" })).await;
    told.of(&desk, &WRITE, "outcome_unknown", 1).await;
    desk.mend().await;
    let auth = format!("auth={}", desk.sandbox.url());
    told.of(
        &desk,
        &["sites", "me", "--endpoint", &auth, "--endpoint", "api=http://127.0.0.1:9"],
        "network",
        4,
    )
    .await;
    desk.fault("/ex/*", json!({ "status": 429, "headers": { "retry-after": "3600" } })).await;
    told.of(&desk, &READ, "rate_limited", 4).await;
    desk.mend().await;

    // The store.
    told.with(&desk, &["list"], &[("THREELO_ENCRYPTION_KEY", OTHER_KEY)], "decryption_failed", 1).await;
    let newer = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/conformance/fixtures/newer.db");
    std::fs::copy(newer, desk.folder.path().join("newer.db")).unwrap();
    told.of(&desk, &["list", "--store", "newer.db"], "schema_newer", 1).await;
    let nobody = ["list", "--store", "postgresql://nobody@127.0.0.1:9/nothing"];
    told.with(&desk, &nobody, &[("THREELO_ENCRYPTION_KEY", OTHER_KEY)], "store_unavailable", 4).await;

    // Tokens.
    told.with(
        &desk,
        &["refresh", "me"],
        &[("THREELO_CLIENT_SECRET", "wrong")],
        "client_credentials_rejected",
        1,
    )
    .await;
    desk.fault("/oauth/token", json!({ "status": 503 })).await;
    told.of(&desk, &["refresh", "me"], "identity_unavailable", 4).await;
    desk.mend().await;
    std::fs::write(
        desk.folder.path().join("twice.jsonl"),
        "{\"id\": \"one\", \"refresh_token\": \"a-token-from-elsewhere\", \"site\": \"acme\"}\n{\"id\": \"two\", \"refresh_token\": \"a-token-from-elsewhere\", \"site\": \"acme\"}\n",
    )
    .unwrap();
    let twice = desk.run(&["import", "twice.jsonl", "--json"]).await;
    told.discreet("already_imported", 1, &twice);
    let refused: Value = serde_json::from_str(text(&twice.stdout).lines().nth(1).unwrap()).unwrap();
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!("two"), &json!("already_imported")));
    assert!(!refused["error"]["hint"].as_str().unwrap().is_empty());
    told.discreet("already_imported", 1, &desk.run(&["import", "twice.jsonl"]).await);
    told.codes.insert("already_imported".to_owned());
    told.of(&desk, &["request", "one", "/rest/api/3/myself"], "reauthorization_required", 3).await;
    desk.control("/sites/acme/uninstall", json!({})).await;
    told.of(&desk, &READ, "app_not_installed", 1).await;
    let listed = include_str!("../../api.toml")
        .lines()
        .filter_map(|line| line.strip_prefix("[errors.")?.strip_suffix(']'));
    let all: BTreeSet<String> = listed.filter(|code| !code.contains('.')).map(str::to_owned).collect();
    let left: Vec<_> =
        all.iter().filter(|code| !told.codes.contains(*code) && !BEYOND.contains(&code.as_str())).collect();
    assert!(left.is_empty(), "not provoked: {left:?}");
}
