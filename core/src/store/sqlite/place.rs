//! The file and what stands beside it. The database file itself is never opened here: closing it would drop the locks
//! SQLite holds on it in this process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::fault::{from_io, misplaced, unavailable};
pub(super) use super::file_id::FileId;
use crate::error::Result;
use crate::store::beside::{beside, sync_parent};
use crate::store::owner::for_owner;

/// How long to wait for another process that is opening or migrating the store.
const LOCK_WAIT: Duration = Duration::from_secs(30);

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
        () if is_pipe_or_socket(kind) => "a pipe or a socket",
        () => "a device",
    };
    Err(misplaced(&path, &format!("is {found}, not a file")))
}

#[cfg(unix)]
fn is_pipe_or_socket(kind: std::fs::FileType) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    kind.is_fifo() || kind.is_socket()
}

/// On Windows they are no files with a path like others.
#[cfg(windows)]
fn is_pipe_or_socket(_kind: std::fs::FileType) -> bool {
    false
}

/// The exclusive right, among all processes, to create, migrate and key a store. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct OpeningLock(File);

impl Drop for OpeningLock {
    fn drop(&mut self) {
        // Closing would do, were it not for children forked meanwhile: they have the descriptor too.
        let _ = self.0.unlock();
    }
}

impl OpeningLock {
    /// Waits for the lock; blocks the thread.
    pub(super) fn take(path: &Path) -> Result<Self> {
        let name = beside(path, "lock");
        let file = for_owner(OpenOptions::new().create(true).truncate(false).write(true))
            .open(&name)
            .map_err(|error| from_io(path, &format!("locked through {}", name.display()), &error))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(from_io(path, "locked", &error));
                }
                Err(_) if started.elapsed() < LOCK_WAIT => std::thread::sleep(Duration::from_millis(5)),
                Err(_) => {
                    let what =
                        format!("is being opened by another process for more than {} s", LOCK_WAIT.as_secs());
                    return Err(unavailable(path, &what));
                }
            }
        }
    }
}

/// Creates an empty file for the database, readable by its owner alone; SQLite gives its log the same mode.
pub(super) fn create_missing(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let created = for_owner(OpenOptions::new().write(true).create_new(true))
        .open(path)
        .and_then(|file| file.sync_all())
        .and_then(|()| sync_parent(path));
    match created {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(from_io(path, "created", &error)),
        _ => Ok(()),
    }
}
