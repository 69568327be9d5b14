//! One call for many connections, where one tenant does not answer.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use serde_json::json;
use support::{Sandbox, connect};
use threelo_core::ManyOptions;

/// The slow tenant's calls come first, and there are more of them than may be under way at once.
#[tokio::test]
async fn a_tenant_that_does_not_answer_delays_no_other() {
    let sandbox = Sandbox::start().await;
    let client = sandbox.client().await;
    let slow = connect(&sandbox, &client, "slow", Some("acme")).await;
    connect(&sandbox, &client, "quick", Some("zeta")).await;
    let path = format!("/ex/jira/{}/*", slow.site.unwrap().cloud_id);
    sandbox.fault(json!({ "path": path, "kind": { "hold": "before" }, "times": 1000 })).await;
    for concurrency in [2, 8] {
        let ids: Vec<_> = [["slow"; 40], ["quick"; 40]].concat().into_iter().map(str::to_owned).collect();
        let mut options = ManyOptions::new(ids, "GET", "/rest/api/3/myself");
        options.concurrency = concurrency;
        let mut many = client.proxy_request_many(options).unwrap();
        for _ in 0..40 {
            let result = many.next().await.unwrap();
            assert_eq!((result.id.as_str(), result.outcome.unwrap().status), ("quick", 200));
        }
        // Those that are not answered are all there are under way, and they are no more than were asked for.
        let log = sandbox.get("log").await;
        let held = log["requests"].as_array().unwrap().iter().filter(|entry| entry["status"].is_null());
        let held = held.filter(|entry| entry["path"].as_str().unwrap().starts_with("/ex/jira/"));
        let held = u32::try_from(held.count()).unwrap();
        assert!((1..=concurrency).contains(&held), "{held} calls under way instead of {concurrency}");
        drop(many);
        sandbox.clear_log().await;
    }
}
