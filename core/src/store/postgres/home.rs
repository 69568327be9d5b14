//! The thread that watches a database's sockets. A connection belongs to the runtime it was made in and dies with it,
//! and a store is shared by clients that may each have their own. So connections are made on a runtime of the store's
//! own, and so does the writing: a batch that was handed in is carried out whatever becomes of the caller's runtime.
//! Questions are asked from the caller's own task; only the news that an answer is there comes from this thread.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::fault::unavailable;
use crate::error::Result;

/// How long work that was handed in may still take when nobody uses the store any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// The runtime ends some time after this is dropped: when the tasks tracked here are done.
pub(super) struct Home {
    pub(super) handle: Handle,
    pub(super) tasks: TaskTracker,
    _stop: oneshot::Sender<()>,
}

impl Home {
    pub(super) fn start(place: &str) -> Result<Self> {
        let failed = |what: &str, error: std::io::Error| {
            unavailable(place, &format!("cannot be opened: no {what} for its connections: {error}"))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed("runtime", error))?;
        let handle = runtime.handle().clone();
        let tasks = TaskTracker::new();
        let (stop, stopped) = oneshot::channel::<()>();
        let last = tasks.clone();
        let serve = move || {
            runtime.block_on(async {
                // Nothing is ever sent: an error is the end.
                let _ = stopped.await;
                last.close();
                let _ = tokio::time::timeout(PATIENCE, last.wait()).await;
            });
            // Not dropped: that would wait for a name look-up under way.
            runtime.shutdown_background();
        };
        std::thread::Builder::new()
            .name("threelo-postgres".to_owned())
            .spawn(serve)
            .map_err(|error| failed("thread", error))?;
        Ok(Self { handle, tasks, _stop: stop })
    }

    /// Starts a task that is waited for at the end.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.tasks.spawn_on(task, &self.handle)
    }
}
