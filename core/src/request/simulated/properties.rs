//! What must hold on every simulated day, and days of every kind.

use proptest::prelude::*;

use super::*;
use crate::error::{Code, Error};

fn check(plans: &[Plan], world: &World, ends: &[End]) -> std::result::Result<(), TestCaseError> {
    let events = lock(&world.events);
    let mut attempts = vec![0; plans.len()];
    let mut may_have_run = vec![false; plans.len()];
    let mut spent = vec![false; plans.len()];
    let patience = |call: usize| Duration::from_millis(plans[call].timeout_ms);
    let begin = |call: usize| world.morning + Duration::from_millis(plans[call].begin_ms);
    let mut deadlines: Vec<Instant> = (0..plans.len()).map(|call| begin(call) + patience(call)).collect();
    let mut pauses: Vec<(Cover, Instant)> = Vec::new();
    for (at, event) in events.iter() {
        match event {
            Event::Paused { cover, until } => pauses.push((*cover, *until)),
            Event::MayHaveRun { call } => may_have_run[*call] = true,
            Event::Spent { call } => spent[*call] = true,
            Event::Moved { call } => {
                // The body moved at the beginning of the attempt, and what follows it has as long again.
                prop_assert!(
                    *at <= deadlines[*call] + patience(*call),
                    "call {call}: a body stood still for long"
                );
                deadlines[*call] = *at + patience(*call);
            }
            Event::Sent { call } => {
                let plan = &plans[*call];
                let twice = !plan.reads() && plan.retry != Retry::Idempotent && may_have_run[*call];
                prop_assert!(!twice, "call {call}: a write is sent again that may have run");
                prop_assert!(!spent[*call], "call {call}: a file that cannot be rewound is sent again");
                prop_assert!(plan.retry != Retry::None || attempts[*call] == 0, "one attempt was asked for");
                let covered = pauses.iter().find(|(cover, until)| cover.covers(plan) && at < until);
                prop_assert!(covered.is_none(), "call {call} leaves during {covered:?}");
                attempts[*call] += 1;
            }
        }
    }
    for (call, (plan, end)) in plans.iter().zip(ends).enumerate() {
        let deadline = deadlines[call];
        prop_assert!(end.at <= deadline, "call {call} ends {:?} late", end.at - deadline);
        match &end.result {
            Ok(response) => {
                prop_assert_eq!(usize::try_from(response.attempts).unwrap(), attempts[call]);
                let earlier = response.history.iter().filter(|one| one.reason != HistoryReason::Paused);
                prop_assert_eq!(earlier.count() + 1, attempts[call], "{:?}", response.history);
                let turned_away = response.status == 429
                    || response.status == 503 && response.header("retry-after").is_some();
                let hides = turned_away && !plan.reads() && may_have_run[call];
                prop_assert!(!hides, "call {call}: that an earlier attempt may have run is hidden");
            }
            Err(error) if !plan.reads() && may_have_run[call] => {
                prop_assert_eq!(error.code(), Code::OutcomeUnknown, "call {}: {}", call, error);
            }
            Err(error) => prop_assert_ne!(error.code(), Code::OutcomeUnknown, "call {}: {}", call, error),
        }
    }
    Ok(())
}

fn waits() -> impl Strategy<Value = Option<Wait>> {
    prop_oneof![
        3 => Just(None),
        4 => (0_u64..40).prop_map(|seconds| Some(Wait::Seconds(seconds))),
        1 => Just(Some(Wait::Seconds(3600))),
        1 => (0_u64..40).prop_map(|seconds| Some(Wait::Date(seconds))),
        1 => (1_u64..90, any::<bool>()).prop_map(|(after_s, seconds)| Some(Wait::Reset { after_s, seconds })),
    ]
}

fn reactions() -> impl Strategy<Value = Vec<Reaction>> {
    let reasons = prop::sample::select(vec![
        None,
        Some("jira-quota-global-based"),
        Some("jira-quota-tenant-based"),
        Some("jira-burst-based"),
        Some("jira-per-issue-on-write"),
        Some("jira-cost-based"),
        Some(GATEWAY),
    ]);
    let statuses =
        prop::sample::select(vec![200, 401, 403, 404, 404, 429, 429, 429, 429, 500, 502, 503, 503, 504]);
    let answers =
        (statuses, reasons, waits()).prop_map(|(status, reason, wait)| Kind::Answer { status, reason, wait });
    let kinds = prop_oneof![1 => Just(Kind::NotSent), 1 => Just(Kind::Broke), 1 => Just(Kind::Truncated), 9 => answers];
    let reaction = (prop_oneof![0_u64..50, 0_u64..20_000], kinds)
        .prop_map(|(after_ms, kind)| Reaction { after_ms, kind });
    prop::collection::vec(reaction, 0..7)
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let paths = prop::sample::select(vec![
        "/rest/api/3/issue/ACME-1",
        "/rest/api/3/issue/ACME-2",
        "/rest/api/3/search/jql",
        "/wiki/api/v2/pages",
    ]);
    let plan = (
        (0_u64..30_000, prop_oneof![1_u64..2_000, 1_000_u64..120_000]),
        prop::sample::select(vec!["ada", "bob", "eve"]),
        prop::sample::select(vec!["cloud-1", "cloud-2"]),
        prop::sample::select(vec!["GET", "GET", "POST", "PUT"]),
        paths,
        prop::sample::select(vec![Retry::Safe, Retry::Safe, Retry::Idempotent, Retry::None]),
        (prop_oneof![4 => Just(0_u64), 1 => 0_u64..5_000], prop_oneof![Just(3_000_000_u64), 0_u64..6_000]),
        (
            prop::bool::weighted(0.2),
            prop::sample::select(vec![File::None, File::None, File::Once, File::Unhurried]),
        ),
        reactions(),
    )
        .prop_map(
            |(
                (begin_ms, timeout_ms),
                connection,
                cloud,
                method,
                path,
                retry,
                token,
                (expired, file),
                reactions,
            )| {
                let (token_ms, token_age_ms) = token;
                Plan {
                    begin_ms,
                    timeout_ms,
                    connection,
                    cloud,
                    method,
                    path,
                    retry,
                    token_ms,
                    token_age_ms,
                    expired,
                    file,
                    reactions,
                }
            },
        );
    prop::collection::vec(plan, 1..14)
}

fn simulate(plans: &[Plan]) -> std::result::Result<(), TestCaseError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (world, ends) = runtime.block_on(day(plans));
    check(plans, &world, &ends)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// No write is sent twice unless it certainly did not run, and nothing that cannot be rewound; no deadline is
    /// passed, by zero; no request leaves during a pause that covers it.
    #[test]
    fn whatever_jira_answers_and_whenever(plans in plans()) {
        simulate(&plans)?;
    }
}

/// The properties can fail: each is shown a day that breaks it.
mod the_checks_see {
    use super::*;

    fn plan(method: &'static str) -> Plan {
        let kind =
            Kind::Answer { status: 429, reason: Some("jira-burst-based"), wait: Some(Wait::Seconds(9)) };
        Plan {
            begin_ms: 0,
            timeout_ms: 60_000,
            connection: "ada",
            cloud: "cloud-1",
            method,
            path: "/rest/api/3/issue/ACME-1",
            retry: Retry::Safe,
            token_ms: 0,
            token_age_ms: 3_000_000,
            expired: false,
            file: File::None,
            reactions: vec![Reaction { after_ms: 1, kind }],
        }
    }

    fn verdict(plans: &[Plan], events: Vec<(u64, Event)>, ends_at: u64) -> String {
        let morning = Instant::now();
        let at = |ms| morning + Duration::from_millis(ms);
        let events = events.into_iter().map(|(ms, event)| (at(ms), event)).collect();
        let world = World { morning, events: Mutex::new(events) };
        let end = || End { at: at(ends_at), result: Err(Error::new(Code::RateLimited, "x")) };
        let ends: Vec<End> = plans.iter().map(|_| end()).collect();
        check(plans, &world, &ends).map_or_else(|error| error.to_string(), |()| "fine".into())
    }

    #[tokio::test]
    async fn a_second_write_a_late_end_and_a_broken_pause() {
        let sent = |ms| (ms, Event::Sent { call: 0 });
        assert_eq!(verdict(&[plan("POST")], vec![sent(0), sent(20_000)], 60_000), "fine");
        let ran = (1, Event::MayHaveRun { call: 0 });
        let twice = verdict(&[plan("POST")], vec![sent(0), ran, sent(20_000)], 60_000);
        assert!(twice.contains("a write is sent again"), "{twice}");
        let spent = (1, Event::Spent { call: 0 });
        let again = verdict(&[plan("GET")], vec![sent(0), spent, sent(20_000)], 60_000);
        assert!(again.contains("cannot be rewound"), "{again}");
        let late = verdict(&[plan("GET")], vec![sent(0)], 60_001);
        assert!(late.contains("late"), "{late}");
        let moved = |ms| (ms, Event::Moved { call: 0 });
        assert_eq!(verdict(&[plan("GET")], vec![sent(0), moved(1_000)], 61_000), "fine");
        let late = verdict(&[plan("GET")], vec![sent(0), moved(1_000)], 61_001);
        assert!(late.contains("late"), "{late}");
        let still = verdict(&[plan("GET")], vec![sent(0), moved(120_001)], 120_001);
        assert!(still.contains("stood still"), "{still}");
        let cover = Cover::new(&plan("GET"), Some("jira-burst-based"));
        let until = Instant::now() + Duration::from_secs(3600);
        let paused = (1, Event::Paused { cover, until });
        let broken = verdict(&[plan("GET")], vec![sent(0), paused.clone(), sent(2)], 60_000);
        assert!(broken.contains("leaves during"), "{broken}");
        assert_eq!(verdict(&[plan("POST")], vec![paused, sent(2)], 60_000), "fine");
    }
}
