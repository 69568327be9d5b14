//! Single flight: one rotation of a grant at a time in a process, however many clients and calls wait for it. It runs
//! as a task of its own, so that a caller that goes away takes nothing with it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cache::Held;
use super::gate;
use super::protocol::{End, Goal};
use crate::error::{Error, Result};
use crate::lock::lock;
use crate::per_process::PerProcess;

/// How a rotation ended, with the grant as it is now where there is a token to use.
pub(crate) type Landed = Result<(End, Option<Held>)>;

/// How far a rotation has come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// Attempts that failed so far.
    pub(crate) failures: u32,
    /// What the last of them met.
    pub(crate) error: Option<Error>,
    /// A new token that can be used although the store has not taken it yet.
    pub(crate) early: Option<Held>,
    /// It waits for its turn in an outage of the token endpoint.
    pub(crate) held: Option<gate::Held>,
    /// How it ended, with the grant as it is now.
    pub(crate) end: Option<Landed>,
}

/// A rotation under way.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) goal: Goal,
    /// The app's secret that it spends tokens with. Clients of one app can have been given different ones.
    secret: SecretString,
    /// Tells the rotation to end at the next pause.
    pub(crate) stop: CancellationToken,
    /// Somebody has nothing usable and would like the next attempt soon.
    pub(crate) wanted: Notify,
    /// How many wait for it, where it is to end with the last of them.
    followers: Option<Mutex<usize>>,
    progress: watch::Sender<Progress>,
}

impl Flight {
    /// Whether the app's credentials of this flight are those of whoever joins it with `secret`.
    pub(crate) fn is_with(&self, secret: &SecretString) -> bool {
        self.secret.expose_secret() == secret.expose_secret()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Waits until it is over, however it ends.
    pub(crate) async fn over(&self) {
        // An error means that its task is gone.
        let _ = self.watch().wait_for(|progress| progress.end.is_some()).await;
    }

    pub(crate) fn tell(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }
}

/// Somebody who waits for a flight. Where nothing may go on in the background, the last one to leave tells the flight to
/// end at its next pause; an attempt under way is finished, and its outcome stored.
#[derive(Debug)]
pub(crate) struct Follower<'f> {
    flight: &'f Arc<Flight>,
    left: &'f Leaving,
}

/// Flights that were told to end and may not have ended yet.
pub(crate) type Leaving = Mutex<Vec<Arc<Flight>>>;

impl<'f> Follower<'f> {
    pub(crate) fn of(flight: &'f Arc<Flight>, left: &'f Leaving) -> Self {
        if let Some(followers) = &flight.followers {
            *lock(followers) += 1;
        }
        Self { flight, left }
    }
}

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        let Some(followers) = &self.flight.followers else { return };
        let mut followers = lock(followers);
        *followers -= 1;
        if *followers == 0 {
            self.flight.stop.cancel();
            lock(self.left).push(Arc::clone(self.flight));
        }
    }
}

/// A grant of a store.
type Key = (String, String);

type Flights = HashMap<Key, Arc<Flight>>;

static FLIGHTS: PerProcess<Mutex<Flights>> = PerProcess::new();

/// Has this process's list made before it forks.
pub(crate) fn before_fork() {
    FLIGHTS.own();
}

/// Joins the flight of this grant, or starts one with `run` on the current runtime; one that may go on in the background,
/// or ends with the last who follows it.
pub(crate) fn join_or_start<F>(
    store: &str,
    grant_id: &str,
    (goal, secret): (Goal, &SecretString),
    (stop, background): (CancellationToken, bool),
    tasks: &TaskTracker,
    run: impl FnOnce(Arc<Flight>) -> F,
) -> Arc<Flight>
where
    F: Future<Output = Landed> + Send + 'static,
{
    let key = (store.to_owned(), grant_id.to_owned());
    let mut flights = lock(FLIGHTS.own());
    if let Some(flight) = flights.get(&key) {
        return Arc::clone(flight);
    }
    let flight = Arc::new(Flight {
        goal,
        secret: secret.clone(),
        stop,
        wanted: Notify::new(),
        followers: (!background).then(Mutex::default),
        progress: watch::Sender::new(Progress::default()),
    });
    flights.insert(key.clone(), Arc::clone(&flight));
    let landing = Landing { key, flight: Arc::clone(&flight), end: None };
    let rotation = run(Arc::clone(&flight));
    tasks.spawn(async move { landing.land(rotation.await) });
    flight
}

/// Takes the flight off the list, then tells how it ended: also when its task panics or its runtime goes away.
struct Landing {
    key: Key,
    flight: Arc<Flight>,
    end: Option<Landed>,
}

impl Landing {
    fn land(mut self, end: Landed) {
        self.end = Some(end);
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        lock(FLIGHTS.own()).remove(&self.key);
        let end = self.end.take().unwrap_or(Ok((End::Stopped, None)));
        self.flight.tell(|progress| progress.end = Some(end));
    }
}
