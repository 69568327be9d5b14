//! Tells how far a pass over many grants has come.

use std::time::Duration;

use tokio::time::Instant;

use crate::event::{Event, EventKind, Events};

/// A person sees it move, and a subscriber is not flooded: its other events would be lost in the crowd.
const EVERY: Duration = Duration::from_millis(250);

/// One pass.
pub(super) struct Progress<'c> {
    events: &'c Events,
    verb: &'static str,
    done: u64,
    told: Instant,
}

impl<'c> Progress<'c> {
    pub(super) fn new(events: &'c Events, verb: &'static str) -> Self {
        Self { events, verb, done: 0, told: Instant::now() }
    }

    /// Another one is done.
    pub(super) fn one(&mut self) {
        self.done += 1;
        if self.told.elapsed() >= EVERY {
            self.tell();
        }
    }

    /// Whatever was not told yet.
    pub(super) fn tell(&mut self) {
        self.told = Instant::now();
        self.events.tell(Event::new(EventKind::Progress).with("verb", self.verb).with("done", self.done));
    }
}
