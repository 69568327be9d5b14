//! Forking a process that has stores open.
//!
//! SQLite's locks are POSIX locks, which a child does not inherit, while the memory in which SQLite counts them is
//! inherited. A child that opened a file its parent had open would believe to hold locks it does not hold, and could
//! lose the log (<https://www.sqlite.org/howtocorrupt.html>, 2.6). So everything is closed before a fork and opened
//! again when it is next used; a child that was forked without that is refused.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::fault::unavailable;
use super::shared::Shared;
use crate::error::Result;
use crate::store::lock::lock;

/// How long a fork waits for reads and writes under way.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether files may be opened now.
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// The process that is forking. A child inherits the value and is not meant by it.
    closed_by: Option<u32>,
    opening: usize,
}

static GATE: Gate =
    Gate { state: Mutex::new(State { closed_by: None, opening: 0 }), changed: Condvar::new() };

/// An opening under way. A fork waits for its end.
#[derive(Debug)]
pub(super) struct Entry(());

impl Entry {
    /// Waits while the process forks; blocks the thread.
    pub(super) fn take(path: &std::path::Path) -> Result<Self> {
        let mut state = lock(&GATE.state);
        let started = Instant::now();
        while state.closed_by == Some(std::process::id()) {
            state = wait(state);
            if started.elapsed() > 2 * PATIENCE {
                return Err(unavailable(
                    path,
                    "was not opened: the process is forking, and after_fork() was not called",
                ));
            }
        }
        state.opening += 1;
        Ok(Self(()))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut state = lock(&GATE.state);
        state.opening = state.opening.saturating_sub(1);
        GATE.changed.notify_all();
    }
}

/// Finishes the reads and writes under way in every store of this process, closes their files, and holds new ones back
/// until [`after_fork`]. To be called right before `fork`, from the thread that forks; it blocks for at most ten
/// seconds, commonly for a millisecond. Stores that cannot be closed in that time go on in the parent, and a child is
/// refused them.
pub fn before_fork() {
    {
        let mut state = lock(&GATE.state);
        state.closed_by = Some(std::process::id());
        let started = Instant::now();
        while state.opening > 0 && started.elapsed() < PATIENCE {
            state = wait(state);
        }
    }
    let open = Shared::all_in_this_process();
    if open.is_empty() {
        return;
    }
    // A thread of its own, because this one may belong to a runtime, and that cannot be waited on from inside.
    let resting = std::thread::Builder::new().name("threelo-fork".to_owned()).spawn(move || rest_all(&open));
    if let Ok(thread) = resting {
        let _ = thread.join();
    }
}

/// Lets stores be used and opened again, in the parent and, without need, in the child.
pub fn after_fork() {
    for shared in Shared::all_in_this_process() {
        shared.wake();
    }
    let mut state = lock(&GATE.state);
    if state.closed_by.is_some_and(|pid| pid != std::process::id()) {
        // In a child nothing of what the parent was opening is left.
        state.opening = 0;
    }
    state.closed_by = None;
    GATE.changed.notify_all();
}

/// Waits for the gate to change, and now and then for nothing.
fn wait(state: MutexGuard<'_, State>) -> MutexGuard<'_, State> {
    let waited = GATE.changed.wait_timeout(state, Duration::from_millis(100));
    waited.unwrap_or_else(PoisonError::into_inner).0
}

fn rest_all(open: &[Arc<Shared>]) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
    runtime.block_on(async {
        let until = tokio::time::Instant::now() + PATIENCE;
        for shared in open {
            let _ = tokio::time::timeout_at(until, shared.rest()).await;
        }
    });
}
