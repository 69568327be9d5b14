//! A store of a million connections: opening it, finding one cold, and planning a keep-alive pass, beside the same
//! SELECT through the same driver. `cargo bench --bench million [-- sqlite|postgresql] [ROWS]`; PostgreSQL is a server
//! of its own, and needs 10 GB of disk for a million.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic, clippy::expect_used, missing_docs)]

#[path = "../tests/support/postgres.rs"]
mod postgres;

use std::time::{Duration, Instant};

use postgres::Database;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tempfile::TempDir;
use threelo_core::store::keys::Key32;
use threelo_core::store::location::Location;
use threelo_core::store::open::open;
use threelo_core::store::{ConnectionRow, Due, GrantRow, Sealed, Store, WhichDue, Write};
use threelo_core::{Product, Site};

const BATCH: usize = 2_000;
const LOOKUPS: usize = 20_000;

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rows = words.iter().find_map(|word| word.parse().ok()).unwrap_or(1_000_000_usize);
    let place = match words.iter().any(|word| word == "postgresql") {
        true => Place::Postgres(Database::make().await),
        false => Place::Sqlite(tempfile::tempdir().unwrap()),
    };
    let (location, key) = (place.location(), || Some(vec![Key32::from_bytes(&[7; 32]).unwrap()]));

    let store = open(&location, key()).await.unwrap().store;
    let begun = Instant::now();
    for first in (0..rows).step_by(BATCH) {
        let writes = (first..rows.min(first + BATCH))
            .flat_map(|n| [Write::PutGrant(grant(n)), Write::PutConnection(connection(n))]);
        store.write(vec![], writes.collect()).await.unwrap().unwrap();
    }
    println!("{rows} connections with a grant each, written in {:.1?}", begun.elapsed());
    store.close().await;
    drop(store);
    place.settle().await;

    let before = resident();
    let begun = Instant::now();
    let store = open(&location, key()).await.unwrap().store;
    println!("opened in {:.2?}", begun.elapsed());
    let mut driver = place.driver().await;
    look_up(&*store, &mut driver, rows).await;
    plan(&*store, rows).await;
    println!("memory grew by {} KiB since before it was opened", resident().saturating_sub(before));
    driver.close().await;
    store.close().await;
}

/// Connections one by one, with nothing remembered, by the store and by its driver alone.
async fn look_up(store: &dyn Store, driver: &mut Driver, rows: usize) {
    let ids: Vec<String> = (0..LOOKUPS).map(|n| id(n * 48_271 % rows)).collect();
    // Once round, so that both find the same pages in memory.
    for name in &ids {
        store.resolve(name).await.unwrap().unwrap();
        driver.select(name).await;
    }
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for name in &ids {
        let begun = Instant::now();
        store.resolve(name).await.unwrap().unwrap();
        ours.push(begun.elapsed());
        let begun = Instant::now();
        driver.select(name).await;
        plain.push(begun.elapsed());
    }
    let (ours, plain) = (spread(ours), spread(plain));
    println!("one look-up with nothing cached: p50 {:.1?}, p99 {:.1?}", ours.0, ours.1);
    println!("the same SELECT by the driver:   p50 {:.1?}, p99 {:.1?}", plain.0, plain.1);
    println!("ratio p50 {:.2}, p99 {:.2}", ratio(ours.0, plain.0), ratio(ours.1, plain.1));
}

/// A keep-alive pass as far as knowing whom to rotate.
async fn plan(store: &dyn Store, rows: usize) {
    let begun = Instant::now();
    let (mut due, mut pages, mut found) = (due(), 0_u64, 0_u64);
    loop {
        let page = store.grants_due(&due).await.unwrap();
        let Some(last) = page.last() else { break };
        due.after = Some(due.place(last));
        pages += 1;
        found += page.len() as u64;
    }
    println!("keep-alive planned over all: {found} of {rows} due, {pages} pages, {:.1?}", begun.elapsed());
}

/// Where the store is, for as long as it is measured.
enum Place {
    Sqlite(TempDir),
    Postgres(Database),
}

impl Place {
    fn location(&self) -> Location {
        match self {
            Self::Sqlite(folder) => Location::Sqlite(folder.path().join("store.db")),
            Self::Postgres(database) => Location::parse(&database.url).unwrap(),
        }
    }

    /// What autovacuum does soon after so many rows: without it the figures depend on whether it already has.
    async fn settle(&self) {
        if let Self::Postgres(database) = self {
            let begun = Instant::now();
            database.execute("VACUUM ANALYZE").await;
            println!("vacuumed and analysed in {:.1?}", begun.elapsed());
        }
    }

    async fn driver(&self) -> Driver {
        match self {
            Self::Sqlite(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("store.db"));
                Driver::Sqlite(options.connect().await.unwrap())
            }
            Self::Postgres(database) => Driver::Postgres(database.connect().await),
        }
    }
}

/// The driver alone, on a connection of its own.
enum Driver {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Driver {
    /// The statement of a cold look-up, without the making of rows.
    async fn select(&mut self, name: &str) {
        const SQLITE: &str =
            "SELECT * FROM connections AS c JOIN grants AS g ON g.id = c.grant_id WHERE c.id = ?";
        const POSTGRES: &str = "SELECT * FROM threelo_connections AS c JOIN threelo_grants AS g \
                                ON g.id = c.grant_id WHERE c.id = $1";
        match self {
            Self::Sqlite(driver) => drop(sqlx::query(SQLITE).bind(name).fetch_one(driver).await.unwrap()),
            Self::Postgres(driver) => drop(sqlx::query(POSTGRES).bind(name).fetch_one(driver).await.unwrap()),
        }
    }

    async fn close(self) {
        match self {
            Self::Sqlite(driver) => driver.close().await.unwrap(),
            Self::Postgres(driver) => driver.close().await.unwrap(),
        }
    }
}

fn id(n: usize) -> String {
    format!("user-{n:07}")
}

fn due() -> Due {
    let which = WhichDue::Idle(1_000);
    Due { auth_host: "auth.atlassian.com".into(), client_id: "app".into(), which, after: None, limit: 100 }
}

/// One in a hundred is due.
fn grant(n: usize) -> GrantRow {
    let rotated_at = if n.is_multiple_of(100) { 1 } else { 1_000_000 };
    GrantRow {
        id: format!("{n:032x}"),
        auth_host: "auth.atlassian.com".into(),
        client_id: "app".into(),
        account_id: Some(format!("account-{n}")),
        generation: 1,
        pair: Sealed(sealed(n)),
        spares: Vec::new(),
        death: None,
        scopes: vec!["read:jira-work".into(), "read:jira-user".into(), "offline_access".into()],
        sites: vec![site(n)],
        expires_at: 1,
        rotated_at,
        born: None,
        first_consented_at: 1_000_000,
        consented_at: 1_000_000,
        lease: None,
        fence: 0,
        intent: None,
        ledger: threelo_core::store::Ledger::default(),
        seq: 0,
    }
}

/// As long as a sealed pair with a token of two kilobytes, and like it nothing that a server could compress.
fn sealed(n: usize) -> Vec<u8> {
    let mut state = n as u64 | 1 << 40;
    let noise = std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    });
    noise.take(2_400).collect()
}

fn connection(n: usize) -> ConnectionRow {
    ConnectionRow {
        id: id(n),
        grant_id: format!("{n:032x}"),
        site: Some(site(n)),
        site_choice: None,
        tags: [("team".to_owned(), format!("team-{}", n % 1_000))].into(),
        metadata: serde_json::Map::new(),
        created_at: 1,
        seq: 0,
    }
}

fn site(n: usize) -> Site {
    Site {
        cloud_id: format!("{n:036x}"),
        url: format!("https://site-{n}.atlassian.net"),
        name: format!("site {n}"),
        scopes: vec!["read:jira-work".into()],
        products: vec![Product::Jira],
        avatar_url: None,
    }
}

fn spread(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    (at(50), at(99))
}

fn ratio(ours: Duration, plain: Duration) -> f64 {
    ours.as_secs_f64() / plain.as_secs_f64()
}

/// Memory this process has in use, in KiB; 0 where the system does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}
