//! Which file a path leads to.

use std::io;
use std::path::Path;

use super::fault::unavailable;
use crate::error::Result;

/// Which file it is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    /// The device or volume.
    volume: u64,
    /// Its number there.
    number: u64,
}

impl FileId {
    /// What stands at a path now.
    #[cfg(unix)]
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let meta = std::fs::metadata(path)?;
        Ok(Self { volume: meta.dev(), number: meta.ino() })
    }

    /// What stands at a path now. The file is opened for this, with no right to its content; unlike on Unix, closing it
    /// takes no lock away from others.
    #[cfg(windows)]
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        use std::os::windows::fs::OpenOptionsExt as _;
        let file = std::fs::OpenOptions::new().access_mode(0).open(path)?;
        let found = winapi_util::file::information(&file)?;
        Ok(Self { volume: found.volume_serial_number(), number: found.file_index() })
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
