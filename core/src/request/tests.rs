//! Calls over a real connection to a server that misbehaves on purpose.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use secrecy::SecretString;
use serde_json::json;
use tokio::time::Instant;

use super::loopback::{Reply, Server, reply};
use super::*;
use crate::clock::wall_ms;
use crate::error::{Code, Error};
use crate::grant::tokens::bearer;
use crate::options::Retry;

mod bodies;
mod healing;
mod redirects;

/// 200 000 zeros in 230 bytes.
const BOMB: &str = "H4sIAAAAAAACA+3BMQEAAADCoErrn84M/kABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
     AAAAAAAAAAAAAAAAAK8BlH0jNkANAwA=";

/// Tokens of a grant whose generations are `token-1`, `token-2` …
struct Grant {
    generation: AtomicU32,
    replaced: AtomicU32,
    age_ms: u64,
    life_ms: i64,
    /// Whether there is a better token to be had.
    rotates: bool,
    /// How often a token can be had.
    supply: AtomicU32,
}

impl Grant {
    fn aged(age_ms: u64) -> Self {
        let (generation, replaced) = (AtomicU32::new(1), AtomicU32::new(0));
        let supply = AtomicU32::new(100);
        Self { generation, replaced, age_ms, life_ms: 3_600_000, rotates: true, supply }
    }

    fn now(&self) -> Access {
        let generation = self.generation.load(Ordering::SeqCst);
        let token = SecretString::from(format!("token-{generation}"));
        Access {
            bearer: bearer(&token),
            token: Arc::new(token),
            grant_id: Arc::from("g"),
            generation: generation.into(),
            issued_at_ms: wall_ms() - self.age_ms,
            expires_at_ms: wall_ms().saturating_add_signed(self.life_ms),
            ends_boot_ms: crate::clock::boot_ms().saturating_add_signed(self.life_ms),
        }
    }
}

impl Tokens for Grant {
    fn access(&self, _: Instant) -> BoxFuture<'_, Result<Access>> {
        let left = self.supply.fetch_sub(1, Ordering::SeqCst);
        let dry = || Error::new(Code::IdentityUnavailable, "no token");
        futures::future::ready(if left > 0 { Ok(self.now()) } else { Err(dry()) }).boxed()
    }

    fn replace<'a>(&'a self, _: &'a Access, _: Instant) -> BoxFuture<'a, Result<Access>> {
        self.replaced.fetch_add(1, Ordering::SeqCst);
        if self.rotates {
            self.generation.fetch_add(1, Ordering::SeqCst);
        }
        self.access(Instant::now())
    }
}

fn transport() -> Transport {
    // A proxy that does not exist: this machine's own addresses must not go through it.
    let proxy = SecretString::from("http://user:secret@127.0.0.1:9");
    Transport::new(Some(&proxy), None).unwrap()
}

struct Run {
    options: RequestOptions,
    tokens: Grant,
    timeout: Duration,
    max_body_bytes: u64,
    intent: Intent,
}

fn call(method: &str) -> Run {
    Run {
        options: RequestOptions::new("user-42", method, "/rest/api/3/x"),
        tokens: Grant::aged(60_000),
        timeout: Duration::from_secs(10),
        max_body_bytes: 100_000,
        intent: Intent::ByMethod,
    }
}

fn write() -> Run {
    let mut run = call("POST");
    run.options.json = Some(json!({ "a": 1 }));
    run
}

impl Run {
    async fn to(&self, port: u16) -> Result<Response> {
        let api = BTreeMap::from([("api".to_owned(), format!("http://127.0.0.1:{port}"))]);
        let destination = Destination::at_acme(&api, "cloud");
        let limits = Limits { max_body_bytes: self.max_body_bytes, timeout: self.timeout };
        let transport = transport();
        let limiter = Limiter { governor: &Governor::default(), events: &Events::default(), board: None };
        let channel = Channel { transport: &transport, limiter };
        send(&channel, &destination, &self.tokens, &self.options, limits, self.intent).await
    }

    async fn against(&self, script: Vec<Reply>) -> (Result<Response>, Vec<String>) {
        let server = Server::start(script).await;
        let result = self.to(server.port).await;
        (result, server.requests())
    }

    fn replaced(&self) -> u32 {
        self.tokens.replaced.load(Ordering::SeqCst)
    }
}

/// A port that refuses connections for as long as its socket is kept.
fn refusing() -> (tokio::net::TcpSocket, u16) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

fn ok() -> Reply {
    reply(200, "", "{}")
}

fn code(result: Result<Response>) -> (Code, Error) {
    let error = result.unwrap_err();
    (error.code(), error)
}

#[tokio::test]
async fn a_call_goes_out_as_it_was_asked() {
    let mut run = write();
    run.options.path = "/rest/api/3/issue?a=b".into();
    run.options.params = json!({ "jql": "x = y" }).as_object().cloned();
    run.options.headers = json!({ "X-Atlassian-Token": "no-check" }).as_object().cloned();
    let (result, requests) = run.against(vec![reply(201, "x-a: 1\r\nx-a: 2\r\n", "{\"id\":1}")]).await;
    let response = result.unwrap();
    assert_eq!((response.status, response.attempts), (201, 1));
    assert!(response.url.ends_with("/ex/jira/cloud/rest/api/3/issue"), "{}", response.url);
    assert_eq!(response.headers.get_all("x-a").iter().count(), 2);
    assert_eq!(response.json::<serde_json::Value>().unwrap(), json!({ "id": 1 }));
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "{\"a\":1}");
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /ex/jira/cloud/rest/api/3/issue?a=b&jql=x%20%3d%20y http/1.1"), "{head}");
    for line in [
        "authorization: bearer token-1",
        "content-length: 7",
        "content-type: application/json",
        "accept: application/json",
        "x-atlassian-token: no-check",
        "user-agent: threelo/",
    ] {
        assert!(head.contains(&format!("\r\n{line}")), "{line} is not in {head}");
    }
    assert!(!head.contains("chunked"), "{head}");
}

#[tokio::test]
async fn bodies_go_with_every_method() {
    for method in ["DELETE", "GET"] {
        let mut run = call(method);
        run.options.json = Some(json!({ "webhookIds": [1] }));
        let (result, requests) = run.against(vec![reply(202, "", "")]).await;
        assert_eq!(result.unwrap().status, 202);
        assert!(requests[0].ends_with("{\"webhookIds\":[1]}"), "{}", requests[0]);
    }
    let mut run = call("PUT");
    run.options.data = Some(Bytes::new());
    let (result, requests) = run.against(vec![ok()]).await;
    assert!(
        result.is_ok() && requests[0].to_ascii_lowercase().contains("content-length: 0"),
        "{}",
        requests[0]
    );
}

#[tokio::test]
async fn a_body_given_twice_is_refused_unsent() {
    let mut run = write();
    run.options.data = Some(Bytes::from_static(b"x"));
    let (result, requests) = run.against(vec![ok()]).await;
    assert_eq!((code(result).0, requests.len()), (Code::InvalidArgument, 0));
}

#[tokio::test]
async fn a_read_survives_a_reset_a_cut_body_and_a_503() {
    let cut = Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"a\"".to_vec());
    let script = vec![Reply::Reset, cut, reply(503, "", "<html>"), ok()];
    let (result, requests) = call("GET").against(script).await;
    assert_eq!((result.unwrap().attempts, requests.len()), (4, 4));
}

#[tokio::test]
async fn a_listing_by_post_counts_as_a_read() {
    let mut run = write();
    run.intent = Intent::Listing;
    assert_eq!(run.against(vec![Reply::Reset, ok()]).await.0.unwrap().attempts, 2);
}

#[tokio::test]
async fn a_write_that_broke_is_not_sent_again() {
    let cut = Reply::Raw(b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{".to_vec());
    let cases = [
        ("POST", Reply::Reset, None),
        ("POST", cut, Some(201)),
        ("POST", Reply::Raw(Vec::new()), None),
        ("PUT", Reply::Reset, None),
        ("DELETE", Reply::Reset, None),
        ("PATCH", Reply::Reset, None),
    ];
    for (method, reply, status) in cases {
        let mut run = Run { options: RequestOptions { method: method.into(), ..write().options }, ..write() };
        run.options.path = "/rest/api/3/x?secret=canary".into();
        let (result, requests) = run.against(vec![reply.clone(), ok()]).await;
        let (code, error) = code(result);
        assert_eq!(
            (code, error.status(), requests.len()),
            (Code::OutcomeUnknown, status, 1),
            "{reply:?} {error}"
        );
        let context = error.context();
        assert_eq!((&context["method"], &context["path"]), (&json!(method), &json!("/rest/api/3/x")));
        assert_eq!((&context["attempt"], &context["connection_id"]), (&json!(1), &json!("user-42")));
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn a_write_is_sent_again_when_it_did_not_run_or_may_run_twice() {
    for turned_away in [reply(429, "", ""), reply(503, "retry-after: 0\r\n", "")] {
        assert_eq!(write().against(vec![turned_away, ok()]).await.0.unwrap().attempts, 2);
    }
    let mut run = write();
    run.options.retry = Retry::Idempotent;
    assert_eq!(run.against(vec![Reply::Reset, ok()]).await.0.unwrap().attempts, 2);
    let (result, requests) = write().against(vec![reply(503, "", ""), ok()]).await;
    assert_eq!((result.unwrap().status, requests.len()), (503, 1));
}

#[tokio::test]
async fn what_stops_a_repetition_does_not_hide_that_a_write_may_have_happened() {
    for (mut run, expected) in [(call("GET"), Code::IdentityUnavailable), (write(), Code::OutcomeUnknown)] {
        run.options.retry = Retry::Idempotent;
        run.tokens.supply = AtomicU32::new(1);
        let (code, error) = code(run.against(vec![Reply::Reset]).await.0);
        assert_eq!(code, expected, "{error}");
    }
}

#[tokio::test]
async fn a_last_attempt_that_was_turned_away_does_not_hide_an_earlier_one() {
    for last in [reply(429, "retry-after: 0\r\n", ""), reply(503, "retry-after: 0\r\n", "")] {
        let script = || [vec![Reply::Reset], vec![last.clone(); 5]].concat();
        let mut run = write();
        run.options.retry = Retry::Idempotent;
        run.timeout = Duration::from_secs(60);
        let (result, requests) = run.against(script()).await;
        assert_eq!((code(result).0, requests.len()), (Code::OutcomeUnknown, 5));
    }
}

/// However the body of a 429 goes on, its headers are what calls have to keep to.
#[tokio::test]
async fn a_429_that_breaks_off_or_is_too_large_pauses_calls_like_any_other() {
    let head = "HTTP/1.1 429 X\r\nretry-after: 3600\r\nratelimit-reason: jira-quota-global-based\r\ncontent-length: ";
    let (cut, large) = (format!("{head}100\r\n\r\nbroken"), format!("{head}200000\r\n\r\n"));
    let endless =
        format!("{}\r\n{}", head.replace("content-length: ", "connection: close\r\n"), "x".repeat(200_000));
    for answer in [cut, large, endless] {
        for run in [call("GET"), write()] {
            let (result, requests) = run.against(vec![Reply::Raw(answer.clone().into()), ok()]).await;
            let (code, error) = code(result);
            assert_eq!((code, requests.len()), (Code::RateLimited, 1), "{error}");
            assert_eq!(error.context()["reason"], "jira-quota-global-based");
        }
    }
}

#[tokio::test]
async fn one_attempt_is_one_attempt() {
    for (reply, status) in [(reply(429, "retry-after: 0\r\n", ""), 429), (reply(503, "", ""), 503)] {
        let mut run = call("GET");
        run.options.retry = Retry::None;
        let (result, requests) = run.against(vec![reply, ok()]).await;
        assert_eq!((result.unwrap().status, requests.len()), (status, 1));
    }
}

#[tokio::test]
async fn a_refused_connection_is_a_network_failure_for_writes_too() {
    let (_taken, port) = refusing();
    let mut run = write();
    run.options.retry = Retry::None;
    let (code, error) = code(run.to(port).await);
    assert_eq!(code, Code::Network, "{error}");
    assert!(error.message().to_ascii_lowercase().contains("refused"), "{error}");
    assert!(!format!("{error:?}").contains("token-1"));
}

#[tokio::test]
async fn time_up_is_a_timeout_for_reads_and_unknown_for_writes() {
    let run = async |mut run: Run, expected| {
        // Enough for the request to arrive, and far from the ten seconds of any other run.
        run.timeout = Duration::from_secs(3);
        let begin = Instant::now();
        assert_eq!(code(run.against(vec![Reply::Hang]).await.0).0, expected);
        assert!((run.timeout..Duration::from_secs(10)).contains(&begin.elapsed()));
    };
    tokio::join!(
        run(call("GET"), Code::Timeout),
        run(write(), Code::OutcomeUnknown),
        run(call("DELETE"), Code::OutcomeUnknown),
    );
}

#[tokio::test]
async fn a_wait_past_the_deadline_is_rate_limited_at_once() {
    let headers = "retry-after: 3600\r\nratelimit-reason: jira-quota-global-based\r\n";
    let (result, requests) = call("GET").against(vec![reply(429, headers, ""), ok()]).await;
    let (code, error) = code(result);
    assert_eq!((code, error.status(), requests.len()), (Code::RateLimited, Some(429), 1));
    assert_eq!(error.context()["retry_after_ms"], 3_600_000);
    assert_eq!(error.context()["reason"], "jira-quota-global-based");
    assert!(error.context()["reset_at"].as_u64().unwrap() > wall_ms() + 3_500_000);
    let (result, _) = call("GET").against(vec![reply(503, "retry-after: 3600\r\n", ""), ok()]).await;
    assert_eq!(result.unwrap().status, 503);
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_read_on() {
    let zipped = base64::engine::general_purpose::STANDARD.decode(BOMB).unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 60_000, "0".repeat(60_000));
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    let announced = Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n".to_vec());
    for script in
        [announced, Reply::Raw(chunked.into_bytes()), reply(200, "content-encoding: gzip\r\n", &zipped)]
    {
        let (result, requests) = call("GET").against(vec![script, ok()]).await;
        assert_eq!((code(result).0, requests.len()), (Code::BodyTooLarge, 1));
    }
    let mut run = call("GET");
    run.max_body_bytes = 200_000;
    let (result, _) = run.against(vec![reply(200, "content-encoding: gzip\r\n", &zipped)]).await;
    assert_eq!(result.unwrap().body.len(), 200_000);
    let (result, _) = call("GET").against(vec![reply(200, "", "0".repeat(100_000))]).await;
    assert_eq!(result.unwrap().body.len(), 100_000);
}

#[tokio::test]
async fn a_head_announces_more_than_it_brings() {
    let head =
        Reply::Raw(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 999999999\r\n\r\n".to_vec());
    let response = call("HEAD").against(vec![head]).await.0.unwrap();
    assert_eq!((response.header("content-length"), response.body.len()), (Some("999999999"), 0));
}

#[tokio::test]
async fn redirects_are_handed_to_the_caller() {
    let location = "location: https://api.media.atlassian.com/file/1/binary?token=x\r\n";
    let (result, requests) = call("GET").against(vec![reply(303, location, ""), ok()]).await;
    assert_eq!((result.unwrap().status, requests.len()), (303, 1));
}
