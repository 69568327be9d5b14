//! SQLite's failures in words. Its own messages are left out: what stands in them is not ours to vouch for.

use std::path::Path;

use crate::error::{Code, Error};

/// `store_unavailable` about one database file.
pub(super) fn unavailable(path: &Path, what: &str) -> Error {
    Error::new(Code::StoreUnavailable, format!("the store {} {what}", path.display()))
        .with("store", path.display().to_string())
}

/// `invalid_config` about one database file.
pub(super) fn misplaced(path: &Path, what: &str) -> Error {
    Error::new(Code::InvalidConfig, format!("the store {} {what}", path.display()))
        .with("option", "store")
        .with("store", path.display().to_string())
}

/// What SQLite or sqlx reported, while `doing` something with the file.
pub(super) fn from_sqlx(path: &Path, doing: &str, error: &sqlx::Error) -> Error {
    unavailable(path, &format!("cannot be {doing}: {}", describe(error)))
}

/// What the system reported about a file beside the database.
pub(super) fn from_io(path: &Path, doing: &str, error: &std::io::Error) -> Error {
    // The kind and the number say enough; the text is the system's and carries no path of its own.
    unavailable(path, &format!("cannot be {doing}: {error}"))
}

fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().and_then(|code| code.parse().ok()).unwrap_or(1);
            describe_code(code)
        }
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
            "a row does not hold what this version of threelo expects".to_owned()
        }
        sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed => "its connection broke off".to_owned(),
        _ => "the database driver failed".to_owned(),
    }
}

/// Result codes: <https://www.sqlite.org/rescode.html>; the low byte is the primary one.
fn describe_code(code: i32) -> String {
    let what = match code & 0xff {
        5 | 6 => "another process kept it locked too long",
        3 | 23 => "access was denied",
        7 => "memory ran out",
        8 => "it is read-only",
        10 => "reading or writing the disk failed",
        11 => "the file is damaged",
        13 => "the disk is full",
        14 => "the file could not be opened",
        18 => "a value is too large",
        26 => "the file is not an SQLite database",
        _ => "the database refused",
    };
    format!("{what} (SQLite code {code})")
}

/// Whether the file is no SQLite database at all.
pub(super) fn is_not_a_database(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("26"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_the_file_and_what_happened() {
        let error = unavailable(Path::new("/a/b.db"), &format!("cannot be written: {}", describe_code(13)));
        assert_eq!(error.message(), "the store /a/b.db cannot be written: the disk is full (SQLite code 13)");
        assert_eq!(error.context()["store"], "/a/b.db");
        assert_eq!(describe_code(522), "reading or writing the disk failed (SQLite code 522)");
    }
}
