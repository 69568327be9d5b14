//! What the sandbox saw. Secrets are left out before anything is kept.

use serde::Serialize;

use crate::clock::{Millis, seconds};
use crate::reply::{Note, Params};

/// Query parameters whose values are never kept.
const SECRET: [&str; 10] = [
    "state",
    "code",
    "code_challenge",
    "code_verifier",
    "token",
    "access_token",
    "refresh_token",
    "client_secret",
    "jwt",
    "nextPageToken",
];

/// How many requests are kept. A sandbox that serves for weeks must not grow for weeks.
const MOST: usize = 100_000;
/// How many of the oldest go at once, so that forgetting costs little.
const FORGOTTEN: usize = MOST / 10;

/// One request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    n: u64,
    at: f64,
    method: String,
    path: String,
    query: String,
    status: Option<u16>,
    #[serde(flatten)]
    note: Seen,
}

/// The part of an entry that becomes known as the request is handled.
#[derive(Debug, Clone, Default, Serialize)]
struct Seen {
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_generation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_generation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<u64>,
}

impl Entry {
    /// Its number.
    pub(crate) fn number(&self) -> u64 {
        self.n
    }

    /// When it arrived, on the sandbox's clock.
    #[allow(clippy::cast_possible_truncation, reason = "made from whole milliseconds")]
    pub(crate) fn at(&self) -> Millis {
        (self.at * 1000.0).round() as Millis
    }

    /// Its method.
    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    /// Path and query.
    pub(crate) fn address(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// The answer's status, once there is one.
    pub(crate) fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whose it was.
    pub(crate) fn account(&self) -> &str {
        self.note.account.as_deref().unwrap_or_default()
    }

    /// What came of it, in a few words.
    pub(crate) fn told(&self) -> String {
        let seen = &self.note;
        let fault = seen.fault.map(|id| format!("fault {id}"));
        let words = [seen.outcome, seen.grant_type.as_deref(), fault.as_deref(), seen.reason.as_deref()];
        let words: Vec<&str> = words.into_iter().flatten().collect();
        words.join(", ")
    }
}

/// How often what happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the README describes them")]
pub(crate) struct Counts {
    pub(crate) code_exchanges: u64,
    pub(crate) refresh_exchanges: u64,
    pub(crate) rotations: u64,
    pub(crate) replays: u64,
    pub(crate) breaches: u64,
    pub(crate) api_calls: u64,
}

/// The log.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Log {
    requests: Vec<Entry>,
    counts: Counts,
    #[serde(skip)]
    dropped: u64,
}

impl Log {
    /// All requests, oldest first.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.requests
    }

    /// How often what happened.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// A request has arrived; answers its number.
    pub(crate) fn arrived(&mut self, at: Millis, method: &str, path: &str, query: &str) -> u64 {
        if self.requests.len() >= MOST {
            self.requests.drain(..FORGOTTEN);
            self.dropped += FORGOTTEN as u64;
        }
        let n = self.dropped + self.requests.len() as u64 + 1;
        self.requests.push(Entry {
            n,
            at: seconds(at),
            method: method.to_owned(),
            path: path.to_owned(),
            query: without_secrets(query),
            status: None,
            note: Seen::default(),
        });
        n
    }

    fn entry(&mut self, n: u64) -> Option<&mut Entry> {
        let at = n.checked_sub(self.dropped + 1)?;
        self.requests.get_mut(usize::try_from(at).ok()?)
    }

    /// A request was acted on.
    pub(crate) fn acted(&mut self, n: u64, path: &str, note: &Note) {
        let counts = &mut self.counts;
        match note.grant_type.as_deref() {
            Some("authorization_code") => counts.code_exchanges += 1,
            Some("refresh_token") => counts.refresh_exchanges += 1,
            _ => {}
        }
        match note.outcome {
            Some("rotated" | "kept") => counts.rotations += 1,
            Some("replayed") => {
                counts.rotations += 1;
                counts.replays += 1;
            }
            Some("breach") => counts.breaches += 1,
            _ => {}
        }
        if is_api(path) {
            counts.api_calls += 1;
        }
        self.describe(n, note);
    }

    /// Keeps what a note says.
    pub(crate) fn describe(&mut self, n: u64, note: &Note) {
        let Some(entry) = self.entry(n) else { return };
        let seen = &mut entry.note;
        let fault = seen.fault;
        *seen = Seen {
            grant_type: note.grant_type.clone(),
            account: note.account.clone(),
            cloud_id: note.cloud_id.clone(),
            outcome: note.outcome,
            reason: note.reason.clone(),
            token_generation: note.generation,
            new_generation: note.new_generation,
            fault: note.fault.or(fault),
        };
    }

    /// A request was answered.
    pub(crate) fn answered(&mut self, n: u64, status: u16) {
        if let Some(entry) = self.entry(n) {
            entry.status = Some(status);
        }
    }

    /// Forgets everything; numbers go on, so that requests in flight do not end up in entries of others.
    pub(crate) fn clear(&mut self) {
        self.dropped += self.requests.len() as u64;
        self.requests.clear();
        self.counts = Counts::default();
    }
}

/// Whether a path belongs to the API host.
#[must_use]
pub(crate) fn is_api(path: &str) -> bool {
    path.starts_with("/ex/") || path == "/me" || path == "/oauth/token/accessible-resources"
}

fn without_secrets(query: &str) -> String {
    let params = Params::parse(query.as_bytes());
    if !params.0.iter().any(|(name, _)| SECRET.contains(&name.as_str())) {
        return query.to_owned();
    }
    let mut safe = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in &params.0 {
        safe.append_pair(name, if SECRET.contains(&name.as_str()) { "-" } else { value });
    }
    safe.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_reach_the_log() {
        let mut log = Log::default();
        log.arrived(0, "GET", "/authorize", "client_id=a&state=canary&code_challenge=canary");
        let text = serde_json::to_string(&log).unwrap();
        assert!(text.contains("client_id=a"));
        assert!(!text.contains("canary"));
    }

    #[test]
    fn the_oldest_requests_go_when_there_are_too_many_and_numbers_and_counts_stay() {
        let mut log = Log::default();
        let note = Note { grant_type: Some("refresh_token".into()), ..Note::default() };
        for at in 0..MOST + 5 {
            let n = log.arrived(0, "GET", "/a", "");
            log.acted(n, "/oauth/token", &note);
            log.answered(n, 200);
            assert_eq!(n, at as u64 + 1);
        }
        assert_eq!(log.requests.len(), MOST - FORGOTTEN + 5);
        assert_eq!(log.requests[0].n, FORGOTTEN as u64 + 1);
        assert!(log.requests.iter().all(|entry| entry.status == Some(200)));
        assert_eq!(log.counts.refresh_exchanges, MOST as u64 + 5);
    }

    #[test]
    fn a_request_in_flight_survives_clearing_without_touching_others() {
        let mut log = Log::default();
        let before = log.arrived(0, "GET", "/a", "");
        log.clear();
        let after = log.arrived(0, "GET", "/b", "");
        log.answered(before, 500);
        log.answered(after, 200);
        assert_eq!(log.requests.len(), 1);
        assert_eq!(log.requests[0].status, Some(200));
    }
}
