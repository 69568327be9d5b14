//! Log lines. The core writes `tracing` events, and a Rust program hears them through a subscriber of its own. Programs
//! in other languages have none: the bindings [`listen`], and hand what is written to the language's own logging.
//!
//! A listener can neither slow nor break a call. Lines wait for it, and when too many do, the oldest go and a line says
//! how many. Only what threelo itself writes is listened to, never its libraries, whose lines could hold anything; and
//! what threelo writes is cleaned of whatever looks like a token or a signed URL all the same.

mod collector;
mod line;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::task::{Context, Poll, Waker};

use tokio_util::sync::CancellationToken;

pub use line::{LogLevel, LogLine};

use crate::client::Client;
use crate::lock::lock;
use crate::per_process::PerProcess;

/// Lines wait here for a slow listener, at most this many.
const BACKLOG: usize = 1024;

/// Who listens in this process.
#[derive(Debug, Default)]
struct Listeners {
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
}

/// What one listener has not taken yet.
#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Arc<LogLine>>,
    missed: u64,
    waker: Option<Waker>,
}

static LISTENERS: PerProcess<Mutex<Listeners>> = PerProcess::new();

/// How many listen: lines are not even put together for nobody.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Has this process's list made before it forks.
pub(crate) fn before_fork() {
    LISTENERS.own();
}

/// The parent's lines are told by the parent: the child begins without any listener.
pub(crate) fn after_fork() {
    let listeners = lock(LISTENERS.own());
    COUNT.store(listeners.waiting.len(), Ordering::Release);
}

/// Listens to what threelo writes in this process, from now on. The first time, threelo becomes the process's `tracing`
/// subscriber; where there is one already, as in a Rust program, the lines go there and no listener hears any.
#[must_use]
pub fn listen() -> Lines {
    static COLLECTING: Once = Once::new();
    COLLECTING.call_once(|| {
        // An error only means that somebody else collects.
        let _ = tracing::subscriber::set_global_default(collector::Collector);
    });
    let mut listeners = lock(LISTENERS.own());
    let id = listeners.next;
    listeners.next += 1;
    listeners.waiting.insert(id, Waiting::default());
    COUNT.store(listeners.waiting.len(), Ordering::Release);
    Lines { id, pid: std::process::id(), until: CancellationToken::new() }
}

/// Tells every listener; never waits for one.
fn tell(line: LogLine) {
    let line = Arc::new(line);
    let woken: Vec<Waker> = lock(LISTENERS.own())
        .waiting
        .values_mut()
        .filter_map(|waiting| {
            if waiting.lines.len() >= BACKLOG {
                waiting.lines.pop_front();
                waiting.missed += 1;
            }
            waiting.lines.push_back(Arc::clone(&line));
            waiting.waker.take()
        })
        .collect();
    woken.into_iter().for_each(Waker::wake);
}

/// One listener's end.
#[derive(Debug)]
pub struct Lines {
    id: u64,
    pid: u32,
    until: CancellationToken,
}

impl Lines {
    /// Ends with the client, closed or let go of; what was written until then is still told.
    pub fn end_with(&mut self, client: &Client) {
        self.until = client.gone();
    }

    /// Ends with the token; what was written until then is still told.
    #[must_use]
    pub fn until(mut self, end: CancellationToken) -> Self {
        self.until = end;
        self
    }

    /// The next line; `None` when no more will come. In a forked child none does: listen there anew.
    pub async fn next(&mut self) -> Option<Arc<LogLine>> {
        let until = self.until.clone();
        tokio::select! {
            biased;
            line = std::future::poll_fn(|context| self.poll(context)) => line,
            () = until.cancelled() => None,
        }
    }

    /// Whether this is the process it was made in, and not a child of that.
    fn is_here(&self) -> bool {
        self.pid == std::process::id()
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Arc<LogLine>>> {
        let mut listeners = lock(LISTENERS.own());
        let Some(waiting) = listeners.waiting.get_mut(&self.id).filter(|_| self.is_here()) else {
            return Poll::Ready(None);
        };
        if waiting.missed > 0 {
            return Poll::Ready(Some(Arc::new(LogLine::missed(std::mem::take(&mut waiting.missed)))));
        }
        let line = waiting.lines.pop_front();
        if line.is_none() {
            waiting.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(line)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if self.is_here() {
            let mut listeners = lock(LISTENERS.own());
            // Dropped after the lock is free: a waker may hold anything.
            let gone = listeners.waiting.remove(&self.id);
            COUNT.store(listeners.waiting.len(), Ordering::Release);
            drop(listeners);
            drop(gone);
        }
    }
}

#[cfg(test)]
mod tests;
