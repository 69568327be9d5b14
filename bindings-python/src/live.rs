//! The core client of one process, opened by its first use. A forked child gets one of its own.

use std::sync::{Arc, Mutex, Weak};

use futures::future::join_all;
use pyo3::prelude::*;
use threelo_core::{Call, Casing, Client, ClientOptions, CloseOptions, Result, Subscription};
use tokio::sync::{OnceCell, oneshot};
use tokio_util::sync::CancellationToken;

use crate::answer::{Answer, work};
use crate::blocking::wait;
use crate::process::{OfProcess, lock};

/// A client of the core, and where its events will be told.
pub(crate) struct Live {
    options: ClientOptions,
    client: OnceCell<Client>,
    hearer: Mutex<Option<oneshot::Sender<Subscription>>>,
    /// Tells the event thread that nothing more will come.
    pub(crate) closed: CancellationToken,
}

/// All that may still be open when the interpreter ends.
static OPEN: Mutex<Vec<OfProcess<Weak<Live>>>> = Mutex::new(Vec::new());

impl Live {
    /// A client that its first use opens, and the end where its events arrive.
    pub(crate) fn new(
        _attached: Python<'_>,
        options: ClientOptions,
    ) -> (Arc<Self>, oneshot::Receiver<Subscription>) {
        let (hearer, events) = oneshot::channel();
        let hearer = Mutex::new(Some(hearer));
        let live =
            Arc::new(Self { options, client: OnceCell::new(), hearer, closed: CancellationToken::new() });
        let mut open = lock(&OPEN);
        open.retain(|other| other.get().is_some_and(|other| other.strong_count() > 0));
        open.push(OfProcess::new(Arc::downgrade(&live)));
        (live, events)
    }

    /// The client, opened if need be.
    pub(crate) async fn client(&self) -> Result<&Client> {
        self.client.get_or_try_init(|| self.open()).await
    }

    /// The client, if it is open.
    pub(crate) fn opened(&self) -> Option<&Client> {
        self.client.get()
    }

    async fn open(&self) -> Result<Client> {
        let client = Client::open(self.options.clone()).await?;
        if let Some(hearer) = lock(&self.hearer).take() {
            // An error only means that nobody listens.
            let _ = hearer.send(client.events());
        }
        Ok(client)
    }

    /// Runs a verb.
    pub(crate) async fn call(&self, verb: String, options: String) -> Result<Answer> {
        let call = Call::decode(&verb, &options, Casing::Snake)?;
        let closing = matches!(call, Call::Close(_));
        let answer = self.client().await?.call(call).await?;
        if closing {
            self.closed.cancel();
        }
        Ok(Answer::Text(Some(answer)))
    }
}

/// Closes every client its owner left open, so that no rotation is cut in two by the end of a script.
pub(crate) fn close_all(py: Python<'_>) -> PyResult<()> {
    let open: Vec<_> = std::mem::take(&mut *lock(&OPEN)).into_iter().filter_map(OfProcess::take).collect();
    let open: Vec<_> =
        open.iter().filter_map(Weak::upgrade).filter(|live| !live.closed.is_cancelled()).collect();
    let open: Vec<_> = open.iter().filter_map(|live| live.opened().cloned()).collect();
    if open.is_empty() {
        return Ok(());
    }
    let closing = async move {
        join_all(open.iter().map(|client| client.close(CloseOptions::default()))).await;
        Ok(Answer::Text(None))
    };
    wait(py, work(closing)).map(drop)
}
