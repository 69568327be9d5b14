//! The URL of a database, read once and never shown.

use std::fmt;
use std::str::FromStr as _;

use sha2::{Digest as _, Sha256};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::error::{Error, Result};

/// What may stand behind the `?`. sqlx passes over names it does not know, and a misspelt `sslmode` would quietly be
/// no encryption.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
];

/// sqlx takes `allow` as well, and never encrypts then.
const SSL_MODES: &[&str] = &["disable", "prefer", "require", "verify-ca", "verify-full"];

const ACCEPTED: &str = "postgresql://user:password@host:port/database?sslmode=verify-full";

/// Where a database is and how to get in. Its `Debug` shows host, port and database only.
#[derive(Clone)]
pub struct PostgresUrl {
    place: String,
    options: Box<PgConnectOptions>,
    /// Tells URLs apart without keeping another copy of the password.
    key: [u8; 32],
}

impl PostgresUrl {
    /// Reads a `postgresql:` or `postgres:` URL with the parameters libpq gives such URLs.
    ///
    /// # Errors
    /// `invalid_config`, without quoting anything of the URL.
    pub(in crate::store) fn parse(text: &str) -> Result<Self> {
        let unreadable = || {
            refused("a postgresql: URL that cannot be read")
                .hinting("Characters such as @ : / ? # % in a user or password are percent-encoded.")
        };
        let url = Url::parse(text).map_err(|_| unreadable())?;
        if url.cannot_be_a_base() || url.fragment().is_some() {
            return Err(unreadable());
        }
        for (name, value) in url.query_pairs() {
            let known = PARAMETERS.contains(&&*name) || name.starts_with("options[");
            if !known {
                let hint = format!("Known are {}.", PARAMETERS.join(", "));
                return Err(refused("a postgresql: URL with a parameter that is not known").hinting(hint));
            }
            if name == "sslmode" && !SSL_MODES.contains(&&*value) {
                return Err(refused("a postgresql: URL with an unknown sslmode")
                    .hinting(format!("Known are {}.", SSL_MODES.join(", "))));
            }
        }
        let options = PgConnectOptions::from_str(text).map_err(|_| unreadable())?;
        Ok(Self {
            place: place(&options),
            options: Box::new(complete(options)),
            key: Sha256::digest(text).into(),
        })
    }

    /// Names the database without user and password.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    pub(super) fn key(&self) -> [u8; 32] {
        self.key
    }
}

fn complete(options: PgConnectOptions) -> PgConnectOptions {
    // An IPv6 address stands in brackets in a URL and without them everywhere else.
    let bare =
        options.get_host().strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(str::to_owned);
    let options = match bare {
        Some(address) => options.host(&address),
        None => options,
    };
    let named = options.get_application_name().is_some();
    let options = if named { options } else { options.application_name("threelo") };
    // Statements carry what is stored.
    options.disable_statement_logging()
}

fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_default();
    match options.get_socket() {
        Some(folder) => format!("postgresql:///{database}?host={}", folder.display()),
        None => format!("postgresql://{}:{}/{database}", options.get_host(), options.get_port()),
    }
}

fn refused(given: &str) -> Error {
    Error::config("store", given, ACCEPTED)
}

impl PartialEq for PostgresUrl {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for PostgresUrl {}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresUrl").field(&self.place).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_url_shows_where_and_not_who() {
        for (text, place) in [
            ("postgresql://me:hunter2@db.example:6432/x", "postgresql://db.example:6432/x"),
            ("postgres://me:hunter2@db.example/x?sslmode=verify-full", "postgresql://db.example:5432/x"),
            ("postgresql://me:hunter%402@[::1]:6432/x", "postgresql://[::1]:6432/x"),
            (
                "postgresql:///x?host=/run/postgresql&user=me&password=hunter2",
                "postgresql:///x?host=/run/postgresql",
            ),
            (
                "postgresql://db/x?user=me&password=hunter2&options=-csearch_path%3Da",
                "postgresql://db:5432/x",
            ),
        ] {
            let url = PostgresUrl::parse(text).unwrap();
            assert_eq!(url.place(), place);
            assert_eq!(format!("{url:?}"), format!("PostgresUrl({place:?})"));
        }
        let url = PostgresUrl::parse("postgresql://[::1]:6432/x").unwrap();
        assert_eq!(url.options().get_host(), "::1");
        assert_eq!(url.options().get_application_name(), Some("threelo"));
    }

    #[test]
    fn what_would_be_misread_is_refused_without_being_shown() {
        for text in [
            "postgresql:x",
            "postgresql://me:hunter2#@db/x",
            "postgresql://me:hunter2/3@db/x",
            "postgresql://me:7?hunter2@db/x",
            "postgresql://me@db/x?sslmode=hunter2",
            "postgresql://me@db/x?sslmode=allow",
            "postgresql://me@db/x?ssl_mode=hunter2",
            "postgresql://me@db:hunter2/x",
        ] {
            let error = PostgresUrl::parse(text).expect_err(text);
            assert_eq!(error.code(), Code::InvalidConfig, "{text}");
            assert_eq!(error.context()["option"], "store");
            assert!(
                !format!("{error} {} {:?}", error.hint(), error.context()).contains("hunter2"),
                "{error}"
            );
        }
    }
}
