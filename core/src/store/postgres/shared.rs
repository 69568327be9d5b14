//! One open database per process and URL, however many clients use it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use super::home::Home;
use super::readers::Readers;
use super::session::Session;
use super::writer::Writer;
use crate::lock::lock;
use crate::per_process::PerProcess;

/// The databases this process has open. Entries are added by [`Shared::publish`] and go with their last user.
static OPEN: PerProcess<Mutex<Open>> = PerProcess::new();

type Open = Vec<Weak<Shared>>;

/// Has this process's list made before it forks. The connections stay as they are: the child has its own copies of their
/// descriptors and never touches them.
pub fn before_fork() {
    OPEN.own();
}

pub(super) struct Shared {
    /// The URL's key.
    pub(super) key: [u8; 32],
    pub(super) place: String,
    pub(super) store_id: String,
    pub(super) readers: Arc<Readers>,
    pub(super) writer: Writer,
    pub(super) session: Session,
    pub(super) pid: u32,
    /// Clients that have not closed it; changed under the lock of [`OPEN`] only.
    pub(super) users: AtomicUsize,
    /// Dropped last: it ends when the others' tasks have.
    pub(super) _home: Home,
}

impl Shared {
    /// What this process has open behind a URL, with one more user.
    pub(super) fn adopt(key: [u8; 32]) -> Option<Arc<Self>> {
        Self::among(&lock(OPEN.own()), key)
    }

    /// Makes a newly opened database known. Where another client was quicker, that one's comes back, and what was given
    /// is to be shut.
    pub(super) fn publish(new: Self) -> (Arc<Self>, Option<Self>) {
        let mut open = lock(OPEN.own());
        if let Some(there) = Self::among(&open, new.key) {
            return (there, Some(new));
        }
        let shared = Arc::new(new);
        open.retain(|other| other.strong_count() > 0);
        open.push(Arc::downgrade(&shared));
        (shared, None)
    }

    fn among(open: &[Weak<Self>], key: [u8; 32]) -> Option<Arc<Self>> {
        let mut usable = open.iter().filter_map(Weak::upgrade);
        let shared = usable.find(|shared| {
            shared.key == key && shared.in_this_process() && shared.users.load(Ordering::Relaxed) > 0
        })?;
        shared.users.fetch_add(1, Ordering::Relaxed);
        Some(shared)
    }

    /// One user less; whether it was the last.
    pub(super) fn leave(&self) -> bool {
        let _open = lock(OPEN.own());
        self.users.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Whether it was opened by this process and not by one that forked it.
    fn in_this_process(&self) -> bool {
        self.pid == std::process::id()
    }

    /// Finishes what was asked and closes every connection.
    pub(super) async fn shut(&self) {
        self.writer.close().await;
        self.readers.close().await;
        self.session.close().await;
    }
}
