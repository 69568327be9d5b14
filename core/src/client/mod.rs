//! The verbs. Each checks that the client is open, keeps to its time, and can be cancelled at any await: what must
//! not be abandoned half-way runs in a task of its own.

mod authorize;
mod calls;
mod keep_alive;
mod lifecycle;
mod many;
mod open;
mod progress;
mod rekey;
mod sites;
mod view;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use authorize::Authorization;
pub use lifecycle::{ConnectSession, ConnectionsPage};
pub use many::{Many, RequestResult};
pub use open::Unfinished;

use crate::connect::Connector;
use crate::error::{Code, Error, Result};
use crate::event::Subscription;
use crate::grant::cache::Held;
use crate::request::{Board, Destinations, Governor};
use crate::store::ConnectionRow;

/// A client of one app and one store. Clones are handles of the same client; the last one dropped without
/// [`Client::close`] leaves rotations in flight to finish by themselves.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    connector: Connector,
    /// Shared by all clients of the app in this process.
    governor: Arc<Governor>,
    /// Where its pauses are shared with other processes.
    board: Board,
    destinations: Destinations,
    /// New calls are refused and those under way end.
    closing: CancellationToken,
    /// Who only listens does so until here.
    gone: CancellationToken,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.gone.cancel();
    }
}

impl Client {
    /// Hears of everything this client does from now on.
    #[must_use]
    pub fn events(&self) -> Subscription {
        self.connector().keeper.shared.events.subscribe()
    }

    /// Cancelled when the client is closed, or the last handle of it is let go of.
    pub(crate) fn gone(&self) -> CancellationToken {
        self.inner.gone.clone()
    }

    fn connector(&self) -> &Connector {
        &self.inner.connector
    }

    /// Runs a verb: refused when the client is closed, ended when it closes or when its time is up.
    async fn run<T, F>(&self, timeout: Option<Duration>, verb: impl FnOnce(Instant) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        if self.inner.closing.is_cancelled() {
            return Err(closed());
        }
        let span = timeout.unwrap_or(self.connector().config.timings.wait);
        let deadline = after(span);
        let result = tokio::select! {
            // A result that is there counts, also where its time is up by the time somebody looks: only the verb itself
            // knows what became of what it sent.
            biased;
            result = verb(deadline) => result,
            () = self.inner.closing.cancelled() => Err(cancelled()),
            () = tokio::time::sleep_until(deadline) => Err(out_of_time(span)),
        };
        self.settle().await;
        result
    }

    /// The same for a verb that keeps to its time by itself.
    async fn run_until_closed<T>(&self, verb: impl Future<Output = Result<T>>) -> Result<T> {
        if self.inner.closing.is_cancelled() {
            return Err(closed());
        }
        let result = tokio::select! {
            biased;
            result = verb => result,
            () = self.inner.closing.cancelled() => Err(cancelled()),
        };
        self.settle().await;
        result
    }

    /// Waits for what calls began and nobody waits for any more, where nothing may go on in the background.
    async fn settle(&self) {
        if !self.background() {
            // In a box, which calls that need none of it do not carry about.
            Box::pin(async {
                self.connector().keeper.settle().await;
                self.inner.board.settle().await;
            })
            .await;
        }
    }

    /// Whether work may go on after a call has returned.
    fn background(&self) -> bool {
        self.connector().keeper.background
    }

    /// The same for work that must not be abandoned half-way: it goes on in a task of its own when its caller does
    /// not wait any longer.
    async fn run_detached<T, F>(
        &self,
        timeout: Option<Duration>,
        verb: impl FnOnce(Self, Instant) -> F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let mut begun = None;
        let result = self
            .run(timeout, |deadline| {
                let task = self.connector().keeper.tasks.spawn(verb(self.clone(), deadline));
                task_of(begun.insert(task))
            })
            .await;
        match begun {
            // Out of time, and yet it must not go on by itself: what becomes of it is the better answer.
            Some(task) if !self.background() && !task.is_finished() => {
                let result = task_of(task).await;
                self.settle().await;
                result
            }
            _ => result,
        }
    }

    /// A connection with its grant. One that a crash, or an import, left unfinished is finished first.
    async fn resolve(&self, id: &str, deadline: Instant) -> Result<(Arc<ConnectionRow>, Held)> {
        let keeper = &self.connector().keeper;
        match keeper.resolve(id).await? {
            Some((row, held)) if settled(&row, &held) => Ok((row, held)),
            _ => {
                self.connector().finish_what_is_open(id, deadline).await?;
                // What memory holds may be older than what another process finished.
                keeper.reload(id).await?.ok_or_else(|| not_found(id))
            }
        }
    }

    /// The same with an account, where it can be learnt now. That can change which grant it is.
    async fn resolve_settled(&self, id: &str, deadline: Instant) -> Result<(Arc<ConnectionRow>, Held)> {
        let resolved = self.resolve(id, deadline).await?;
        if resolved.1.row.account_id.is_some() {
            return Ok(resolved);
        }
        self.connector().learn_late(&resolved.1, deadline).await;
        self.resolve(id, deadline).await
    }
}

/// Whether nothing about a connection has to be finished before it is used.
fn settled(row: &ConnectionRow, held: &Held) -> bool {
    row.site.is_some() && held.row.death.is_none()
}

/// What a task of a call's own comes to.
async fn task_of<T>(task: impl Future<Output = std::result::Result<Result<T>, JoinError>>) -> Result<T> {
    task.await
        .unwrap_or_else(|_| Err(Error::new(Code::Cancelled, "the call's task ended before it was done")))
}

fn closed() -> Error {
    Error::new(Code::Closed, "the client is closed")
}

fn cancelled() -> Error {
    Error::new(Code::Cancelled, "the client was closed during the call")
}

fn not_found(id: &str) -> Error {
    Error::new(Code::ConnectionNotFound, format!("there is no connection {id:?} in this store"))
        .with("id", id)
}

fn out_of_time(span: Duration) -> Error {
    let message = format!("the call was not done within {:.3} s", span.as_secs_f64());
    Error::new(Code::Timeout, message).with("timeout_ms", u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

/// The moment a wait of `span` ends; one too long for the clock counts as a year.
fn after(span: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    Instant::now() + span.min(YEAR)
}
