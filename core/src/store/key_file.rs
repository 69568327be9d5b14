//! The key file beside a database whose owner gave no key: one line of base64, readable by its owner alone (on Windows
//! by whom its folder lets read).

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::beside::{beside, sync_parent};
use super::keys::Key32;
use super::owner::{for_owner, mode_for_others};
use crate::error::{Code, Error, Result};
use crate::random;

/// Reads the key in a file; `None` when there is no such file.
///
/// # Errors
/// `invalid_config` when others may read it or it holds no key, `store_unavailable` when it cannot be read.
pub(super) fn read(name: &Path) -> Result<Option<Key32>> {
    let open_to_others = match std::fs::metadata(name) {
        Ok(meta) => mode_for_others(&meta),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(name, &error)),
    };
    if let Some(mode) = open_to_others {
        let message = format!("the key file {} can be read by others (mode {mode:o})", name.display());
        return Err(about(Code::InvalidConfig, name, message).hinting(format!(
            "Run `chmod 600 {}`, and replace the key if others may have read it.",
            name.display()
        )));
    }
    let text = Zeroizing::new(std::fs::read_to_string(name).map_err(|error| unreadable(name, &error))?);
    Key32::from_text(&text).map(Some).map_err(|_| {
        let message = format!("the key file {} does not hold a key: 32 bytes in base64", name.display());
        about(Code::InvalidConfig, name, message).hinting("Put back the file this store was made with.")
    })
}

/// Makes a key file, or reads the one another process made first; whether it is new.
///
/// The key is complete and on disk before the name exists, so nobody ever reads half of it, and the name is only given
/// if it is free, so nobody ever replaces it.
///
/// # Errors
/// As [`read`]; `store_unavailable` when the file cannot be written.
pub(super) fn create(name: &Path) -> Result<(Key32, bool)> {
    let key = Key32::random()?;
    let draft = draft_name(name)?;
    let placed = write_draft(&draft, &key).and_then(|()| place(&draft, name));
    // After a rename the draft is gone already.
    let _ = std::fs::remove_file(&draft);
    match placed.and_then(|()| sync_parent(name)) {
        Ok(()) => Ok((key, true)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match read(name)? {
            Some(key) => Ok((key, false)),
            None => Err(unreadable(name, &error)),
        },
        Err(error) => {
            let message = format!("the key file {} cannot be written: {error}", name.display());
            Err(about(Code::StoreUnavailable, name, message))
        }
    }
}

fn draft_name(name: &Path) -> Result<PathBuf> {
    Ok(beside(name, &format!("{:016x}.new", u64::from_be_bytes(random::bytes()?))))
}

fn write_draft(draft: &Path, key: &Key32) -> io::Result<()> {
    let mut file = for_owner(OpenOptions::new().write(true).create_new(true)).open(draft)?;
    file.write_all(key.to_text().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Gives the draft its name unless the name is taken.
fn place(draft: &Path, name: &Path) -> io::Result<()> {
    match std::fs::hard_link(draft, name) {
        // Some file systems have no hard links.
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            Ok(renameat_with(CWD, draft, CWD, name, RenameFlags::NOREPLACE)?)
        }
        done => done,
    }
}

fn unreadable(name: &Path, error: &io::Error) -> Error {
    about(Code::StoreUnavailable, name, format!("the key file {} cannot be read: {error}", name.display()))
}

fn about(code: Code, name: &Path, message: String) -> Error {
    Error::new(code, message).with("key_file", name.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once() {
        let directory = tempfile::TempDir::new().unwrap();
        let name = directory.path().join("threelo.db.key");
        assert!(read(&name).unwrap().is_none());
        let (first, created) = create(&name).unwrap();
        assert!(created);
        let (second, created) = create(&name).unwrap();
        assert!(!created);
        assert_eq!(first.to_text(), second.to_text());
        assert_eq!(read(&name).unwrap().unwrap().to_text(), first.to_text());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "no drafts stay");
    }
}
