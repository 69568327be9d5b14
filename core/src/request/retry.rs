//! Whether a call is sent again. Pure: what happened goes in, what to do comes out.

use std::time::Duration;

use crate::options::Retry;

/// First backoff, before jitter. Atlassian's own recipe starts at 2–5 s with a narrow jitter (F7.7); full jitter
/// from half a second spreads better and keeps short outages short.
const BASE: Duration = Duration::from_millis(500);
/// Longest backoff (F7.7).
const CAP: Duration = Duration::from_secs(30);
/// Repetitions after the first attempt (F7.7).
pub(super) const MAX_RETRIES: u32 = 4;
/// A wait the server asks for is exceeded by up to this share, so that those it turned away do not all come back at
/// once (F7.7).
const SPREAD: f64 = 0.3;

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// No connection stood, or the body was never begun: it certainly did not run.
    NotSent,
    /// The connection broke with the request under way.
    Broke,
    /// The answer began and broke off.
    Truncated,
    /// The call's time was up.
    TimedOut {
        /// Whether the request may have arrived.
        sent: bool,
    },
    /// A whole answer.
    Answered {
        status: u16,
        /// How long the server asks to wait.
        wait: Option<Duration>,
    },
}

/// The call as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) reads: bool,
    pub(super) retry: Retry,
}

/// What went before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    /// Repetitions so far.
    pub(super) retries: u32,
    /// Whether an earlier attempt may have run.
    pub(super) maybe_ran: bool,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send it again after this wait.
    Retry(Duration),
    /// Hand the answer to the caller.
    Give,
    /// End with an error.
    Fail(Failure),
}

/// The errors a call can end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Network,
    Truncated,
    Timeout,
    OutcomeUnknown,
    /// With the wait the server asked for, where it did.
    RateLimited(Option<Duration>),
}

impl Happened {
    /// Whether the server may have acted on the request.
    pub(super) fn maybe_ran(self) -> bool {
        match self {
            Self::NotSent => false,
            Self::Broke | Self::Truncated => true,
            Self::TimedOut { sent } => sent,
            // Turned away at the door. A 503 says so only when it names a time to come back (F6.9).
            Self::Answered { status: 429, .. } | Self::Answered { status: 503, wait: Some(_) } => false,
            Self::Answered { .. } => true,
        }
    }
}

/// Decides. `left` is the time until the call's deadline, `jitter` a random number from 0 to 1.
pub(super) fn decide(happened: Happened, kind: Kind, before: History, left: Duration, jitter: f64) -> Step {
    let minimum = match happened {
        Happened::Answered { status: 429 | 502 | 503 | 504, wait } => wait,
        Happened::Answered { .. } => return Step::Give,
        _ => None,
    };
    let give_up = || finish(happened, kind, before);
    let timed_out = matches!(happened, Happened::TimedOut { .. });
    let allowed = match kind.retry {
        Retry::None => false,
        Retry::Safe => kind.reads || !happened.maybe_ran(),
        Retry::Idempotent => true,
    };
    if !allowed || timed_out || before.retries >= MAX_RETRIES {
        return give_up();
    }
    match pause(before.retries, minimum, left, jitter) {
        Some(wait) => Step::Retry(wait),
        None => match (happened, give_up()) {
            (Happened::Answered { status: 429, wait }, Step::Give) => Step::Fail(Failure::RateLimited(wait)),
            (_, end) => end,
        },
    }
}

/// The end of a call that is not sent again.
fn finish(happened: Happened, kind: Kind, before: History) -> Step {
    let unknown = !kind.reads && (before.maybe_ran || happened.maybe_ran());
    Step::Fail(match happened {
        // That this attempt did not run must not hide that an earlier one may have.
        Happened::Answered { .. } if unknown && !happened.maybe_ran() => Failure::OutcomeUnknown,
        Happened::Answered { .. } => return Step::Give,
        _ if unknown => Failure::OutcomeUnknown,
        Happened::NotSent | Happened::Broke => Failure::Network,
        Happened::Truncated => Failure::Truncated,
        Happened::TimedOut { .. } => Failure::Timeout,
    })
}

/// How long to wait, or `None` when no wait ends before the deadline.
fn pause(retries: u32, minimum: Option<Duration>, left: Duration, jitter: f64) -> Option<Duration> {
    let ceiling = BASE.saturating_mul(2_u32.saturating_pow(retries)).min(CAP);
    let backoff = ceiling.mul_f64(jitter.clamp(0.0, 1.0));
    let Some(minimum) = minimum else {
        return Some(backoff).filter(|wait| *wait < left);
    };
    if minimum >= left {
        return None;
    }
    let spread = minimum.saturating_add(backoff.min(minimum.mul_f64(SPREAD)));
    // A generous spread must not turn a wait that fits into one that does not.
    Some(backoff.max(spread)).filter(|wait| *wait < left).or(Some(minimum))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const READ: Kind = Kind { reads: true, retry: Retry::Safe };
    const WRITE: Kind = Kind { reads: false, retry: Retry::Safe };
    const FIRST: History = History { retries: 0, maybe_ran: false };
    const MINUTE: Duration = Duration::from_secs(60);

    fn answered(status: u16, seconds: Option<u64>) -> Happened {
        Happened::Answered { status, wait: seconds.map(Duration::from_secs) }
    }

    fn retries(happened: Happened, kind: Kind) -> bool {
        matches!(decide(happened, kind, FIRST, MINUTE, 0.5), Step::Retry(_))
    }

    #[test]
    fn reads_are_repeated_and_writes_only_when_they_did_not_run() {
        for (happened, read, write) in [
            (Happened::NotSent, true, true),
            (Happened::Broke, true, false),
            (Happened::Truncated, true, false),
            (answered(429, None), true, true),
            (answered(429, Some(3)), true, true),
            (answered(502, Some(3)), true, false),
            (answered(503, None), true, false),
            (answered(503, Some(3)), true, true),
            (answered(504, None), true, false),
            (answered(200, None), false, false),
            (answered(303, None), false, false),
            (answered(409, Some(3)), false, false),
            (answered(500, None), false, false),
        ] {
            assert_eq!(retries(happened, READ), read, "{happened:?}");
            assert_eq!(retries(happened, WRITE), write, "{happened:?}");
            assert_eq!(retries(happened, Kind { retry: Retry::Idempotent, ..WRITE }), read, "{happened:?}");
            assert!(!retries(happened, Kind { retry: Retry::None, ..READ }), "{happened:?}");
        }
    }

    #[test]
    fn a_write_that_may_have_run_ends_with_an_unknown_outcome() {
        let end = |happened, kind, maybe_ran| {
            decide(happened, kind, History { retries: MAX_RETRIES, maybe_ran }, MINUTE, 0.5)
        };
        let idempotent = Kind { retry: Retry::Idempotent, ..WRITE };
        for (happened, kind, maybe_ran, failure) in [
            (Happened::NotSent, READ, true, Failure::Network),
            (Happened::Broke, READ, true, Failure::Network),
            (Happened::Truncated, READ, true, Failure::Truncated),
            (Happened::TimedOut { sent: true }, READ, true, Failure::Timeout),
            (Happened::NotSent, WRITE, false, Failure::Network),
            (Happened::TimedOut { sent: false }, WRITE, false, Failure::Timeout),
            (Happened::Broke, WRITE, false, Failure::OutcomeUnknown),
            (Happened::Truncated, WRITE, false, Failure::OutcomeUnknown),
            (Happened::TimedOut { sent: true }, WRITE, false, Failure::OutcomeUnknown),
            // The last attempt did not run, but an earlier one may have.
            (Happened::NotSent, idempotent, true, Failure::OutcomeUnknown),
            (Happened::TimedOut { sent: false }, idempotent, true, Failure::OutcomeUnknown),
            (answered(429, Some(1)), idempotent, true, Failure::OutcomeUnknown),
            (answered(429, None), idempotent, true, Failure::OutcomeUnknown),
            (answered(503, Some(1)), idempotent, true, Failure::OutcomeUnknown),
        ] {
            assert_eq!(end(happened, kind, maybe_ran), Step::Fail(failure), "{happened:?} {kind:?}");
        }
        assert_eq!(end(answered(429, Some(1)), READ, false), Step::Give);
        assert_eq!(end(answered(504, None), WRITE, false), Step::Give);
        // An answer that says itself that nobody knows hides nothing; nor does one to a write that did not run before.
        assert_eq!(end(answered(504, None), idempotent, true), Step::Give);
        assert_eq!(end(answered(503, None), idempotent, true), Step::Give);
        assert_eq!(end(answered(503, Some(1)), idempotent, false), Step::Give);
        assert_eq!(end(answered(429, Some(1)), READ, true), Step::Give);
    }

    #[test]
    fn a_wait_past_the_deadline_fails_at_once() {
        let late = |happened| decide(happened, READ, FIRST, Duration::from_secs(5), 0.5);
        let hour = Some(Duration::from_secs(3600));
        assert_eq!(late(answered(429, Some(3600))), Step::Fail(Failure::RateLimited(hour)));
        assert_eq!(late(answered(503, Some(3600))), Step::Give);
        let fits = decide(answered(429, Some(5)), READ, FIRST, Duration::from_secs(6), 1.0);
        assert!(matches!(fits, Step::Retry(wait) if wait >= Duration::from_secs(5)), "{fits:?}");
        let broke = decide(Happened::Broke, READ, FIRST, Duration::from_millis(1), 1.0);
        assert_eq!(broke, Step::Fail(Failure::Network));
    }

    #[test]
    fn backoff_has_full_jitter_and_doubles_up_to_its_cap() {
        let ms = |retries, minimum: Option<u64>, jitter| {
            let wait = pause(retries, minimum.map(Duration::from_millis), 600 * MINUTE, jitter);
            u64::try_from(wait.unwrap().as_millis()).unwrap()
        };
        for (retries, ceiling) in
            [(0, 500), (1, 1000), (2, 2000), (3, 4000), (5, 16_000), (6, 30_000), (9, 30_000)]
        {
            for (jitter, share) in [(0.0, 0), (0.25, ceiling / 4), (1.0, ceiling)] {
                assert_eq!(ms(retries, None, jitter), share, "{retries} {jitter}");
            }
        }
        // What the server asks for is the least, and those it turned away do not all come back at once.
        for (jitter, wait) in [(0.0, 10_000), (0.5, 12_000), (1.0, 13_000)] {
            assert_eq!(ms(3, Some(10_000), jitter), wait, "{jitter}");
        }
        assert_eq!(ms(3, Some(0), 1.0), 4000);
    }

    fn happenings() -> impl Strategy<Value = Happened> {
        prop_oneof![
            Just(Happened::NotSent),
            Just(Happened::Broke),
            Just(Happened::Truncated),
            any::<bool>().prop_map(|sent| Happened::TimedOut { sent }),
            (
                prop::sample::select(vec![200, 303, 400, 401, 404, 429, 500, 502, 503, 504]),
                prop::option::of(0_u64..5000)
            )
                .prop_map(|(status, wait)| answered(status, wait)),
        ]
    }

    proptest! {
        #[test]
        fn no_write_runs_twice_and_no_deadline_passes(
            script in prop::collection::vec((happenings(), 0.0..1.0_f64, 0_u64..20_000), 1..12),
            reads: bool,
            retry in prop::sample::select(vec![Retry::Safe, Retry::Idempotent, Retry::None]),
            total in 0_u64..120_000,
        ) {
            let kind = Kind { reads, retry };
            let mut before = FIRST;
            let mut left = Duration::from_millis(total);
            let mut sent = 0;
            for (happened, jitter, took) in script {
                sent += 1;
                let ran = usize::from(happened.maybe_ran());
                left = left.saturating_sub(Duration::from_millis(took));
                match decide(happened, kind, before, left, jitter) {
                    Step::Retry(wait) => {
                        prop_assert!(wait < left);
                        prop_assert!(retry != Retry::None);
                        if let Happened::Answered { wait: Some(minimum), .. } = happened {
                            prop_assert!(wait >= minimum);
                        }
                        prop_assert!(reads || retry == Retry::Idempotent || ran == 0, "a write would run twice");
                        left -= wait;
                        before = History { retries: before.retries + 1, maybe_ran: before.maybe_ran || ran == 1 };
                    }
                    Step::Give => {
                        prop_assert!(matches!(happened, Happened::Answered { .. }), "nothing to give");
                        prop_assert!(reads || ran == 1 || !before.maybe_ran, "an earlier attempt is hidden");
                        break;
                    }
                    Step::Fail(failure) => {
                        let unknown = failure == Failure::OutcomeUnknown;
                        prop_assert!(!(unknown && reads));
                        if !reads {
                            prop_assert_eq!(unknown, before.maybe_ran || ran == 1);
                        }
                        break;
                    }
                }
            }
            prop_assert!(sent <= MAX_RETRIES as usize + 1);
        }
    }
}
