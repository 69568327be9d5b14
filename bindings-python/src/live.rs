//! The core client of one process, opened by its first use. A forked child gets one of its own.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use futures::future::join_all;
use pyo3::prelude::*;
use threelo_core::{Call, Casing, Client, ClientOptions, CloseOptions, Result, Subscription, Unfinished};
use tokio::sync::{OnceCell, oneshot};
use tokio_util::sync::CancellationToken;

use crate::answer::{Answer, work};
use crate::blocking::wait;
use crate::logs::{self, Logging};
use crate::process::{OfProcess, lock};
use crate::runtime;

/// A client of the core, and where its events will be told.
pub(crate) struct Live {
    options: ClientOptions,
    client: OnceCell<Client>,
    /// What the client leaves under way when it is dropped without being closed; set once it is open.
    unfinished: Arc<OnceLock<Unfinished>>,
    hearer: Mutex<Option<oneshot::Sender<Subscription>>>,
    /// While it is open, the core's lines are handed on.
    logging: Mutex<Option<Arc<Logging>>>,
    /// Tells the event thread that nothing more will come.
    pub(crate) closed: CancellationToken,
}

/// All that may still be open, or under way, when the interpreter ends. Locked by attached threads only.
static OPEN: Mutex<Vec<OfProcess<Trace>>> = Mutex::new(Vec::new());

/// How a client is found at the end, or what it left.
struct Trace {
    live: Weak<Live>,
    unfinished: Arc<OnceLock<Unfinished>>,
}

impl Trace {
    /// Nothing is left of it.
    fn is_over(&self) -> bool {
        self.live.strong_count() == 0 && self.is_idle()
    }

    /// There is something to be closed or waited for.
    fn is_wanted(&self) -> bool {
        let open = |live: Arc<Live>| !live.closed.is_cancelled() && live.opened().is_some();
        self.live.upgrade().is_some_and(open) || !self.is_idle()
    }

    fn is_idle(&self) -> bool {
        self.unfinished.get().is_none_or(Unfinished::is_done)
    }

    async fn end(self) {
        let live = self.live.upgrade();
        match live.as_ref().and_then(|live| live.opened()) {
            Some(client) => drop(client.close(CloseOptions::default()).await),
            None => {
                if let Some(unfinished) = self.unfinished.get() {
                    unfinished.clone().finish().await;
                }
            }
        }
    }
}

impl Live {
    /// A client that its first use opens, and the end where its events arrive.
    pub(crate) fn new(
        py: Python<'_>,
        options: ClientOptions,
    ) -> PyResult<(Arc<Self>, oneshot::Receiver<Subscription>)> {
        // Refuses while the interpreter goes away, when no thread could be started any more.
        drop(runtime::enter(py)?);
        let (hearer, events) = oneshot::channel();
        let hearer = Mutex::new(Some(hearer));
        let logging = Mutex::new(Some(logs::begin(py)?));
        let (client, unfinished, closed) = (OnceCell::new(), Arc::default(), CancellationToken::new());
        let live = Arc::new(Self { options, client, unfinished, hearer, logging, closed });
        let (trace, unfinished) = (Arc::downgrade(&live), Arc::clone(&live.unfinished));
        let mut open = lock(&OPEN);
        open.retain(|other| other.get().is_some_and(|other| !other.is_over()));
        open.push(OfProcess::new(Trace { live: trace, unfinished }));
        Ok((live, events))
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
        // Opened once, so it is set once.
        let _ = self.unfinished.set(client.unfinished());
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
            drop(lock(&self.logging).take());
        }
        Ok(Answer::Text(Some(answer)))
    }
}

/// Closes every client its owner left open, and waits for what dropped ones left under way, so that no rotation is cut
/// in two by the end of a script.
pub(crate) fn close_all(py: Python<'_>) -> PyResult<()> {
    let open: Vec<_> = std::mem::take(&mut *lock(&OPEN)).into_iter().filter_map(OfProcess::take).collect();
    let open: Vec<_> = open.into_iter().filter(Trace::is_wanted).collect();
    if open.is_empty() {
        return Ok(());
    }
    let closing = async move {
        join_all(open.into_iter().map(Trace::end)).await;
        Ok(Answer::Text(None))
    };
    wait(py, work(closing)).map(drop)
}
