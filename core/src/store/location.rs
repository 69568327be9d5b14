//! The `store` option, read.

use std::path::PathBuf;

use super::postgres::PostgresUrl;
use crate::error::{Error, Result};

const ACCEPTED: &str = "a path, a sqlite: URL, a postgresql: URL or memory:";

/// Where rows are to live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this process only, for tests and short-lived tools.
    Memory,
    /// In an SQLite file; the path is as given, not yet resolved.
    Sqlite(PathBuf),
    /// In a PostgreSQL database.
    Postgres(PostgresUrl),
}

impl Location {
    /// Reads a plain path, `sqlite:relative.db`, `sqlite:///absolute`, `sqlite:////absolute`,
    /// `postgresql://user:password@host:port/database?sslmode=…` or `memory:`.
    ///
    /// # Errors
    /// `invalid_config` for an empty string, another scheme, a `sqlite:` URL with more to it than a path, or a
    /// `postgresql:` URL that cannot be read. What was given is named by its scheme only: URLs of databases carry
    /// passwords.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(refused("empty"));
        }
        if text.contains('\0') {
            return Err(refused("a path with a NUL character"));
        }
        if text == ":memory:" {
            return Err(refused("`:memory:`").hinting("Write `memory:`."));
        }
        let Some((scheme, rest)) = split_scheme(text) else {
            return Ok(Location::Sqlite(PathBuf::from(text)));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "memory" if rest.is_empty() => Ok(Location::Memory),
            "memory" => Err(refused("`memory:` with something behind it")),
            "sqlite" => sqlite_path(rest).map(Location::Sqlite),
            "postgresql" | "postgres" => PostgresUrl::parse(text).map(Location::Postgres),
            other => Err(refused(&format!("a `{other}:` URL")).hinting(
                "A file whose name has a colon is given with a directory before it, as in `./a:b.db`.",
            )),
        }
    }
}

/// The scheme and what follows its colon. A single letter is a Windows drive, and a colon behind a separator is part
/// of a file's name.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let letters = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|each| each.is_ascii_alphanumeric() || matches!(each, '+' | '-' | '.'));
    let drive = scheme.len() == 1 && rest.starts_with(['\\', '/']);
    (letters && !drive).then_some((scheme, rest))
}

fn sqlite_path(rest: &str) -> Result<PathBuf> {
    // Taking any of them for part of a name would quietly open another file than the one meant.
    if rest.contains(['?', '#', '%']) {
        return Err(refused("a sqlite: URL with `?`, `#` or `%`").hinting(
            "A sqlite: URL takes no parameters; a file with such a name is given as a plain path.",
        ));
    }
    if rest.is_empty() {
        return Err(refused("a sqlite: URL without a path"));
    }
    if rest == ":memory:" {
        return Err(refused("`sqlite::memory:`").hinting("Write `memory:`."));
    }
    let Some(behind) = rest.strip_prefix("//") else {
        return Ok(PathBuf::from(rest));
    };
    if !behind.starts_with('/') {
        return Err(refused("a sqlite: URL with a host").hinting(
            "Write `sqlite:name.db` for a path relative to the working directory, `sqlite:///path` for an absolute one.",
        ));
    }
    let path = behind.trim_start_matches('/');
    if path.is_empty() {
        return Err(refused("a sqlite: URL without a path"));
    }
    Ok(PathBuf::from(if cfg!(windows) { on_windows(path) } else { format!("/{path}") }))
}

/// An absolute path of a URL on Windows, where it begins with a drive or lies on the current one.
fn on_windows(path: &str) -> String {
    let mut letters = path.chars();
    let drive = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        && letters.next() == Some(':')
        && matches!(letters.next(), Some('/' | '\\'));
    if drive { path.to_owned() } else { format!("/{path}") }
}

fn refused(given: &str) -> Error {
    Error::config("store", given, ACCEPTED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn places_are_read() {
        for (text, path) in [
            ("threelo.db", "threelo.db"),
            ("./a:b.db", "./a:b.db"),
            ("/var/lib/app/a?b.db", "/var/lib/app/a?b.db"),
            ("sqlite:relative.db", "relative.db"),
            ("sqlite:dir/relative.db", "dir/relative.db"),
            ("sqlite:/absolute.db", "/absolute.db"),
            ("sqlite:///absolute.db", "/absolute.db"),
            ("sqlite:////absolute.db", "/absolute.db"),
            ("SQLite:///a/b.db", "/a/b.db"),
            (r"C:\data\threelo.db", r"C:\data\threelo.db"),
            ("C:/data/threelo.db", "C:/data/threelo.db"),
        ] {
            assert_eq!(Location::parse(text).unwrap(), Location::Sqlite(path.into()), "{text}");
        }
        assert_eq!(Location::parse("memory:").unwrap(), Location::Memory);
        for text in
            ["postgresql://me:hunter2@db/x", "postgres://me:hunter2@db/x?sslmode=require", "POSTGRES://db/x"]
        {
            let location = Location::parse(text).unwrap();
            assert!(matches!(&location, Location::Postgres(_)), "{text}");
            assert!(!format!("{location:?}").contains("hunter2"));
        }
    }

    #[test]
    fn an_absolute_url_may_name_a_drive_on_windows() {
        for (path, read) in [
            ("C:/data/threelo.db", "C:/data/threelo.db"),
            (r"c:\data\threelo.db", r"c:\data\threelo.db"),
            ("data/threelo.db", "/data/threelo.db"),
            ("C:threelo.db", "/C:threelo.db"),
            ("CC:/threelo.db", "/CC:/threelo.db"),
        ] {
            assert_eq!(on_windows(path), read);
        }
    }

    #[test]
    fn anything_else_is_refused_and_passwords_are_not_shown() {
        for text in [
            "",
            ":memory:",
            "memory://",
            "memory:x",
            "sqlite:",
            "sqlite://",
            "sqlite:///",
            "sqlite::memory:",
            "sqlite://host/a.db",
            "sqlite:a.db?mode=ro",
            "sqlite:///a%20b.db",
            "postgresql:hunter2",
            "mysql://me:hunter2@db/x",
            "redis://:hunter2@db",
            "file:a.db",
            "c:",
            "a\0b",
        ] {
            let error = Location::parse(text).expect_err(text);
            assert_eq!(error.code(), Code::InvalidConfig);
            assert_eq!(error.context()["option"], "store");
            assert!(error.message().contains("; accepted is "), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
