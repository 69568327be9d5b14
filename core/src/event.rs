//! Events: what happened, told beside the calls and never in their way. A subscriber that is slow misses the oldest
//! ones, and the log says how many; one that throws hurts only itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::broadcast;

use crate::lock::lock;

/// Events wait here for a slow subscriber, at most this many.
const BACKLOG: usize = 1024;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A consent was completed.
    Connected,
    /// No site was named and several were there; the first was taken.
    SiteAutoSelected,
    /// This process rotated a grant's tokens.
    Rotated,
    /// An attempt to rotate failed, or its tokens cannot be stored yet.
    RotationFailed,
    /// A grant was found dead.
    ReauthorizationRequired,
    /// A new consent granted fewer scopes than the grant had.
    ScopesReduced,
    /// Less than a fifth of a rate limit is left.
    NearLimit,
    /// A long pass over many grants goes on.
    Progress,
    /// An encryption key was made beside the SQLite database.
    KeyFileCreated,
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// What kind of thing.
    pub kind: EventKind,
    /// When, in milliseconds since the epoch.
    pub at: u64,
    /// The connection it is about, where there is one.
    pub connection_id: Option<String>,
    /// The grant it is about, where there is one.
    pub grant_id: Option<String>,
    /// Details by name.
    pub details: Map<String, Value>,
}

impl Event {
    /// An event of now about nothing in particular.
    #[must_use]
    pub fn new(kind: EventKind) -> Self {
        let at = crate::clock::wall_ms();
        Self { kind, at, connection_id: None, grant_id: None, details: Map::new() }
    }

    /// Names the connection.
    #[must_use]
    pub fn connection(mut self, id: &str) -> Self {
        self.connection_id = Some(id.to_owned());
        self
    }

    /// Names the grant.
    #[must_use]
    pub fn grant(mut self, id: &str) -> Self {
        self.grant_id = Some(id.to_owned());
        self
    }

    /// Adds one detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// Where a client's parts tell their events.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    sender: broadcast::Sender<Event>,
    /// Told before anybody could listen; the first subscriber hears them.
    early: Arc<Mutex<VecDeque<Event>>>,
}

impl Default for Events {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG), early: Arc::default() }
    }
}

impl Events {
    /// Tells every subscriber; never waits.
    pub(crate) fn tell(&self, event: Event) {
        // An error only means that nobody listens.
        let _ = self.sender.send(event);
    }

    /// Keeps an event of the client's opening for the first subscriber.
    pub(crate) fn remember(&self, event: Event) {
        lock(&self.early).push_back(event);
    }

    /// A new subscriber, who hears everything from now on.
    #[must_use]
    pub(crate) fn subscribe(&self) -> Subscription {
        Subscription { early: std::mem::take(&mut *lock(&self.early)), receiver: self.sender.subscribe() }
    }
}

/// One subscriber's end.
#[derive(Debug)]
pub struct Subscription {
    early: VecDeque<Event>,
    receiver: broadcast::Receiver<Event>,
}

impl Subscription {
    /// The next event; `None` when the client is gone. Events a slow subscriber missed are skipped.
    pub async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.early.pop_front() {
            return Some(event);
        }
        loop {
            match self.receiver.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "event subscriber is too slow");
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(number: usize) -> Event {
        Event::new(EventKind::Rotated).with("number", number)
    }

    #[tokio::test]
    async fn a_subscriber_that_does_not_listen_holds_nobody_up_and_misses_the_oldest() {
        let events = Events::default();
        let (mut slow, mut quick) = (events.subscribe(), events.subscribe());
        for number in 0..3 * BACKLOG {
            events.tell(told(number));
            assert_eq!(quick.next().await.unwrap().details["number"], number);
        }
        assert_eq!(slow.next().await.unwrap().details["number"], 2 * BACKLOG);
        drop(slow);
        events.tell(told(0));
        assert_eq!(quick.next().await.unwrap().details["number"], 0);
    }
}
