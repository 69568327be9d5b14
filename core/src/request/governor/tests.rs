//! Calls in a crowd, in simulated time.

use std::sync::Mutex;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::time::advance;

use super::*;
use crate::event::EventKind;
use crate::records::Product;

const SECOND: Duration = Duration::from_secs(1);

fn route(connection: &str, cloud: &str, method: Method, path: &str) -> Route {
    Route::from_parts(connection, Product::Jira, cloud, method, path)
}

fn get(connection: &str) -> Route {
    route(connection, "cloud-1", Method::GET, "/rest/api/3/myself")
}

fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    given.iter().map(header).collect()
}

impl Governor {
    fn met(&self, route: &Route, reason: &str, seconds: u64) -> bool {
        let headers = headers(&[("ratelimit-reason", reason)]);
        let wait = Some(Duration::from_secs(seconds));
        self.learn(route, 429, &headers, wait, Instant::now(), &Events::default()).is_some()
    }

    /// Whether a call would be sent now.
    fn lets(&self, route: &Route) -> bool {
        let now = Instant::now();
        futures::FutureExt::now_or_never(self.passage(route).admit(now + 600 * SECOND))
            .is_some_and(|admitted| admitted == Ok(None))
    }
}

#[tokio::test(start_paused = true)]
async fn each_reason_pauses_what_it_is_meant_for_and_nothing_else() {
    let issue = "/rest/api/3/issue/ACME-1";
    let calls = [
        route("a", "cloud-1", Method::PUT, issue),
        route("b", "cloud-1", Method::POST, "/rest/api/3/issue/ACME-1/comment"),
        route("a", "cloud-1", Method::GET, issue),
        route("a", "cloud-1", Method::PUT, "/rest/api/3/issue/ACME-2"),
        route("a", "cloud-1", Method::GET, "/rest/api/3/myself"),
        route("c", "cloud-2", Method::PUT, issue),
        Route::from_parts("a", Product::Confluence, "cloud-1", Method::GET, "/wiki/api/v2/pages"),
    ];
    for (reason, open) in [
        ("jira-per-issue-on-write", [false, false, true, true, true, true, true]),
        ("jira-burst-based", [false, true, true, false, true, true, true]),
        ("jira-quota-tenant-based", [false, false, false, false, false, true, true]),
        ("jira-quota-global-based", [false, false, false, false, false, false, true]),
    ] {
        let governor = Governor::default();
        assert!(calls.iter().all(|call| governor.lets(call)));
        assert!(governor.met(&calls[0], reason, 5));
        assert_eq!(calls.each_ref().map(|call| governor.lets(call)), open, "{reason}");
        advance(6 * SECOND).await;
        for call in &calls {
            assert!(governor.lets(call), "{reason}");
            advance(SECOND).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_longer_than_the_call_may_take_fails_at_once() {
    let governor = Governor::default();
    governor.met(&get("a"), "jira-quota-global-based", 60);
    let begun = Instant::now();
    let other = route("b", "cloud-2", Method::GET, "/rest/api/3/search/jql");
    let held = governor.passage(&other).admit(begun + 60 * SECOND).await.unwrap_err();
    assert_eq!((held.scope, held.opens), (Scope::App(Product::Jira), begun + 60 * SECOND));
    assert_eq!(held.reason.as_deref(), Some("jira-quota-global-based"));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let waited = governor.passage(&other).admit(begun + 61 * SECOND).await;
    assert_eq!(waited, Ok(Some(60 * SECOND)));
}

#[tokio::test(start_paused = true)]
async fn who_waits_hears_at_once_that_the_pause_got_too_long() {
    let governor = Governor::default();
    governor.met(&get("a"), "jira-burst-based", 5);
    let deadline = Instant::now() + 20 * SECOND;
    let (one, other) = (get("a"), get("b"));
    let (mut first, mut second) = (governor.passage(&one), governor.passage(&other));
    let later = async {
        sleep_a_second().await;
        governor.met(&get("a"), "jira-burst-based", 100);
    };
    let begun = Instant::now();
    let (first, second, ()) = tokio::join!(first.admit(deadline), second.admit(deadline), later);
    assert!(first.is_err() && second.is_err());
    assert_eq!(begun.elapsed(), SECOND);
}

async fn sleep_a_second() {
    tokio::time::sleep(SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn connections_take_turns_and_calls_leave_apart() {
    let governor = Governor::default();
    governor.met(&get("busy"), "jira-burst-based", 5);
    let left = Mutex::new(Vec::new());
    let names = std::iter::repeat_n("busy", 50).chain(["quiet"]);
    let calls = names.map(|name| {
        let (governor, left) = (&governor, &left);
        async move {
            let route = get(name);
            governor.passage(&route).admit(Instant::now() + 60 * SECOND).await.unwrap();
            lock(left).push((name, Instant::now()));
        }
    });
    let begun = Instant::now();
    futures::future::join_all(calls).await;
    let left = left.into_inner().unwrap();
    let place = left.iter().position(|(name, _)| *name == "quiet").unwrap();
    assert!(place < 2, "one busy connection delays another by one call, not by {place}");
    assert!(left[0].1 >= begun + 5 * SECOND);
    assert!(left.windows(2).take(20).all(|pair| pair[1].1 > pair[0].1), "they leave one after another");
    assert!(left[50].1 < begun + 7 * SECOND, "and all of them soon");
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_holds_up_nobody() {
    let governor = Governor::default();
    governor.met(&get("a"), "jira-burst-based", 5);
    let routes: Vec<Route> = ["a", "b", "c"].map(get).into();
    let deadline = Instant::now() + 60 * SECOND;
    let mut passages: Vec<_> = routes.iter().map(|route| governor.passage(route)).collect();
    let [first, second, third] = passages.as_mut_slice() else { unreachable!() };
    let mut gives_up = Box::pin(first.admit(deadline));
    let mut gives_up_at_its_turn = Box::pin(second.admit(deadline));
    let mut waits = Box::pin(third.admit(deadline));
    assert!(futures::poll!(&mut gives_up).is_pending());
    assert!(futures::poll!(&mut gives_up_at_its_turn).is_pending());
    assert!(futures::poll!(&mut waits).is_pending());
    drop(gives_up);
    advance(5 * SECOND).await;
    drop(gives_up_at_its_turn);
    assert_eq!(waits.await, Ok(Some(5 * SECOND)));
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_forgotten_and_the_rest_is_bounded() {
    let governor = Governor::default();
    for number in 0..MOST_GATES + 50 {
        let call = route("a", &format!("cloud-{number}"), Method::GET, "/rest/api/3/myself");
        assert_eq!(governor.met(&call, "jira-quota-tenant-based", 5), number < MOST_GATES);
        governor.learn(
            &call,
            200,
            &headers(&[("ratelimit", "\"tenant-app-quota\";r=1;t=5")]),
            None,
            Instant::now(),
            &Events::default(),
        );
    }
    assert_eq!(governor.standing.load(Ordering::Acquire), MOST_GATES);
    advance(60 * SECOND).await;
    governor.met(&get("a"), "jira-burst-based", 5);
    assert_eq!(governor.standing.load(Ordering::Acquire), 1);
}

/// A busy app is let go as fast as it likes once the quota is there again, and then pays nothing for what was.
#[tokio::test(start_paused = true)]
async fn after_a_quota_was_reset_nothing_slows_a_busy_app_down() {
    let governor = Governor::default();
    let call = get("a");
    let told = headers(&[
        ("ratelimit-reason", "jira-quota-global-based"),
        ("ratelimit-policy", "\"global-app-quota\";q=65000;w=3600"),
    ]);
    let wait = Some(60 * SECOND);
    assert!(governor.learn(&call, 429, &told, wait, Instant::now(), &Events::default()).is_some());
    advance(60 * SECOND).await;
    // Fifty calls a second, for as long as an outage is remembered.
    let mut waited = Duration::ZERO;
    for _ in 0..50 * 15 {
        let begun = Instant::now();
        governor.passage(&call).admit(begun + 60 * SECOND).await.unwrap();
        waited = begun.elapsed();
        advance(Duration::from_millis(20).saturating_sub(waited)).await;
    }
    assert_eq!(waited, Duration::ZERO);
    assert_eq!(governor.standing.load(Ordering::Acquire), 0, "no call stops to look any more");
}

/// A pause nobody gave a length starts from the beginning when the last one is long over.
#[tokio::test(start_paused = true)]
async fn pauses_of_yesterday_do_not_lengthen_those_of_today() {
    let governor = Governor::default();
    let call = get("a");
    let guessed = async || {
        let none = headers(&[("ratelimit-reason", "jira-burst-based")]);
        let paused = governor.learn(&call, 429, &none, None, Instant::now(), &Events::default());
        let left = paused.unwrap().left;
        advance(left).await;
        left
    };
    for seconds in [1, 2, 4] {
        assert_eq!(guessed().await, seconds * SECOND);
    }
    // Calls all the while, none of which meets a limit.
    for _ in 0..720 {
        governor.passage(&call).admit(Instant::now() + 60 * SECOND).await.unwrap();
        advance(5 * SECOND).await;
    }
    assert_eq!(guessed().await, SECOND);
}

#[tokio::test(start_paused = true)]
async fn limits_are_told_as_they_were_last_heard() {
    let governor = Governor::default();
    let events = Events::default();
    let mut heard = events.subscribe();
    let call = get("a");
    let quota = [
        ("ratelimit-policy", "\"global-app-quota\";q=65000;w=3600, \"jira-burst-based\";q=100;w=1"),
        ("ratelimit", "\"global-app-quota\";r=11000;t=600, \"jira-burst-based\";r=90;t=1"),
    ];
    for _ in 0..3 {
        governor.learn(&call, 200, &headers(&quota), None, Instant::now(), &events);
    }
    governor.met(&call, "jira-quota-tenant-based", 30);
    let limits = governor.rate_limits("cloud-1", crate::clock::wall_ms());
    let names: Vec<_> = limits.iter().map(|limit| (limit.scope, limit.name.as_str())).collect();
    assert_eq!(
        names,
        [
            ("app", "global-app-quota"),
            ("tenant", "jira-quota-tenant-based"),
            ("endpoint", "jira-burst-based")
        ]
    );
    assert_eq!(
        (limits[0].limit, limits[0].remaining, limits[0].near_limit),
        (Some(65_000), Some(11_000), true)
    );
    assert!(limits[0].reset_at.is_some() && limits[0].paused_until.is_none());
    assert!(limits[1].paused_until.is_some());
    assert_eq!(limits[2].target.as_deref(), Some("GET /rest/api/3/myself"));
    let elsewhere = governor.rate_limits("cloud-2", crate::clock::wall_ms());
    assert_eq!(elsewhere.len(), 1, "of another site only the app's: {elsewhere:?}");

    let event = heard.next().await.unwrap();
    assert_eq!((event.kind, event.connection_id.as_deref()), (EventKind::NearLimit, Some("a")));
    assert_eq!(
        (&event.details["name"], &event.details["remaining"]),
        (&"global-app-quota".into(), &11_000.into())
    );
    assert!(futures::FutureExt::now_or_never(heard.next()).is_none(), "once in a window");
}
