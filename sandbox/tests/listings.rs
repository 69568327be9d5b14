//! Every listing of the tables, walked to its end by the letter of F8.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use serde_json::{Map, Value, json};
use support::Bench;

/// A sandbox whose app may call all listings, a token for that, and the listings.
async fn everything(settings: Value) -> (Bench, String, Vec<Value>) {
    let bench = Bench::with(json!({"settings": settings})).await;
    let told = bench.control("GET", "/listings", Value::Null).await;
    let scopes: Vec<&str> = told["scopes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let app = json!({"scopes": scopes});
    bench.control("PUT", "/world", json!({"apps": [app], "settings": settings})).await;
    let pair = bench.connect("ada", &["acme"], &scopes.join(" ")).await;
    let listings = told["listings"].as_array().unwrap().clone();
    (bench, pair.access, listings)
}

struct Walk<'a> {
    bench: &'a Bench,
    token: &'a str,
    cloud_id: String,
    listing: &'a Value,
}

/// Where to go on.
enum Next {
    End,
    With(&'static str, Value),
    Link(String),
}

impl Walk<'_> {
    /// One page: with other parameters, or at a link below the product.
    async fn page(&self, more: &Map<String, Value>, link: Option<&str>) -> (u16, Value) {
        let product = self.listing["product"].as_str().unwrap();
        let path = link.unwrap_or(self.listing["path"].as_str().unwrap());
        let mut url =
            url::Url::parse(&self.bench.url(&format!("/ex/{product}/{}{path}", self.cloud_id))).unwrap();
        let method = self.listing["method"].as_str().unwrap();
        let mut body = self.listing["json"].clone();
        let mut params =
            if link.is_some() { Map::new() } else { self.listing["params"].as_object().unwrap().clone() };
        let in_body = body.is_object() && !self.listing["size"].is_null() && self.posts_position();
        match in_body {
            true => body.as_object_mut().unwrap().extend(more.clone()),
            false => params.extend(more.clone()),
        }
        for (name, value) in &params {
            for one in value.as_array().unwrap_or(&vec![value.clone()]) {
                let text = one.as_str().map_or(one.to_string(), str::to_owned);
                url.query_pairs_mut().append_pair(name, &text);
            }
        }
        let path = format!("{}?{}", url.path(), url.query().unwrap_or(""));
        let response = self.bench.send(method, &path, self.token, (!body.is_null()).then_some(body)).await;
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    fn posts_position(&self) -> bool {
        ["/search/jql", "/changelog/bulkfetch", "/priorityscheme/mappings", "/rest/api/3/search"]
            .iter()
            .any(|end| self.listing["path"].as_str().unwrap().ends_with(end))
    }

    /// The items of a page, and where it leads, by the rules of its row.
    fn read(&self, page: &Value, seen: usize) -> (Vec<Value>, Next) {
        let list = |name: &str| page[name].as_array().unwrap().clone();
        let named = |not: &[&str]| {
            let found = page
                .as_object()
                .unwrap()
                .iter()
                .find(|(name, value)| value.is_array() && !not.contains(&name.as_str()));
            found.map(|(_, value)| value.as_array().unwrap().clone()).unwrap()
        };
        let number = |name: &str| page[name].as_u64().unwrap();
        let step = |items: &[Value]| match items.len() {
            0 => number("maxResults"),
            length => u64::try_from(length).unwrap(),
        };
        match self.listing["row"].as_u64().unwrap() {
            1 => {
                let items = list("values");
                let next = json!(number("startAt") + step(&items));
                assert!(page["self"].as_str().unwrap().starts_with("https://acme.atlassian.net/rest/api/3/"));
                assert_eq!(page["nextPage"].is_string(), page["isLast"] == false, "{page}");
                (items, if page["isLast"] == true { Next::End } else { Next::With("startAt", next) })
            }
            11 if page.get("values").is_some() => {
                let items = list("values");
                assert!(page.get("total").is_none());
                let next = json!(number("startAt") + step(&items));
                (items, if page["isLast"] == true { Next::End } else { Next::With("startAt", next) })
            }
            2 | 11 => {
                let items = named(&[]);
                let next = number("startAt") + step(&items);
                (items, if next >= number("total") { Next::End } else { Next::With("startAt", json!(next)) })
            }
            3 | 4 => {
                let inner =
                    page.as_object().unwrap().values().find(|value| value.is_object()).unwrap_or(page);
                let items = inner.as_object().unwrap().values().find_map(Value::as_array).unwrap().clone();
                let next = inner["nextPageToken"].clone();
                if page.get("isLast").is_some() {
                    assert_eq!(page["isLast"], next.is_null());
                }
                (items, if next.is_null() { Next::End } else { Next::With("nextPageToken", next) })
            }
            5 => {
                let items = page.as_array().unwrap().clone();
                let at = seen + if items.is_empty() { 50 } else { items.len() };
                (
                    items.clone(),
                    if items.is_empty() && at > 1000 { Next::End } else { Next::With("startAt", json!(at)) },
                )
            }
            6 => {
                let next = Next::With("cursor", page["nextPageCursor"].clone());
                (list("values"), if page["isLast"] == true { Next::End } else { next })
            }
            7 => {
                let next = Next::With("since", page["until"].clone());
                (list("values"), if page["lastPage"] == true { Next::End } else { next })
            }
            8 => {
                let items = list("records");
                let next = number("offset") + u64::try_from(items.len()).unwrap();
                (items, if next >= number("total") { Next::End } else { Next::With("offset", json!(next)) })
            }
            15 => {
                let next = page["startingAfter"].clone();
                (named(&[]), if next.is_null() { Next::End } else { Next::With("startingAfter", next) })
            }
            row => {
                let link = if row == 9 { &page["next"] } else { &page["_links"]["next"] };
                let items = list(if row == 9 || row == 12 { "values" } else { "results" });
                let front = if row == 13 { "/wiki" } else { "" };
                let site =
                    |link: &str| link.strip_prefix("https://acme.atlassian.net").unwrap_or(link).to_owned();
                if row == 12 {
                    assert_eq!(page["isLastPage"], link.is_null());
                }
                let next = link.as_str().map(|link| Next::Link(format!("{front}{}", site(link))));
                (items, next.unwrap_or(Next::End))
            }
        }
    }

    /// The ids of all items, and how many pages and empty pages there were.
    async fn walk(&self) -> (Vec<Value>, usize, usize) {
        let (mut ids, mut pages, mut empty, mut at) = (Vec::new(), 0, 0, 0);
        let (mut more, mut link) = (Map::new(), None::<String>);
        loop {
            let (status, page) = self.page(&more, link.as_deref()).await;
            assert_eq!(status, 200, "{}: {page}", self.listing["name"]);
            let (items, next) = self.read(&page, at);
            pages += 1;
            assert!(pages < 200, "{}: no end", self.listing["name"]);
            empty += usize::from(items.is_empty());
            ids.extend(items.iter().map(|item| match self.listing["id"].as_str() {
                Some(name) => item[name].clone(),
                None => item.clone(),
            }));
            match next {
                Next::End => return (ids, pages, empty),
                Next::With(name, value) => {
                    at = value.as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
                    more = Map::from_iter([(name.to_owned(), value)]);
                }
                Next::Link(next) => link = Some(next),
            }
        }
    }
}

async fn walk_all(settings: Value) -> Vec<(Value, usize, usize)> {
    let (bench, token, listings) = everything(settings).await;
    let cloud_id = bench.cloud_id("acme").await;
    let mut walked = Vec::new();
    for listing in &listings {
        let walk = Walk { bench: &bench, token: &token, cloud_id: cloud_id.clone(), listing };
        if listing["status"] == 410 {
            assert_eq!(walk.page(&Map::new(), None).await.0, 410);
            continue;
        }
        let (ids, pages, empty) = walk.walk().await;
        assert_eq!(json!(ids), listing["ids"], "{}", listing["name"]);
        walked.push((listing.clone(), pages, empty));
    }
    walked
}

#[tokio::test]
async fn every_listing_gives_each_of_its_items_once() {
    let walked =
        walk_all(json!({"listing_items": 257, "page_size_limit": 50, "barred_operations": "served"})).await;
    assert!(walked.len() > 120, "{}", walked.len());
    for (listing, pages, _) in walked {
        assert_eq!(listing["ids"].as_array().unwrap().len(), 257);
        assert!(pages > 5 || listing["size"].is_null(), "{}: {pages}", listing["name"]);
    }
}

#[tokio::test]
async fn pages_may_be_short_and_one_in_the_middle_empty() {
    let settings = json!({
        "listing_items": 257, "page_size_limit": 50, "listing_short_pages": true, "listing_empty_page": true,
        "barred_operations": "served", "last_page_token": "null",
    });
    for (listing, pages, empty) in walk_all(settings).await {
        let (row, name) = (listing["row"].as_u64().unwrap(), &listing["name"]);
        assert!(pages > 6 || listing["size"].is_null(), "{name}: {pages}");
        // A total alone cannot be told from its items; arrays are asked until they have been empty for long.
        let full = matches!(row, 2 | 8) || row == 11 && listing["path"].as_str().unwrap().ends_with("issue");
        let full =
            full || name.as_str().unwrap().ends_with("/backlog") || listing["size"].is_null() && row != 7;
        assert!(row == 5 || empty == usize::from(!full), "{name}: {empty} empty pages of {pages}");
    }
}

#[tokio::test]
async fn searches_of_users_leave_some_out_of_windows_that_are_stepped_over_by_their_size() {
    let settings = json!({"listing_items": 257, "page_size_limit": 50, "hidden_users_every": 5});
    let (bench, token, listings) = everything(settings).await;
    let cloud_id = bench.cloud_id("acme").await;
    let searched: Vec<&Value> = listings
        .iter()
        .filter(|one| one["row"] == 5 && one["path"].as_str().unwrap().contains("earch"))
        .filter(|one| one["path"] != "/rest/api/3/users/search")
        .collect();
    assert_eq!(searched.len(), 5);
    for listing in searched {
        let walk = Walk { bench: &bench, token: &token, cloud_id: cloud_id.clone(), listing };
        let (mut ids, mut at) = (Vec::new(), 0);
        while at < 400 {
            let (_, page) = walk.page(&Map::from_iter([("startAt".into(), json!(at))]), None).await;
            let page = page.as_array().unwrap().clone();
            assert!(page.len() <= 40, "one of five is left out");
            ids.extend(page.iter().map(|one| one["accountId"].clone()));
            at += 50;
        }
        assert_eq!(json!(ids), listing["ids"], "{}", listing["name"]);
    }
}

#[tokio::test]
async fn a_stuck_listing_leads_to_where_it_is() {
    let settings = json!({"listing_items": 60, "page_size_limit": 10, "listing_fault": "stuck"});
    let (bench, token, listings) = everything(settings).await;
    let cloud_id = bench.cloud_id("acme").await;
    let named = |name: &str| listings.iter().find(|one| one["name"] == name).unwrap();
    let walk = |listing| Walk { bench: &bench, token: &token, cloud_id: cloud_id.clone(), listing };

    let search = walk(named("GET /rest/api/3/search/jql"));
    let first = search.page(&Map::new(), None).await.1["nextPageToken"].clone();
    let second = search.page(&Map::from_iter([("nextPageToken".into(), first.clone())]), None).await.1;
    assert_eq!(second["nextPageToken"], first);

    let projects = walk(named("GET /rest/api/3/project/search"));
    let second = projects.page(&Map::from_iter([("startAt".into(), json!(10))]), None).await.1;
    assert_eq!((&second["startAt"], &second["values"][0]["id"]), (&json!(0), &json!("10001")));
}

#[tokio::test]
async fn without_items_of_their_own_listings_are_as_long_as_the_site_has_issues() {
    let (bench, token, listings) = everything(json!({})).await;
    let failed = listings.iter().find(|one| one["name"] == "GET /rest/api/3/webhook/failed").unwrap();
    assert_eq!(failed["ids"].as_array().unwrap().len(), 57);
    assert_eq!(bench.jira("/rest/api/3/webhook/failed", &token).await.0, 403);
    // Places beyond any list, and places that are none.
    for (path, status) in [
        ("/rest/api/3/label?startAt=18446744073709551615", 200),
        ("/rest/api/3/label?startAt=18446744073709551616", 400),
        ("/rest/api/3/label?startAt=-1", 400),
        ("/rest/api/3/worklog/updated?since=18446744073709551615", 200),
        ("/rest/api/3/plans/plan?cursor=nonsense", 400),
    ] {
        assert_eq!(bench.jira(path, &token).await.0, status, "{path}");
    }
    // A token belongs to one operation.
    let (_, usages) = bench.jira("/rest/api/3/statuses/1/projectUsages", &token).await;
    let next = usages["projects"]["nextPageToken"].as_str().unwrap();
    let other = format!("/rest/api/3/statuses/1/workflowUsages?nextPageToken={next}");
    assert_eq!(bench.jira(&other, &token).await.0, 400);
}
