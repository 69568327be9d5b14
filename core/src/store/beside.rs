//! The files that stand beside a database.

use std::io;
use std::path::{Path, PathBuf};

/// `<database>.<suffix>`
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the names in a file's directory durable.
#[cfg(unix)]
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => std::fs::File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Windows has no such call for directories: the file system's own journal keeps their names.
#[cfg(windows)]
pub(super) fn sync_parent(_path: &Path) -> io::Result<()> {
    Ok(())
}
