//! Who waits, and whose turn it is: one lane for each connection, served in turns, so that a connection with a
//! thousand calls delays one with a single call by a single call.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;

/// The calls that wait at one gate. Each is known by what wakes it.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// Connections with calls that wait; the first one's turn is next.
    turns: VecDeque<Arc<str>>,
    lanes: HashMap<Arc<str>, VecDeque<Arc<Notify>>>,
}

impl Lanes {
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// The call whose turn is next.
    pub(super) fn head(&self) -> Option<&Arc<Notify>> {
        self.lanes.get(self.turns.front()?)?.front()
    }

    pub(super) fn push(&mut self, connection: &Arc<str>, waiter: Arc<Notify>) {
        let lane = self.lanes.entry(Arc::clone(connection)).or_default();
        if lane.is_empty() {
            self.turns.push_back(Arc::clone(connection));
        }
        lane.push_back(waiter);
    }

    /// Takes out a call: because its turn has come, and then its connection's next turn comes last, or because it waits
    /// no longer. Whoever is at the head after that is woken.
    pub(super) fn remove(&mut self, connection: &Arc<str>, waiter: &Arc<Notify>) {
        let is_waiter = |other: &Arc<Notify>| Arc::ptr_eq(other, waiter);
        let was_head = self.head().is_some_and(is_waiter);
        let Some(lane) = self.lanes.get_mut(connection) else { return };
        lane.retain(|other| !is_waiter(other));
        if lane.is_empty() {
            self.lanes.remove(connection);
            self.turns.retain(|other| other != connection);
        } else if was_head {
            self.turns.rotate_left(1);
        }
        if was_head && let Some(next) = self.head() {
            next.notify_one();
        }
    }

    /// Has everybody look again.
    pub(super) fn wake_all(&self) {
        self.lanes.values().flatten().for_each(|waiter| waiter.notify_one());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Arc<str> {
        Arc::from(text)
    }

    /// Lines up calls by their connections, then serves them all.
    fn served(calls: &[&str]) -> Vec<String> {
        let mut lanes = Lanes::default();
        let mut owners = Vec::new();
        for call in calls {
            let waiter = Arc::new(Notify::new());
            lanes.push(&name(call), Arc::clone(&waiter));
            owners.push((waiter, name(call)));
        }
        let mut order = Vec::new();
        while let Some(head) = lanes.head().cloned() {
            let (_, owner) = owners.iter().find(|(waiter, _)| Arc::ptr_eq(waiter, &head)).unwrap();
            lanes.remove(owner, &head);
            order.push(owner.to_string());
        }
        assert!(lanes.is_empty() && lanes.lanes.is_empty());
        order
    }

    #[test]
    fn connections_take_turns() {
        assert_eq!(served(&["a", "a", "a", "b", "c", "c"]), ["a", "b", "c", "a", "c", "a"]);
    }

    #[test]
    fn who_gives_up_is_forgotten_and_the_next_one_woken() {
        let mut lanes = Lanes::default();
        let (first, second) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        lanes.push(&name("a"), Arc::clone(&first));
        lanes.push(&name("b"), Arc::clone(&second));
        lanes.remove(&name("a"), &first);
        assert!(Arc::ptr_eq(lanes.head().unwrap(), &second));
        assert!(futures::FutureExt::now_or_never(second.notified()).is_some(), "the new head was woken");
        lanes.remove(&name("b"), &second);
        lanes.remove(&name("b"), &second);
        assert!(lanes.is_empty());
    }
}
