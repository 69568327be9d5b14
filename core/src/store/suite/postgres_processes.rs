//! Several processes at once. The test binary runs itself: `a_child_works` does nothing unless it is told to.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::postgres::open_at;
use super::postgres_server::Database;
use super::{grant, increment};
use crate::store::{Expect, GrantRow, Write};

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
