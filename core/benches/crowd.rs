//! A crowd of callers meets an expired token while the token endpoint takes a second: how many exchanges, and how long
//! until the last caller has its token, which is not to be longer than a second and a half. `cargo bench --bench crowd
//! [-- CALLERS]`, and `make chaos`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::{Sandbox, connect};

const EXCHANGE: Duration = Duration::from_secs(1);

/// When the last caller has to have its token.
const LAST: Duration = Duration::from_millis(1_500);

#[tokio::main]
async fn main() {
    let callers = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10_000_usize);
    println!("{callers} callers, one process, an exchange of {EXCHANGE:?}");
    for store in ["memory:", "sqlite"] {
        let sandbox = Sandbox::with(json!({ "settings": { "expires_in": 1 } })).await;
        let folder = tempfile::tempdir().unwrap();
        let client = match store {
            "sqlite" => sandbox.client_at(&folder.path().join("store.db")).await,
            _ => sandbox.client().await,
        };
        let connection = connect(&sandbox, &client, "user-1", None).await;
        let delay = json!({ "path": "/oauth/token", "kind": { "delay_ms": 1000 }, "times": 0 });
        sandbox.fault(delay).await;
        while threelo_core::clock::wall_ms() <= connection.access_expires_at {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // The token that comes outlives the slowest caller.
        sandbox.settings(json!({ "expires_in": 3600 })).await;
        let begun = Instant::now();
        let calls: Vec<_> = (0..callers)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move {
                    let answered = client.access_token("user-1").await.is_ok();
                    (answered, begun.elapsed())
                })
            })
            .collect();
        let ends = futures::future::join_all(calls).await;
        let answered = ends.iter().filter(|end| end.as_ref().unwrap().0).count();
        let last = ends.iter().map(|end| end.as_ref().unwrap().1).max().unwrap();
        let exchanges = sandbox.refreshes().await;
        println!("{store:8} {answered} answered, {exchanges} exchange, the last after {last:.3?}");
        assert_eq!((answered, exchanges), (callers, 1));
        assert!(last < LAST, "{last:?}");
    }
}
