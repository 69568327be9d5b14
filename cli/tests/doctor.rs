//! `threelo doctor`: each thing that can be wrong, found and told with the next step.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use support::{Desk, SECRET, text};

/// What it found of one thing.
fn found<'a>(findings: &'a Value, what: &str) -> &'a Value {
    let mut all = findings.as_array().unwrap().iter();
    all.find(|finding| finding["what"] == what).unwrap_or_else(|| panic!("nothing of {what}: {findings}"))
}

/// The findings of a run, whatever their exit code, and that no secret is among them.
fn findings(mut command: Command) -> Value {
    let output = command.output().unwrap();
    for secret in [SECRET, "hunter2", "eyJ"] {
        assert!(!text(&output.stdout).contains(secret) && !text(&output.stderr).contains(secret), "{secret}");
    }
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
}

async fn settings(desk: &Desk, change: Value) {
    let url = format!("{}/_sandbox/settings", desk.sandbox.url());
    desk.http.patch(url).json(&change).send().await.unwrap().error_for_status().unwrap();
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

#[test]
fn all_missing_settings_are_named_at_once_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_threelo"));
    command.args(["doctor", "--json", "--redirect-uri", "http://localhost:1/callback"]);
    command.args(["--endpoint", "auth=http://127.0.0.1:9", "--endpoint", "api=http://127.0.0.1:9"]);
    command.current_dir(folder.path()).env_clear();
    let told = findings(command);
    let settings = found(&told, "settings");
    assert_eq!(settings["state"], "bad");
    for name in ["client_id", "client_secret", "scopes"] {
        assert!(settings["found"].as_str().unwrap().contains(name), "{settings}");
        let variable = format!("THREELO_{}", name.to_uppercase());
        assert!(settings["next"].as_str().unwrap().contains(&variable), "{settings}");
    }
    assert!(told.as_array().unwrap().iter().all(|finding| finding["what"] != "store"), "{told}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_there_is_not_made() {
    let desk = Desk::new().await;
    let told = findings(desk.command(&["doctor", "me", "--json", "--store", "typo.db"]));
    assert!(found(&told, "store")["found"].as_str().unwrap().contains("typo.db is not there yet"), "{told}");
    assert!(found(&told, "connection")["found"].as_str().unwrap().contains("connection_not_found"), "{told}");
    assert_eq!(std::fs::read_dir(desk.folder.path()).unwrap().count(), 0);
    let told = findings(desk.command(&["doctor", "--json", "--store", "no/such/folder.db"]));
    let store = found(&told, "store");
    assert_eq!(store["state"], "bad");
    assert!(store["next"].as_str().unwrap().contains("no/such"), "{store}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_a_key_that_others_can_read_are_found() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    let mut command = desk.command(&["doctor", "--json"]);
    command.env("THREELO_ENCRYPTION_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let told = findings(command);
    assert!(found(&told, "store")["found"].as_str().unwrap().starts_with("decryption_failed"), "{told}");
    assert!(found(&told, "store")["next"].is_string());
    let key = desk.folder.path().join("threelo.db.key");
    assert!(Command::new("chmod").arg("644").arg(&key).status().unwrap().success());
    let told = findings(desk.command(&["doctor", "--json"]));
    assert_eq!(found(&told, "store")["state"], "bad");
    assert!(found(&told, "store")["next"].as_str().unwrap().contains("chmod 600"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_compared_without_a_connection() {
    let desk = Desk::new().await;
    settings(&desk, json!({ "date_skew_s": 7200 })).await;
    let told = findings(desk.command(&["doctor", "--json"]));
    let clock = found(&told, "clock");
    assert_eq!(clock["state"], "warn", "{told}");
    assert!(
        clock["found"].as_str().unwrap().contains(" s") && clock["next"].as_str().unwrap().contains("NTP")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_and_a_callback_of_the_pages_own_are_found() {
    let desk = Desk::new().await;
    let port = url::Url::parse(&desk.callback).unwrap().port().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let told = findings(desk.command(&["doctor", "--json"]));
    assert_eq!(found(&told, "callback")["state"], "warn", "{told}");
    drop(taken);
    let own = desk.callback.replace("/callback", "/threelo/site");
    let told = findings(desk.command(&["doctor", "--json", "--redirect-uri", &own]));
    assert!(found(&told, "callback")["next"].as_str().unwrap().contains("another path"), "{told}");
}

/// A proxy that tunnels to a server of its own with a certificate for both hosts, and what it was asked.
fn proxy(folder: &Path) -> (String, std::sync::mpsc::Receiver<String>) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=invalid", "-keyout", "key.pem", "-out", "ca.pem"])
        .args(["-addext", "subjectAltName=DNS:auth.invalid,DNS:api.invalid"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let certificate = CertificateDer::from_pem_file(folder.join("ca.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (asked, config) = (asked.clone(), Arc::clone(&config));
            std::thread::spawn(move || {
                let _ = asked.send(head(&mut stream));
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                let _ = asked.send(head(&mut tls));
                let _ = tls.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
            });
        }
    });
    (format!("http://somebody:hunter2@127.0.0.1:{port}"), heard)
}

/// The first line of a request, which is read to the end of its head.
fn head(stream: &mut impl Read) -> String {
    let mut lines = BufReader::with_capacity(1, stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let _ = lines.find(String::is_empty);
    first
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_reached_through_the_proxy_that_calls_take() {
    let desk = Desk::new().await;
    let (proxy, heard) = proxy(desk.folder.path());
    // Only the proxy knows these hosts.
    let with = |pairs: &[(&str, &str)]| {
        let mut command = desk.command(&["doctor", "--json", "--ca-bundle", "ca.pem"]);
        command.env("THREELO_ENDPOINTS", "auth=https://auth.invalid,api=https://api.invalid");
        findings({
            command.envs(pairs.iter().copied());
            command
        })
    };
    for name in ["HTTPS_PROXY", "THREELO_PROXY"] {
        let told = with(&[(name, &proxy)]);
        for what in ["identity service", "API"] {
            assert_eq!(found(&told, what)["state"], "good", "{name}: {told}");
        }
        assert!(found(&told, "proxy")["found"].as_str().unwrap().contains(name), "{told}");
        let asked: BTreeSet<_> = (0..4).map(|_| heard.recv().unwrap()).collect();
        let expected =
            ["CONNECT api.invalid:443 HTTP/1.1", "CONNECT auth.invalid:443 HTTP/1.1", "HEAD / HTTP/1.1"];
        assert_eq!(asked.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }
    let told = with(&[("HTTPS_PROXY", "http://somebody:hunter2@127.0.0.1:9")]);
    let unreached = found(&told, "API");
    assert_eq!(unreached["state"], "warn", "{told}");
    assert!(unreached["next"].as_str().unwrap().contains("See whether HTTPS_PROXY is right"), "{told}");
    let told = with(&[("HTTPS_PROXY", &proxy), ("NO_PROXY", "example.com")]);
    assert!(found(&told, "proxy")["found"].as_str().unwrap().contains("NO_PROXY"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_trusted_is_told_of_the_host() {
    let desk = Desk::new().await;
    let told = findings(desk.command(&["doctor", "--json", "--ca-bundle", "absent.pem"]));
    assert_eq!(found(&told, "hosts")["state"], "bad");
    assert!(found(&told, "hosts")["found"].as_str().unwrap().contains("ca_bundle"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_offline_access_or_read_access_is_told() {
    let desk = Desk::new().await;
    let pair = desk.foreign_pair("write:jira-work read:me offline_access").await;
    let record = json!({
        "id": "me", "refresh_token": pair["refresh_token"], "site": "acme", "scopes": ["write:jira-work", "read:me"],
    });
    std::fs::write(desk.folder.path().join("one.jsonl"), record.to_string()).unwrap();
    let output = desk.run(&["import", "one.jsonl"]).await;
    assert!(output.status.success(), "{}", text(&output.stdout));
    let told = findings(desk.command(&["doctor", "me", "--json"]));
    assert_eq!(found(&told, "offline_access")["state"], "warn", "{told}");
    let permissions = found(&told, "permissions");
    assert_eq!(permissions["state"], "skipped", "{told}");
    assert!(permissions["next"].as_str().unwrap().contains("read:jira-work"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_reaches_no_site_is_told() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    desk.control("/sites/acme/uninstall", json!({})).await;
    let told = findings(desk.command(&["doctor", "me", "--json"]));
    assert_eq!(found(&told, "sites")["state"], "warn", "{told}");
    assert!(found(&told, "sites")["next"].as_str().unwrap().contains("threelo connect me"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_runs_out_and_a_pause_are_told() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    settings(&desk, json!({ "quota_points": 1000 })).await;
    let well = findings(desk.command(&["doctor", "me", "--json"]));
    let limit = found(&well, "rate limit");
    assert_eq!(limit["state"], "good", "{well}");
    assert!(limit["found"].as_str().unwrap().contains(" of 1000 left"), "{well}");
    assert!(!limit["found"].as_str().unwrap().contains('"'), "{well}");
    settings(&desk, json!({ "quota_points": 12 })).await;
    let near = findings(desk.command(&["doctor", "me", "--json"]));
    assert_eq!(found(&near, "rate limit")["state"], "warn", "{near}");
    assert!(found(&near, "rate limit")["found"].as_str().unwrap().contains(" of 12 left"), "{near}");
    settings(&desk, json!({ "quota_points": 1 })).await;
    let over = findings(desk.command(&["doctor", "me", "--json"]));
    // Beside the budget that is used up, which the same answer told of.
    let paused = |finding: &&Value| {
        finding["what"] == "rate limit" && finding["found"].as_str().unwrap().contains("is sent until")
    };
    let limit = over.as_array().unwrap().iter().find(paused).unwrap_or_else(|| panic!("{over}"));
    assert!(limit["next"].as_str().unwrap().contains("rate_limited"), "{over}");
}
