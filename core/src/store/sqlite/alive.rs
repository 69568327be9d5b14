//! Whether the process that took a lease still lives. Each process that rotates holds an OS lock on a small file of its
//! own beside the database, which the kernel lets go of however the process ends. This only ever shortens a wait: who
//! may rotate is decided in the row.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::fault::from_io;
use crate::error::Result;
use crate::lock::lock;
use crate::random;
use crate::store::beside::beside;
use crate::store::owner::for_owner;

/// This process's sign of life at one database, made when it is first asked for.
#[derive(Debug)]
pub(super) struct Alive {
    database: PathBuf,
    sign: Mutex<Option<Sign>>,
}

#[derive(Debug)]
struct Sign {
    name: String,
    pid: u32,
    file: PathBuf,
    /// Locked while it is open. A forked child has it too, so that the parent seems alive until both are gone.
    _locked: File,
}

impl Alive {
    pub(super) fn new(database: PathBuf) -> Self {
        Self { database, sign: Mutex::new(None) }
    }

    /// The name leases of this process begin with.
    pub(super) fn name(&self) -> Result<String> {
        let mut sign = lock(&self.sign);
        match &*sign {
            Some(sign) if sign.pid == std::process::id() => Ok(sign.name.clone()),
            _ => {
                let new = self.put_up()?;
                let name = new.name.clone();
                // A parent's sign is not the child's to take down.
                if let Some(inherited) = sign.replace(new) {
                    std::mem::forget(inherited);
                }
                Ok(name)
            }
        }
    }

    fn put_up(&self) -> Result<Sign> {
        let name = random::id();
        let file = beside(&self.database, &suffix(&name));
        let failed = |error: std::io::Error| {
            from_io(&self.database, &format!("joined through {}", file.display()), &error)
        };
        let locked =
            for_owner(OpenOptions::new().write(true).create_new(true)).open(&file).map_err(failed)?;
        locked.try_lock().map_err(|error| failed(error.into()))?;
        Ok(Sign { name, pid: std::process::id(), file, _locked: locked })
    }
}

impl Drop for Sign {
    fn drop(&mut self) {
        if self.pid == std::process::id() {
            // Left behind, it is found unlocked and taken down by whoever asks.
            let _ = std::fs::remove_file(&self.file);
        }
    }
}

/// Whether the process of this lease has ended: its sign is gone, or nobody holds it any more.
pub(super) fn gone(database: &Path, holder: &str) -> bool {
    let Some(name) = holder.split('/').next().filter(|name| is_name(name)) else { return false };
    let file = beside(database, &suffix(name));
    match OpenOptions::new().write(true).open(&file) {
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        Ok(sign) => {
            let free = sign.try_lock().is_ok();
            if free {
                let _ = std::fs::remove_file(&file);
            }
            free
        }
    }
}

fn suffix(name: &str) -> String {
    format!("alive-{name}")
}

/// Only names of our own making become part of a path.
fn is_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_stands_while_its_process_holds_it_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("store.db");
        let alive = Alive::new(database.clone());
        let holder = format!("{}/1", alive.name().unwrap());
        assert_eq!(alive.name().unwrap(), holder[..32]);
        assert!(!gone(&database, &holder));
        drop(alive);
        assert!(gone(&database, &holder));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left lying about");
    }

    #[test]
    fn a_sign_left_behind_by_a_killed_process_is_found_and_taken_down() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("store.db");
        let name = "0".repeat(32);
        std::fs::write(beside(&database, &suffix(&name)), b"").unwrap();
        assert!(gone(&database, &name));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_holder_that_is_no_name_of_ours_is_not_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        for holder in ["", "../../etc/passwd", "memory:1/x", "0/1"] {
            assert!(!gone(&folder.path().join("store.db"), holder), "{holder}");
        }
    }
}
