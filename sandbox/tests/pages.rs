//! The shapes of pages beside those of search and projects.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::Bench;

#[tokio::test]
async fn every_shape_of_page_ends() {
    let world = json!({"settings": {"page_size_limit": 20}});
    let bench = Bench::with(world).await;
    let scopes = "read:jira-work manage:jira-configuration read:sprint:jira-software read:board-scope:jira-software \
                  read:issue-details:jira read:servicedesk-request read:confluence-content.all";
    let pair = bench.connect("ada", &["acme"], scopes).await;
    let id = bench.cloud_id("acme").await;
    let page = async |product: &str, path: String| {
        let (status, body) = bench.get(&format!("/ex/{product}/{id}{path}"), &pair.access).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    };
    let len = |body: &Value, name: &str| body[name].as_array().unwrap().len();

    for (path, list, start, end) in [
        ("/rest/api/3/issue/ACME-1/changelog?", "values", "startAt", "isLast"),
        ("/rest/api/3/auditing/record?", "records", "offset", ""),
        ("/rest/agile/1.0/board/1/sprint?", "values", "startAt", "isLast"),
        ("/rest/agile/1.0/board/1/issue?", "issues", "startAt", ""),
        ("/rest/servicedeskapi/servicedesk?", "values", "start", "isLastPage"),
    ] {
        let mut seen = 0;
        loop {
            let body = page("jira", format!("{path}{start}={seen}")).await;
            seen += len(&body, list);
            let last = if end.is_empty() { body["total"] == seen } else { body[end] == true };
            if last {
                break;
            }
        }
        assert_eq!(seen, 57, "{path}");
    }

    let (mut seen, mut next) = (0, Some(String::new()));
    while let Some(cursor) = next.take() {
        let body = page("jira", format!("/rest/api/3/plans/plan?cursor={cursor}")).await;
        seen += len(&body, "values");
        next = (body["isLast"] == false).then(|| body["nextPageCursor"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, 57);

    let (mut seen, mut since) = (0, 0);
    loop {
        let body = page("jira", format!("/rest/api/3/worklog/updated?since={since}")).await;
        seen += len(&body, "values");
        since = body["until"].as_i64().unwrap();
        if body["lastPage"] == true {
            break;
        }
    }
    assert_eq!(seen, 57);

    let (mut seen, mut path) = (0, Some("/rest/api/content?limit=20".to_owned()));
    while let Some(next) = path.take() {
        let body = page("confluence", format!("/wiki{next}")).await;
        seen += len(&body, "results");
        path = body["_links"]["next"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, 57);

    let (mut seen, mut token) = (0, Value::Null);
    loop {
        let path = format!("/ex/jira/{id}/rest/api/3/changelog/bulkfetch");
        let ask = json!({"issueIdsOrKeys": ["ACME-1"], "nextPageToken": token});
        let body: Value = bench.send("POST", &path, &pair.access, Some(ask)).await.json().await.unwrap();
        seen += len(&body, "issueChangeLogs");
        token = body["nextPageToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, 57);
}
