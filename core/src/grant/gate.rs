//! The place where rotations of one app wait for their turn while the token endpoint does not answer. All clients of
//! the app in this process share it; what it decides is in [`super::breaker`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::breaker::{Breaker, Need, Ticket, Turn};
use super::endpoint::Outcome;
use super::transitions::millis;
use crate::atlassian::token_endpoint::Reply;
use crate::clock::{boot_ms, wall_ms};
use crate::error::{Code, Error};
use crate::lock::lock;
use crate::per_process::PerProcess;

/// One app's gate.
#[derive(Debug)]
pub(crate) struct Gate {
    breaker: Mutex<Breaker>,
    /// What the last failed attempt met.
    why: Mutex<String>,
    tickets: AtomicU64,
    /// Counts the ends of outages.
    eased: watch::Sender<u64>,
}

/// Host of the authorization server and client id.
type Key = (String, String);

type Gates = HashMap<Key, Weak<Gate>>;

static GATES: PerProcess<Mutex<Gates>> = PerProcess::new();

/// Has this process's list made before it forks.
pub(super) fn before_fork() {
    GATES.own();
}

impl Gate {
    /// The gate of an app, which the first client of it in this process makes.
    pub(crate) fn of(auth_host: String, client_id: &str, gap: Duration) -> Arc<Self> {
        let key = (auth_host, client_id.to_owned());
        let mut gates = lock(GATES.own());
        if let Some(known) = gates.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        gates.retain(|_, gate| gate.strong_count() > 0);
        let gate = Arc::new(Self {
            breaker: Mutex::new(Breaker::new(millis(gap))),
            why: Mutex::default(),
            tickets: AtomicU64::new(0),
            eased: watch::Sender::new(0),
        });
        gates.insert(key, Arc::downgrade(&gate));
        gate
    }

    /// Takes note of how an attempt ended.
    pub(super) fn note(&self, outcome: &Outcome) {
        let why = match outcome {
            Outcome::TooLate => return,
            Outcome::Reply(Reply::Issued(_) | Reply::Refused { .. } | Reply::Credentials) => {
                let mut breaker = lock(&self.breaker);
                let was_open = breaker.is_open();
                breaker.answered();
                drop(breaker);
                if was_open {
                    tracing::info!("the token endpoint answers again");
                    self.eased.send_modify(|ends| *ends += 1);
                }
                return;
            }
            Outcome::Reply(Reply::NotNow { why, .. } | Reply::Unclear { why }) | Outcome::NotSent(why) => why,
        };
        why.clone_into(&mut lock(&self.why));
        let mut breaker = lock(&self.breaker);
        let was_open = breaker.is_open();
        breaker.failed(boot_ms());
        if breaker.is_open() && !was_open {
            tracing::warn!(why, "the token endpoint does not answer; attempts are spaced over all grants");
        }
    }

    /// A place before the gate, given up when it is dropped.
    pub(super) fn stand(self: &Arc<Self>) -> Place {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        Place { ticket, eased: self.eased.subscribe(), gate: Arc::clone(self) }
    }
}

/// One who waits.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
    ticket: Ticket,
    eased: watch::Receiver<u64>,
}

impl Place {
    /// Whether it is this one's turn.
    pub(super) fn ask(&self, need: Need) -> Turn {
        lock(&self.gate.breaker).ask(self.ticket, need, boot_ms())
    }

    /// Ends when the outage does.
    pub(super) async fn eased(&mut self) {
        if self.eased.changed().await.is_err() {
            // The gate lives as long as this place does.
            std::future::pending::<()>().await;
        }
    }

    /// What a caller is told who cannot wait for its turn at `at`, in boot milliseconds.
    pub(super) fn held(&self, at: u64) -> Held {
        let wait = Duration::from_millis(at.saturating_sub(boot_ms()));
        let message = format!(
            "the token endpoint does not answer ({}); attempts are spaced over all grants, and this one's is due in {} s",
            lock(&self.gate.why),
            wait.as_secs() + 1,
        );
        let due = wall_ms().saturating_add(millis(wait));
        let error = Error::new(Code::IdentityUnavailable, message).with("next_attempt_at", due);
        Held { until: Instant::now() + wait, error }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.gate.breaker).leave(self.ticket);
    }
}

/// A rotation that waits for its turn.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// When it is due, as far as can be told.
    pub(crate) until: Instant,
    pub(crate) error: Error,
}
