//! One thing that was asked to slow down: how long nothing may pass, and how those that waited are let go again. Pure:
//! the time goes in.

use std::time::Duration;

use tokio::time::Instant;

use super::lanes::Lanes;

/// A pause nobody gave a length: the first one, doubled with each that follows (F7.7 begins at 2 to 5 s for one call;
/// here one wait serves all calls).
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_GUESS: Duration = Duration::from_secs(30);
/// Quotas are reset by the hour, so a longer pause is a mistake of somebody's; it is asked for again if it is not.
const LONGEST: Duration = Duration::from_secs(3700);
/// After a pause calls leave this far apart at first, and ever closer while nobody complains: everything that has
/// waited, let go at once, would only meet the same limit again.
const FIRST_GAP: Duration = Duration::from_millis(50);
const LONGEST_GAP: Duration = Duration::from_secs(1);
const CLOSER: f64 = 0.9;
/// Below this there is no gap any more.
const SHORTEST_GAP: Duration = Duration::from_millis(1);
/// Who waits hears at once of a pause that got longer by this; of less, when its turn comes.
const WORTH_TELLING: Duration = Duration::from_secs(1);
/// How long a gate is remembered after its pause: who did not complain by then was not let go too fast.
const REMEMBERED: Duration = Duration::from_secs(10);
/// Limits over longer windows say nothing of how far apart calls have to be: a quota of an hour may be spent in a minute.
const LONGEST_WINDOW: Duration = Duration::from_secs(30);

/// Holds calls back while a pause lasts, then lets them go one after another.
#[derive(Debug)]
pub(super) struct Gate {
    /// Nothing passes before.
    until: Instant,
    /// Nor before this, which moves on with every call that passes.
    next: Instant,
    gap: Duration,
    /// While it is remembered the gap does not get shorter: the limit was told.
    least: Duration,
    /// Pauses in a row, each met by what the one before had let go.
    pauses: u32,
    pub(super) reason: Option<String>,
    pub(super) lanes: Lanes,
}

impl Gate {
    pub(super) fn new(now: Instant) -> Self {
        let gap = Duration::ZERO;
        Self { until: now, next: now, gap, least: gap, pauses: 0, reason: None, lanes: Lanes::default() }
    }

    /// Jira asked to slow down, in answer to a call sent at `sent_at`: for `wait`, or nobody knows how long. `rate` is
    /// how many calls it allows in which time.
    pub(super) fn pause(
        &mut self,
        now: Instant,
        sent_at: Instant,
        wait: Option<Duration>,
        rate: Option<(u64, Duration)>,
    ) {
        // What was on its way when the pause began says nothing about how calls were let go after it.
        let fresh = self.pauses == 0 || sent_at >= self.until;
        if fresh {
            self.pauses = self.pauses.saturating_add(1);
            self.gap =
                if self.pauses == 1 { FIRST_GAP } else { (self.gap * 2).clamp(FIRST_GAP, LONGEST_GAP) };
        }
        if let Some(spacing) = rate.and_then(spacing) {
            self.least = spacing;
            self.gap = self.gap.max(spacing);
        }
        let guess = || {
            let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.pauses.saturating_sub(1)));
            doubled.min(LONGEST_GUESS)
        };
        if let Some(wait) = wait.or_else(|| fresh.then(guess)) {
            self.hold(now, wait);
        }
    }

    /// Nothing passes for `wait`; a pause that lasts longer already stays.
    fn hold(&mut self, now: Instant, wait: Duration) {
        let until = now + wait.min(LONGEST);
        let later = until.saturating_duration_since(self.until);
        self.until = self.until.max(until);
        self.next = self.next.max(until);
        if later >= WORTH_TELLING {
            // Some of those that wait cannot wait that long.
            self.lanes.wake_all();
        }
    }

    /// The same as another process has learnt it.
    pub(super) fn hear(&mut self, now: Instant, wait: Duration) {
        if self.pauses == 0 {
            (self.pauses, self.gap) = (1, FIRST_GAP);
        }
        self.hold(now, wait);
    }

    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.until > now
    }

    /// Until when nothing passes.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// When the next call may pass.
    pub(super) fn opens(&self) -> Instant {
        self.until.max(self.next)
    }

    /// Whether somebody who comes now has to line up.
    pub(super) fn holds(&self, now: Instant) -> bool {
        !self.lanes.is_empty() || self.opens() > now
    }

    /// A call passes.
    pub(super) fn pass(&mut self, now: Instant) {
        self.next = self.next.max(now) + self.gap;
        // With somebody always in line it is never over, and what was told was told of that time.
        let least = if now < self.until + REMEMBERED { self.least } else { Duration::ZERO };
        let closer = self.gap.mul_f64(CLOSER).max(least);
        self.gap = if closer < SHORTEST_GAP { least } else { closer };
    }

    /// Whether it can be forgotten. Calls that pass now and then do not keep it.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.lanes.is_empty() && self.opens().max(self.until + REMEMBERED) <= now
    }
}

/// How far apart calls have to be. A rate that allows none says nothing.
fn spacing((calls, window): (u64, Duration)) -> Option<Duration> {
    if window > LONGEST_WINDOW {
        return None;
    }
    let calls = u32::try_from(calls).unwrap_or(u32::MAX);
    window.checked_div(calls).map(|gap| gap.min(LONGEST_GAP))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_longer_pause_counts() {
        let now = Instant::now();
        let mut gate = Gate::new(now);
        assert!(!gate.holds(now));
        gate.pause(now, now, Some(5 * SECOND), None);
        gate.pause(now, now, Some(2 * SECOND), None);
        assert_eq!(gate.opens(), now + 5 * SECOND);
        gate.pause(now + SECOND, now, Some(5 * SECOND), None);
        assert_eq!(gate.opens(), now + 6 * SECOND);
        assert!(gate.is_paused(now + 5 * SECOND) && !gate.is_paused(now + 6 * SECOND));
        gate.pause(now, now, Some(Duration::MAX), None);
        assert_eq!(gate.opens(), now + LONGEST);
    }

    #[test]
    fn a_pause_without_a_length_grows_with_what_it_let_go_and_not_with_what_was_on_its_way() {
        let mut now = Instant::now();
        let mut gate = Gate::new(now);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let sent = now;
            for _ in 0..100 {
                gate.pause(now, sent, None, None);
            }
            assert_eq!(gate.opens(), now + seconds * SECOND);
            now = gate.opens();
        }
    }

    #[test]
    fn calls_leave_apart_at_first_and_then_ever_closer() {
        let begun = Instant::now();
        let mut gate = Gate::new(begun);
        gate.pause(begun, begun, Some(SECOND), None);
        let mut now = gate.opens();
        gate.pass(now);
        assert_eq!(gate.opens(), now + FIRST_GAP);
        let mut passed = 1;
        while gate.opens() > now {
            now = gate.opens();
            gate.pass(now);
            passed += 1;
        }
        assert!((20..100).contains(&passed), "{passed} calls until nothing is held back");
        assert!(now < begun + 2 * SECOND);
        // What was let go meets the limit again: now it is slower.
        gate.pause(now, now, Some(SECOND), None);
        now = gate.opens();
        gate.pass(now);
        assert!(gate.opens() >= now + FIRST_GAP);
        assert!(!gate.is_over(now) && gate.is_over(now + 20 * SECOND));
    }

    #[test]
    fn a_rate_that_was_told_is_kept_to() {
        let now = Instant::now();
        let mut gate = Gate::new(now);
        gate.pause(now, now, Some(SECOND), Some((100, SECOND)));
        let mut at = gate.opens();
        for _ in 0..500 {
            gate.pass(at);
            assert!(gate.opens() >= at + Duration::from_millis(10));
            at = gate.opens();
        }
        gate.pause(at, at, Some(SECOND), Some((0, SECOND)));
        assert!(gate.opens() >= at + SECOND);
    }

    #[test]
    fn a_rate_is_kept_to_as_long_as_it_can_be_held_against_somebody() {
        let begun = Instant::now();
        let mut gate = Gate::new(begun);
        // A line that never ends, so that the gate cannot be forgotten.
        gate.lanes.push(&"a".into(), std::sync::Arc::default());
        gate.pause(begun, begun, Some(SECOND), Some((100, SECOND)));
        let end = gate.opens() + REMEMBERED;
        while gate.opens() < end {
            let now = gate.opens();
            gate.pass(now);
            assert!(gate.opens() > now);
        }
        for _ in 0..50 {
            let now = gate.opens();
            gate.pass(now);
        }
        let now = gate.opens();
        gate.pass(now);
        assert_eq!(gate.opens(), now, "nothing holds calls back any more");
    }

    #[test]
    fn a_quota_by_the_hour_does_not_hold_calls_apart() {
        let begun = Instant::now();
        let mut gate = Gate::new(begun);
        gate.pause(begun, begun, Some(SECOND), Some((65_000, 3600 * SECOND)));
        let mut passed = 0;
        while gate.opens() < begun + 2 * SECOND && passed < 200 {
            let now = gate.opens();
            gate.pass(now);
            passed += 1;
        }
        assert_eq!(passed, 200, "all of them within a second");
    }
}
