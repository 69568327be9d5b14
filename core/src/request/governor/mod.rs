//! The governor: reacts to Jira's rate limits for all calls of an app at once (F7.6). A quota pauses the app, or the app
//! on one site; a burst pauses one endpoint of one site; writes to one issue pause writes to that issue. Calls that
//! wait are let go in turns of their connections, and one that cannot wait that long fails at once.

pub(crate) mod board;
mod budgets;
mod gate;
mod lanes;
pub(crate) mod registry;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

pub(crate) use board::Board;
pub use budgets::RateLimit;
pub(crate) use scope::{Route, Scope};

use crate::atlassian::rate_limits;
use crate::event::Events;
use crate::lock::lock;
use budgets::Budgets;
use gate::Gate;

/// No more gates than this are kept. What comes beyond, if that ever happens, is left to the calls' own patience.
const MOST_GATES: usize = 10_000;

/// How often what is over is looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The governor of one app in this process.
#[derive(Debug, Default)]
pub(crate) struct Governor {
    gates: Mutex<Gates>,
    /// How many gates there are: most of the time none, and then a call does not even lock.
    standing: AtomicUsize,
    budgets: Mutex<Budgets>,
}

/// Everything that was asked to slow down lately.
#[derive(Debug, Default)]
struct Gates {
    by_scope: HashMap<Scope, Gate>,
    /// When those that are over were last looked for.
    swept: Option<Instant>,
}

impl Gates {
    /// Forgets those that are over. Every call comes by here while there are any, so it looks now and then.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_none_or(|swept| now >= swept + SWEEP_EVERY) {
            self.by_scope.retain(|_, gate| !gate.is_over(now));
            self.swept = Some(now);
        }
    }
}

/// What Jira asked to slow down, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paused {
    scope: Scope,
    left: Duration,
    reason: Option<String>,
}

/// Why a call is not sent: what covers it stays closed for longer than the call may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) scope: Scope,
    pub(crate) reason: Option<String>,
    pub(crate) opens: Instant,
}

/// One call on its way through the gates.
pub(crate) struct Passage<'g> {
    governor: &'g Governor,
    route: &'g Route,
    /// Where its turn has come already.
    passed: Vec<Scope>,
}

/// What a call does at a gate.
enum Turn {
    Go,
    /// Look again then, or when woken.
    Wait(Instant),
    Late(Held),
}

impl Governor {
    pub(crate) fn passage<'g>(&'g self, route: &'g Route) -> Passage<'g> {
        Passage { governor: self, route, passed: Vec::new() }
    }

    /// Takes note of an answer to a call sent at `sent_at`, and says what is paused by it: the call is covered by that,
    /// and [`Passage::admit`] waits it out. `wait` is how long the server asks to wait.
    pub(crate) fn learn(
        &self,
        route: &Route,
        status: u16,
        headers: &HeaderMap,
        wait: Option<Duration>,
        sent_at: Instant,
        events: &Events,
    ) -> Option<Paused> {
        let told = rate_limits::read(status, headers, wait);
        if !told.budgets.is_empty() {
            lock(&self.budgets).note(route, told.budgets, events);
        }
        let limited = told.limited.filter(|_| wait.is_none_or(|wait| !wait.is_zero()))?;
        let scope = route.at(limited.reach)?;
        let now = Instant::now();
        let mut gates = lock(&self.gates);
        gates.sweep(now);
        if gates.by_scope.get(&scope).is_some_and(|gate| gate.is_over(now)) {
            gates.by_scope.remove(&scope);
        }
        if gates.by_scope.len() >= MOST_GATES && !gates.by_scope.contains_key(&scope) {
            return None;
        }
        let gate = gates.by_scope.entry(scope.clone()).or_insert_with(|| Gate::new(now));
        gate.pause(now, sent_at, wait, limited.rate);
        gate.reason = limited.reason;
        let (reason, left) = (gate.reason.clone(), gate.until().saturating_duration_since(now));
        self.standing.store(gates.by_scope.len(), Ordering::Release);
        drop(gates);
        tracing::info!(
            reach = scope.reach().as_str(),
            reason,
            wait_ms = left.as_millis(),
            "calls are paused"
        );
        Some(Paused { scope, left, reason })
    }

    /// The pauses that other processes should know of: of the app, and of whole sites.
    fn shared_pauses(&self) -> Vec<Paused> {
        let now = Instant::now();
        let gates = lock(&self.gates);
        let wide = |scope: &Scope| matches!(scope, Scope::App(_) | Scope::Tenant(..));
        let paused = gates.by_scope.iter().filter(|(scope, gate)| wide(scope) && gate.is_paused(now));
        let left = |gate: &Gate| gate.until().saturating_duration_since(now);
        let paused = paused.map(|(scope, gate)| Paused {
            scope: scope.clone(),
            left: left(gate),
            reason: gate.reason.clone(),
        });
        paused.collect()
    }

    /// Takes over a pause that another process has met.
    fn hear(&self, Paused { scope, left, reason }: Paused) {
        let now = Instant::now();
        let mut gates = lock(&self.gates);
        if left.is_zero() || (gates.by_scope.len() >= MOST_GATES && !gates.by_scope.contains_key(&scope)) {
            return;
        }
        let gate = gates.by_scope.entry(scope).or_insert_with(|| Gate::new(now));
        gate.hear(now, left);
        gate.reason = reason.or(gate.reason.take());
        self.standing.store(gates.by_scope.len(), Ordering::Release);
    }

    /// What is known of the limits of one site, and of the app.
    pub(crate) fn rate_limits(&self, cloud_id: &str, wall_ms: u64) -> Vec<RateLimit> {
        let concerns = |scope: &Scope| scope.cloud_id().is_none_or(|cloud| cloud == cloud_id);
        let mut limits = lock(&self.budgets).shown(concerns, wall_ms);
        let now = Instant::now();
        let gates = lock(&self.gates);
        for (scope, gate) in
            gates.by_scope.iter().filter(|(scope, gate)| concerns(scope) && gate.is_paused(now))
        {
            let left = gate.until().saturating_duration_since(now);
            let until = wall_ms.saturating_add(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
            budgets::paused(&mut limits, scope, gate.reason.as_deref(), until);
        }
        drop(gates);
        limits.sort_by(|one, other| {
            (one.reach, &one.name, &one.target).cmp(&(other.reach, &other.name, &other.target))
        });
        limits
    }
}

impl<'g> Passage<'g> {
    /// Waits until nothing covers the call any more, and says how long that took; nothing if it did not have to wait.
    /// Nothing may come between that and sending the call: what does makes it necessary to ask again. Who has had its
    /// turn does not line up a second time.
    pub(crate) async fn admit(&mut self, deadline: Instant) -> Result<Option<Duration>, Held> {
        if self.governor.standing.load(Ordering::Acquire) == 0 {
            return Ok(None);
        }
        let begun = Instant::now();
        let mut waited = false;
        while let Some(place) = self.line_up(Instant::now()) {
            waited = true;
            loop {
                match place.turn(Instant::now(), deadline) {
                    Turn::Go => break,
                    Turn::Late(held) => return Err(held),
                    Turn::Wait(until) => {
                        // Woken or not, the next look decides.
                        let _ = timeout_at(until, place.waiter.notified()).await;
                    }
                }
            }
            self.passed.push(place.scope.clone());
        }
        Ok(waited.then(|| begun.elapsed()))
    }

    /// A place at the first gate that holds the call up; none when it may go, and then it has passed all of them.
    fn line_up(&self, now: Instant) -> Option<Place<'g>> {
        let mut gates = lock(&self.governor.gates);
        gates.sweep(now);
        self.governor.standing.store(gates.by_scope.len(), Ordering::Release);
        let mut open = Vec::new();
        for scope in self.route.scopes() {
            let Some(gate) = gates.by_scope.get_mut(&scope) else { continue };
            let had_turn = self.passed.contains(&scope);
            if gate.is_paused(now) || (!had_turn && gate.holds(now)) {
                let waiter = Arc::new(Notify::new());
                gate.lanes.push(self.route.connection(), Arc::clone(&waiter));
                return Some(Place {
                    governor: self.governor,
                    scope,
                    connection: Arc::clone(self.route.connection()),
                    waiter,
                });
            }
            if !had_turn {
                open.push(scope);
            }
        }
        for scope in open {
            if let Some(gate) = gates.by_scope.get_mut(&scope) {
                gate.pass(now);
            }
        }
        None
    }
}

/// A call that waits at a gate. Dropped, it leaves, and the next one is woken.
struct Place<'g> {
    governor: &'g Governor,
    scope: Scope,
    connection: Arc<str>,
    waiter: Arc<Notify>,
}

impl Place<'_> {
    fn turn(&self, now: Instant, deadline: Instant) -> Turn {
        let mut gates = lock(&self.governor.gates);
        // A gate at which somebody waits is not forgotten.
        let Some(gate) = gates.by_scope.get_mut(&self.scope) else { return Turn::Go };
        let is_head = gate.lanes.head().is_some_and(|head| Arc::ptr_eq(head, &self.waiter));
        let soonest = if is_head { gate.opens() } else { gate.until() };
        if is_head && soonest <= now && now < deadline {
            gate.pass(now);
            return Turn::Go;
        }
        if soonest >= deadline || now >= deadline {
            let (reason, opens) = (gate.reason.clone(), gate.opens().max(now));
            return Turn::Late(Held { scope: self.scope.clone(), reason, opens });
        }
        Turn::Wait(if is_head { soonest } else { deadline })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(gate) = lock(&self.governor.gates).by_scope.get_mut(&self.scope) {
            gate.lanes.remove(&self.connection, &self.waiter);
        }
    }
}
