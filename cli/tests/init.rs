//! `threelo init`: questions and answers, and where the secret goes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use support::{Desk, SECRET, text};

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
