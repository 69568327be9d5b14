//! Forking a process that has stores open.
//!
//! SQLite's locks are POSIX locks, which a child does not inherit, while the memory in which SQLite counts them is
//! inherited. A child that opened a file its parent had open would believe to hold locks it does not hold, and could
//! lose the log (<https://www.sqlite.org/howtocorrupt.html>, 2.6). So everything is closed before a fork and opened
//! again when it is next used; a child that was forked without that is refused.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::fault::unavailable;
use super::shared::Shared;
use crate::error::Result;
use crate::lock::lock;

/// How long a fork waits for reads and writes under way.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether files may be opened now, and by whom they are being closed.
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whose state it is. A child inherits it, and starts with its own.
    pid: u32,
    /// Forks under way; several threads may fork at once.
    forks: usize,
    /// Whether one of them is closing files.
    closing: bool,
    /// Openings under way.
    opening: usize,
}

static GATE: Gate = Gate {
    state: Mutex::new(State { pid: 0, forks: 0, closing: false, opening: 0 }),
    changed: Condvar::new(),
};

fn state() -> MutexGuard<'static, State> {
    let mut state = lock(&GATE.state);
    let pid = std::process::id();
    if state.pid != pid {
        *state = State { pid, ..State::default() };
    }
    state
}

/// Waits until something holds, but not for longer than a span.
fn wait_until(
    mut state: MutexGuard<'static, State>,
    span: Duration,
    holds: fn(&State) -> bool,
) -> MutexGuard<'static, State> {
    let started = Instant::now();
    while !holds(&state) && started.elapsed() < span {
        let waited = GATE.changed.wait_timeout(state, Duration::from_millis(100));
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    state
}

/// An opening under way. A fork waits for its end.
#[derive(Debug)]
pub(super) struct Entry(());

impl Entry {
    /// Waits while the process forks; blocks the thread.
    pub(super) fn take(path: &Path) -> Result<Self> {
        let mut state = wait_until(state(), 2 * PATIENCE, |state| state.forks == 0);
        if state.forks > 0 {
            return Err(unavailable(
                path,
                "was not opened: the process is forking and does not come to an end of it",
            ));
        }
        state.opening += 1;
        Ok(Self(()))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut state = state();
        state.opening = state.opening.saturating_sub(1);
        GATE.changed.notify_all();
    }
}

/// Finishes the reads and writes under way in every store of this process, closes their files, and holds new ones back
/// until [`after_fork`]. To be called right before `fork`, from the thread that forks; it blocks for at most ten
/// seconds, commonly for a millisecond. Stores that cannot be closed in that time go on in the parent, and a child is
/// refused them.
pub fn before_fork() {
    let mut state = state();
    state.forks += 1;
    let mut state = wait_until(state, PATIENCE, |state| state.opening == 0 && !state.closing);
    let open = Shared::all_in_this_process();
    if open.is_empty() {
        return;
    }
    state.closing = true;
    drop(state);
    // A thread of its own, because this one may belong to a runtime, and that cannot be waited on from inside.
    let resting = std::thread::Builder::new().name("threelo-fork".to_owned()).spawn(move || rest_all(&open));
    if let Ok(thread) = resting {
        let _ = thread.join();
    }
    self::state().closing = false;
    GATE.changed.notify_all();
}

/// Lets stores be used and opened again: once for each [`before_fork`] in the parent. A child may call it and need not.
pub fn after_fork() {
    let mut state = state();
    state.forks = state.forks.saturating_sub(1);
    if state.forks == 0 {
        for shared in Shared::all_in_this_process() {
            shared.wake();
        }
    }
    GATE.changed.notify_all();
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
