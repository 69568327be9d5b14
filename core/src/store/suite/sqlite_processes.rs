//! Several processes at once. The test binary runs itself: `a_child_works` does nothing unless it is told to.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use super::{connection, grant, increment, lease, old_spare};
use crate::error::Code;
use crate::store::{Expect, GrantRow, Location, Opened, Sealed, Write, open};

const STORE: &str = "THREELO_TEST_STORE";
const TASK: &str = "THREELO_TEST_TASK";

async fn open_at(path: &Path) -> Opened {
    open(&Location::Sqlite(path.to_owned()), None).await.unwrap()
}

fn child(path: &Path, task: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["store::suite::sqlite_processes::a_child_works", "--exact", "--nocapture"])
        .env(STORE, path)
        .env(TASK, task)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_child_works() {
    let (Ok(path), Ok(task)) = (std::env::var(STORE), std::env::var(TASK)) else { return };
    let opened = open_at(Path::new(&path)).await;
    let store = &*opened.store;
    let first = vec![Write::PutGrant(GrantRow { generation: 0, ..grant("g") })];
    store.write(vec![Expect::Grant("g".into(), None)], first).await.unwrap();
    match task.as_str() {
        "count" => {
            for _ in 0..40 {
                increment(store, "g").await;
            }
            store.close().await;
        }
        "until it fails" => loop {
            let row = store.grant("g").await.unwrap().unwrap();
            let generation = row.generation + 1;
            let next = Write::PutGrant(GrantRow { generation, pair: Sealed(vec![7; 4000]), ..row });
            if let Err(error) = store.write(vec![], vec![next]).await {
                assert_eq!(error.code(), Code::StoreUnavailable);
                assert!(error.message().contains("disk"), "{error}");
                assert_eq!(
                    store.grant("g").await.unwrap().unwrap().generation,
                    generation - 1,
                    "reading goes on"
                );
                println!("acknowledged {}", generation - 1);
                return;
            }
        },
        _ => loop {
            let row = store.grant("g").await.unwrap().unwrap();
            let expect = vec![Expect::Grant("g".into(), Some(row.seq))];
            let generation = row.generation + 1;
            let id = format!("c{generation}");
            let writes = vec![
                Write::PutGrant(GrantRow { generation, ..row }),
                Write::PutConnection(connection(&id, "g")),
            ];
            store.write(expect, writes).await.unwrap().unwrap();
            println!("acknowledged {generation}");
        },
    }
}

fn fresh() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("threelo.db");
    (directory, path)
}

#[tokio::test]
async fn processes_that_start_at_once_share_one_store_and_lose_nothing() {
    let (_directory, path) = fresh();
    let children: Vec<_> = (0..6).map(|_| child(&path, "count")).collect();
    for mut child in children {
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(child.wait().unwrap().success(), "{said}");
    }
    let opened = open_at(&path).await;
    assert_eq!(opened.store.grant("g").await.unwrap().unwrap().generation, 240);
}

#[tokio::test]
async fn processes_that_start_at_once_bring_an_old_store_up_to_date_and_lose_nothing() {
    let (_directory, path) = fresh();
    // For its key file, and to see which version is today's.
    open_at(&path).await.store.close().await;
    let today = version(&path).await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut old = options.connect().await.unwrap();
    sqlx::raw_sql(include_str!("../sqlite/schema_1.sql")).execute(&mut old).await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO grants (id, auth_host, client_id, account_id, generation, expires_at, rotated_at, \
         first_consented_at, consented_at, fence, seq, scopes, sites, pair, spare_pair, spare_generation, \
         spare_issued_at, spare_kept_at, ledger) VALUES ('g', 'auth.example', 'app', 'account-1', 0, 10, 9, 8, 7, 3, 5, \
         '[]', '[]', x'010203', x'04', 0, 5, 6, ''); UPDATE sequence SET seq = 5; \
         PRAGMA application_id = 1949527151; PRAGMA user_version = 1",
    )
    .execute(&mut old)
    .await
    .unwrap();
    let held = lease();
    sqlx::query("UPDATE grants SET lease = ?")
        .bind(serde_json::to_string(&held).unwrap())
        .execute(&mut old)
        .await
        .unwrap();
    old.close().await.unwrap();
    let children: Vec<_> = (0..8).map(|_| child(&path, "count")).collect();
    for mut child in children {
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(child.wait().unwrap().success(), "{said}");
    }
    assert!(today > 1);
    assert_eq!(version(&path).await, today);
    let opened = open_at(&path).await;
    let row = opened.store.grant("g").await.unwrap().unwrap();
    assert_eq!((row.generation, row.lease, row.fence), (320, Some(held), 3));
    assert_eq!((row.pair, row.spares), (Sealed(vec![1, 2, 3]), vec![old_spare()]));
    opened.store.close().await;
}

async fn version(path: &Path) -> i64 {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let version = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    version
}

#[tokio::test]
async fn a_disk_that_takes_no_more_is_an_error_and_loses_nothing() {
    let (_directory, path) = fresh();
    // Files of this child end at a megabyte; writing beyond that is an error because the signal is ignored.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["store::suite::sqlite_processes::a_child_works", "--exact", "--nocapture"])
        .env(STORE, &path)
        .env(TASK, "until it fails")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let acknowledged = said.lines().find_map(|line| line.rsplit_once("acknowledged ")).unwrap().1;
    let opened = open_at(&path).await;
    let generation = opened.store.grant("g").await.unwrap().unwrap().generation;
    assert_eq!(generation, acknowledged.parse::<u64>().unwrap());
    assert!(generation > 5);
    assert_eq!(increment(&*opened.store, "g").await, generation + 1);
    opened.store.close().await;
}

#[tokio::test]
async fn a_process_killed_in_the_middle_loses_nothing_it_was_told_is_written() {
    let (_directory, path) = fresh();
    let mut newest = 0;
    for round in 0..6_u64 {
        let mut child = child(&path, "forever");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = newest;
        for _ in 0..=round * 7 {
            let said = lines.by_ref().map(Result::unwrap).find_map(|line| {
                line.rsplit_once("acknowledged ").map(|(_, number)| number.parse::<u64>().unwrap())
            });
            acknowledged = said.unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            if let Some((_, number)) = line.rsplit_once("acknowledged ") {
                acknowledged = number.parse().unwrap();
            }
        }
        let opened = open_at(&path).await;
        let (_, grant) = opened.store.resolve(&format!("c{acknowledged}")).await.unwrap().unwrap();
        assert!(grant.generation >= acknowledged, "{} < {acknowledged}", grant.generation);
        let whole = opened.store.connection(&format!("c{}", grant.generation)).await.unwrap();
        assert_eq!(whole.unwrap().seq, grant.seq);
        newest = grant.generation;
        opened.store.close().await;
    }
}
