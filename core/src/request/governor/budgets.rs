//! How much is left, as Jira last told it (F7.4).

use std::collections::HashMap;

use serde::Serialize;

use super::scope::{Route, Scope};
use crate::atlassian::rate_limits::{Budget, Reach};
use crate::clock::wall_ms;
use crate::event::{Event, EventKind, Events};

/// No more budgets than this are remembered.
const MOST: usize = 10_000;
/// A budget that tells no time of its reset is forgotten after this: quotas begin anew every hour (F7.2).
const REMEMBERED_MS: u64 = 3_600_000;
/// However short its window, one budget is told of as nearly used up no more often than this.
const TOLD_AGAIN_MS: u64 = 60_000;

/// One rate limit that concerns a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RateLimit {
    /// Its name as Jira writes it, such as `global-app-quota`, or the reason of a pause.
    pub name: String,
    /// How far it reaches: `app`, `tenant`, `endpoint` or `issue`.
    pub scope: &'static str,
    /// The endpoint or issue it is about, where it is about one.
    pub target: Option<String>,
    /// How much there is in a window.
    pub limit: Option<u64>,
    /// How much of it was left when it was last told.
    pub remaining: Option<u64>,
    /// When the window ends, in milliseconds since the epoch.
    pub reset_at: Option<u64>,
    /// Less than a fifth is left.
    pub near_limit: bool,
    /// Until when nothing that it covers is sent, in milliseconds since the epoch.
    pub paused_until: Option<u64>,
    #[serde(skip)]
    pub(super) reach: Reach,
}

/// Budgets by what they are for and their names.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    known: HashMap<(Scope, String), Known>,
}

#[derive(Debug)]
struct Known {
    budget: Budget,
    reset_at: Option<u64>,
    /// When it is forgotten.
    stale_at: u64,
    /// Until when it has been told of as nearly used up.
    told_until: u64,
}

impl Budgets {
    /// Takes note of what an answer told, and tells of what is nearly used up, once in each window.
    pub(super) fn note(&mut self, route: &Route, budgets: Vec<Budget>, events: &Events) {
        let now = wall_ms();
        if self.known.len() + budgets.len() > MOST {
            self.known.retain(|_, known| known.stale_at > now);
        }
        for budget in budgets {
            let Some(scope) = route.at(budget.reach) else { continue };
            let key = (scope.clone(), budget.name.clone());
            if self.known.len() >= MOST && !self.known.contains_key(&key) {
                continue;
            }
            let millis = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            let reset_at = budget.resets_in.map(|span| now.saturating_add(millis(span)));
            let told_until = self.known.get(&key).map_or(0, |known| known.told_until);
            let tell = budget.near && told_until <= now;
            let window_ends = reset_at.unwrap_or_else(|| now.saturating_add(budget.window.map_or(0, millis)));
            let told_until = if tell { window_ends.max(now + TOLD_AGAIN_MS) } else { told_until };
            if tell {
                events.tell(near_limit(route, &scope, &budget, reset_at));
            }
            let stale_at = reset_at.unwrap_or(now + REMEMBERED_MS).max(told_until);
            self.known.insert(key, Known { budget, reset_at, stale_at, told_until });
        }
    }

    /// Those that are still so, of the scopes that concern somebody.
    pub(super) fn shown(&self, concerns: impl Fn(&Scope) -> bool, wall_ms: u64) -> Vec<RateLimit> {
        let current = self.known.iter().filter(|((scope, _), known)| {
            concerns(scope) && known.reset_at.unwrap_or(known.stale_at) > wall_ms
        });
        current
            .map(|((scope, name), Known { budget, reset_at, .. })| RateLimit {
                limit: budget.limit,
                remaining: budget.remaining,
                reset_at: *reset_at,
                near_limit: budget.near,
                ..plain(scope, name)
            })
            .collect()
    }
}

fn plain(scope: &Scope, name: &str) -> RateLimit {
    RateLimit {
        name: name.to_owned(),
        scope: scope.reach().as_str(),
        target: scope.target(),
        limit: None,
        remaining: None,
        reset_at: None,
        near_limit: false,
        paused_until: None,
        reach: scope.reach(),
    }
}

/// Adds a pause: to what is known under the name of its reason, or beside it.
pub(super) fn paused(limits: &mut Vec<RateLimit>, scope: &Scope, reason: Option<&str>, until: u64) {
    let name = reason.unwrap_or("x-ratelimit");
    let pause = RateLimit { reset_at: Some(until), ..plain(scope, name) };
    let same = |known: &&mut RateLimit| {
        (known.reach, &known.name, &known.target) == (pause.reach, &pause.name, &pause.target)
    };
    match limits.iter_mut().find(same) {
        Some(known) => known.paused_until = Some(until),
        None => limits.push(RateLimit { paused_until: Some(until), ..pause }),
    }
}

fn near_limit(route: &Route, scope: &Scope, budget: &Budget, reset_at: Option<u64>) -> Event {
    Event::new(EventKind::NearLimit)
        .connection(route.connection())
        .with("name", &*budget.name)
        .with("scope", scope.reach().as_str())
        .with("cloud_id", scope.cloud_id())
        .with("target", scope.target())
        .with("limit", budget.limit)
        .with("remaining", budget.remaining)
        .with("reset_at", reset_at)
}
