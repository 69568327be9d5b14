//! The program that docs/quickstart-rust.md shows does what the page says.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::json;
use support::Sandbox;

#[tokio::test(flavor = "multi_thread")]
async fn the_program_of_the_page_connects_and_calls() {
    let sandbox = Sandbox::start().await;
    let folder = tempfile::tempdir().unwrap();
    // `cargo test` and `cargo nextest run` build the examples beside the tests.
    let built = std::env::current_exe().unwrap();
    let program = built.parent().and_then(|deps| deps.parent()).unwrap().join("examples/quickstart");
    let mut running = Command::new(program)
        .current_dir(folder.path())
        .env("JIRA_CLIENT_ID", "sandbox-client")
        .env("JIRA_CLIENT_SECRET", "sandbox-secret")
        .env("SANDBOX", sandbox.url())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(running.stdout.take().unwrap());
    let mut asked = String::new();
    stdout.read_line(&mut asked).unwrap();
    let url = asked.split(' ').nth(1).unwrap();
    let consent = sandbox.post("consent", json!({ "url": url, "sites": ["acme"] })).await;
    let mut stdin = running.stdin.take().unwrap();
    writeln!(stdin, "{}", consent["callback"].as_str().unwrap()).unwrap();
    let mut said = String::new();
    stdout.read_to_string(&mut said).unwrap();
    assert!(running.wait().unwrap().success());
    assert_eq!(said, "https://acme.atlassian.net\n\"Ada Lovelace\"\n");
}
