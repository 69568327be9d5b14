//! Why an answer took longer than one request.

use std::time::Duration;

use serde::Serialize;

use super::retry::Happened;

/// One thing that came before the answer: an attempt that was not the last, or a wait for Jira's rate limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HistoryEntry {
    /// What came of it.
    pub reason: HistoryReason,
    /// The status it was answered with, if it was.
    pub status: Option<u16>,
    /// How long was waited after it, in milliseconds.
    pub waited_ms: u64,
}

/// What came of an attempt that was not the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HistoryReason {
    /// No connection stood, or it broke.
    Network,
    /// The answer broke off.
    Truncated,
    /// 429.
    RateLimited,
    /// 502, 503 or 504.
    Unavailable,
    /// A token under five seconds old was refused, and sent once more (F3.14).
    TokenTooFresh,
    /// The token was refused, and another one sent (DESIGN rule 9).
    TokenRejected,
    /// Nothing was sent: the call was held back while Jira had asked for a pause.
    Paused,
}

/// What happened during a call so far.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// Requests sent.
    pub(super) attempts: u32,
    pub(super) entries: Vec<HistoryEntry>,
}

impl Trail {
    /// An attempt that is followed by another one.
    pub(super) fn note(&mut self, reason: HistoryReason, status: Option<u16>, waited: Duration) {
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        self.entries.push(HistoryEntry { reason, status, waited_ms });
    }

    /// A wait for a pause: that of the attempt that met it, or one that others had met before.
    pub(super) fn held(&mut self, waited: Duration) {
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        match self.entries.last_mut().filter(|entry| entry.reason == HistoryReason::RateLimited) {
            Some(met) => met.waited_ms = met.waited_ms.saturating_add(waited_ms),
            None => self.note(HistoryReason::Paused, None, waited),
        }
    }

    /// An attempt that `retry` has repeated after `waited`.
    pub(super) fn repeated(&mut self, happened: Happened, waited: Duration) {
        let (reason, status) = match happened {
            Happened::Truncated => (HistoryReason::Truncated, None),
            Happened::Answered { status: 429, .. } => (HistoryReason::RateLimited, Some(429)),
            Happened::Answered { status, .. } => (HistoryReason::Unavailable, Some(status)),
            Happened::NotSent | Happened::Broke | Happened::TimedOut { .. } => (HistoryReason::Network, None),
        };
        self.note(reason, status, waited);
    }
}
