//! Several processes at once. The test binary runs itself: `a_child_works` does nothing unless it is told to.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::postgres::open_at;
use super::postgres_server::Database;
use super::{grant, increment, lease, old_spare};
use crate::store::{Expect, GrantRow, Sealed, Write};

const STORE: &str = "THREELO_TEST_POSTGRES";
const TASK: &str = "THREELO_TEST_TASK";

fn child(database: &Database, task: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["store::suite::postgres_processes::a_child_works", "--exact", "--nocapture"])
        .env(STORE, format!("{}?sslmode=disable", database.url))
        .env(TASK, task)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_works() {
    let (Ok(url), Ok(task)) = (std::env::var(STORE), std::env::var(TASK)) else { return };
    let opened = open_at(&url).await.unwrap();
    let store = &*opened.store;
    if task == "hold" {
        println!("holder {}", store.holder().await.unwrap());
        std::future::pending::<()>().await;
    }
    let first = vec![Write::PutGrant(GrantRow { generation: 0, ..grant("g") })];
    store.write(vec![Expect::Grant("g".into(), None)], first).await.unwrap();
    for _ in 0..40 {
        increment(store, "g").await;
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_share_one_store_and_lose_nothing() {
    let database = Database::make().await;
    let children: Vec<_> = (0..8).map(|_| child(&database, "count")).collect();
    for mut child in children {
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(child.wait().unwrap().success(), "{said}");
    }
    let opened = open_at(&database.url).await.unwrap();
    assert_eq!(opened.store.grant("g").await.unwrap().unwrap().generation, 320);
    opened.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_bring_an_old_store_up_to_date_and_lose_nothing() {
    let database = Database::make().await;
    let mut old = database.connect().await;
    sqlx::raw_sql(include_str!("../postgres/schema_1.sql")).execute(&mut old).await.unwrap();
    database
        .execute(
            "INSERT INTO threelo_grants (id, auth_host, client_id, account_id, generation, expires_at, rotated_at, \
             first_consented_at, consented_at, fence, seq, scopes, sites, pair, spare_pair, spare_generation, \
             spare_issued_at, spare_kept_at, ledger) VALUES ('g', 'auth.example', 'app', 'account-1', 0, 10, 9, 8, 7, \
             3, 5, '[]', '[]', '\\x010203', '\\x04', 0, 5, 6, ''); UPDATE threelo_store SET seq = 5, version = 1",
        )
        .await;
    let held = lease();
    let leased = serde_json::to_string(&held).unwrap();
    sqlx::query("UPDATE threelo_grants SET lease = $1").bind(leased).execute(&mut old).await.unwrap();
    let children: Vec<_> = (0..8).map(|_| child(&database, "count")).collect();
    for mut child in children {
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(child.wait().unwrap().success(), "{said}");
    }
    let opened = open_at(&database.url).await.unwrap();
    let row = opened.store.grant("g").await.unwrap().unwrap();
    assert_eq!((row.generation, row.lease, row.fence), (320, Some(held), 3));
    assert_eq!((row.pair, row.spares), (Sealed(vec![1, 2, 3]), vec![old_spare()]));
    let version = "SELECT version FROM threelo_store";
    let now: i64 = sqlx::query_scalar(version).fetch_one(&mut old).await.unwrap();
    let fresh = Database::make().await;
    open_at(&fresh.url).await.unwrap().store.close().await;
    let today: i64 = sqlx::query_scalar(version).fetch_one(&mut fresh.connect().await).await.unwrap();
    assert_eq!(now, today);
    assert!(today > 1);
    opened.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_is_seen_to_live_until_its_process_ends() {
    let database = Database::make().await;
    let opened = open_at(&database.url).await.unwrap();
    let store = &*opened.store;
    let mut child = child(&database, "hold");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let holder =
        lines.find_map(|line| line.unwrap().rsplit_once("holder ").map(|(_, name)| name.to_owned())).unwrap();
    let lease = format!("{holder}/7");
    let own = store.holder().await.unwrap();
    assert_ne!(own, holder);
    for _ in 0..20 {
        let asking = (store.holder_gone(&lease), store.holder_gone(&lease), store.holder_gone(&own));
        let (one, other, mine) = futures::join!(asking.0, asking.1, asking.2);
        assert!(!one.unwrap() && !other.unwrap() && !mine.unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let gone = async {
        while !store.holder_gone(&lease).await.unwrap() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("the server notices");
    assert!(!store.holder_gone(&own).await.unwrap());
    assert!(store.holder_gone("nobody").await.unwrap());
    store.close().await;
}
