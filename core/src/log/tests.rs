use super::*;
use serde_json::{Value, json};
use tracing::subscriber::with_default;

/// The lines that listeners of all tests hear, told apart by a mark of the test's own.
async fn next(lines: &mut Lines, mark: &str) -> Arc<LogLine> {
    loop {
        let line = lines.next().await.unwrap();
        if line.details.get("mark").is_some_and(|found| found == mark) || line.details.contains_key("missed")
        {
            return line;
        }
    }
}

#[tokio::test]
async fn a_line_says_what_happened_and_the_details_behind_it() {
    let mut lines = listen();
    with_default(collector::Collector, || {
        tracing::warn!(mark = "whole", grant = %"g-1", generation = 3_u64, clean = true, "it was {}", "rotated");
    });
    let line = next(&mut lines, "whole").await;
    assert_eq!(line.level, LogLevel::Warning);
    assert_eq!(line.message, "it was rotated (mark=whole, grant=g-1, generation=3, clean=true)");
    assert_eq!(
        Value::from(line.details.clone()),
        json!({ "mark": "whole", "grant": "g-1", "generation": 3, "clean": true })
    );
    assert_eq!(serde_json::to_value(line.level).unwrap(), "warning");
}

#[tokio::test]
async fn only_what_the_core_writes_is_told_and_nothing_finer_than_debug() {
    let mut lines = listen();
    with_default(collector::Collector, || {
        tracing::error!(target: "hyper::client", mark = "others", "authorization: canary");
        tracing::error!(target: "threelo_core_of_somebody_else", mark = "others", "canary");
        let span = tracing::info_span!("a span", mark = "others");
        let _inside = span.enter();
        tracing::debug!(mark = "others", "ours");
    });
    assert_eq!(next(&mut lines, "others").await.message, "ours (mark=others)");
    assert_eq!(
        tracing::Subscriber::max_level_hint(&collector::Collector),
        Some(tracing::level_filters::LevelFilter::DEBUG)
    );
}

#[tokio::test]
async fn what_looks_like_a_secret_is_cut_wherever_it_stands() {
    let mut lines = listen();
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.signature";
    with_default(collector::Collector, || {
        let url = "https://media.example.com/a?token=canary";
        tracing::info!(mark = "secret", token, url = %url, debug = ?Some(token), "at {url} with {token}");
    });
    let line = next(&mut lines, "secret").await;
    let told = serde_json::to_string(&*line).unwrap();
    assert!(!told.contains("canary") && !told.contains("eyJ"), "{told}");
    assert!(told.contains("https://media.example.com/a?…"), "{told}");
}

#[tokio::test]
async fn a_listener_that_does_not_listen_holds_nobody_up_and_is_told_what_it_missed() {
    let mut slow = listen();
    with_default(collector::Collector, || {
        for number in 0..3 * BACKLOG {
            tracing::info!(mark = "slow", number);
        }
    });
    let first = slow.next().await.unwrap();
    // Other tests write too, so that more than these may be missing.
    assert!(first.details["missed"].as_u64().unwrap() >= 2 * BACKLOG as u64, "{first:?}");
    let after = next(&mut slow, "slow").await;
    assert!(after.details["number"].as_u64().unwrap() >= 2 * BACKLOG as u64, "{after:?}");
    drop(slow);
    let mut quick = listen();
    with_default(collector::Collector, || tracing::info!(mark = "quick", "still here"));
    assert_eq!(next(&mut quick, "quick").await.message, "still here (mark=quick)");
}

#[tokio::test]
async fn listening_ends_when_it_is_told_to_and_not_before_all_is_told() {
    let end = CancellationToken::new();
    let mut lines = listen().until(end.clone());
    with_default(collector::Collector, || tracing::info!(mark = "last", "the last"));
    end.cancel();
    assert_eq!(next(&mut lines, "last").await.message, "the last (mark=last)");
    while let Some(line) = lines.next().await {
        assert_ne!(line.details.get("mark"), Some(&json!("last")));
    }
}
