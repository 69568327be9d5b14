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
const OTHER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Remembers which codes were told.
#[derive(Default)]
struct Told(BTreeSet<String>);

impl Told {
    fn take(&mut self, code: &str, exit: i32, output: &Output) {
        let told = text(&output.stderr);
        let line =
            told.lines().rev().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{code}: {told}"));
        let error: Value = serde_json::from_str(line).unwrap();
        assert_eq!(error["error"]["code"], code, "{told}");
        assert!(!error["error"]["hint"].as_str().unwrap().is_empty(), "{code}");
        assert_eq!(output.status.code(), Some(exit), "{code}");
        for never in [SECRET, "panicked", "stack backtrace", "src/", "eyJ"] {
            assert!(!told.contains(never), "{code} tells {never}: {told}");
        }
        self.0.insert(code.to_owned());
    }

    async fn of(&mut self, desk: &Desk, arguments: &[&str], code: &str, exit: i32) {
        self.with(desk, arguments, &[], code, exit).await;
    }

    async fn with(&mut self, desk: &Desk, arguments: &[&str], envs: &[(&str, &str)], code: &str, exit: i32) {
        let mut command = desk.command(arguments);
        command.arg("--json").envs(envs.iter().copied());
        self.take(code, exit, &finished(command).await);
    }
}

async fn finished(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output().unwrap()).await.unwrap()
}

async fn control(desk: &Desk, path: &str, body: Value) {
    let answer = desk.http.post(format!("{}/_sandbox{path}", desk.sandbox.url())).json(&body).send().await;
    assert!(answer.unwrap().status().is_success(), "{path}");
}

async fn fault(desk: &Desk, path: &str, kind: Value) {
    control(desk, "/faults", json!({ "path": path, "kind": kind, "times": 0 })).await;
}

async fn mend(desk: &Desk) {
    desk.http.delete(format!("{}/_sandbox/faults", desk.sandbox.url())).send().await.unwrap();
}

/// Whether a call is being held back.
async fn waiting(desk: &Desk) -> bool {
    let faults = desk.http.get(format!("{}/_sandbox/faults", desk.sandbox.url())).send().await.unwrap();
    faults.json::<Value>().await.unwrap()[0]["waiting"].as_u64() > Some(0)
}

/// A consent whose callback is pasted, as `changed`.
async fn pasted(desk: &Desk, id: &str, decision: Value, changed: impl FnOnce(String) -> String) -> Output {
    let mut command = desk.command(&["connect", id, "--no-browser", "--json"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = serde_json::from_str::<Value>(&line)
        .map_or(line.trim().to_owned(), |said| said["url"].as_str().unwrap().to_owned());
    let callback = changed(desk.consent(&url, decision).await);
    writeln!(child.stdin.as_mut().unwrap(), "{callback}").unwrap();
    drop(child.stdin.take());
    ended(child).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_is_told_with_its_next_step() {
    let (desk, mut told) = (Desk::new().await, Told::default());
    desk.connect("me").await;
    let ada = json!({ "account": "ada", "sites": ["acme"] });

    // What was asked, and the settings.
    told.of(&desk, &["list", "--store", "/nonexistent/threelo.db"], "invalid_config", 2).await;
    told.of(&desk, &["request", "me", "BREW", "/rest/api/3/myself"], "invalid_argument", 2).await;
    told.of(&desk, &["show", "nobody"], "connection_not_found", 1).await;
    told.of(&desk, &["request", "me", "https://evil.example/x"], "destination_refused", 1).await;
    told.of(&desk, &[&SEARCH[..], &["--cursor", "nonsense"]].concat(), "cursor_invalid", 1).await;

    // Consents.
    let declined = pasted(&desk, "no", json!({ "account": "ada", "decision": "decline" }), |url| url).await;
    told.take("authorization_denied", 1, &declined);
    let foreign = |url: String| url.replace("state=", "state=x");
    told.take("state_invalid", 1, &pasted(&desk, "no", ada.clone(), foreign).await);
    let grace = json!({ "account": "grace", "sites": ["acme"] });
    told.take("account_mismatch", 1, &pasted(&desk, "me", grace, |url| url).await);

    let two = json!({ "account": "grace", "sites": ["acme", "zeta"] });
    pasted(&desk, "two", two, |url| url).await;
    told.of(&desk, &["request", "two", "/rest/api/3/myself"], "site_required", 1).await;

    // The API's answers.
    told.of(&desk, &["select-site", "me", "nowhere"], "site_not_found", 1).await;
    told.of(&desk, &["request", "me", "POST", "/rest/api/3/project", "-d", "{}"], "missing_scope", 1).await;
    told.of(&desk, &["request", "me", "/rest/api/3/search"], "endpoint_removed", 1).await;
    told.with(&desk, &READ, &[("THREELO_MAX_BODY_BYTES", "20")], "body_too_large", 1).await;
    control(&desk, "/sites/acme/permissions", json!({ "account": "ada", "allowed": false })).await;
    told.of(&desk, &READ, "permission_denied", 1).await;
    control(&desk, "/sites/acme/permissions", json!({ "account": "ada", "allowed": true })).await;
    fault(&desk, "/ex/*", json!({ "status": 418 })).await;
    told.of(&desk, &READ, "http_error", 1).await;
    mend(&desk).await;
    fault(
        &desk,
        "/ex/*",
        json!({ "status": 200, "body": { "issues": [{ "id": "1" }], "nextPageToken": "same" } }),
    )
    .await;
    told.of(&desk, &SEARCH, "pagination_stalled", 1).await;
    mend(&desk).await;

    // The way there.
    told.of(&desk, &[&READ[..], &["--timeout", "0.000001"]].concat(), "timeout", 4).await;
    fault(&desk, "/ex/*", json!({ "hold": "before" })).await;
    let mut command = desk.command(&READ);
    let child = command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !waiting(&desk).await {}
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    told.take("cancelled", 130, &ended(child).await);
    mend(&desk).await;
    fault(&desk, "/ex/*", json!({ "truncate": 5 })).await;
    told.of(&desk, &READ, "response_truncated", 4).await;
    mend(&desk).await;
    fault(&desk, "/ex/*", json!({ "reset": "after" })).await;
    told.of(&desk, &WRITE, "outcome_unknown", 1).await;
    mend(&desk).await;
    let auth = format!("auth={}", desk.sandbox.url());
    told.of(
        &desk,
        &["sites", "me", "--endpoint", &auth, "--endpoint", "api=http://127.0.0.1:9"],
        "network",
        4,
    )
    .await;
    fault(&desk, "/ex/*", json!({ "status": 429, "headers": { "retry-after": "3600" } })).await;
    told.of(&desk, &READ, "rate_limited", 4).await;
    mend(&desk).await;

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
    fault(&desk, "/oauth/token", json!({ "status": 503 })).await;
    told.of(&desk, &["refresh", "me"], "identity_unavailable", 4).await;
    mend(&desk).await;
    std::fs::write(
        desk.folder.path().join("twice.jsonl"),
        "{\"id\": \"one\", \"refresh_token\": \"theirs\", \"site\": \"acme\"}\n{\"id\": \"two\", \"refresh_token\": \"theirs\", \"site\": \"acme\"}\n",
    )
    .unwrap();
    let twice = desk.run(&["import", "twice.jsonl", "--json"]).await;
    assert_eq!(twice.status.code(), Some(1));
    let refused: Value = serde_json::from_str(text(&twice.stdout).lines().nth(1).unwrap()).unwrap();
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!("two"), &json!("already_imported")));
    assert!(!refused["error"]["hint"].as_str().unwrap().is_empty());
    told.0.insert("already_imported".to_owned());
    told.of(&desk, &["request", "one", "/rest/api/3/myself"], "reauthorization_required", 3).await;
    control(&desk, "/sites/acme/uninstall", json!({})).await;
    told.of(&desk, &READ, "app_not_installed", 1).await;
    let listed = include_str!("../../api.toml")
        .lines()
        .filter_map(|line| line.strip_prefix("[errors.")?.strip_suffix(']'));
    let all: BTreeSet<String> = listed.filter(|code| !code.contains('.')).map(str::to_owned).collect();
    let left: Vec<_> =
        all.iter().filter(|code| !told.0.contains(*code) && !BEYOND.contains(&code.as_str())).collect();
    assert!(left.is_empty(), "not provoked: {left:?}");
}
