//! The rate limits of F7, each off until it is given a number: points per hour, calls per second, writes per issue.

use std::collections::HashMap;

use serde_json::Value;

use crate::clock::{Millis, SECOND, jira_date};
use crate::errors;
use crate::reply::Reply;
use crate::settings::{QuotaScope, RateHeaders, Settings};

const HOUR: Millis = 3600 * SECOND;
/// What was used up, and when that began.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    used: HashMap<String, (Millis, u64)>,
}

/// One call, as far as limits care.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) cloud_id: &'a str,
    pub(crate) method: &'a str,
    /// Pattern of the operation.
    pub(crate) operation: &'a str,
    /// The issue it writes to.
    pub(crate) issue: Option<&'a str>,
}

impl Usage<'_> {
    fn quota(&self, settings: &Settings) -> (String, &'static str, &'static str) {
        match settings.quota_scope {
            QuotaScope::Global => {
                (format!("quota {}", self.client_id), "jira-quota-global-based", "global-app-quota")
            }
            QuotaScope::Tenant => (
                format!("quota {} {}", self.client_id, self.cloud_id),
                "jira-quota-tenant-based",
                "tenant-app-quota",
            ),
        }
    }
}

impl Rates {
    /// Counts within windows that begin at multiples of their length: quotas start again at the top of the hour (F7.2).
    fn count(&mut self, key: String, window: Millis, now: Millis) -> &mut u64 {
        let begins = now - now.rem_euclid(window);
        let entry = self.used.entry(key).or_insert((begins, 0));
        if entry.0 != begins {
            *entry = (begins, 0);
        }
        &mut entry.1
    }

    /// Refuses a call that is over a limit; otherwise counts it.
    pub(crate) fn refuse(&mut self, settings: &Settings, usage: &Usage<'_>, now: Millis) -> Option<Reply> {
        let (key, reason, _) = usage.quota(settings);
        if settings.quota_points > 0 && *self.count(key, HOUR, now) >= settings.quota_points {
            return Some(too_many(settings, reason, settings.quota_points, HOUR, now));
        }
        if settings.burst_per_s > 0 {
            let key = format!("burst {} {} {}", usage.cloud_id, usage.method, usage.operation);
            let used = self.count(key, SECOND, now);
            *used += 1;
            if *used > settings.burst_per_s {
                return Some(too_many(settings, "jira-burst-based", settings.burst_per_s, SECOND, now));
            }
        }
        // The two windows in which writes to one issue are counted (F7.1).
        for (limit, length) in [(settings.issue_writes_per_2s, 2), (settings.issue_writes_per_30s, 30)] {
            if let Some(issue) = usage.issue.filter(|_| limit > 0) {
                let key = format!("issue {length} {} {issue}", usage.cloud_id);
                let used = self.count(key, length * SECOND, now);
                *used += 1;
                if *used > limit {
                    return Some(too_many(settings, "jira-per-issue-on-write", limit, length * SECOND, now));
                }
            }
        }
        None
    }

    /// Charges the points of an answer and tells what is left (F7.2, F7.4).
    pub(crate) fn charge(
        &mut self,
        settings: &Settings,
        usage: &Usage<'_>,
        reply: Reply,
        now: Millis,
    ) -> Reply {
        if settings.quota_points == 0 {
            return reply;
        }
        let (key, _, policy) = usage.quota(settings);
        let reply = match settings.beta_rate_headers {
            true => reply
                .header("beta-ratelimit-policy", &format!("\"{policy}\";q=1;w=3600"))
                .header("beta-ratelimit", &format!("\"{policy}\";r=0;t=3600"))
                .header("x-beta-ratelimit-nearlimit", "true"),
            false => reply,
        };
        let used = self.count(key, HOUR, now);
        *used += if usage.method == "GET" { 1 + objects(&reply) * weight(usage.operation) } else { 1 };
        let (limit, left) = (settings.quota_points, settings.quota_points.saturating_sub(*used));
        let until = (HOUR - now.rem_euclid(HOUR)) / SECOND;
        let reply = reply
            .header("x-ratelimit-limit", &limit.to_string())
            .header("x-ratelimit-remaining", &left.to_string())
            .header("ratelimit-policy", &format!("\"{policy}\";q={limit};w=3600"))
            .header("ratelimit", &format!("\"{policy}\";r={left};t={until}"));
        if left * 5 < limit { reply.header("x-ratelimit-nearlimit", "true") } else { reply }
    }
}

/// Points of each object that is read: people, and what they may do, are dearer (F7.2).
fn weight(operation: &str) -> u64 {
    let dear = |part: &str| {
        ["user", "myself", "group", "role", "permission", "mypermission"]
            .iter()
            .any(|word| part.starts_with(word))
    };
    if operation.split('/').any(dear) { 2 } else { 1 }
}

/// How many objects an answer holds: the longest list in its first level.
fn objects(reply: &Reply) -> u64 {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    let longest = match &body {
        Value::Array(list) => list.len(),
        Value::Object(fields) => fields.values().filter_map(Value::as_array).map(Vec::len).max().unwrap_or(0),
        _ => 0,
    };
    u64::try_from(longest).unwrap_or(u64::MAX).max(1)
}

/// What a limit is called in the structured headers; writes to an issue have no name there (F7.4).
fn policy(reason: &str) -> Option<&str> {
    match reason {
        "jira-quota-global-based" => Some("global-app-quota"),
        "jira-quota-tenant-based" => Some("tenant-app-quota"),
        "jira-burst-based" => Some("jira-burst-based"),
        _ => None,
    }
}

fn too_many(settings: &Settings, reason: &str, limit: u64, window: Millis, now: Millis) -> Reply {
    let left = window - now.rem_euclid(window);
    let reset = jira_date(now + left);
    // `2026-10-04T22:00:00.000+0000` becomes `2026-10-04T22:00Z`, a form that is seen.
    let reset = format!("{}Z", reset.get(..16).unwrap_or(&reset));
    let reply = match settings.rate_headers {
        RateHeaders::Full => {
            let seconds = (left + SECOND - 1) / SECOND;
            let reply = errors::jira(429, "Rate limit exceeded.")
                .header("retry-after", &seconds.to_string())
                .header("ratelimit-reason", reason);
            match policy(reason) {
                Some(name) => reply
                    .header("ratelimit-policy", &format!("\"{name}\";q={limit};w={}", window / SECOND))
                    .header("ratelimit", &format!("\"{name}\";r=0;t={seconds}")),
                None => reply,
            }
        }
        // The gateway's own limiter says neither why nor how long (F7.5).
        RateHeaders::Bare => errors::gateway(429, "Rate limit exceeded")
            .header("x-failure-category", "FAILURE CLIENT RATE LIMITED"),
    };
    reply
        .header("x-ratelimit-limit", &limit.to_string())
        .header("x-ratelimit-remaining", "0")
        .header("x-ratelimit-reset", &reset)
        .outcome("rate_limited")
        .reason(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_what_they_may_do_are_dearer() {
        for (operation, points) in [
            ("rest/api/3/users/search", 2),
            ("rest/api/3/group/member", 2),
            ("rest/api/3/project/{projectIdOrKey}/role", 2),
            ("rest/api/3/mypermissions", 2),
            ("rest/api/3/issue/{issueIdOrKey}", 1),
        ] {
            assert_eq!(weight(operation), points, "{operation}");
        }
    }
}
