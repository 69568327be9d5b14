//! What to do about a token the API turned away (DESIGN rule 9). Pure, like `retry`.

use std::time::Duration;

use http::HeaderMap;

use crate::atlassian::diagnosis;

/// Fresh tokens can lag at the edge: below this age they are sent once more (F3.14).
const FRESH_MS: u64 = 5_000;
/// The wait before that (F3.14).
const LAG: Duration = Duration::from_millis(750);

/// What an answer says about the token it was asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Accepted,
    /// The token is fine, a scope is missing; rotating would change nothing (F6.2).
    Scope,
    /// The token is not accepted.
    Rejected,
}

/// What was tried already for this call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tried {
    pub(super) waited: bool,
    pub(super) replaced: bool,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    /// Nothing: the answer stands.
    Stands,
    /// Send the same token once more after this wait.
    Again(Duration),
    /// Get another token and send it.
    Replace,
}

/// Reads an answer. `expired` is what the local clock said when the request was sent (F6.4).
pub(super) fn verdict(status: u16, headers: &HeaderMap, body: &[u8], expired: bool) -> Verdict {
    match status {
        401 if diagnosis::is_scope_failure(headers, body) => Verdict::Scope,
        401 => Verdict::Rejected,
        403 | 404 if expired => Verdict::Rejected,
        _ => Verdict::Accepted,
    }
}

/// Whether a 401 with this body rejects the token, and not just a scope.
pub(crate) fn is_rejection(answer: &str) -> bool {
    verdict(401, &HeaderMap::new(), answer.as_bytes(), false) == Verdict::Rejected
}

/// How long a token of this age should still wait before it carries a request that can be sent once only: a token
/// that lags would spend it (F3.14). Where that time is not `left` until the deadline the token goes as it is: it
/// lags seldom, and a deadline that passed is certain.
pub(crate) fn settling(age_ms: u64, left: Duration) -> Duration {
    let wait = LAG.saturating_sub(Duration::from_millis(age_ms));
    if wait < left { wait } else { Duration::ZERO }
}

/// Decides. `age_ms` is the token's age when it was sent, `left` the time until the call's deadline.
pub(super) fn cure(verdict: Verdict, age_ms: u64, tried: Tried, left: Duration) -> Cure {
    // A token that has just replaced another is fresh as well, and can lag as well.
    let lagging = age_ms < FRESH_MS && !tried.waited && LAG < left;
    match verdict {
        Verdict::Accepted => Cure::Stands,
        Verdict::Scope | Verdict::Rejected if lagging => Cure::Again(LAG),
        Verdict::Rejected if !tried.replaced => Cure::Replace,
        Verdict::Scope | Verdict::Rejected => Cure::Stands,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const NEW: Tried = Tried { waited: false, replaced: false };
    const WAITED: Tried = Tried { waited: true, replaced: false };
    const REPLACED: Tried = Tried { waited: false, replaced: true };
    const BOTH: Tried = Tried { waited: true, replaced: true };

    #[test]
    fn a_request_with_one_chance_waits_until_its_token_has_settled() {
        for (age, wait) in [(0, 750), (700, 50), (750, 0), (9000, 0)] {
            assert_eq!(settling(age, MINUTE), Duration::from_millis(wait));
        }
        assert_eq!(settling(0, LAG), Duration::ZERO, "there is no time for it");
    }

    #[test]
    fn scope_failures_never_rotate() {
        for (age, tried, expected) in [
            (0, NEW, Cure::Again(LAG)),
            (4999, NEW, Cure::Again(LAG)),
            (5000, NEW, Cure::Stands),
            (0, WAITED, Cure::Stands),
            (0, REPLACED, Cure::Again(LAG)),
            (9000, REPLACED, Cure::Stands),
        ] {
            assert_eq!(cure(Verdict::Scope, age, tried, MINUTE), expected, "{age} {tried:?}");
        }
    }

    #[test]
    fn a_rejected_token_is_replaced_once() {
        for (age, tried, left, expected) in [
            (0, NEW, MINUTE, Cure::Again(LAG)),
            (0, WAITED, MINUTE, Cure::Replace),
            (9000, NEW, MINUTE, Cure::Replace),
            (0, NEW, LAG, Cure::Replace),
            (0, REPLACED, MINUTE, Cure::Again(LAG)),
            (0, BOTH, MINUTE, Cure::Stands),
            (9000, REPLACED, MINUTE, Cure::Stands),
        ] {
            assert_eq!(cure(Verdict::Rejected, age, tried, left), expected, "{age} {tried:?}");
        }
    }

    #[test]
    fn only_an_expired_token_makes_403_and_404_suspicious() {
        let headers = HeaderMap::new();
        for status in [403, 404] {
            assert_eq!(verdict(status, &headers, b"", true), Verdict::Rejected);
            assert_eq!(verdict(status, &headers, b"", false), Verdict::Accepted);
        }
        assert_eq!(verdict(401, &headers, b"", false), Verdict::Rejected);
        let scope = br#"{"code":401,"message":"Unauthorized; scope does not match"}"#;
        assert_eq!(verdict(401, &headers, scope, true), Verdict::Scope);
        assert_eq!(verdict(200, &headers, scope, true), Verdict::Accepted);
    }
}
