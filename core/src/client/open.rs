//! Making and closing a client.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Client, Inner};
use crate::config::ClientOptions;
use crate::connect::Connector;
use crate::error::Result;
use crate::event::{Event, EventKind, Events};
use crate::grant::Shared;
use crate::grant::age::Skew;
use crate::grant::cache::Cache;
use crate::grant::endpoint::TokenEndpoint;
use crate::grant::gate::Gate;
use crate::grant::keeper::Keeper;
use crate::options::CloseOptions;
use crate::request::governor::registry;
use crate::request::{Board, Destinations};
use crate::store::keys::Key32;
use crate::store::location::Location;
use crate::store::open::{Opened, open};
use crate::transport::Transport;

impl Client {
    /// Checks the options and opens the store. Must be called within a tokio runtime, which the client's rotations
    /// then run on.
    ///
    /// # Errors
    /// `invalid_config` naming the option, before anything is written or sent; `store_unavailable`, `schema_newer`,
    /// `decryption_failed`.
    pub async fn open(options: ClientOptions) -> Result<Self> {
        let location = Location::parse(&options.store)?;
        let keys = options.encryption_key.as_ref();
        let keys =
            keys.map(|keys| keys.texts().map(Key32::from_text).collect::<Result<Vec<_>>>()).transpose()?;
        let transport = Arc::new(Transport::new(options.proxy.as_ref(), options.ca_bundle.as_deref())?);
        let config = Arc::new(options.check()?);
        let Opened { store, sealer, key_file_created } = open(&location, keys).await?;
        let events = Events::default();
        if let Some(path) = key_file_created {
            tracing::warn!(path = %path.display(), "no encryption key was given: one was made beside the database; keep it with your backups");
            events.remember(Event::new(EventKind::KeyFileCreated).with("path", path.display().to_string()));
        }
        let endpoint = TokenEndpoint {
            transport: Arc::clone(&transport),
            hosts: config.hosts.clone(),
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            timings: config.timings,
            skew: Skew::default(),
            gate: Gate::of(config.hosts.auth_host(), &config.client_id, config.timings.retry_base),
        };
        let shared = Arc::new(Shared { store, sealer, endpoint, events, cache: Cache::default() });
        let (background, leaving) = (config.background, Arc::default());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let keeper = Keeper { shared, stop, tasks, background, leaving };
        let governor = registry::of_app(config.hosts.api().as_str(), &config.client_id);
        let store = Arc::clone(&keeper.shared.store);
        let tasks = (keeper.tasks.clone(), config.background);
        let board = Board::new(store, tasks, config.hosts.api().as_str(), &config.client_id);
        let connector = Connector { keeper, config, transport, finishing: Arc::default() };
        let (closing, gone) = (CancellationToken::new(), CancellationToken::new());
        let destinations = Destinations::default();
        let inner = Inner { connector, governor, board, destinations, closing, gone };
        let client = Self { inner: Arc::new(inner) };
        if client.background() {
            client.look_after_doubts();
        }
        Ok(client)
    }

    /// Takes up in the background what others left in doubt, until the client is closed or let go of. It does not hold
    /// the client, and is none of the tasks that a program waits for: what it begins is.
    fn look_after_doubts(&self) {
        let keeper = self.connector().keeper.clone();
        let (closing, gone) = (self.inner.closing.clone(), self.inner.gone.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = closing.cancelled() => {}
                () = gone.cancelled() => {}
                () = keeper.look_after_doubts() => {}
            }
        });
    }

    /// Ends calls under way, finishes rotations in flight, stores them, and frees everything. Closing twice is no
    /// error.
    ///
    /// # Errors
    /// None: what could not be finished in time goes on while the process lives.
    pub async fn close(&self, options: CloseOptions) -> Result<()> {
        self.inner.closing.cancel();
        let keeper = &self.connector().keeper;
        let span = options.timeout.unwrap_or(self.connector().config.timings.close_timeout);
        // A rotation that is still on its way keeps its own handle of the store.
        if self.unfinished().within(span).await {
            keeper.shared.store.close().await;
        }
        self.inner.gone.cancel();
        Ok(())
    }

    /// What goes on of this client when it is dropped without being closed. A program that ends has to finish that, or
    /// a rotation may be cut in two; to hold it does not keep the client.
    #[must_use]
    pub fn unfinished(&self) -> Unfinished {
        let Keeper { stop, tasks, .. } = &self.connector().keeper;
        let span = self.connector().config.timings.close_timeout;
        Unfinished { stop: stop.clone(), tasks: tasks.clone(), span }
    }
}

/// The rotations of a client that are on their way.
#[derive(Clone, Debug)]
pub struct Unfinished {
    stop: CancellationToken,
    tasks: TaskTracker,
    span: Duration,
}

impl Unfinished {
    /// Whether there are none.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Has them come to an end and be stored, for as long as `close` waits for that.
    pub async fn finish(self) {
        self.within(self.span).await;
    }

    /// Whether they came to an end in time.
    async fn within(&self, span: Duration) -> bool {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(span, self.tasks.wait()).await.is_ok()
    }
}
