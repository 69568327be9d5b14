//! The one connection that writes, on a thread of its own: a batch that was handed in is carried out whatever becomes
//! of the caller or of its runtime. Batches that wait together share one transaction and one sync to disk, each with
//! a sequence number of its own.

use std::path::PathBuf;

use tokio::sync::{mpsc, oneshot};

use super::fault::{from_io, unavailable};
use super::group::Scribe;
use super::place::FileId;
use crate::error::{Error, Result};
use crate::store::{Expect, Write};

/// Batches written in one transaction at most, so that other processes get their turn.
const GROUP: usize = 64;

/// A batch and who waits for it.
pub(super) struct Batch {
    pub(super) expect: Vec<Expect>,
    pub(super) writes: Vec<Write>,
    /// It is carried out in a newer version's tables, too.
    pub(super) rescue: bool,
    pub(super) answer: oneshot::Sender<Result<Option<u64>>>,
}

pub(super) enum Order {
    Write(Batch),
    ForgetSessions {
        before: u64,
        answer: oneshot::Sender<Result<()>>,
    },
    /// Close the connection, answer with what ends the pause when dropped, and wait for that.
    Rest(oneshot::Sender<Resume>),
    Close(oneshot::Sender<()>),
}

/// Ends the writer's pause when it is dropped.
pub(super) struct Resume(#[expect(dead_code, reason = "dropping it is the message")] oneshot::Sender<()>);

/// The way to the thread.
pub(super) struct Writer {
    path: PathBuf,
    orders: mpsc::UnboundedSender<Order>,
}

impl Writer {
    /// Starts the thread around a connection that is ready.
    pub(super) fn start(path: PathBuf, file: FileId, connection: sqlx::SqliteConnection) -> Result<Self> {
        let (orders, inbox) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| from_io(&path, "opened: no runtime for its writer", &error))?;
        let scribe = Scribe::new(path.clone(), file, connection);
        std::thread::Builder::new()
            .name("threelo-store".to_owned())
            .spawn(move || runtime.block_on(serve(scribe, inbox)))
            .map_err(|error| from_io(&path, "opened: no thread for its writer", &error))?;
        Ok(Self { path, orders })
    }

    /// Hands in a batch and waits for it.
    pub(super) async fn write(
        &self,
        expect: Vec<Expect>,
        writes: Vec<Write>,
        rescue: bool,
    ) -> Result<Option<u64>> {
        self.order(|answer| Order::Write(Batch { expect, writes, rescue, answer })).await
    }

    /// Hands in a clean-up and waits for it.
    pub(super) async fn forget_sessions(&self, before: u64) -> Result<()> {
        self.order(|answer| Order::ForgetSessions { before, answer }).await
    }

    /// Waits until everything handed in before is done and the connection is closed, which it stays until the answer
    /// is dropped.
    pub(super) async fn rest(&self) -> Option<Resume> {
        let (answer, resting) = oneshot::channel();
        self.orders.send(Order::Rest(answer)).ok()?;
        resting.await.ok()
    }

    /// Waits until everything handed in before is done and the connection is closed.
    pub(super) async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        if self.orders.send(Order::Close(answer)).is_ok() {
            let _ = closed.await;
        }
    }

    async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<Result<T>>) -> Order) -> Result<T> {
        let (answer, waiting) = oneshot::channel();
        self.orders.send(order(answer)).map_err(|_| self.gone())?;
        waiting.await.map_err(|_| self.gone())?
    }

    fn gone(&self) -> Error {
        unavailable(&self.path, "was closed")
    }
}

async fn serve(mut scribe: Scribe, mut inbox: mpsc::UnboundedReceiver<Order>) {
    let mut orders = Vec::with_capacity(GROUP);
    'serving: while inbox.recv_many(&mut orders, GROUP).await > 0 {
        let mut group = Vec::new();
        for order in orders.drain(..) {
            match order {
                Order::Write(batch) => group.push(batch),
                Order::ForgetSessions { before, answer } => {
                    scribe.write(std::mem::take(&mut group)).await;
                    let _ = answer.send(scribe.forget_sessions(before).await);
                }
                Order::Rest(answer) => {
                    scribe.write(std::mem::take(&mut group)).await;
                    scribe.close().await;
                    let (resume, pause) = oneshot::channel();
                    let _ = answer.send(Resume(resume));
                    // Nothing is ever sent: an error is the end of the pause.
                    let _ = pause.await;
                }
                Order::Close(answer) => {
                    scribe.write(std::mem::take(&mut group)).await;
                    // Orders behind this one are dropped, and their callers told so.
                    inbox.close();
                    scribe.close().await;
                    let _ = answer.send(());
                    break 'serving;
                }
            }
        }
        scribe.write(group).await;
    }
    scribe.close().await;
}
