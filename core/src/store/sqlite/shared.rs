//! One open database file per process, however many clients use it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::place::FileId;
use super::readers::Readers;
use super::writer::Writer;

/// The files this process has open. Entries are added by [`Shared::publish`] and go with their last user.
static OPEN: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) file: FileId,
    pub(super) identity: String,
    pub(super) readers: Readers,
    pub(super) writer: Writer,
    pid: u32,
    /// Clients that have not closed it; changed under the lock of [`OPEN`] only.
    users: AtomicUsize,
}

impl Shared {
    /// What this process has open of a file, with one more user.
    pub(super) fn adopt(file: FileId) -> Option<Arc<Self>> {
        let open = OPEN.lock();
        let found = open.iter().filter_map(Weak::upgrade).find(|shared| {
            shared.file == file && shared.in_this_process() && shared.users.load(Ordering::Relaxed) > 0
        });
        if let Some(shared) = &found {
            shared.users.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// Makes a newly opened file known, with its first user.
    pub(super) fn publish(path: PathBuf, file: FileId, writer: Writer) -> Arc<Self> {
        let shared = Arc::new(Self {
            identity: format!("sqlite:{file}"),
            path,
            file,
            readers: Readers::new(),
            writer,
            pid: std::process::id(),
            users: AtomicUsize::new(1),
        });
        let mut open = OPEN.lock();
        open.retain(|other| other.strong_count() > 0);
        open.push(Arc::downgrade(&shared));
        shared
    }

    /// One user less; whether it was the last.
    pub(super) fn leave(&self) -> bool {
        let _open = OPEN.lock();
        self.users.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Whether it was opened by this process and not by one that forked it.
    pub(super) fn in_this_process(&self) -> bool {
        self.pid == std::process::id()
    }

    /// Finishes what was asked and closes every connection.
    pub(super) async fn shut(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.in_this_process() {
            self.readers.abandon();
        }
    }
}
