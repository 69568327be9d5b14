//! How long a consent is waited for.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use threelo_core::{Client, ClientOptions, Code, Site};
use tokio::sync::{Mutex, mpsc};
use url::Url;

use super::attend;
use super::desk::{Desk, Outcome, Stage};
use crate::args::Color;
use crate::output::Output;

const NONE: Duration = Duration::ZERO;

async fn desk(stage: Stage) -> (Desk, mpsc::Receiver<Outcome>) {
    let mut options =
        ClientOptions::new("id", "secret", "http://localhost:3000/callback", &["read:jira-work"]);
    options.store = "memory:".to_owned();
    let (ended, end) = mpsc::channel(1);
    let desk = Desk {
        client: Client::open(options).await.unwrap(),
        id: "me".to_owned(),
        consent_url: "https://auth.atlassian.com/authorize".to_owned(),
        state: "state".to_owned(),
        redirect_uri: Url::parse("http://localhost:3000/callback").unwrap(),
        ticket: "ticket".to_owned(),
        opened: AtomicBool::default(),
        browser: "browser".to_owned(),
        stage: Mutex::new(stage),
        ended,
    };
    (desk, end)
}

async fn over(stage: Stage) -> (Desk, threelo_core::Error) {
    let (desk, end) = desk(stage).await;
    let output = Output::new(false, Color::Never);
    let error = attend(&output, &desk, end, NONE, NONE).await.unwrap().unwrap_err();
    (desk, error)
}

#[tokio::test]
async fn a_consent_nobody_comes_back_from_ends_with_its_time() {
    let (desk, error) = over(Stage::Waiting).await;
    assert_eq!(error.code(), Code::StateInvalid);
    assert!(error.hint().contains("callback URL and scopes"), "{}", error.hint());
    assert!(matches!(*desk.stage.lock().await, Stage::Over(_)), "the browser is told the same");
}

#[tokio::test]
async fn a_choice_nobody_makes_ends_too_and_needs_no_new_consent() {
    let site = Site {
        cloud_id: "c".to_owned(),
        url: "https://acme.atlassian.net".to_owned(),
        name: "ACME".to_owned(),
        scopes: Vec::new(),
        products: Vec::new(),
        avatar_url: None,
    };
    let (_, error) = over(Stage::Choosing(vec![site])).await;
    assert_eq!(error.code(), Code::SiteRequired);
    assert!(error.hint().contains("threelo select-site me"), "{}", error.hint());
}

#[tokio::test]
async fn who_waits_long_is_told_what_may_be_wrong() {
    let (desk, _) = desk(Stage::Waiting).await;
    assert!(desk.advice().unwrap().contains("http://localhost:3000/callback is the app's callback URL"));
    let _working = desk.stage.lock().await;
    assert_eq!(desk.advice(), None, "an exchange under way is no reason for advice");
}
