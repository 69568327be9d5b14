//! Every listing Atlassian documents, and every row of F8: 257 items in pages that are clamped, short and empty, with
//! totals that change. Each item comes once and in order. `tests/python/test_listings.py` and
//! `tests/node/listings.test.mjs` do the same.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has found something"
)]

mod support;

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use support::Sandbox;
use threelo_core::{Client, Code, ConnectOptions, Error, PaginateOptions};

/// A sandbox whose app may call all listings, a client connected to it as `user-1`, and the listings.
async fn everything(settings: Value) -> (Sandbox, Client, Vec<Value>) {
    let told = Sandbox::with(json!({ "settings": settings })).await.get("listings").await;
    let scopes: Vec<&str> = told["scopes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let sandbox = Sandbox::with(json!({ "apps": [{ "scopes": scopes }], "settings": settings })).await;
    let mut options = sandbox.options();
    options.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let client = Client::open(options).await.unwrap();
    let connect = ConnectOptions::new("user-1", Some("browser-1"));
    support::finish(&sandbox, &client, connect, "ada", &["acme"]).await.unwrap();
    (sandbox, client, told["listings"].as_array().unwrap().clone())
}

fn asked(listing: &Value) -> PaginateOptions {
    PaginateOptions {
        method: listing["method"].as_str().unwrap().to_owned(),
        params: listing["params"].as_object().cloned(),
        json: listing["json"].as_object().cloned(),
        ..PaginateOptions::new("user-1", listing["path"].as_str().unwrap())
    }
}

/// What tells the items of a listing apart, in the order they came.
async fn walk(client: &Client, options: PaginateOptions, listing: &Value) -> Result<Vec<Value>, Error> {
    let mut pages = client.paginate(options)?;
    let mut ids = Vec::new();
    while let Some(page) = pages.next_page().await? {
        let id = |item: Value| match listing["id"].as_str() {
            Some(name) => item[name].clone(),
            None => item,
        };
        ids.extend(page.read::<Value>()?.into_iter().map(id));
    }
    Ok(ids)
}

/// Walks through all listings, several at once. The old search (row 10) is gone, also here; its shape is that of row 11's
/// issues, which are counted in the same way.
async fn walk_all(settings: Value, options: impl Fn(&Value) -> PaginateOptions) {
    let (_sandbox, client, listings) = everything(settings).await;
    assert!(listings.len() >= 135, "{}", listings.len());
    let walks = listings.iter().map(|listing| {
        let walk = walk(&client, options(listing), listing);
        async move { (listing, walk.await) }
    });
    let walked: Vec<_> = stream::iter(walks).buffer_unordered(8).collect().await;
    let mut wrong = Vec::new();
    for (listing, outcome) in walked {
        let right = match &outcome {
            Ok(ids) => json!(ids) == listing["ids"] && ids.len() == 257,
            Err(error) => listing["status"] == 410 && error.code() == Code::EndpointRemoved,
        };
        if !right {
            let outcome = outcome.map(|ids| ids.len());
            wrong.push(format!("row {} {}: {outcome:?}", listing["row"], listing["name"]));
        }
    }
    assert!(wrong.is_empty(), "{} listings are not what they should be:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn as_they_are() {
    let settings = json!({ "listing_items": 257, "barred_operations": "served" });
    walk_all(settings, asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clamped_and_with_totals_that_change_in_parallel() {
    let settings = json!({
        "listing_items": 257, "barred_operations": "served", "page_size_limit": 20, "cursor_page_end": "last",
        "listing_fault": "wobbling_total",
    });
    walk_all(settings, |listing| PaginateOptions { parallel: 6, ..asked(listing) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_short_pages_and_an_empty_one_in_the_middle() {
    let settings = json!({
        "listing_items": 257, "barred_operations": "served", "page_size_limit": 50, "last_page_token": "null",
        "listing_short_pages": true, "listing_empty_page": true,
    });
    let sized =
        |listing: &Value| PaginateOptions { page_size: Some(50), deduplicate: true, ..asked(listing) };
    walk_all(settings, sized).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_people_who_are_hidden_from_searches() {
    let settings = json!({
        "listing_items": 257, "barred_operations": "served", "page_size_limit": 50, "hidden_users_every": 5,
    });
    walk_all(settings.clone(), asked).await;
    walk_all(settings, |listing| PaginateOptions { parallel: 6, ..asked(listing) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_leads_nowhere_is_stopped() {
    let settings = json!({
        "listing_items": 60, "barred_operations": "served", "page_size_limit": 10, "listing_fault": "stuck",
    });
    let (_sandbox, client, listings) = everything(settings).await;
    let walks = listings.iter().filter(|listing| listing["status"] != 410).map(|listing| {
        let walk = walk(&client, asked(listing), listing);
        async move { (listing, walk.await) }
    });
    let walked: Vec<_> = stream::iter(walks).buffer_unordered(8).collect().await;
    for (listing, outcome) in walked {
        let searches = listing["row"] == 5 && listing["name"].as_str().unwrap().contains("/user/");
        match outcome {
            Err(error) => assert_eq!(error.code(), Code::PaginationStalled, "{}", listing["name"]),
            // All on one page, or a look at a thousand users that ends by itself.
            Ok(_) => assert!(searches || listing["size"].is_null(), "{}", listing["name"]),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_in_parallel_keep_to_a_pause_that_another_call_met() {
    let settings = json!({ "listing_items": 257, "page_size_limit": 10 });
    let (sandbox, client, listings) = everything(settings).await;
    let listing = listings.iter().find(|one| one["path"] == "/rest/api/3/project/search").unwrap();
    let calls = async || sandbox.counts().await["api_calls"].as_u64().unwrap();
    let before = calls().await;
    let mut pages = client.paginate(PaginateOptions { parallel: 6, ..asked(listing) }).unwrap();
    let mut came = pages.next_page().await.unwrap().unwrap().len();
    while calls().await < before + 7 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let headers = json!({ "Retry-After": "3600", "RateLimit-Reason": "jira-quota-global-based" });
    let kind = json!({ "status": 429, "headers": headers, "body": "" });
    sandbox.fault(json!({ "path": "/ex/jira/*", "kind": kind, "times": 1 })).await;
    assert_eq!(support::myself(&client, "user-1").await.unwrap_err().code(), Code::RateLimited);
    let seen = calls().await;
    // What was on its way comes, and nothing more is asked for.
    let error = loop {
        match pages.next_page().await {
            Ok(page) => came += page.unwrap().len(),
            Err(error) => break error,
        }
    };
    assert_eq!((error.code(), came), (Code::RateLimited, 70));
    assert_eq!(calls().await, seen);
}
