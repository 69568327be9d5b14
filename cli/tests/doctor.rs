//! `threelo doctor`: each thing that can be wrong, found and told with the next step.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::{Desk, SECRET, text};

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
