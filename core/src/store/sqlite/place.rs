//! The file and what stands beside it. The database file itself is never opened here: closing it would drop the locks
//! SQLite holds on it in this process.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::fault::{from_io, misplaced, unavailable};
use crate::error::Result;
use crate::store::beside::{beside, sync_parent};

/// How long to wait for another process that is opening or migrating the store.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// Which file it is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    dev: u64,
    ino: u64,
}

impl FileId {
    /// What stands at a path now.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let meta = std::fs::metadata(path)?;
        Ok(Self { dev: meta.dev(), ino: meta.ino() })
    }

    /// Fails when a path no longer leads to this file: what is written to it would be lost with it.
    pub(super) fn still_at(self, path: &Path) -> Result<()> {
        match Self::at(path) {
            Ok(found) if found == self => Ok(()),
            Ok(_) => Err(unavailable(path, "was replaced by another file while it was in use")),
            Err(error) => Err(unavailable(path, &format!("is no longer there ({})", error.kind()))),
        }
    }
}

/// The absolute path of a database, links followed, so that all who mean the same file share its lock and its log.
pub(super) fn resolve(given: &Path) -> Result<PathBuf> {
    if given.to_str().is_none() {
        return Err(misplaced(given, "has a name that is not UTF-8"));
    }
    match (std::fs::canonicalize(given), given.symlink_metadata()) {
        (Ok(path), _) => return existing(path),
        (Err(_), Ok(meta)) if meta.is_symlink() => {
            return Err(misplaced(given, "is a link that leads nowhere"));
        }
        // Another process made it just now, or is about to: its name is the same.
        _ => {}
    }
    let Some(name) = given.file_name() else {
        return Err(misplaced(given, "is not the name of a file"));
    };
    let parent = match given.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let absolute = std::fs::canonicalize(parent).map_err(|error| {
        let what = format!("is in {}, which cannot be entered ({})", parent.display(), error.kind());
        misplaced(given, &what).hinting("Create the directory first; threelo creates only the file.")
    })?;
    if !absolute.is_dir() {
        return Err(misplaced(given, &format!("is in {}, which is not a directory", parent.display())));
    }
    Ok(absolute.join(name))
}

fn existing(path: PathBuf) -> Result<PathBuf> {
    let kind = std::fs::metadata(&path).map_err(|error| from_io(&path, "examined", &error))?.file_type();
    let found = match () {
        () if kind.is_file() => return Ok(path),
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() || kind.is_socket() => "a pipe or a socket",
        () => "a device",
    };
    Err(misplaced(&path, &format!("is {found}, not a file")))
}

/// The exclusive right, among all processes, to create, migrate and key a store. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct OpeningLock(OwnedFd);

impl Drop for OpeningLock {
    fn drop(&mut self) {
        // Closing would do, were it not for children forked meanwhile: they have the descriptor too.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

impl OpeningLock {
    /// Waits for the lock; blocks the thread.
    pub(super) fn take(path: &Path) -> Result<Self> {
        let name = beside(path, "lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&name)
            .map_err(|error| from_io(path, &format!("locked through {}", name.display()), &error))?;
        let fd = OwnedFd::from(file);
        let started = Instant::now();
        loop {
            match flock(&fd, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self(fd)),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR)
                    if started.elapsed() < LOCK_WAIT =>
                {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {
                    let what =
                        format!("is being opened by another process for more than {} s", LOCK_WAIT.as_secs());
                    return Err(unavailable(path, &what));
                }
                Err(error) => return Err(from_io(path, "locked", &error.into())),
            }
        }
    }
}

/// Creates an empty file for the database, readable by its owner alone; SQLite gives its log the same mode.
pub(super) fn create_missing(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|file| file.sync_all())
        .and_then(|()| sync_parent(path));
    match created {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(from_io(path, "created", &error)),
        _ => Ok(()),
    }
}
