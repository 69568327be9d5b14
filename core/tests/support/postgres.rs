//! A PostgreSQL server for tests: the one `THREELO_POSTGRES` names, or one of this process's own. Either comes from
//! `scripts/postgres.sh` and is gone when whoever started it is.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, clippy::expect_used, missing_docs)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::str::FromStr as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

/// A server. `url` has no database; `ca` is the file of its certificate authority.
pub struct Server {
    pub url: String,
    pub ca: String,
    script: Option<(Child, BufReader<ChildStdout>)>,
}

impl Server {
    /// One that nobody else uses.
    pub fn own() -> Self {
        let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres.sh"))
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(script.stdout.take().unwrap());
        let mut said = String::new();
        lines.read_line(&mut said).unwrap();
        let (url, ca) = said.trim().split_once(' ').expect("scripts/postgres.sh starts a server");
        Self { url: url.to_owned(), ca: ca.to_owned(), script: Some((script, lines)) }
    }

    /// The one all tests share. Its script reads this process's pipe and ends with it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| {
            match (std::env::var("THREELO_POSTGRES"), std::env::var("THREELO_POSTGRES_CA")) {
                (Ok(url), Ok(ca)) => Self { url, ca, script: None },
                _ => Self::own(),
            }
        })
    }

    /// `stop` or `start`, done when this returns.
    pub fn order(&mut self, order: &str) {
        let (script, lines) = self.script.as_mut().expect("a server of one's own");
        writeln!(script.stdin.as_mut().unwrap(), "{order}").unwrap();
        let mut said = String::new();
        lines.read_line(&mut said).unwrap();
        assert_eq!(said.trim(), format!("{order}: done"));
    }

    /// An empty database, which is removed when the value is dropped.
    pub async fn database(&self) -> Database {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let admin = format!("{}/postgres", self.url);
        execute(&admin, &format!("CREATE DATABASE {name}")).await;
        Database { url: format!("{}/{name}", self.url), name, admin }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((mut script, _)) = self.script.take() {
            drop(script.stdin.take());
            let _ = script.wait();
        }
    }
}

/// A database of one test.
pub struct Database {
    pub url: String,
    pub name: String,
    admin: String,
}

impl Database {
    pub async fn make() -> Self {
        Server::shared().database().await
    }

    pub async fn connect(&self) -> PgConnection {
        connect(&self.url).await
    }

    pub async fn execute(&self, sql: &str) {
        execute(&self.url, sql).await;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        let removing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                // A server of the test's own may be gone already.
                if let Ok(options) = PgConnectOptions::from_str(&admin)
                    && let Ok(mut connection) = options.connect().await
                {
                    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                    let _ = connection.execute(AssertSqlSafe(sql)).await;
                }
            });
        });
        let _ = removing.join();
    }
}

pub async fn connect(url: &str) -> PgConnection {
    PgConnectOptions::from_str(url).unwrap().connect().await.unwrap()
}

pub async fn execute(url: &str, sql: &str) {
    let mut connection = connect(url).await;
    connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    connection.close().await.unwrap();
}
