//! What is on this machine: the store's files, and the port of the callback.

use std::io;
use std::path::{Path, PathBuf};

use threelo_core::store::Location;
use threelo_core::{Code, Error};
use url::Url;

use super::Findings;
use crate::{Failure, browser};

/// Whether the store can be opened without being made.
pub(super) fn store_is_there(place: &Location, findings: &mut Findings) -> bool {
    let Location::Sqlite(path) = place else { return true };
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            match folder {
                Some(folder) if !folder.is_dir() => {
                    let text = format!("{shown} is not there, and neither is its folder");
                    let error = Error::new(Code::StoreUnavailable, text);
                    let hint =
                        format!("Make the folder {}, or correct the setting `store`.", folder.display());
                    findings.bad("store", &error.hinting(hint));
                }
                _ => findings
                    .good("store", format!("{shown} is not there yet; the first `threelo connect` makes it")),
            }
            false
        }
        Err(error) => {
            let error = Error::new(Code::StoreUnavailable, format!("{shown}: {error}"));
            findings.bad("store", &error.hinting("See that this user may read it and its folder."));
            false
        }
    }
}

/// Whether others on this machine can read the store's files. Its tokens are sealed, unless the key can be read as well;
/// who has which Jira is not.
pub(super) fn permissions(place: &Location, key_given: bool, findings: &mut Findings) {
    let Location::Sqlite(path) = place else { return };
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut files = vec![path.clone(), beside("-wal"), beside("-shm")];
    if !key_given {
        files.push(beside(".key"));
    }
    let open: Vec<_> = files.iter().filter_map(|file| Some((file, for_others(file)?))).collect();
    if open.is_empty() {
        return findings.good("store file", format!("{}, for its owner alone", path.display()));
    }
    let told: Vec<_> =
        open.iter().map(|(file, mode)| format!("{} (mode {mode:o})", file.display())).collect();
    let names: Vec<_> = open.iter().map(|(file, _)| file.display().to_string()).collect();
    let found = format!("{} can be used by others", told.join(" and "));
    findings.warn("store file", found, format!("chmod 600 {}", names.join(" ")));
}

/// A file's mode, where it lets others do anything with it.
fn for_others(file: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

/// Whether `threelo connect` could listen for the callback here.
pub(super) async fn callback(redirect_uri: Option<&str>, findings: &mut Findings) {
    let Some(url) = redirect_uri.and_then(|text| Url::parse(text).ok()) else { return };
    let by_hand = "`threelo connect --no-browser` works without.";
    match browser::listen(&url).await {
        Ok(_) => findings.good(
            "callback",
            format!(
                "{url} leads to this machine, whose port is free; it must be registered letter for letter"
            ),
        ),
        Err(Failure::Io(_, error)) => {
            let next = match error.kind() {
                io::ErrorKind::AddrInUse => format!(
                    "End what listens there before `threelo connect`, or register a callback with another port; {by_hand}"
                ),
                _ => format!("Register a callback with a port above 1023; {by_hand}"),
            };
            findings.warn("callback", format!("{url} cannot be listened for: {error}"), next);
        }
        Err(_) if browser::is_local(&url) => findings.warn(
            "callback",
            format!("{url} cannot be listened for: this command has pages of its own at that path"),
            format!("Register a callback with another path; {by_hand}"),
        ),
        Err(_) => findings.good(
            "callback",
            format!("{url} leads to your service; here, use `threelo connect --no-browser`"),
        ),
    }
}
