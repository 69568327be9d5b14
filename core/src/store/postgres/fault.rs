//! PostgreSQL's failures in words. The server's own messages are left out: they quote what was sent to it.

use sqlx::error::DatabaseError;

use crate::error::{Code, Error};

/// `store_unavailable` about one database.
pub(super) fn unavailable(place: &str, what: &str) -> Error {
    Error::new(Code::StoreUnavailable, format!("the store {place} {what}")).with("store", place)
}

/// `invalid_config` about one database.
pub(super) fn misplaced(place: &str, what: &str) -> Error {
    Error::new(Code::InvalidConfig, format!("the store {place} {what}"))
        .with("option", "store")
        .with("store", place)
}

/// What the server or sqlx reported, while `doing` something with the database.
pub(super) fn from_sqlx(place: &str, doing: &str, error: &sqlx::Error) -> Error {
    unavailable(place, &format!("cannot be {doing}: {}", describe(error)))
}

/// The same at opening, where some failures stay until somebody changes the configuration.
pub(super) fn at_opening(place: &str, error: &sqlx::Error) -> Error {
    let hint = match sqlstate(error).as_deref() {
        Some("28P01" | "28000") => {
            "Check user and password of the store's URL, and the server's pg_hba.conf."
        }
        Some("3D000") => "Create the database first; threelo makes only its tables.",
        Some("3F000") => {
            "Create the schema first, or name another in search_path; threelo makes only its tables."
        }
        Some("42501") => "Grant the user CREATE on the schema, at least until the first client was opened.",
        _ => return from_sqlx(place, "opened", error),
    };
    misplaced(place, &format!("cannot be opened: {}", describe(error))).hinting(hint)
}

/// Whether the connection is gone, or about to be: another may do better.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => true,
        // Shut down by an administrator, by a crash, after idling; 08 is the class of broken connections.
        _ => sqlstate(error).is_some_and(|code| {
            matches!(code.as_str(), "57P01" | "57P02" | "57P05" | "25P03") || code.starts_with("08")
        }),
    }
}

/// Whether the server gave the transaction up because nothing came for too long: this process did not get to run, or
/// the network did not carry. It is said only while a transaction waits for its next word, so nothing was committed.
pub(super) fn is_given_up(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some("25P03")
}

/// Whether the server asks to have the same transaction once more.
pub(super) fn is_conflict(error: &sqlx::Error) -> bool {
    matches!(sqlstate(error).as_deref(), Some("40001" | "40P01"))
}

/// Whether the server will take connections soon: it is starting, or all its places are taken.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(sqlstate(error).as_deref(), Some("57P03" | "53300"))
}

/// Whether what was to be written brought it about: values or sizes the server does not take.
pub(super) fn is_of_the_values(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|code| code.starts_with("22") || code.starts_with("54"))
}

/// An answer that did not come.
pub(super) fn overdue() -> sqlx::Error {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "the server did not answer in time").into()
}

fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(DatabaseError::code).map(|code| code.into_owned())
}

fn describe(error: &sqlx::Error) -> String {
    if let Some(code) = sqlstate(error) {
        return describe_state(&code);
    }
    match error {
        sqlx::Error::Io(error) => error.to_string(),
        // rustls says what is wrong with a certificate, and nothing else.
        sqlx::Error::Tls(error) => format!("no TLS connection: {error}"),
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
            "a row does not hold what this version of threelo expects".to_owned()
        }
        sqlx::Error::RowNotFound => "its row in threelo_store is missing".to_owned(),
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => "its connection broke off".to_owned(),
        sqlx::Error::Protocol(_) => "the server does not speak as PostgreSQL does".to_owned(),
        _ => "the database driver failed".to_owned(),
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>; the first two characters are the class.
fn describe_state(code: &str) -> String {
    let what = match (code, code.get(..2).unwrap_or_default()) {
        ("28P01" | "28000", _) => "the server refuses this user or password",
        ("3D000", _) => "there is no such database",
        ("3F000", _) => "there is no schema to make tables in",
        ("42501", _) => "the user is not allowed to",
        ("42P01", _) => "a table of threelo is missing",
        ("25006", _) => "the server takes no writes: it is a standby, or read-only",
        ("40001" | "40P01", _) => "other transactions were in the way again and again",
        ("53100", _) => "the server's disk is full",
        ("53200", _) => "the server's memory ran out",
        ("53300", _) => "the server has no connection left",
        ("55P03", _) => "another transaction kept it locked too long",
        ("57014", _) => "the statement took too long",
        ("57P01" | "57P02", _) => "the server was shut down",
        ("57P03", _) => "the server is starting up or shutting down",
        ("25P03", _) => "the server ended an idle transaction",
        (_, "08") => "the connection broke off",
        (_, "22" | "54") => "a value is too large or not allowed",
        (_, "58" | "XX") => "the server failed",
        _ => "the database refused",
    };
    format!("{what} (SQLSTATE {code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_the_database_and_what_happened() {
        let error =
            unavailable("postgresql://db:5432/x", &format!("cannot be written: {}", describe_state("53100")));
        assert_eq!(
            error.message(),
            "the store postgresql://db:5432/x cannot be written: the server's disk is full (SQLSTATE 53100)"
        );
        assert_eq!(error.context()["store"], "postgresql://db:5432/x");
        assert_eq!(describe_state("08006"), "the connection broke off (SQLSTATE 08006)");
    }
}
