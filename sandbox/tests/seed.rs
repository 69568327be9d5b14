//! Same seed, same bytes: everything a sandbox answers, headers included, follows from its world and the calls.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use support::{Bench, CALLBACK, Pair, query};

const SCOPES: &str = "read:jira-work write:jira-work read:jira-user manage:jira-project manage:jira-configuration \
                      manage:jira-webhook read:me read:confluence-content.all offline_access";

/// What a sandbox answered, call by call, with its two addresses taken out.
struct Transcript {
    bench: Bench,
    media: String,
    said: Vec<String>,
}

impl Transcript {
    async fn new(seed: u64) -> Self {
        let settings = json!({"date_header": "sandbox", "page_size_limit": 20, "quota_points": 500});
        let world = json!({"seed": seed, "stopped_at": 1_790_000_000, "settings": settings});
        Self { bench: Bench::with(world).await, media: "no media yet".into(), said: Vec::new() }
    }

    fn keep(&mut self, text: String) {
        self.said.push(text.replace(self.bench.running.url(), "URL").replace(&self.media, "MEDIA"));
    }

    /// Sends, remembers the whole answer, and hands back what later calls need of it.
    async fn ask(&mut self, request: RequestBuilder) -> (Option<String>, Value) {
        let response: Response = request.send().await.unwrap();
        let location = response.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
        if let Some(url) = location.as_deref().filter(|place| place.contains("/file/")) {
            self.media = url::Url::parse(url).unwrap().origin().ascii_serialization();
        }
        let mut head: Vec<String> =
            response.headers().iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        head.sort();
        let (path, status) = (response.url().path().to_owned(), response.status());
        let body = response.bytes().await.unwrap();
        let text = String::from_utf8_lossy(&body);
        self.keep(format!("{path}\n{status}\n{}\n\n{text}", head.join("\n")));
        (location, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn call(
        &mut self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (Option<String>, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.bench.http.request(method, self.bench.url(path)).bearer_auth(token);
        self.ask(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    async fn token(&mut self, mut fields: Value) -> Pair {
        fields["client_id"] = json!("sandbox-client");
        fields["client_secret"] = json!("sandbox-secret");
        let request = self.bench.http.post(self.bench.url("/oauth/token")).json(&fields);
        Pair::from(self.ask(request).await.1)
    }

    async fn connect(&mut self) -> Pair {
        let url = self.bench.authorize_url(SCOPES);
        self.ask(self.bench.http.get(&url)).await;
        let mut form: Vec<(String, String)> =
            url::Url::parse(&url).unwrap().query_pairs().into_owned().collect();
        form.extend(
            [("account", "ada"), ("site", "acme"), ("decision", "accept")].map(|(a, b)| (a.into(), b.into())),
        );
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
        let request = self.bench.http.post(self.bench.url("/authorize")).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let (location, _) = self.ask(request).await;
        let code = query(&location.unwrap(), "code");
        let fields = json!({"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK});
        let pair = self.token(fields).await;
        self.token(json!({"grant_type": "refresh_token", "refresh_token": pair.refresh})).await
    }
}

/// A bit of everything.
async fn transcript(seed: u64) -> Vec<String> {
    let mut with = Transcript::new(seed).await;
    let pair = with.connect().await;
    let token = &*pair.access;
    let id = with.bench.cloud_id("acme").await;
    let jira = format!("/ex/jira/{id}/rest/api/3");
    for path in ["/me", "/oauth/token/accessible-resources", "/nowhere"] {
        with.call("GET", path, token, None).await;
    }
    for path in [
        "myself",
        "project/search",
        "issue/ACME-1",
        "issue/ACME-1/changelog",
        "users/search",
        "search",
        "plans/plan",
    ] {
        with.call("GET", &format!("{jira}/{path}"), token, None).await;
    }
    let search = format!("{jira}/search/jql?jql=project%20%3D%20ACME&fields=*all");
    let (_, page) = with.call("GET", &search, token, None).await;
    let next = page["nextPageToken"].as_str().unwrap().to_owned();
    with.call("GET", &format!("{search}&nextPageToken={next}"), token, None).await;
    let issue =
        json!({"fields": {"project": {"key": "ACME"}, "summary": "new", "issuetype": {"name": "Task"}}});
    with.call("POST", &format!("{jira}/issue"), token, Some(issue)).await;
    with.call("POST", &format!("{jira}/issue/ACME-1/comment"), token, Some(json!({"body": "hello"}))).await;
    with.call("DELETE", &format!("{jira}/priority/1"), token, None).await;
    let hook = json!({"url": "https://app.example.com/hook",
                      "webhooks": [{"events": ["jira:issue_updated"], "jqlFilter": "project = ACME"}]});
    with.call("POST", &format!("{jira}/webhook"), token, Some(hook)).await;
    with.call("GET", &format!("{jira}/webhook"), token, None).await;
    with.call("GET", &format!("/ex/confluence/{id}/wiki/rest/api/content"), token, None).await;

    let file = "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhello\r\n--edge--\r\n";
    let upload =
        with.bench.http.post(with.bench.url(&format!("{jira}/issue/ACME-1/attachments"))).bearer_auth(token);
    let upload = upload
        .header("x-atlassian-token", "no-check")
        .header("content-type", "multipart/form-data; boundary=edge");
    let (_, made) = with.ask(upload.body(file)).await;
    let content = format!("{jira}/attachment/content/{}", made[0]["id"].as_str().unwrap());
    let (signed, _) = with.call("GET", &content, token, None).await;
    with.ask(with.bench.http.get(signed.unwrap())).await;

    with.bench.advance(7200).await;
    with.call("GET", &format!("{jira}/myself"), token, None).await;
    for path in [
        "world",
        "grants",
        "log",
        "faults",
        "listings",
        "sites/acme/issues",
        "sites/acme/webhooks",
        "openapi.json",
    ] {
        with.call("GET", &format!("/_sandbox/{path}"), "", None).await;
    }
    with.ask(with.bench.http.get(with.bench.running.page())).await;
    with.said
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let (one, two, other) = (transcript(7).await, transcript(7).await, transcript(8).await);
    assert!(one.len() > 30);
    for (first, second) in one.iter().zip(&two) {
        assert_eq!(first, second);
    }
    assert_eq!(one.len(), two.len());
    let answered = |text: &str| one.iter().any(|said| said.contains(text));
    for status in
        ["\n200 OK\n", "\n303 See Other\n", "\n401 Unauthorized\n", "\n404 Not Found\n", "\n410 Gone\n"]
    {
        assert!(answered(status), "the calls reach less than they mean to: no {status}");
    }
    let alike = one.iter().zip(&other).filter(|(one, other)| one == other).count();
    assert!(alike < one.len() / 2, "{alike} of {} answers do not follow from the seed", one.len());
}

#[tokio::test]
async fn a_clock_that_stands_is_moved_by_tests_alone() {
    let settings = json!({"date_header": "sandbox"});
    let bench = Bench::with(json!({"stopped_at": 1_790_000_000, "settings": settings})).await;
    for path in ["/_sandbox/world", "/_sandbox/", "/me"] {
        let answer = bench.http.get(bench.url(path)).send().await.unwrap();
        assert_eq!(answer.headers()["date"], "Mon, 21 Sep 2026 14:13:20 GMT", "{path}");
    }
    let first = bench.control("POST", "/time", json!({"advance_s": 0})).await;
    assert_eq!(first["now"], 1_790_000_000.0);
    let pair = bench.ada().await;
    bench.advance(3599).await;
    assert_eq!(bench.get("/oauth/token/accessible-resources", &pair.access).await.0, 200);
    bench.advance(1).await;
    assert_eq!(bench.get("/oauth/token/accessible-resources", &pair.access).await.0, 401);
}
