//! `threelo connect` as a person uses it: the real program against a sandbox, with a browser that is played here.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::{Value, json};
use support::{Desk, ended, heading, text, values};

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
async fn a_reload_while_the_code_is_exchanged_waits_for_the_same_exchange() {
    let desk = Desk::new().await;
    desk.fault("/oauth/token", json!({ "hold": "after" })).await;
    let (child, cookie, url) = desk.begin(&["me"]).await;
    let callback = desk.consent(&url, json!({ "account": "ada", "sites": ["acme"] })).await;
    let first = desk.http.get(&callback).header("cookie", &cookie).send();
    tokio::select! {
        _ = first => panic!("answered before the code was exchanged"),
        // Here the browser goes away, in the middle of the answer.
        () = desk.waiting() => {}
    }
    let again = desk.get(&callback, &cookie);
    let mended = async {
        // The second request has come so far that it waits, or has failed.
        desk.get(&callback, "threelo_browser=other").await;
        desk.mend().await;
    };
    let ((status, page), ()) = tokio::join!(again, mended);
    assert_eq!((status, heading(&page)), (200, "Connected"), "{page}");
    let output = ended(child).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_first_browser_with_the_ticket_gets_a_cookie() {
    let desk = Desk::new().await;
    let (mut child, start) = desk.started(&["me"]).await;
    let first = desk.http.get(&start).send().await.unwrap();
    assert_eq!(first.status(), 303);
    let cookie = first.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let second = desk.http.get(&start).send().await.unwrap();
    assert_eq!(second.status(), 400);
    assert!(second.headers().get("set-cookie").is_none());
    let reload = desk.http.get(&start).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(reload.status(), 303, "the browser that came first may reload");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_may_be_at_any_path_but_those_of_the_pages() {
    let odd = |callback: &str| callback.replace("/callback", "/:odd/*path");
    let desk = Desk::with(|world| {
        let callback = world.apps[0].redirect_uris.last().unwrap().clone();
        world.apps[0].redirect_uris.push(odd(&callback));
    })
    .await;
    let (child, cookie, url) = desk.begin(&["me", "--redirect-uri", &odd(&desk.callback)]).await;
    let callback = desk.consent(&url, json!({ "account": "ada", "sites": ["acme"] })).await;
    assert!(callback.contains("/:odd/*path?"), "{callback}");
    assert_eq!(heading(&desk.get(&callback, &cookie).await.1), "Connected");
    assert!(ended(child).await.status.success());

    let taken = desk.callback.replace("/callback", "/threelo/result");
    let output = desk.run(&["connect", "me", "--print-url", "--json", "--redirect-uri", &taken]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("another path"), "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_told_as_such() {
    let desk = Desk::new().await;
    let port = url::Url::parse(&desk.callback).unwrap().port().unwrap();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    for arguments in [&["connect", "me", "--print-url"][..], &["sandbox", "--port", &port.to_string()]] {
        let output = desk.run(arguments).await;
        assert_eq!(output.status.code(), Some(1));
        let told = text(&output.stderr);
        assert!(
            told.contains(&port.to_string()) && told.contains("next: Another program listens there"),
            "{told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_json_everything_it_prints_is_json() {
    let desk = Desk::new().await;
    let mut child = desk
        .command(&["connect", "me", "--no-browser", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    let sites = json!({ "account": "ada", "sites": ["acme", "zeta"] });
    let callback = desk.consent(said["url"].as_str().unwrap(), sites).await;
    writeln!(child.stdin.as_mut().unwrap(), "{callback}\n1").unwrap();
    let output = ended(child).await;
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    let lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["sites"].as_array().unwrap().len(), 2);
    assert_eq!(lines[1]["site"]["cloud_id"], lines[0]["sites"][0]["cloud_id"]);
}

/// On other systems a browser is started by other ways than programs in PATH.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn where_no_browser_starts_the_address_is_told_also_to_a_program() {
    let desk = Desk::new().await;
    let nothing = desk.folder.path().join("no-programs");
    std::fs::create_dir(&nothing).unwrap();
    let mut command = desk.command(&["connect", "me", "--json"]);
    let mut child =
        command.env("PATH", nothing).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(1, child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let message = told["warning"]["message"].as_str().unwrap();
    assert!(message.contains("/threelo/start/") && message.contains("--no-browser"), "{message}");
    child.kill().unwrap();
    child.wait().unwrap();
}
