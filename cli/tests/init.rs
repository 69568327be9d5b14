//! `threelo init`: questions and answers, and where the secret goes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::terminal::Terminal;
use support::{Desk, SECRET, text};

/// A keyring for the tests: secret-tool as far as threelo uses it. It notes how it is called.
const SECRET_TOOL: &str = r#"#!/bin/sh
printf '%s\n' "$*" >> calls
for id; do :; done
case $1 in
  store) cat > "secret of $id" ;;
  lookup) cat "secret of $id" 2> /dev/null ;;
esac
"#;

/// One that cannot be unlocked.
const LOCKED: &str = "#!/bin/sh\nexit 1\n";

/// The command without what it will be asked for, with a keyring's tool where one is given.
fn command(desk: &Desk, arguments: &[&str], tool: Option<&str>) -> Command {
    let mut command = desk.command(arguments);
    for name in ["CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI", "SCOPES", "ENDPOINTS"] {
        command.env_remove(format!("THREELO_{name}"));
    }
    let programs = desk.folder.path().join("programs");
    std::fs::create_dir_all(&programs).unwrap();
    if let Some(script) = tool {
        let program = programs.join("secret-tool");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    }
    command.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    command
}

fn answered(mut command: Command, answers: &str) -> Output {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    // What is not read any more does not matter.
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    child.wait_with_output().unwrap()
}

fn written(desk: &Desk) -> String {
    std::fs::read_to_string(desk.folder.path().join("threelo.toml")).unwrap()
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
async fn a_wrong_answer_is_told_and_asked_for_again() {
    let desk = Desk::new().await;
    let answers = [
        ("", "`client_id` is"),
        ("my-app", ""),
        ("two words", "`client_secret` is a text with spaces"),
        ("hunter2", ""),
        ("http://example.com/callback", "`redirect_uri` is"),
        ("", ""),
        (",", "`scopes` is empty"),
        ("read:jira-work, read:me", ""),
        ("mysql://x", "`store` is a `mysql:` URL"),
        ("no/such/folder/x.db", "`store` is in no/such/folder, which is not a folder"),
        ("here.db", ""),
    ];
    let typed: String = answers.iter().map(|(typed, _)| format!("{typed}\n")).collect();
    let output = answered(command(&desk, &["init"], None), &typed);
    let (told, shown) = (text(&output.stderr), text(&output.stdout));
    assert!(output.status.success(), "{told}");
    for (typed, complaint) in answers {
        assert!(told.contains(complaint), "{typed:?}: {complaint}: {told}");
    }
    assert!(!told.contains("hunter2") && !shown.contains("hunter2"), "{told}{shown}");
    assert!(shown.contains("export THREELO_CLIENT_SECRET=…"), "{shown}");
    let table: toml::Table = written(&desk).parse().unwrap();
    let expected: toml::Table = r#"
        client_id = "my-app"
        redirect_uri = "http://localhost:3000/callback"
        scopes = ["read:jira-work", "read:me"]
        store = "here.db"
    "#
    .parse()
    .unwrap();
    assert_eq!(table, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_it_ends_and_writes_nothing() {
    let desk = Desk::new().await;
    let output = answered(command(&desk, &["init", "--json"], None), "");
    assert_eq!(output.status.code(), Some(2));
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["context"]["option"], "client_id");
    assert!(!desk.folder.path().join("threelo.toml").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_goes_to_the_keyring_and_is_found_there() {
    let desk = Desk::new().await;
    let app =
        ["init", "--keyring", "--json", "--client-id", "sandbox-client", "--redirect-uri", &desk.callback];
    let output = answered(command(&desk, &app, Some(SECRET_TOOL)), &format!("{SECRET}\n\n\n"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&told["keyring"], &told["left_to_the_environment"]),
        (&Value::Bool(true), &Value::Array(vec![]))
    );
    assert!(!written(&desk).contains(SECRET));
    let calls = std::fs::read_to_string(desk.folder.path().join("calls")).unwrap();
    assert!(calls.starts_with("store ") && !calls.contains(SECRET), "{calls}");

    desk.connect("me").await;
    let url = desk.sandbox.url();
    let hosts = ["--endpoint", &format!("auth={url}"), "--endpoint", &format!("api={url}")];
    let refresh = [&["refresh", "me", "--json"], &hosts[..]].concat();
    let output = command(&desk, &refresh, Some(SECRET_TOOL)).output().unwrap();
    assert!(output.status.success(), "the sandbox knows the secret: {}", text(&output.stderr));
    let source = |secret: Option<&str>| {
        let mut command = command(&desk, &[&["doctor"], &hosts[..]].concat(), Some(SECRET_TOOL));
        command.envs(secret.map(|secret| ("THREELO_CLIENT_SECRET", secret)));
        text(&command.output().unwrap().stdout)
    };
    assert!(source(None).contains("client_secret from the keyring"), "{}", source(None));
    assert!(
        source(Some("x")).contains("client_secret from $THREELO_CLIENT_SECRET"),
        "the environment comes first"
    );
    assert!(!source(None).contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_that_does_not_keep_it_is_told_and_nothing_is_written() {
    let desk = Desk::new().await;
    for (tool, complaint) in [(None, "is not installed"), (Some(LOCKED), "could not keep the secret")] {
        let mut command = command(&desk, &["init", "--keyring", "--client-id", "my-app"], tool);
        if tool.is_none() {
            command.env("PATH", desk.folder.path().join("programs"));
        }
        let output = answered(command, "hunter2\n\n\n\n");
        assert_eq!(output.status.code(), Some(2));
        let told = text(&output.stderr);
        assert!(told.contains(complaint) && !told.contains("hunter2"), "{told}");
        assert!(!desk.folder.path().join("threelo.toml").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_types_the_secret_unseen_and_is_offered_the_keyring() {
    let desk = Desk::new().await;
    let mut terminal = Terminal::run(command(&desk, &["init", "--client-id", "my-app"], Some(SECRET_TOOL)));
    terminal.until("Client secret");
    assert!(!terminal.shows_what_is_typed());
    terminal.type_in("hunter2\n");
    terminal.until("keyring? [Y/n]");
    assert!(terminal.shows_what_is_typed());
    // Yes, and what is proposed for the rest.
    terminal.type_in("\n\n\n\n");
    let (status, shown) = terminal.ended();
    assert!(status.success(), "{shown}");
    assert!(shown.contains("The secret is in the keyring") && !shown.contains("hunter2"), "{shown}");
    assert!(!shown.contains("export THREELO_CLIENT_SECRET"), "{shown}");
    assert_eq!(std::fs::read_to_string(desk.folder.path().join("secret of my-app")).unwrap(), "hunter2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_shows_what_is_typed_again_when_the_question_is_interrupted() {
    let desk = Desk::new().await;
    let mut terminal = Terminal::run(command(&desk, &["init", "--client-id", "my-app"], None));
    terminal.until("Client secret");
    let id = terminal.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(terminal.child.wait().unwrap().code(), Some(130));
    assert!(terminal.shows_what_is_typed());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_writes_where_settings_are_read_and_takes_along_what_was_given() {
    let desk = Desk::new().await;
    let mut with =
        desk.command(&["init", "--site-policy", "first", "--max-body-bytes", "1000", "--store", "x.db"]);
    with.env("THREELO_CONFIG", "elsewhere.toml").env("THREELO_PROXY", "http://127.0.0.1:3128");
    let output = answered(with, "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!desk.folder.path().join("threelo.toml").exists());
    let table = std::fs::read_to_string(desk.folder.path().join("elsewhere.toml")).unwrap();
    let table: toml::Table = table.parse().unwrap();
    assert_eq!(table["site_policy"].as_str(), Some("first"));
    assert_eq!(table["max_body_bytes"].as_integer(), Some(1000));
    assert_eq!(table["proxy"].as_str(), Some("http://127.0.0.1:3128"));
    assert_eq!(table["endpoints"]["auth"].as_str(), Some(desk.sandbox.url()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_a_url_stays_out_of_the_file() {
    let desk = Desk::new().await;
    let store = "postgresql://app:hunter2@db.example/threelo";
    let mut with = desk.command(&["init", "--store", store]);
    with.env("THREELO_PROXY", "http://somebody:hunter2@127.0.0.1:3128");
    let output = answered(with, "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!written(&desk).contains("hunter2"), "{}", written(&desk));
    let shown = text(&output.stdout);
    // The proxy is in the environment already.
    assert!(shown.contains("export THREELO_STORE=…") && !shown.contains("THREELO_PROXY"), "{shown}");
}
