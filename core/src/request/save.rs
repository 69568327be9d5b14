//! A body into a file.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncWriteExt, BufWriter};

use super::Download;
use crate::error::{Error, Result};
use crate::random;

/// Written at once: each writing is a trip to a thread that may block.
const PIECE: usize = 256 * 1024;

/// A file beside the one that is wanted, which takes its name when it is whole and goes when it never will be.
struct Beside {
    path: PathBuf,
    whole: bool,
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.whole {
            // What cannot be removed is left: it is nobody's name.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Download {
    /// Writes what is left to the file at `path`, and returns how many bytes that were. The file has its name, in place
    /// of what had it before, only when it is whole.
    ///
    /// # Errors
    /// `invalid_argument` where the file cannot be written; those of [`Download::next`].
    pub async fn save(&mut self, path: &Path) -> Result<u64> {
        let unwritable = |error: io::Error| {
            let accepted = "a file in a folder that can be written to";
            Error::argument("path", format!("{path:?}, which cannot be written ({error})"), accepted)
        };
        let (file, mut beside) = begin(path).await.map_err(unwritable)?;
        let mut file = BufWriter::with_capacity(PIECE, file);
        let mut length = 0_u64;
        while let Some(piece) = self.next().await? {
            file.write_all(&piece).await.map_err(unwritable)?;
            length = length.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        }
        file.flush().await.map_err(unwritable)?;
        tokio::fs::rename(&beside.path, path).await.map_err(unwritable)?;
        beside.whole = true;
        Ok(length)
    }
}

async fn begin(path: &Path) -> io::Result<(File, Beside)> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    if tokio::fs::metadata(path).await.is_ok_and(|found| found.is_dir()) {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.part", random::id()));
    let beside = path.with_file_name(hidden);
    let file = OpenOptions::new().write(true).create_new(true).open(&beside).await?;
    Ok((file, Beside { path: beside, whole: false }))
}
