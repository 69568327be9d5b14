//! Rate limits: by points, by the second, by issue.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use serde_json::json;
use support::Bench;

#[tokio::test]
async fn points_run_out_and_come_back_at_the_top_of_the_hour() {
    let bench = Bench::with(json!({"settings": {"quota_points": 20, "expires_in": 99_999}})).await;
    let pair = bench.ada().await;
    // Off the top of the hour, wherever the clock stands.
    let now = bench.control("POST", "/time", json!({"advance_s": 0})).await["now"].as_f64().unwrap();
    bench.advance(3601 - now as i64 % 3600).await;
    let id = bench.cloud_id("acme").await;
    let path = format!("/ex/jira/{id}/rest/api/3/project/search");
    let first = bench.send("GET", &path, &pair.access, None).await;
    assert_eq!(first.headers()["x-ratelimit-remaining"], "12", "one, and seven projects");
    assert!(!first.headers().contains_key("x-ratelimit-nearlimit"));
    bench.send("GET", &path, &pair.access, None).await;
    let near = bench.send("GET", &path, &pair.access, None).await;
    assert_eq!(
        (near.status().as_u16(), &near.headers()["x-ratelimit-nearlimit"]),
        (200, &"true".parse().unwrap())
    );
    let over = bench.send("GET", &path, &pair.access, None).await;
    assert_eq!(over.status(), 429);
    assert_eq!(over.headers()["ratelimit-reason"], "jira-quota-global-based");
    assert_eq!(over.headers()["ratelimit-policy"], "\"global-app-quota\";q=20;w=3600");
    assert!(over.headers()["ratelimit"].to_str().unwrap().starts_with("\"global-app-quota\";r=0;t="));
    let wait: i64 = over.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&wait), "{wait}");
    bench.settings(json!({"rate_headers": "bare"})).await;
    let bare = bench.send("GET", &path, &pair.access, None).await;
    assert_eq!(bare.status(), 429);
    assert!(!bare.headers().contains_key("retry-after") && !bare.headers().contains_key("ratelimit-reason"));
    bench.advance(wait).await;
    assert_eq!(bench.send("GET", &path, &pair.access, None).await.status(), 200);
}

#[tokio::test]
async fn bursts_and_writes_to_one_issue_are_limited_apart() {
    let world = json!({"stopped_at": 1_790_000_000, "settings": {"issue_writes_per_2s": 1}});
    let bench = Bench::with(world).await;
    let pair = bench.ada().await;
    let id = bench.cloud_id("acme").await;
    let put = async |key: &str| {
        let path = format!("/ex/jira/{id}/rest/api/3/issue/{key}");
        bench.send("PUT", &path, &pair.access, Some(json!({"fields": {}}))).await
    };
    let mut limited = Vec::new();
    for _ in 0..3 {
        limited.push(put("ACME-1").await);
    }
    let reasons = limited.iter().filter_map(|one| one.headers().get("ratelimit-reason"));
    assert!(reasons.into_iter().any(|reason| reason == "jira-per-issue-on-write"));
    assert_eq!(put("ACME-2").await.status(), 204);
    bench.settings(json!({"burst_per_s": 1, "issue_writes_per_2s": 0})).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(bench.jira("/rest/api/3/myself", &pair.access).await.0);
    }
    assert!(statuses.contains(&429) && statuses.contains(&200), "{statuses:?}");
    assert_eq!(bench.jira("/rest/api/3/serverInfo", &pair.access).await.0, 200, "another endpoint");
}

#[tokio::test]
async fn writes_to_one_issue_are_counted_over_half_a_minute_too() {
    let settings = json!({"issue_writes_per_30s": 2, "expires_in": 99_999});
    let bench = Bench::with(json!({"stopped_at": 1_790_000_000, "settings": settings})).await;
    let pair = bench.ada().await;
    let path = format!("/ex/jira/{}/rest/api/3/issue/ACME-1", bench.cloud_id("acme").await);
    let now = bench.control("POST", "/time", json!({"advance_s": 0})).await["now"].as_f64().unwrap();
    bench.advance(31 - now as i64 % 30).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let answer = bench.send("PUT", &path, &pair.access, Some(json!({"fields": {}}))).await;
        statuses.push(answer.status().as_u16());
        // The seconds in between pass for the limit of two seconds, but not for this one.
        bench.advance(3).await;
    }
    assert_eq!(statuses, [204, 204, 429]);
    bench.advance(30).await;
    assert_eq!(bench.send("PUT", &path, &pair.access, Some(json!({"fields": {}}))).await.status(), 204);
}

#[tokio::test]
async fn beta_headers_say_something_else_than_those_that_count() {
    let bench = Bench::with(json!({"settings": {"quota_points": 1000, "beta_rate_headers": true}})).await;
    let pair = bench.ada().await;
    let path = format!("/ex/jira/{}/rest/api/3/myself", bench.cloud_id("acme").await);
    let answer = bench.send("GET", &path, &pair.access, None).await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    // One for the call, two for the person (F7.2).
    assert!(header("ratelimit").contains("r=997") && header("beta-ratelimit").contains("r=0"), "{answer:?}");
    assert!(answer.headers().contains_key("x-beta-ratelimit-nearlimit"));
    assert!(!answer.headers().contains_key("x-ratelimit-nearlimit"));
}

#[tokio::test]
async fn points_of_one_site_do_not_stop_another_when_they_are_counted_by_tenant() {
    for (scope, elsewhere, reason) in
        [("global", 429, "jira-quota-global-based"), ("tenant", 200, "jira-quota-tenant-based")]
    {
        // One for the call and two for a person, twice.
        let settings = json!({"quota_points": 6, "quota_scope": scope});
        let bench = Bench::with(json!({"stopped_at": 1_790_000_000, "settings": settings})).await;
        bench.connect("ada", &["zeta"], "read:jira-user").await;
        let pair = bench.connect("ada", &["acme"], "read:jira-user").await;
        let myself = async |site: &str| {
            let path = format!("/ex/jira/{}/rest/api/3/myself", bench.cloud_id(site).await);
            bench.send("GET", &path, &pair.access, None).await
        };
        let seen = [myself("acme").await.status(), myself("acme").await.status()];
        assert_eq!(seen.map(|status| status.as_u16()), [200, 200], "{scope}");
        let over = myself("acme").await;
        assert_eq!(
            (over.status().as_u16(), &over.headers()["ratelimit-reason"]),
            (429, &reason.parse().unwrap())
        );
        assert_eq!(myself("zeta").await.status().as_u16(), elsewhere, "{scope}");
    }
}
