//! When a runner tries: after its own back-off, and in an outage when its turn comes.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::breaker::{Need, Turn};
use super::change::Changed;
use super::endpoint::backoff;
use super::protocol::Heard;
use super::runner::{Runner, stopped};
use super::transitions::millis;
use crate::clock::{Stamp, boot_ms};
use crate::error::Result;
use crate::random;

/// Who waits for a first turn reads the row again after this long: another process may have been luckier.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

impl Runner {
    /// Notes when an unclear attempt the row tells of has to be repeated (rule 5).
    pub(super) fn note_doubt(&mut self, now: &Stamp) {
        let cap = millis(self.shared.endpoint.timings.retry_cap);
        let intent = self
            .row
            .as_ref()
            .and_then(|row| row.intent.as_ref().filter(|intent| intent.generation == row.generation));
        self.replay_by = intent.map(|intent| {
            let left = intent.last.saturating_add(cap).saturating_sub(now.wall_ms).min(cap);
            boot_ms().saturating_add(left)
        });
    }

    /// Waits for the turn of this grant's first attempt, without the lease. `false` when the row should be read again
    /// first; the place is kept meanwhile.
    pub(super) async fn first_turn(&mut self) -> Result<bool> {
        let look = Instant::now() + LOOK_AGAIN;
        loop {
            let Some(due) = self.turn(self.replay_by) else { return Ok(true) };
            if Instant::now() >= look {
                return Ok(false);
            }
            tokio::select! {
                () = sleep_until(due.min(look)) => {}
                () = eased(&mut self.place) => {}
                () = self.flight.wanted.notified() => self.wanted = true,
                () = self.flight.stop.cancelled() => return Err(stopped()),
            }
        }
    }

    /// Waits for better weather, or for less of it when somebody has nothing usable, and then for its turn. The lease
    /// is renewed on the way; losing it ends the pause.
    pub(super) async fn pause(&mut self, failures: u32, doubtful: bool) -> Heard {
        let timings = self.shared.endpoint.timings;
        let wait = backoff(failures, self.retry_after, &timings, random::byte());
        let begun = Instant::now();
        let soonest = begun + wait.min(timings.retry_wanted.max(self.retry_after.unwrap_or_default()));
        let by = doubtful.then(|| boot_ms().saturating_add(millis(timings.retry_cap)));
        let (mut due, mut beat) = (begun + wait, begun + timings.heartbeat);
        loop {
            tokio::select! {
                () = sleep_until(due.min(beat)) => {}
                () = eased(&mut self.place) => due = Instant::now(),
                () = self.flight.wanted.notified() => {
                    self.wanted = true;
                    due = due.min(soonest);
                }
                () = self.flight.stop.cancelled() => {
                    self.place = None;
                    return Heard::Stop;
                }
            }
            if Instant::now() >= due {
                match self.turn(by) {
                    Some(later) => due = later,
                    None => return Heard::Paused,
                }
            }
            if Instant::now() >= beat {
                beat = Instant::now() + timings.heartbeat;
                if matches!(self.beat().await, Ok(Changed::Declined(_) | Changed::Gone)) {
                    self.place = None;
                    return Heard::Paused;
                }
            }
        }
    }

    /// Asks for a turn: `None` when it is now, else when to ask again. Callers are told of a wait.
    fn turn(&mut self, replay_by: Option<u64>) -> Option<Instant> {
        let need = match replay_by {
            Some(by) => Need::Replay { by },
            None if self.wanted || !self.flight.goal.voluntary => Need::Wanted,
            None => Need::Ahead,
        };
        let waited = self.place.is_some();
        let place = self.place.get_or_insert_with(|| self.shared.endpoint.gate.stand());
        match place.ask(need) {
            Turn::Now => {
                self.place = None;
                if waited {
                    self.flight.tell(|progress| progress.held = None);
                }
                None
            }
            Turn::At(at) => {
                let held = place.held(at);
                let until = held.until;
                self.flight.tell(|progress| progress.held = Some(held));
                Some(until)
            }
        }
    }
}

/// Ends when the outage does that somebody waits for.
async fn eased(place: &mut Option<super::gate::Place>) {
    match place {
        Some(place) => place.eased().await,
        None => std::future::pending().await,
    }
}
