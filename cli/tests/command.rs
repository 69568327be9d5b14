//! The command as a person uses it: the real program against a sandbox.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};
use support::{Desk, SECRET, ended, text};

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_listed_moved_rotated_kept_alive_and_removed() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    let listed = desk.json(&["list"]).await;
    assert_eq!(listed["id"], "me");
    assert_eq!(desk.json(&["refresh", "me"]).await["generation"], 2);
    assert_eq!(desk.json(&["keep-alive", "--idle-days", "0"]).await["failed"], 0);
    assert_eq!(desk.json(&["select-site", "me", "acme"]).await["site_choice"], "selected");
    assert_eq!(desk.json(&["disconnect", "me"]).await, json!({ "disconnected": "me" }));
    assert!(desk.run(&["list", "--json"]).await.stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_moved_to_another_key() {
    const NEW: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let desk = Desk::new().await;
    desk.connect("me").await;
    // Without a key given there is one beside the store.
    let old = std::fs::read_to_string(desk.folder.path().join("threelo.db.key")).unwrap();
    let both = format!("{NEW},{}", old.trim());
    let run = |arguments: &[&str], key: &str| {
        let mut command = desk.command(arguments);
        command.env("THREELO_ENCRYPTION_KEY", key).output().unwrap()
    };
    let moved = run(&["rekey", "--json"], &both);
    assert!(moved.status.success(), "{}", text(&moved.stderr));
    let report: Value = serde_json::from_slice(&moved.stdout).unwrap();
    assert_eq!(report, json!({ "grants": 1, "sessions": 0, "left": 0, "complete": true }));
    assert!(text(&run(&["rekey"], NEW).stdout).contains("complete: the other keys can be taken out"));
    assert!(run(&["refresh", "me"], NEW).status.success());
    assert_eq!(run(&["list"], old.trim()).status.code(), Some(1));
    // A row of a key that was not given keeps it from being complete, and the exit code says so.
    let third = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
    assert!(run(&["refresh", "me"], &format!("{third},{NEW}")).status.success());
    let again = run(&["rekey"], &format!("{},{NEW}", old.trim()));
    assert_eq!(again.status.code(), Some(1), "{}", text(&again.stdout));
    assert!(text(&again.stdout).contains("next: keep the other keys"), "{}", text(&again.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_carries_a_file_to_an_issue() {
    let desk = Desk::new().await;
    let (child, cookie, url) = desk.begin(&["me", "--scopes", "read:jira-work,write:jira-work"]).await;
    let callback = desk.consent(&url, json!({ "account": "ada", "sites": ["acme"] })).await;
    assert_eq!(desk.get(&callback, &cookie).await.0, 200);
    assert!(ended(child).await.status.success());
    std::fs::write(desk.folder.path().join("notes.txt"), "seven words are enough for a note").unwrap();
    let arguments =
        ["request", "me", "/rest/api/3/issue/ACME-1/attachments", "-F", "file=@notes.txt;filename=n.txt"];
    let mut command = desk.command(&arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let attached: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&attached[0]["filename"], &attached[0]["size"]), (&json!("n.txt"), &json!(33)));
    let content = attached[0]["content"].as_str().unwrap();
    let saved = desk.run(&["request", "me", content, "--output", "copy.txt"]).await;
    assert!(saved.status.success(), "{}", text(&saved.stderr));
    let copy = std::fs::read_to_string(desk.folder.path().join("copy.txt")).unwrap();
    assert_eq!(copy, "seven words are enough for a note");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_stopped_goes_on_with_its_cursor() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    let search = ["request", "me", "/rest/api/3/search/jql", "-q", "jql=project = ACME", "--paginate"];
    let first = desk.run(&[&search[..], &["--limit", "20"]].concat()).await;
    assert_eq!(text(&first.stdout).lines().count(), 20);
    let told = text(&first.stderr);
    let cursor = told.lines().find_map(|line| line.strip_prefix("there is more: --cursor ")).unwrap();
    let rest = desk.run(&[&search[..], &["--cursor", cursor]].concat()).await;
    assert_eq!(text(&rest.stdout).lines().count(), 37, "{}", text(&rest.stderr));
    let told = desk.run(&[&search[..], &["--limit", "20", "--json"]].concat()).await;
    assert_eq!(serde_json::from_slice::<Value>(&told.stderr).unwrap(), json!({ "cursor": cursor }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_cannot_be_written_is_a_failure() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    let search = ["request", "me", "/rest/api/3/search/jql", "-q", "jql=project = ACME", "--paginate"];
    let full = desk.run(&[&search[..], &["--output", "/dev/full", "--json"]].concat()).await;
    assert_eq!(full.status.code(), Some(1), "{}", text(&full.stderr));
    let told: Value = serde_json::from_slice(&full.stderr).unwrap();
    assert_eq!(told["error"]["code"], "io");
    assert!(told["error"]["hint"].as_str().unwrap().contains("not whole"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_headers_are_shown_also_as_json() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    let told = desk.json(&["request", "me", "/rest/api/3/myself", "-i"]).await;
    assert_eq!((&told["status"], &told["body"]["displayName"]), (&json!(200), &json!("Ada Lovelace")));
    assert!(told["headers"]["content-type"].as_str().unwrap().contains("json"), "{told}");
    let saved = desk.json(&["request", "me", "/rest/api/3/myself", "-i", "--output", "me.json"]).await;
    assert_eq!((&saved["status"], saved.get("body")), (&json!(200), None));
    assert!(desk.folder.path().join("me.json").exists());
}

/// Runs a sandbox, and gives what it says of itself.
fn serve(desk: &Desk, arguments: &[&str]) -> (std::process::Child, Value) {
    let mut command = desk.command(&[&["sandbox", "--json"], arguments].concat());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_of_the_same_seed_at_the_same_time_gives_the_same_bytes() {
    let desk = Desk::new().await;
    std::fs::write(desk.folder.path().join("world.json"), r#"{"apps": [{"client_id": "mine"}]}"#).unwrap();
    let mut seen = Vec::new();
    for time in ["1790000000", "2026-09-21T14:13:20Z"] {
        let (mut child, told) = serve(&desk, &["--world", "world.json", "--seed", "7", "--stopped-at", time]);
        assert_eq!(told["client_id"], "mine");
        let url = told["url"].as_str().unwrap();
        let authorize = format!(
            "{url}/authorize?audience=api.atlassian.com&client_id=mine&scope=read%3Ame&redirect_uri={}&state=s&response_type=code&prompt=consent",
            told["redirect_uri"].as_str().unwrap(),
        );
        let decision = json!({ "url": authorize, "account": "ada", "sites": ["acme"] });
        let consent = desk.http.post(format!("{url}/_sandbox/consent")).json(&decision).send().await.unwrap();
        let callback: Value = consent.json().await.unwrap();
        let callback = url::Url::parse(callback["callback"].as_str().unwrap()).unwrap();
        let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let exchange = json!({
            "grant_type": "authorization_code", "client_id": "mine", "client_secret": told["client_secret"],
            "code": code, "redirect_uri": told["redirect_uri"],
        });
        let answer = desk.http.post(format!("{url}/oauth/token")).json(&exchange).send().await.unwrap();
        let date = answer.headers()["date"].to_str().unwrap().to_owned();
        seen.push((date, answer.text().await.unwrap()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(seen[0].0, "Mon, 21 Sep 2026 14:13:20 GMT");
    assert!(seen[0].1.contains("access_token"), "{}", seen[0].1);
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_prints_an_item_per_line_and_a_body_goes_into_a_file() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    let search = ["request", "me", "/rest/api/3/search/jql", "-q", "jql=project = ACME", "--paginate"];
    let output = desk.run(&search).await;
    assert_eq!(text(&output.stdout).lines().count(), 57, "{}", text(&output.stderr));
    let output = desk.run(&["request", "me", "/rest/api/3/myself", "--output", "me.json"]).await;
    assert!(output.status.success() && output.stdout.is_empty());
    let saved = std::fs::read(desk.folder.path().join("me.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&saved).unwrap()["displayName"], "Ada Lovelace");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_nango_is_taken_over_without_a_new_consent() {
    let desk = Desk::new().await;
    let pair = desk.foreign_pair("read:jira-work read:jira-user offline_access").await;
    let export = json!({ "connections": [{
        "connection_id": "user-42", "provider_config_key": "jira",
        "credentials": { "type": "OAUTH2", "refresh_token": pair["refresh_token"], "raw": { "scope": pair["scope"] } },
        "connection_config": {}, "tags": { "plan": "pro" },
    }, { "connection_id": "broken", "credentials": { "type": "OAUTH2" } }] });
    std::fs::write(desk.folder.path().join("export.json"), export.to_string()).unwrap();
    let output = desk.run(&["import", "export.json"]).await;
    assert_eq!(output.status.code(), Some(1), "one of two was refused");
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(told.contains("imported user-42") && told.contains("1 of 2 imported"), "{told}");
    assert!(!told.contains(pair["refresh_token"].as_str().unwrap()));
    assert_eq!(desk.json(&["refresh", "user-42"]).await["tags"]["plan"], "pro");
    assert_eq!(desk.json(&["request", "user-42", "/rest/api/3/myself"]).await["displayName"], "Ada Lovelace");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_of_an_export_of_nango_is_used_while_it_is_good() {
    let desk = Desk::new().await;
    let pair = desk.foreign_pair("read:jira-work read:jira-user offline_access").await;
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3000);
    let export = json!({
        "connection_id": "user-42", "provider_config_key": "jira",
        "credentials": {
            "type": "OAUTH2", "access_token": pair["access_token"], "refresh_token": pair["refresh_token"],
            "expires_at": humantime::format_rfc3339_millis(later).to_string(), "raw": { "scope": pair["scope"] },
        },
        "connection_config": {},
    });
    std::fs::write(desk.folder.path().join("export.json"), export.to_string()).unwrap();
    let output = desk.run(&["import", "export.json"]).await;
    assert!(output.status.success(), "{}", text(&output.stdout));
    assert_eq!(desk.json(&["request", "user-42", "/rest/api/3/myself"]).await["displayName"], "Ada Lovelace");
    assert_eq!(desk.json(&["show", "user-42"]).await["generation"], 1, "nothing was rotated for it");
    assert_eq!(desk.json(&["refresh", "user-42"]).await["generation"], 2);
    assert_eq!(desk.json(&["request", "user-42", "/rest/api/3/myself"]).await["displayName"], "Ada Lovelace");
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_alive_tells_by_its_exit_code_what_is_needed() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    let pass = ["keep-alive", "--idle-days", "0", "--json"];
    desk.fault("/oauth/token", json!({ "status": 503 })).await;
    let later = desk.run(&pass).await;
    assert_eq!(later.status.code(), Some(4), "{}", text(&later.stdout));
    desk.mend().await;
    std::fs::write(
        desk.folder.path().join("dead.jsonl"),
        r#"{"id": "dead", "refresh_token": "x", "site": "acme"}"#,
    )
    .unwrap();
    assert!(desk.run(&["import", "dead.jsonl"]).await.status.success());
    assert_eq!(desk.run(&["refresh", "dead"]).await.status.code(), Some(3));
    let person = desk.run(&pass).await;
    assert_eq!(person.status.code(), Some(3), "{}", text(&person.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_come_from_flags_then_the_environment_then_the_file() {
    let desk = Desk::new().await;
    let file = desk.folder.path().join("threelo.toml");
    std::fs::write(&file, "store = \"from-file.db\"\nclient_id = \"file\"\n").unwrap();
    let told = text(&desk.run(&["doctor"]).await.stdout);
    assert!(
        told.contains("store from threelo.toml") && told.contains("client_id from $THREELO_CLIENT_ID"),
        "{told}"
    );
    let told = text(&desk.run(&["doctor", "--store", "flag.db"]).await.stdout);
    assert!(told.contains("store from --store"), "{told}");
    let told = text(&desk.run(&["doctor", "--site-policy", "ask", "--max-body-bytes", "1000"]).await.stdout);
    assert!(told.contains("max_body_bytes from --max-body-bytes, "), "{told}");
    assert!(told.contains("site_policy from --site-policy"), "{told}");
    let output = desk.run(&["list", "--site-policy", "guess"]).await;
    assert!(text(&output.stderr).contains("site_policy"), "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_the_settings_file_is_refused_and_not_shown() {
    let desk = Desk::new().await;
    for content in ["client_secret = \"hunter2\"", "client_id = hunter2", "encryption_key = \"hunter2\""] {
        std::fs::write(desk.folder.path().join("threelo.toml"), content).unwrap();
        let output = desk.run(&["list"]).await;
        assert_eq!(output.status.code(), Some(2));
        let told = text(&output.stderr);
        assert!(told.contains("next:") && !told.contains("hunter2"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_have_a_code_a_next_step_and_an_exit_code() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    let auth = format!("auth={}", desk.sandbox.url());
    let cases: &[(&[&str], &str, i32)] = &[
        (&["show", "nobody"], "connection_not_found", 1),
        (&["select-site", "me", "nowhere"], "site_not_found", 1),
        (&["request", "me", "https://evil.example/x"], "destination_refused", 1),
        (&["request", "me", "BREW", "/rest/api/3/myself"], "invalid_argument", 2),
        (&["request", "me", "POST", "/rest/api/3/project", "-d", "{}"], "missing_scope", 1),
        (&["request", "me", "/rest/api/3/search"], "endpoint_removed", 1),
        (&["connect", "x", "--redirect-uri", "nonsense"], "invalid_config", 2),
        (&["list", "--tag", "nonsense"], "usage", 2),
        (&["list", "--nonsense"], "usage", 2),
        (&["show"], "usage", 2),
        (&["lisst"], "usage", 2),
        (&[], "usage", 2),
        (&["request", "me", "/rest/api/3/search/jql", "--paginate", "-H", "X: y"], "usage", 2),
        (&["request", "me", "/rest/api/3/search/jql", "--paginate", "-i"], "usage", 2),
        (&["sandbox", "--world", "absent.json"], "io", 1),
        (&["sandbox", "--stopped-at", "yesterday"], "usage", 2),
        (&["sandbox", "--faults", r#"{"path": "/me", "kind": {"explode": 1}}"#], "usage", 2),
        (&["sandbox", "--faults", r#"{"path": "/me", "knd": 1}"#], "usage", 2),
        (&["sandbox", "--faults", "absent.json"], "io", 1),
        (&["list", "--store", "/nonexistent/threelo.db"], "invalid_config", 2),
        (&["request", "me", "/rest/api/3/myself", "-d", "{"], "usage", 2),
        (&["sites", "me", "--endpoint", &auth, "--endpoint", "api=http://127.0.0.1:9"], "network", 4),
        (&["import", "absent.json"], "io", 1),
    ];
    for (arguments, code, exit) in cases {
        let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
        let output = desk.run(&arguments).await;
        let told = text(&output.stderr);
        let error: Value =
            serde_json::from_str(told.lines().last().unwrap()).unwrap_or_else(|_| panic!("{told}"));
        assert_eq!(error["error"]["code"], *code, "{arguments:?}: {told}");
        assert!(!error["error"]["hint"].as_str().unwrap().is_empty());
        assert_eq!(output.status.code(), Some(*exit), "{arguments:?}");
        for never in [SECRET, "panicked", "stack backtrace", "src/"] {
            assert!(!told.contains(never), "{never}: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_know_the_commands() {
    let desk = Desk::new().await;
    for shell in ["bash", "zsh", "fish"] {
        let output = desk.run(&["completions", shell]).await;
        assert!(text(&output.stdout).contains("keep-alive"), "{shell}");
    }
}
