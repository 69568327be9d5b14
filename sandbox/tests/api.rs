//! The API behind the gateway: what is served, and how it refuses.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::Bench;

#[tokio::test]
async fn a_missing_scope_is_a_401_that_says_so() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    let id = bench.cloud_id("acme").await;
    let response =
        bench.send("GET", &format!("/ex/jira/{id}/rest/agile/1.0/board"), &pair.access, None).await;
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["x-failure-category"], "FAILURE_CLIENT_SCOPE_CHECK");
    assert!(response.headers().contains_key("atl-traceid"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body, json!({"code": 401, "message": "Unauthorized; scope does not match"}));
    let scoped = bench.connect("ada", &["acme"], "read:board-scope:jira-software").await;
    assert_eq!(bench.jira("/rest/agile/1.0/board", &scoped.access).await.0, 200);
}

#[tokio::test]
async fn a_fresh_token_may_lag_at_the_edge() {
    let world = json!({"stopped_at": 1_790_000_000, "settings": {"fresh_token_lag_ms": 500}});
    let bench = Bench::with(world).await;
    let pair = bench.ada().await;
    assert_eq!(bench.jira("/rest/api/3/myself", &pair.access).await.0, 401);
    bench.advance(1).await;
    assert_eq!(bench.jira("/rest/api/3/myself", &pair.access).await.0, 200);
}

#[tokio::test]
async fn who_am_i() {
    let bench = Bench::new().await;
    let pair = bench.connect("grace", &["acme"], "read:jira-user read:me").await;
    let (_, me) = bench.get("/me", &pair.access).await;
    let (_, myself) = bench.jira("/rest/api/2/myself", &pair.access).await;
    assert_eq!(me["account_id"], myself["accountId"]);
    assert_eq!(me["name"], "Grace Hopper");
    bench.settings(json!({"me": "missing", "myself": "forbidden"})).await;
    assert_eq!(bench.get("/me", &pair.access).await.0, 404);
    assert_eq!(bench.jira("/rest/api/3/myself", &pair.access).await.0, 403);
    let without = bench.ada().await;
    bench.settings(json!({"me": "ok"})).await;
    assert_eq!(bench.get("/me", &without.access).await.0, 401);
}

#[tokio::test]
async fn sites_that_are_not_covered_uninstalled_suspended_or_unknown() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    let zeta = bench.cloud_id("zeta").await;
    let path = |id: &str| format!("/ex/jira/{id}/rest/api/3/myself");
    let gateway = json!({"code": 403, "message": "The app is not installed on this instance"});
    assert_eq!(bench.get(&path(&zeta), &pair.access).await, (403, gateway));
    bench.settings(json!({"not_installed_body": "jira"})).await;
    let (_, body) = bench.get(&path(&zeta), &pair.access).await;
    assert_eq!(body["errorMessages"][0], "The app is not installed on this instance.");
    let (status, body) = bench.get(&path("00000000-0000-4000-8000-000000000000"), &pair.access).await;
    assert_eq!((status, &body["error"]), (404, &json!("Not Found")));

    let acme = bench.cloud_id("acme").await;
    bench.control("POST", "/sites/acme/suspend", json!({"suspended": true})).await;
    assert_eq!(bench.get(&path(&acme), &pair.access).await.0, 404);
    bench.control("POST", "/sites/acme/suspend", json!({"suspended": false})).await;
    bench.control("POST", "/sites/acme/permissions", json!({"account": "ada", "allowed": false})).await;
    let (status, body) = bench.get(&path(&acme), &pair.access).await;
    assert_eq!(status, 403);
    assert!(body["errorMessages"][0].as_str().unwrap().contains("permission"));
    assert_eq!(bench.listed(&pair.access).await.len(), 1, "still listed");
    bench.settings(json!({"lost_access": "unlisted"})).await;
    assert_eq!(bench.listed(&pair.access).await.len(), 0);
    bench.control("POST", "/sites/acme/permissions", json!({"account": "ada", "allowed": true})).await;
    bench.control("POST", "/sites/acme/uninstall", json!({})).await;
    assert_eq!(bench.get(&path(&acme), &pair.access).await.0, 403);
    assert_eq!(bench.listed(&pair.access).await.len(), 0);
    bench.ada().await;
    assert_eq!(bench.get(&path(&acme), &pair.access).await.0, 200, "consent installs it again");
}

#[tokio::test]
async fn a_renamed_site_keeps_its_cloud_id() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    let id = bench.cloud_id("acme").await;
    bench.control("POST", "/sites/acme/rename", json!({"subdomain": "acme-two", "name": "ACME 2"})).await;
    assert_eq!(bench.cloud_id("acme-two").await, id);
    assert_eq!(bench.listed(&pair.access).await[0].0, "https://acme-two.atlassian.net");
}

#[tokio::test]
async fn search_pages_by_token_until_is_last() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    for null in [false, true] {
        bench.settings(json!({"last_page_token": if null { "null" } else { "absent" }})).await;
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let path =
                format!("/rest/api/3/search/jql?jql=project%3DACME&maxResults=20&nextPageToken={token}");
            let (status, page) = bench.jira(&path, &pair.access).await;
            assert_eq!(status, 200, "{page}");
            assert!(page.get("total").is_none());
            for issue in page["issues"].as_array().unwrap() {
                assert_eq!(
                    issue.as_object().unwrap().keys().collect::<Vec<_>>(),
                    ["id"],
                    "only the id by default"
                );
                seen.push(issue["id"].as_str().unwrap().to_owned());
            }
            if page["isLast"] == true {
                assert_eq!(page.get("nextPageToken"), null.then_some(&Value::Null));
                break;
            }
            token = page["nextPageToken"].as_str().unwrap().to_owned();
        }
        assert_eq!(seen.len(), 57);
    }
}

#[tokio::test]
async fn what_clients_look_up_first_is_there() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    let (_, fields) = bench.jira("/rest/api/2/field", &pair.access).await;
    assert!(fields.as_array().unwrap().iter().any(|field| field["id"] == "summary"));
    // What it says can be searched by can be, and nothing else.
    for field in fields.as_array().unwrap() {
        let name = field["clauseNames"][0].as_str().unwrap();
        let path = format!("/rest/api/3/search/jql?jql={name}+is+empty");
        let status = if field["searchable"] == true { 200 } else { 400 };
        assert_eq!(bench.jira(&path, &pair.access).await.0, status, "{name}");
    }
    let (_, info) = bench.jira("/rest/api/2/serverInfo", &pair.access).await;
    assert_eq!((&info["deploymentType"], &info["versionNumbers"][0]), (&json!("Cloud"), &json!(1001)));
    let (_, by_key) = bench.jira("/rest/api/3/project/ACME", &pair.access).await;
    let path = format!("/rest/api/3/project/{}", by_key["id"].as_str().unwrap());
    assert_eq!(bench.jira(&path, &pair.access).await, (200, by_key));
    assert_eq!(bench.jira("/rest/api/3/project/NOPE", &pair.access).await.0, 404);
}

#[tokio::test]
async fn search_refuses_what_jira_refuses() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    assert_eq!(bench.jira("/rest/api/3/search/jql?jql=order+by+created", &pair.access).await.0, 400);
    assert_eq!(bench.jira("/rest/api/3/search?jql=project=ACME", &pair.access).await.0, 410);
    assert_eq!(bench.jira("/rest/api/2/search?jql=project=ACME", &pair.access).await.0, 410);
    let first = bench.jira("/rest/api/3/search/jql?jql=project=ACME&maxResults=1", &pair.access).await.1;
    let token = first["nextPageToken"].as_str().unwrap();
    let other = format!("/rest/api/3/search/jql?jql=project!=ACMEP1&nextPageToken={token}");
    assert_eq!(bench.jira(&other, &pair.access).await.0, 400, "a token belongs to its query");
    let fresh = bench.ada().await;
    bench.settings(json!({"expires_in": 999_999_999})).await;
    let long = bench.rotated(&fresh.refresh).await;
    bench.advance(7 * 24 * 3600).await;
    let same = format!("/rest/api/3/search/jql?jql=project=ACME&nextPageToken={token}");
    assert_eq!(bench.jira(&same, &long.access).await.0, 400, "seven days");
}

#[tokio::test]
async fn search_answers_400_with_a_message_to_what_it_cannot_evaluate() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    let path = "/rest/api/3/search/jql?jql=project%3DACME+AND+sprint%3D7";
    let (status, body) = bench.jira(path, &pair.access).await;
    let message = "Field 'sprint' does not exist or you do not have permission to view it.";
    assert_eq!((status, body), (400, json!({"errorMessages": [message], "errors": {}})));
    let count = format!("/ex/jira/{}/rest/api/3/search/approximate-count", bench.cloud_id("acme").await);
    let counted = async |jql: &str| {
        let response = bench.send("POST", &count, &pair.access, Some(json!({"jql": jql}))).await;
        (response.status().as_u16(), response.json::<Value>().await.unwrap()["count"].as_u64())
    };
    assert_eq!(counted("project = OTHER").await, (400, None));
    assert_eq!(counted("status = Done OR key = ACME-1").await, (200, Some(20)));
}

#[tokio::test]
async fn search_is_sorted_over_its_pages() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    let issue = format!("/ex/jira/{}/rest/api/3/issue/ACME-30", bench.cloud_id("acme").await);
    bench.advance(60).await;
    let edit = json!({"fields": {"summary": "edited"}});
    assert_eq!(bench.send("PUT", &issue, &pair.access, Some(edit)).await.status(), 204);
    let walked = async |order: &str| {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let path = format!(
                "/rest/api/3/search/jql?jql=project%3DACME+order+by+{order}&fields=key,updated,created&maxResults=20&nextPageToken={token}"
            );
            let (status, page) = bench.jira(&path, &pair.access).await;
            assert_eq!(status, 200, "{page}");
            seen.extend(page["issues"].as_array().unwrap().iter().cloned());
            match page["nextPageToken"].as_str() {
                Some(next) => token = next.to_owned(),
                None => return seen,
            }
        }
    };
    let keys = |issues: &[Value]| {
        let keys = issues.iter().map(|issue| issue["key"].as_str().unwrap().to_owned());
        keys.collect::<Vec<_>>()
    };
    let numbered = |numbers: &mut dyn Iterator<Item = u32>| {
        numbers.map(|number| format!("ACME-{number}")).collect::<Vec<_>>()
    };
    assert_eq!(keys(&walked("created+DESC").await), numbered(&mut (1..=57).rev()));
    assert_eq!(keys(&walked("key+ASC").await), numbered(&mut (1..=57)));
    let updated = walked("updated+DESC").await;
    assert_eq!(keys(&updated[..2]), ["ACME-30", "ACME-57"]);
    assert_ne!(updated[0]["fields"]["updated"], updated[0]["fields"]["created"]);
}

#[tokio::test]
async fn search_by_post_with_fields_and_a_lagging_index() {
    let bench = Bench::with(json!({"settings": {"search_lag_ms": 60_000}})).await;
    let pair = bench.ada().await;
    let id = bench.cloud_id("acme").await;
    let create =
        json!({"fields": {"project": {"key": "ACME"}, "summary": "new", "issuetype": {"name": "Task"}}});
    let made =
        bench.send("POST", &format!("/ex/jira/{id}/rest/api/3/issue"), &pair.access, Some(create)).await;
    assert_eq!(made.status(), 201);
    let made: Value = made.json().await.unwrap();
    assert_eq!(made["key"], "ACME-58");
    let number: u64 = made["id"].as_str().unwrap().parse().unwrap();
    let path = format!("/ex/jira/{id}/rest/api/3/search/jql");
    let search = async |reconcile: Value| {
        let body = json!({"jql": "project = ACME", "maxResults": 1000, "fields": ["summary", "status"], "reconcileIssues": reconcile});
        bench.send("POST", &path, &pair.access, Some(body)).await.json::<Value>().await.unwrap()
    };
    let page = search(json!([])).await;
    assert_eq!(page["issues"].as_array().unwrap().len(), 57);
    assert_eq!(page["issues"][0]["fields"]["summary"], "Seeded issue 1");
    assert_eq!(search(json!([number])).await["issues"].as_array().unwrap().len(), 58);
    bench.advance(60).await;
    assert_eq!(search(json!([])).await["issues"].as_array().unwrap().len(), 58);
}

#[tokio::test]
async fn page_beans_point_at_the_site_and_are_clamped() {
    let bench = Bench::with(json!({"settings": {"page_size_limit": 3}})).await;
    let pair = bench.ada().await;
    let (_, page) = bench.jira("/rest/api/3/project/search?maxResults=50", &pair.access).await;
    assert_eq!((page["total"].as_u64(), page["values"].as_array().unwrap().len()), (Some(7), 3));
    assert_eq!((&page["maxResults"], &page["isLast"]), (&json!(3), &json!(false)));
    assert!(
        page["nextPage"]
            .as_str()
            .unwrap()
            .starts_with("https://acme.atlassian.net/rest/api/3/project/search?")
    );
    let (_, last) = bench.jira("/rest/api/3/project/search?startAt=6", &pair.access).await;
    assert_eq!(last["isLast"], true);
    assert!(last.get("nextPage").is_none());
}

#[tokio::test]
async fn issues_and_comments_can_be_written_and_counted() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    let id = bench.cloud_id("acme").await;
    let send = async |method: &str, path: &str, body: Value| {
        let response =
            bench.send(method, &format!("/ex/jira/{id}/rest/api/3{path}"), &pair.access, Some(body)).await;
        (response.status().as_u16(), response.json::<Value>().await.unwrap_or(Value::Null))
    };
    assert_eq!(send("PUT", "/issue/ACME-1", json!({"fields": {"summary": "changed"}})).await.0, 204);
    let (_, issue) = bench.jira("/rest/api/3/issue/ACME-1?fields=summary", &pair.access).await;
    assert_eq!((&issue["key"], &issue["fields"]), (&json!("ACME-1"), &json!({"summary": "changed"})));
    let put = json!({"update": {"comment": [{"add": {"body": "hello"}}]}});
    send("PUT", "/issue/ACME-1", put.clone()).await;
    send("PUT", "/issue/ACME-1", put).await;
    assert_eq!(send("POST", "/issue/ACME-1/comment", json!({"body": "third"})).await.0, 201);
    let (_, comments) =
        bench.jira("/rest/api/3/issue/ACME-1/comment?maxResults=2&startAt=1", &pair.access).await;
    assert_eq!((comments["total"].as_u64(), comments["comments"].as_array().unwrap().len()), (Some(3), 2));
    assert!(comments.get("isLast").is_none());
    let (status, wrong) = send("POST", "/issue", json!({"fields": {}})).await;
    assert_eq!(status, 400);
    assert!(wrong["errors"]["summary"].is_string());
    assert_eq!(send("GET", "/issue/ACME-999", Value::Null).await.0, 404);
    assert_eq!(send("DELETE", "/issue/ACME-2", Value::Null).await.0, 204);
    let counted = bench.control("GET", "/sites/acme/issues", Value::Null).await;
    assert_eq!(
        (&counted["total"], &counted["comments"], &counted["created"]),
        (&json!(56), &json!(3), &json!(0))
    );
}

#[tokio::test]
async fn echo_shows_what_arrived_but_not_the_token() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    let id = bench.cloud_id("acme").await;
    let path = format!("/ex/jira/{id}/rest/api/3/_echo?a=b%20c&a=d+e");
    let response = bench.send("PATCH", &path, &pair.access, Some(json!({"x": 1}))).await;
    let echo: Value = response.json().await.unwrap();
    assert_eq!((&echo["method"], &echo["query"]), (&json!("PATCH"), &json!("a=b%20c&a=d+e")));
    assert_eq!(echo["body"], "{\"x\":1}");
    assert!(!echo.to_string().contains(&pair.access));
}

#[tokio::test]
async fn unknown_paths_get_a_404_or_the_scope_error() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    let (status, body) = bench.jira("/rest/api/3/nothing", &pair.access).await;
    assert_eq!((status, &body["status"]), (404, &json!(404)));
    bench.settings(json!({"unknown_path": "scope_mismatch"})).await;
    assert_eq!(bench.jira("/rest/api/3/nothing", &pair.access).await.0, 401);
}

#[tokio::test]
async fn confluence_needs_its_own_product_path() {
    let bench = Bench::new().await;
    let pair = bench.connect("ada", &["acme"], "read:space:confluence").await;
    let id = bench.cloud_id("acme").await;
    let (status, page) =
        bench.get(&format!("/ex/confluence/{id}/wiki/api/v2/spaces?limit=5"), &pair.access).await;
    assert_eq!((status, page["results"].as_array().unwrap().len()), (200, 5));
    let next = page["_links"]["next"].as_str().unwrap();
    let (_, page) = bench.get(&format!("/ex/confluence/{id}{next}"), &pair.access).await;
    assert_eq!(page["results"].as_array().unwrap().len(), 2);
    assert!(page["_links"].get("next").is_none());
}

#[tokio::test]
async fn attachments_come_from_another_host_which_does_not_want_the_token() {
    let bench = Bench::new().await;
    let pair = bench.ada().await;
    let id = bench.cloud_id("acme").await;
    let upload = |token: &'static str| {
        let url = bench.url(&format!("/ex/jira/{id}/rest/api/3/issue/ACME-1/attachments"));
        let body = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.txt\"\r\n\r\nhello\r\n--x--\r\n";
        let request = bench.http.post(url).bearer_auth(&pair.access).header("x-atlassian-token", token);
        request.header("content-type", "multipart/form-data; boundary=x").body(body).send()
    };
    assert_eq!(upload("nothing").await.unwrap().status(), 403);
    let made: Value = upload("no-check").await.unwrap().json().await.unwrap();
    assert_eq!((&made[0]["filename"], &made[0]["size"]), (&json!("a b.txt"), &json!(5)));
    let path = format!("/ex/jira/{id}/rest/api/3/attachment/content/{}", made[0]["id"].as_str().unwrap());
    let moved = bench.send("GET", &path, &pair.access, None).await;
    assert_eq!(moved.status(), 303);
    let signed = moved.headers()["location"].to_str().unwrap().to_owned();
    assert!(!signed.starts_with(bench.running.url()));
    let part = bench.http.get(&signed).header("range", "bytes=1-2").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.text().await.unwrap()), (206, "el".to_owned()));
    assert_eq!(bench.http.get(&signed).bearer_auth("x").send().await.unwrap().status(), 403);
    assert_eq!(bench.http.get(signed.replace("token=", "token=1")).send().await.unwrap().status(), 401);
    let direct = bench.send("GET", &format!("{path}?redirect=false"), &pair.access, None).await;
    assert_eq!((direct.status().as_u16(), direct.text().await.unwrap()), (200, "hello".to_owned()));
    bench.advance(600).await;
    assert_eq!(bench.http.get(&signed).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn browsers_may_call_the_api_from_other_origins() {
    let bench = Bench::new().await;
    let asked = bench.http.request(reqwest::Method::OPTIONS, bench.url("/me"));
    let asked = asked
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers()["access-control-allow-headers"], "authorization");
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
}
