//! The vectors of `tests/conformance`, run against the core; pytest and Node run the same files against the faces.
//!
//! `THREELO_VECTOR=name` runs one of them. `THREELO_SANDBOX` is the sandbox's program, by default the one in
//! `target/debug`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a runner that cannot go on has found something"
)]

#[path = "conformance/face.rs"]
mod face;
#[path = "conformance/matchers.rs"]
mod matchers;
#[path = "conformance/run.rs"]
mod run;
#[path = "conformance/sandbox.rs"]
mod sandbox;

use futures::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};

/// Vectors that do not care where connections live run on both stores.
fn cases(only: Option<&str>) -> Vec<(String, Value, Value)> {
    let mut cases = Vec::new();
    for vector in run::load() {
        let name = vector["name"].as_str().unwrap().to_owned();
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let stores = vector
            .get("store")
            .map_or_else(|| vec![json!("memory"), json!("sqlite")], |store| vec![store.clone()]);
        cases.extend(stores.into_iter().map(|store| (format!("{name} ({store})"), vector.clone(), store)));
    }
    cases
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_vector_holds() {
    let only = std::env::var("THREELO_VECTOR").ok();
    let cases = cases(only.as_deref());
    assert!(!cases.is_empty(), "there is no such vector");
    let count = cases.len();
    let run = |(name, vector, store)| async move {
        // A task of its own, so that a panic in one vector is a failure of that vector.
        let outcome = tokio::spawn(run::run(vector, store))
            .map(|ended| ended.unwrap_or_else(|why| Err(why.to_string())));
        outcome.await.err().map(|why| format!("{name}: {why}"))
    };
    let outcomes: Vec<Option<String>> =
        futures::stream::iter(cases.into_iter().map(run)).buffer_unordered(8).collect().await;
    let failures: Vec<String> = outcomes.into_iter().flatten().collect();
    assert!(failures.is_empty(), "{} of {count} vectors fail:\n\n{}", failures.len(), failures.join("\n\n"));
}

fn listed(name: &str) -> Vec<Value> {
    let path = format!("{}/../tests/conformance/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn matchers_hold_and_fail() {
    for case in listed("matchers.json") {
        assert_eq!(Value::from(matchers::matches(case.get("value"), &case["is"])), case["holds"], "{case}");
    }
}

/// A runner that cannot fail would prove nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn doctored_vectors_fail() {
    for vector in listed("doctored.json") {
        let (name, words) = (vector["name"].clone(), vector["fails_with"].clone());
        let why = run::run(vector, json!("memory")).await.expect_err(name.as_str().unwrap());
        let told = words.as_str().unwrap().split(".*").all(|part| why.contains(part));
        assert!(told, "{name} fails for another reason: {why}");
    }
}
