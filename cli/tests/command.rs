//! The command as a person uses it: the real program against a sandbox, with a browser that is played here.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::{Desk, SECRET, ended, heading, text, values};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test(flavor = "multi_thread")]
async fn one_site_is_taken_without_asking() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    let shown = desk.json(&["show", "me"]).await;
    assert_eq!(shown["site"]["url"], "https://acme.atlassian.net");
    assert_eq!(shown["ledger"][0]["outcome"], "connected");
    let myself = desk.json(&["request", "me", "/rest/api/3/myself"]).await;
    assert_eq!(myself["displayName"], "Ada Lovelace");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_sites_the_person_picks_one_and_reloading_is_harmless() {
    let desk = Desk::new().await;
    let (mut child, cookie, url) = desk.begin(&["me"]).await;
    let sites = json!({ "account": "ada", "sites": ["acme", "zeta", "umbrella"] });
    let callback = desk.consent(&url, sites).await;
    let (_, picker) = desk.get(&callback, &cookie).await;
    assert_eq!(heading(&picker), "Choose a Jira site");
    let (status, again) = desk.get(&callback, &cookie).await;
    assert_eq!((status, values(&again)), (200, values(&picker)), "a reload shows the same choice");
    assert_eq!(values(&picker).len(), 3);
    let chosen = &values(&picker)[1];
    let select = callback.split("/callback").next().unwrap().to_owned() + "/threelo/site";
    let form = |cookie: &str| {
        let body = format!("site={chosen}");
        desk.http.post(&select).header("cookie", cookie).header("content-type", FORM).body(body).send()
    };
    assert_eq!(form("threelo_browser=other").await.unwrap().status(), 400);
    assert!(child.try_wait().unwrap().is_none(), "another browser ends nothing");
    let empty = desk.http.post(&select).header("cookie", &cookie).header("content-type", FORM).body("");
    assert_eq!(empty.send().await.unwrap().status(), 303);
    assert_eq!(
        heading(&desk.get(&callback, &cookie).await.1),
        "Choose a Jira site",
        "none chosen: asked again"
    );
    assert_eq!(form(&cookie).await.unwrap().status(), 303);
    for _ in ["the page", "a reload", "going back to the callback"] {
        let (status, page) = desk.get(&callback, &cookie).await;
        assert_eq!((status, heading(&page)), (200, "Connected"));
    }
    assert!(ended(child).await.status.success());
    assert_eq!(&desk.json(&["show", "me"]).await["site"]["cloud_id"], chosen);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_browser_cannot_finish_the_consent() {
    let desk = Desk::new().await;
    let (mut child, cookie, url) = desk.begin(&["me"]).await;
    let callback = desk.consent(&url, json!({ "account": "ada", "sites": ["acme"] })).await;
    for other in ["", "threelo_browser=0000"] {
        let (status, page) = desk.get(&callback, other).await;
        assert_eq!((status, heading(&page)), (400, "Not connected"));
        assert!(page.contains("state_invalid"));
    }
    assert!(child.try_wait().unwrap().is_none(), "the consent is still waited for");
    assert_eq!(desk.get(&callback, &cookie).await.0, 200);
    assert!(ended(child).await.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callback_of_an_older_consent_does_not_end_this_one() {
    let desk = Desk::new().await;
    let (mut child, _, older) = desk.begin(&["me"]).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let older = desk.consent(&older, json!({ "account": "ada", "sites": ["acme"] })).await;
    let (mut child, cookie, url) = desk.begin(&["me"]).await;
    for stale in [&*older, &desk.callback, &format!("{}?error=access_denied", desk.callback)] {
        let (status, page) = desk.get(stale, &cookie).await;
        assert_eq!((status, heading(&page)), (400, "Not connected"), "{stale}");
    }
    assert!(child.try_wait().unwrap().is_none(), "the consent is still waited for");
    let callback = desk.consent(&url, json!({ "account": "ada", "sites": ["acme"] })).await;
    assert_eq!(desk.get(&callback, &cookie).await.0, 200);
    assert!(ended(child).await.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_consent_is_told_on_the_page_and_in_the_terminal() {
    let desk = Desk::new().await;
    let (child, cookie, url) = desk.begin(&["me"]).await;
    let callback = desk.consent(&url, json!({ "account": "ada", "decision": "decline" })).await;
    let (status, page) = desk.get(&callback, &cookie).await;
    assert_eq!((status, heading(&page)), (400, "Not connected"));
    let output = ended(child).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("error[authorization_denied]"), "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_ask_nobody_for_anything_and_say_what_they_may_do() {
    let desk = Desk::new().await;
    let (child, cookie, url) = desk.begin(&["me"]).await;
    let callback = desk.consent(&url, json!({ "account": "ada", "sites": ["acme"] })).await;
    assert_eq!(desk.get(&callback, &cookie).await.0, 200);
    let result = callback.split("/callback").next().unwrap().to_owned() + "/threelo/result";
    let response = desk.http.get(result).header("cookie", &cookie).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert_eq!(response.headers()["referrer-policy"], "no-referrer");
    let page = response.text().await.unwrap();
    assert!(page.contains("<html lang=\"en\">"));
    for outside in ["src=", "<script", "<link", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(ended(child).await.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_browser_the_address_is_pasted() {
    let desk = Desk::new().await;
    let mut child = desk
        .command(&["connect", "me", "--no-browser"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
    let callback = desk.consent(url.trim(), json!({ "account": "ada", "sites": ["acme", "zeta"] })).await;
    writeln!(child.stdin.as_mut().unwrap(), "{callback}\n2").unwrap();
    let output = ended(child).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let sites = desk.json(&["sites", "me"]).await;
    assert_eq!(desk.json(&["show", "me"]).await["site"]["cloud_id"], sites[1]["cloud_id"]);
}

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
    // What another system holds: a pair of tokens it got by itself.
    let (mut child, _, url) = desk.begin(&["theirs"]).await;
    let callback = desk.consent(&url, json!({ "account": "ada", "sites": ["acme"] })).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let callback = url::Url::parse(&callback).unwrap();
    let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let body = json!({
        "grant_type": "authorization_code", "client_id": "sandbox-client", "client_secret": SECRET,
        "code": code, "redirect_uri": desk.callback,
    });
    let token = format!("{}/oauth/token", desk.sandbox.url());
    let pair: Value = desk.http.post(token).json(&body).send().await.unwrap().json().await.unwrap();
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
async fn doctor_finds_what_is_wrong_and_says_what_to_do() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    let well = desk.json(&["doctor", "me"]).await;
    assert!(well.as_array().unwrap().iter().all(|finding| finding["state"] == "good"), "{well}");
    for what in ["offline_access", "store file", "permissions", "clock", "callback"] {
        assert!(well.as_array().unwrap().iter().any(|finding| finding["what"] == what), "{what}: {well}");
    }
    let settings = format!("{}/_sandbox/settings", desk.sandbox.url());
    let lacking = json!({ "permissions_lacking": ["CREATE_ISSUES"] });
    desk.http.patch(settings).json(&lacking).send().await.unwrap().error_for_status().unwrap();
    let store = desk.folder.path().join("threelo.db");
    assert!(Command::new("chmod").arg("644").arg(store).status().unwrap().success());
    let warned = desk.json(&["doctor", "me"]).await;
    let found =
        |what: &str| warned.as_array().unwrap().iter().find(|finding| finding["what"] == what).unwrap();
    assert!(found("permissions")["found"].as_str().unwrap().contains("CREATE_ISSUES"), "{warned}");
    assert!(found("store file")["next"].as_str().unwrap().starts_with("chmod 600 "), "{warned}");
    let mut command = desk.command(&["doctor", "me", "--json", "--scopes", "write:jira-work"]);
    let output =
        command.env("THREELO_ENDPOINTS", "auth=http://127.0.0.1:9,api=http://127.0.0.1:9").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    for what in ["scopes", "identity service", "API", "granted scopes", "sites"] {
        let finding = findings.as_array().unwrap().iter().find(|finding| finding["what"] == what);
        assert!(finding.is_some_and(|finding| finding["next"].is_string()), "{what}: {findings}");
    }
    assert!(!text(&output.stdout).contains(SECRET));
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
    assert!(Path::exists(&desk.folder.path().join("flag.db")));
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
async fn init_checks_each_value_and_writes_no_secret() {
    let desk = Desk::new().await;
    let mut command = desk.command(&["init", "--store", "mine.db"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let written = std::fs::read_to_string(desk.folder.path().join("threelo.toml")).unwrap();
    assert!(written.contains("mine.db") && written.contains("sandbox-client"), "{written}");
    assert!(!written.contains(SECRET));
    let output = desk.run(&["init", "--store", "x"]).await;
    assert_eq!(output.status.code(), Some(2), "a file that is there is not replaced");
    let wrong = ["init", "--force", "--store", "x", "--redirect-uri", "http://example.com/callback"];
    let output = desk.run(&wrong).await;
    assert!(text(&output.stderr).contains("error[invalid_config]"), "{}", text(&output.stderr));
    assert!(std::fs::read_to_string(desk.folder.path().join("threelo.toml")).unwrap().contains("mine.db"));
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
