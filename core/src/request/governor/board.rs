//! Pauses of the app and of whole sites, between processes: an entry of the store, read now and then and written when
//! there is one to tell. Two that write at the same moment may lose one of their entries; whoever made it sees that with
//! the next look and writes it again, and until then others learn it from Jira as they would without this.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use super::scope::Scope;
use super::{Governor, Paused};
use crate::clock::{boot_ms, wall_ms};
use crate::error::Result;
use crate::lock::lock;
use crate::records::Product;
use crate::store::{Store, Write};

/// Others' pauses are looked for this often at most, as other changes of theirs are (DESIGN rule 12).
const LOOK_EVERY_MS: u64 = 10_000;
/// What is over sooner is not worth a write.
const WORTH_TELLING_MS: u64 = 2_000;
/// How long the first call of a process waits for the first look.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// No more pauses than this are shared; those that last longest stay.
const MOST: usize = 1_000;

/// Shared pauses by what they cover.
type Pauses = BTreeMap<String, Pause>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pause {
    /// Wall milliseconds.
    until: u64,
    reason: Option<String>,
}

/// One client's view of the pauses that its store's processes share.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    tasks: TaskTracker,
    /// Whether what is written may go on being written when a call has returned; otherwise what does.
    background: bool,
    telling: Mutex<Vec<JoinHandle<()>>>,
    /// The entry of the store.
    name: String,
    /// Boot milliseconds of the last look begun; 0 before the first.
    looked: AtomicU64,
    /// Until when what is written already.
    written: Mutex<HashMap<String, u64>>,
}

impl Board {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        (tasks, background): (TaskTracker, bool),
        api: &str,
        client_id: &str,
    ) -> Self {
        let name = format!("pauses {api} {client_id}");
        let (looked, written, telling) = (AtomicU64::new(0), Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { store, tasks, background, telling, name, looked, written }) }
    }

    /// Waits for what is being read and written, where that may not go on in the background.
    pub(crate) async fn settle(&self) {
        let telling = std::mem::take(&mut *lock(&self.inner.telling));
        for task in telling {
            // An error means that the runtime is ending, or a panic, which has been told.
            let _ = task.await;
        }
    }

    fn begin(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.inner.tasks.spawn(task);
        if !self.inner.background {
            lock(&self.inner.telling).push(task);
        }
    }

    /// Reads what others have told, if the last look is long enough ago. Only the first call of a process waits for it,
    /// until its deadline at most.
    pub(crate) async fn look(&self, governor: &Arc<Governor>, deadline: Instant) {
        let (last, now) = (self.inner.looked.load(Ordering::Acquire), boot_ms().max(1));
        let due = last == 0 || now.saturating_sub(last) >= LOOK_EVERY_MS;
        if !due || self.inner.looked.compare_exchange(last, now, Ordering::AcqRel, Ordering::Acquire).is_err()
        {
            return;
        }
        let (inner, governor) = (Arc::clone(&self.inner), Arc::clone(governor));
        let (done, seen) = tokio::sync::oneshot::channel();
        self.begin(async move {
            inner.exchange(&governor).await;
            // An error means that nobody waits for it.
            let _ = done.send(());
        });
        if last == 0 {
            // A store that does not answer keeps nobody from calling Jira.
            let _ = timeout_at(deadline.min(Instant::now() + FIRST_LOOK), seen).await;
        }
    }

    /// Tells others of this process's pauses.
    pub(crate) fn tell(&self, Paused { scope, left, reason }: &Paused) {
        let (Some(key), left) = (key(scope), u64::try_from(left.as_millis()).unwrap_or(u64::MAX)) else {
            return;
        };
        let until = wall_ms().saturating_add(left);
        let mut written = lock(&self.inner.written);
        let known = written.get(&key).copied().unwrap_or(0);
        if left < WORTH_TELLING_MS || until < known.saturating_add(WORTH_TELLING_MS) {
            return;
        }
        written.retain(|_, until| *until > wall_ms());
        written.insert(key.clone(), until);
        drop(written);
        let (inner, pause) = (Arc::clone(&self.inner), Pause { until, reason: reason.clone() });
        self.begin(async move { inner.told(inner.write([(key, pause)].into()).await.map(drop)) });
    }
}

impl Inner {
    /// Takes over what others have told, and writes what they do not know.
    async fn exchange(&self, governor: &Governor) {
        let own = governor.shared_pauses().into_iter();
        let own = own.filter_map(|Paused { scope, left, reason }| {
            let until = wall_ms().saturating_add(u64::try_from(left.as_millis()).ok()?);
            (left >= Duration::from_millis(WORTH_TELLING_MS))
                .then_some((key(&scope)?, Pause { until, reason }))
        });
        match self.write(own.collect()).await {
            Ok(all) => {
                for (key, Pause { until, reason }) in all {
                    let left = Duration::from_millis(until.saturating_sub(wall_ms()));
                    if let Some(scope) = scope(&key) {
                        governor.hear(Paused { scope, left, reason });
                    }
                }
            }
            failed => self.told(failed.map(drop)),
        }
    }

    /// Adds pauses to the shared ones, and returns all that are not over.
    async fn write(&self, own: Pauses) -> Result<Pauses> {
        let now = wall_ms();
        let stored = self.store.meta(&self.name).await?;
        // What another version wrote is no reason to fail; what is over goes.
        let stored: Pauses = stored.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let mut all = stored.clone();
        let mut news = false;
        for (key, pause) in own {
            let known = all.get(&key).map_or(0, |known| known.until);
            if pause.until >= known.saturating_add(WORTH_TELLING_MS) {
                all.insert(key, pause);
                news = true;
            }
        }
        all.retain(|_, pause| pause.until > now);
        while all.len() > MOST {
            let soonest = all.iter().min_by_key(|(_, pause)| pause.until).map(|(key, _)| key.clone());
            soonest.map(|key| all.remove(&key));
        }
        if news && let Ok(text) = serde_json::to_vec(&all) {
            self.store.write(Vec::new(), vec![Write::PutMeta(self.name.clone(), text)]).await?;
        }
        Ok(all)
    }

    fn told(&self, done: Result<()>) {
        // A client that is being closed takes its store along, which is no fault.
        if let Err(error) = done
            && !self.tasks.is_closed()
        {
            tracing::warn!(code = %error.code(), "pauses cannot be shared with other processes now");
        }
    }
}

/// What a pause is written under; nothing for those that are each process's own.
fn key(scope: &Scope) -> Option<String> {
    let product = |product: &Product| match product {
        Product::Jira => "jira",
        Product::Confluence => "confluence",
    };
    match scope {
        Scope::App(of) => Some(product(of).to_owned()),
        Scope::Tenant(of, cloud_id) => Some(format!("{} {cloud_id}", product(of))),
        Scope::Endpoint(..) | Scope::Issue(..) => None,
    }
}

fn scope(key: &str) -> Option<Scope> {
    let (product, cloud_id) = key.split_once(' ').map_or((key, None), |(product, id)| (product, Some(id)));
    let product = match product {
        "jira" => Product::Jira,
        "confluence" => Product::Confluence,
        _ => return None,
    };
    Some(match cloud_id {
        None => Scope::App(product),
        Some(cloud_id) => Scope::Tenant(product, Arc::from(cloud_id)),
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};
    use tokio::time::Instant;

    use super::super::Route;
    use super::*;
    use crate::event::Events;
    use crate::request::Limiter;
    use crate::store::MemoryStore;

    /// A process of its own: its governor, and its view of the store.
    struct Worker {
        governor: Arc<Governor>,
        board: Board,
    }

    impl Worker {
        fn of(store: &Arc<dyn Store>) -> Self {
            let board = Board::new(
                Arc::clone(store),
                (TaskTracker::new(), true),
                "https://api.example.com/",
                "app-1",
            );
            Self { governor: Arc::default(), board }
        }

        async fn meets(&self, route: &Route, reason: &'static str, seconds: u64) {
            let headers = HeaderMap::from_iter([(
                "ratelimit-reason".parse().unwrap(),
                HeaderValue::from_static(reason),
            )]);
            let events = Events::default();
            let limiter = Limiter { governor: &self.governor, events: &events, board: Some(&self.board) };
            limiter.learn(route, 429, &headers, Some(Duration::from_secs(seconds)), Instant::now());
            self.settle().await;
        }

        async fn settle(&self) {
            self.board.inner.tasks.close();
            self.board.inner.tasks.wait().await;
            self.board.inner.tasks.reopen();
        }

        /// What a call made now would be held back by.
        async fn held(&self, route: &Route) -> Option<String> {
            self.board.look(&self.governor, soon()).await;
            self.settle().await;
            self.governor.passage(route).admit(soon()).await.err().and_then(|held| held.reason)
        }

        async fn held_after_a_while(&self, route: &Route) -> Option<String> {
            self.board.inner.looked.store(0, Ordering::Release);
            self.held(route).await
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(1)
    }

    fn route(cloud_id: &str, path: &str) -> Route {
        Route::from_parts("user-42", Product::Jira, cloud_id, Method::GET, path)
    }

    const GLOBAL: &str = "jira-quota-global-based";
    const TENANT: &str = "jira-quota-tenant-based";

    #[tokio::test]
    async fn quotas_are_shared_between_processes_and_bursts_are_not() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (here, there) = (Worker::of(&store), Worker::of(&store));
        let (one, other) = (route("cloud-1", "/rest/api/3/myself"), route("cloud-2", "/rest/api/3/myself"));
        here.meets(&one, TENANT, 600).await;
        here.meets(&other, "jira-burst-based", 600).await;
        assert_eq!(there.held(&one).await.as_deref(), Some(TENANT));
        assert_eq!(there.held(&other).await, None);
        here.meets(&other, GLOBAL, 600).await;
        assert_eq!(there.held(&other).await, None, "nobody looks at every call");
        assert_eq!(there.held_after_a_while(&other).await.as_deref(), Some(GLOBAL));
        // A process that begins now knows both.
        let later = Worker::of(&store);
        assert_eq!(later.held(&one).await.as_deref(), Some(GLOBAL));
        let elsewhere = Board::new(store, (TaskTracker::new(), true), "https://api.example.com/", "app-2");
        let governor = Arc::default();
        elsewhere.look(&governor, soon()).await;
        assert!(governor.shared_pauses().is_empty(), "another app's pauses are its own");
    }

    #[tokio::test]
    async fn an_entry_that_was_lost_is_written_again_and_one_that_is_over_goes() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let here = Worker::of(&store);
        let call = route("cloud-1", "/rest/api/3/myself");
        here.meets(&call, TENANT, 600).await;
        let over = r#"{"jira cloud-9":{"until":1,"reason":null},"jira":{"until":1,"reason":"x"}}"#;
        let name = here.board.inner.name.clone();
        store.write(vec![], vec![Write::PutMeta(name.clone(), over.into())]).await.unwrap();
        assert!(here.held_after_a_while(&call).await.is_some());
        let text = String::from_utf8(store.meta(&name).await.unwrap().unwrap()).unwrap();
        assert!(text.contains("jira cloud-1") && !text.contains("cloud-9"), "{text}");
        // What somebody else wrote there stops nobody.
        store.write(vec![], vec![Write::PutMeta(name, b"not json".to_vec())]).await.unwrap();
        assert_eq!(Worker::of(&store).held(&call).await, None);
    }

    #[tokio::test]
    async fn a_store_that_is_gone_keeps_nobody_from_calling() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let here = Worker::of(&store);
        store.close().await;
        let call = route("cloud-1", "/rest/api/3/myself");
        assert_eq!(here.held(&call).await, None);
        here.meets(&call, GLOBAL, 600).await;
        assert_eq!(here.held(&call).await.as_deref(), Some(GLOBAL));
    }
}
