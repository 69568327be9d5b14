//! One open database file per process, however many clients use it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::OwnedSemaphorePermit;

use super::alive::Alive;
use super::fault::unavailable;
use super::place::FileId;
use super::readers::Readers;
use super::writer::{Resume, Writer};
use crate::error::Result;
use crate::lock::lock;

/// The files this process has open. Entries are added by [`Shared::publish`] and go with their last user.
static OPEN: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) file: FileId,
    pub(super) identity: String,
    pub(super) readers: Readers,
    pub(super) writer: Writer,
    pub(super) alive: Alive,
    /// Set while everything is closed for a fork.
    resting: Mutex<Option<(OwnedSemaphorePermit, Resume)>>,
    pid: u32,
    /// Clients that have not closed it; changed under the lock of [`OPEN`] only.
    users: AtomicUsize,
}

impl Shared {
    /// What this process has open of a file, with one more user.
    pub(super) fn adopt(path: &Path, file: FileId) -> Result<Option<Arc<Self>>> {
        let open = lock(&OPEN);
        for shared in open.iter().filter_map(Weak::upgrade).filter(|shared| shared.file == file) {
            if !shared.in_this_process() && lock(&shared.resting).is_none() {
                let what =
                    "was in use when this process was forked, and SQLite's locks on it are not whole here";
                return Err(unavailable(path, what).hinting("Create the client after the fork."));
            }
            if shared.in_this_process() && shared.users.load(Ordering::Relaxed) > 0 {
                shared.users.fetch_add(1, Ordering::Relaxed);
                return Ok(Some(shared));
            }
        }
        Ok(None)
    }

    /// Everything this process has open.
    pub(super) fn all_in_this_process() -> Vec<Arc<Self>> {
        lock(&OPEN).iter().filter_map(Weak::upgrade).filter(|shared| shared.in_this_process()).collect()
    }

    /// Makes a newly opened file known, with its first user.
    pub(super) fn publish(path: PathBuf, file: FileId, writer: Writer) -> Arc<Self> {
        let shared = Arc::new(Self {
            identity: format!("sqlite:{}", path.display()),
            readers: Readers::new(),
            alive: Alive::new(path.clone()),
            path,
            file,
            resting: Mutex::new(None),
            writer,
            pid: std::process::id(),
            users: AtomicUsize::new(1),
        });
        let mut open = lock(&OPEN);
        open.retain(|other| other.strong_count() > 0);
        open.push(Arc::downgrade(&shared));
        shared
    }

    /// One user less; whether it was the last.
    pub(super) fn leave(&self) -> bool {
        let _open = lock(&OPEN);
        self.users.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Whether it was opened by this process and not by one that forked it.
    pub(super) fn in_this_process(&self) -> bool {
        self.pid == std::process::id()
    }

    /// Closes every connection once it is idle, and keeps them closed until [`Shared::wake`].
    pub(super) async fn rest(&self) {
        if lock(&self.resting).is_some() {
            return;
        }
        let turns = self.readers.rest().await;
        let resume = self.writer.rest().await;
        if let (Some(turns), Some(resume)) = (turns, resume) {
            *lock(&self.resting) = Some((turns, resume));
        }
    }

    /// Lets connections be opened again.
    pub(super) fn wake(&self) {
        drop(lock(&self.resting).take());
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
