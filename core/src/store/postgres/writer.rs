//! The one connection that writes, and the queue before it. Batches that wait together share one transaction and one
//! sync to disk, each with a sequence number of its own: all writers of a store take turns anyway, because numbers have
//! to become visible in their order, so several connections would only wait for each other.

use tokio::sync::{mpsc, oneshot};

use super::fault::unavailable;
use super::home::Home;
use super::scribe::Scribe;
use crate::error::{Error, Result};
use crate::store::{Expect, Write};

/// Batches written in one transaction at most, so that other processes get their turn.
const GROUP: usize = 64;

/// A batch and who waits for it.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) expect: Vec<Expect>,
    pub(super) writes: Vec<Write>,
    /// It is carried out in a newer version's tables, too.
    pub(super) rescue: bool,
    pub(super) answer: oneshot::Sender<Result<Option<u64>>>,
}

enum Order {
    Write(Batch),
    Close(oneshot::Sender<()>),
}

/// The way to the task that writes.
pub(super) struct Writer {
    place: String,
    orders: mpsc::UnboundedSender<Order>,
}

impl Writer {
    /// Starts the task, on the store's own runtime.
    pub(super) fn start(home: &Home, place: &str, scribe: Scribe) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        home.spawn(serve(scribe, inbox));
        Self { place: place.to_owned(), orders }
    }

    /// Hands in a batch and waits for it.
    pub(super) async fn write(
        &self,
        expect: Vec<Expect>,
        writes: Vec<Write>,
        rescue: bool,
    ) -> Result<Option<u64>> {
        let (answer, waiting) = oneshot::channel();
        self.orders.send(Order::Write(Batch { expect, writes, rescue, answer })).map_err(|_| self.gone())?;
        waiting.await.map_err(|_| self.gone())?
    }

    /// Waits until everything handed in before is done and the connection is closed.
    pub(super) async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        if self.orders.send(Order::Close(answer)).is_ok() {
            let _ = closed.await;
        }
    }

    fn gone(&self) -> Error {
        unavailable(&self.place, "was closed")
    }
}

async fn serve(mut scribe: Scribe, mut inbox: mpsc::UnboundedReceiver<Order>) {
    let mut orders = Vec::with_capacity(GROUP);
    let mut closed = None;
    while closed.is_none() && inbox.recv_many(&mut orders, GROUP).await > 0 {
        let mut group = Vec::new();
        for order in orders.drain(..) {
            match order {
                Order::Write(batch) if closed.is_none() => group.push(batch),
                // Behind the end: dropped, and the caller told so.
                Order::Write(_) => {}
                Order::Close(answer) => closed = Some(answer),
            }
        }
        scribe.write(group).await;
    }
    inbox.close();
    scribe.close().await;
    if let Some(answer) = closed {
        let _ = answer.send(());
    }
}
