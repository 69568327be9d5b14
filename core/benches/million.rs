//! A store of a million connections: opening it, finding one cold, and planning a keep-alive pass, beside the same
//! SELECT through the same driver. `cargo bench --bench million [-- ROWS]`
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use threelo_core::store::keys::Key32;
use threelo_core::store::location::Location;
use threelo_core::store::open::open;
use threelo_core::store::{ConnectionRow, Due, GrantRow, Sealed, WhichDue, Write};
use threelo_core::{Product, Site};

const BATCH: usize = 2_000;
const LOOKUPS: usize = 20_000;

#[tokio::main]
async fn main() {
    let rows = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1_000_000_usize);
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(folder.path().join("store.db"));
    let key = || Some(vec![Key32::from_bytes(&[7; 32]).unwrap()]);

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

    let before = resident();
    let begun = Instant::now();
    let store = open(&location, key()).await.unwrap().store;
    println!("opened in {:.2?}", begun.elapsed());

    let ids: Vec<String> = (0..LOOKUPS).map(|n| id(n * 48_271 % rows)).collect();
    let mut driver =
        SqliteConnectOptions::new().filename(folder.path().join("store.db")).connect().await.unwrap();
    // Once round, so that both find the same pages in memory.
    for name in &ids {
        store.resolve(name).await.unwrap().unwrap();
        select(&mut driver, name).await;
    }
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for name in &ids {
        let begun = Instant::now();
        store.resolve(name).await.unwrap().unwrap();
        ours.push(begun.elapsed());
        let begun = Instant::now();
        select(&mut driver, name).await;
        plain.push(begun.elapsed());
    }
    let (ours, plain) = (spread(ours), spread(plain));
    println!("one look-up with nothing cached: p50 {:.1?}, p99 {:.1?}", ours.0, ours.1);
    println!("the same SELECT by the driver:   p50 {:.1?}, p99 {:.1?}", plain.0, plain.1);
    println!("ratio p50 {:.2}, p99 {:.2}", ratio(ours.0, plain.0), ratio(ours.1, plain.1));

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
    println!("memory grew by {} KiB since before it was opened", resident().saturating_sub(before));
    driver.close().await.unwrap();
    store.close().await;
}

/// The statement of a cold look-up, without the making of rows.
async fn select(driver: &mut SqliteConnection, name: &str) {
    const SQL: &str = "SELECT * FROM connections AS c JOIN grants AS g ON g.id = c.grant_id WHERE c.id = ?";
    sqlx::query(SQL).bind(name).fetch_one(driver).await.unwrap();
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
        // As long as a sealed pair with a token of two kilobytes.
        pair: Sealed(vec![9; 2_400]),
        spare: None,
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
