//! A server that goes away and comes back, and transactions whose end nobody heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::postgres::open_at;
use super::postgres_server::{Database, Server};
use super::{grant, increment, put};
use crate::error::Code;
use crate::store::{GrantRow, Store, Write};

/// Ends all connections of the store but this one, as a restart of the server does.
async fn cut(database: &Database) {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'threelo%' \
               AND datname = current_database()";
    database.execute(sql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_server_needs_no_new_client() {
    let mut server = Server::own();
    let database = server.database().await;
    let opened = open_at(&database.url).await.unwrap();
    let store = &*opened.store;
    put(store, vec![Write::PutGrant(grant("g"))]).await;
    let mut wake = store.wake().unwrap();
    let holder = store.holder().await.unwrap();

    server.order("stop");
    for error in [store.grant("g").await.unwrap_err(), store.write(vec![], vec![]).await.unwrap_err()] {
        assert_eq!(error.code(), Code::StoreUnavailable, "{error}");
        assert!(error.retryable());
    }
    let error = open_at(&format!("{}?application_name=late", database.url)).await.unwrap_err();
    assert_eq!(error.code(), Code::StoreUnavailable, "{error}");

    server.order("start");
    assert_eq!(store.grant("g").await.unwrap().unwrap().generation, 1);
    assert_eq!(increment(store, "g").await, 2);
    let last = put(store, vec![]).await;
    let woken = tokio::time::timeout(Duration::from_secs(30), wake.wait_for(|seq| *seq >= last)).await;
    assert!(woken.is_ok_and(|woken| woken.is_ok()), "it listens again");
    assert!(!store.holder_gone(&holder).await.unwrap(), "and shows again that it lives");
    store.close().await;
    drop(database);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_while_idle_are_replaced_without_an_error() {
    let database = Database::make().await;
    let opened = open_at(&database.url).await.unwrap();
    let store = &*opened.store;
    put(store, vec![Write::PutGrant(grant("g"))]).await;
    for round in 2..6 {
        cut(&database).await;
        assert!(store.grant("g").await.unwrap().is_some());
        cut(&database).await;
        let row = GrantRow { generation: round, ..grant("g") };
        put(store, vec![Write::PutGrant(row)]).await;
        assert_eq!(store.grant("g").await.unwrap().unwrap().generation, round);
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_answered_for_is_kept_while_connections_break_at_any_moment() {
    let database = Database::make().await;
    let opened = open_at(&database.url).await.unwrap();
    let store: Arc<dyn Store> = Arc::clone(&opened.store);
    put(&*store, vec![Write::PutGrant(GrantRow { generation: 0, ..grant("g") })]).await;
    // Goes on until enough was written and enough was cut, however quick either is.
    let (cuts, written) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (made, writing) = (Arc::clone(&cuts), Arc::clone(&written));
    let counting = tokio::spawn(async move {
        let (mut acknowledged, mut failed) = (0, 0);
        while acknowledged + failed < 80 || made.load(Ordering::Relaxed) <= 5 {
            let row = loop {
                if let Ok(row) = store.grant("g").await {
                    break row.unwrap();
                }
            };
            let expect = vec![crate::store::Expect::Grant("g".into(), Some(row.seq))];
            let next = GrantRow { generation: row.generation + 1, ..row };
            match store.write(expect, vec![Write::PutGrant(next)]).await {
                Ok(Some(_)) => {
                    acknowledged += 1;
                    writing.store(acknowledged, Ordering::Relaxed);
                }
                Ok(None) => panic!("nobody else writes"),
                // Cut off twice in a row; it said so, and nothing was written.
                Err(_) => failed += 1,
            }
        }
        (acknowledged, failed)
    });
    while !counting.is_finished() {
        cut(&database).await;
        cuts.fetch_add(1, Ordering::Relaxed);
        // Something gets through between two cuts, whichever of both is quicker on this machine.
        let before = written.load(Ordering::Relaxed);
        while written.load(Ordering::Relaxed) == before && !counting.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let cuts = cuts.load(Ordering::Relaxed);
    let (acknowledged, failed) = counting.await.unwrap();
    let generation = opened.store.grant("g").await.unwrap().unwrap().generation;
    assert_eq!(generation, acknowledged, "{failed} failed in {cuts} cuts");
    assert!(cuts > 5 && acknowledged > failed, "{acknowledged} in {cuts} cuts");
    opened.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_in_the_middle_of_a_transaction_holds_nobody_up_for_long() {
    let database = Database::make().await;
    let opened = open_at(&database.url).await.unwrap();
    put(&*opened.store, vec![Write::PutGrant(grant("g"))]).await;
    // A process that was stopped between its lock and its commit; set up as all are.
    let mut stopped = database.connect().await;
    sqlx::raw_sql(crate::store::postgres::SET_UP).execute(&mut stopped).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT * FROM threelo_store FOR UPDATE").execute(&mut stopped).await.unwrap();
    // Nobody lets go of that lock but the server, and who waited too long for it would be refused.
    let written = tokio::time::timeout(Duration::from_secs(30), opened.store.write(vec![], vec![]));
    assert!(written.await.unwrap().unwrap().is_some());
    assert!(sqlx::raw_sql("COMMIT").execute(&mut stopped).await.is_err(), "the server has ended it");
    opened.store.close().await;
}

#[test]
fn a_runtime_that_ends_takes_no_other_clients_store_with_it() {
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (one, other) = (runtime(), runtime());
    let database = other.block_on(Database::make());
    let first = one.block_on(open_at(&database.url)).unwrap();
    let second = other.block_on(open_at(&database.url)).unwrap();
    one.block_on(put(&*first.store, vec![Write::PutGrant(grant("g"))]));
    one.shutdown_background();
    other.block_on(async {
        assert_eq!(increment(&*second.store, "g").await, 2);
        assert_eq!(second.store.changes(0).await.unwrap().grants, ["g"]);
        assert!(!second.store.holder_gone(&second.store.holder().await.unwrap()).await.unwrap());
        second.store.close().await;
    });
    drop(first);
}

#[test]
fn a_write_handed_in_outlives_its_runtime() {
    let other = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let database = other.block_on(Database::make());
    let watching = other.block_on(open_at(&database.url)).unwrap();
    for round in 0..20 {
        let id = format!("g{round}");
        let doomed = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let store = Arc::clone(&watching.store);
        let row = grant(&id);
        doomed.block_on(async move {
            drop(futures::poll!(store.write(vec![], vec![Write::PutGrant(row)])));
        });
        drop(doomed);
        other.block_on(async {
            put(&*watching.store, vec![]).await;
            assert!(watching.store.grant(&id).await.unwrap().is_some());
        });
    }
    other.block_on(watching.store.close());
}

/// What becomes of a commit on a way to the server that breaks.
#[derive(Clone, Copy, PartialEq)]
enum Commit {
    /// It arrives, and its answer is not heard.
    Arrives,
    /// It is lost.
    Lost,
    /// It is kept until the server has lost its patience with the transaction, and says so.
    Kept,
}

/// A way to the server that breaks around the next commit.
async fn treacherous(database: &Database, commit: Commit) -> (String, Arc<AtomicBool>) {
    let (credentials, server) = database.url.split_once('@').unwrap();
    let (server, name) = server.split_once('/').unwrap();
    let (server, armed) = (server.to_owned(), Arc::new(AtomicBool::new(false)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("{credentials}@{}/{name}?sslmode=disable", listener.local_addr().unwrap());
    let trigger = Arc::clone(&armed);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (server, trigger) = (server.clone(), Arc::clone(&trigger));
            tokio::spawn(async move {
                let mut server = TcpStream::connect(server).await.unwrap();
                let (mut up, mut down) = ([0; 8192], [0; 8192]);
                loop {
                    tokio::select! {
                        read = client.read(&mut up) => {
                            let Ok(length @ 1..) = read else { return };
                            let asked = &up[..length];
                            if asked.windows(7).any(|part| part == b"COMMIT\0") && trigger.swap(false, Ordering::SeqCst) {
                                if commit == Commit::Arrives {
                                    server.write_all(asked).await.unwrap();
                                    server.read_exact(&mut down[..1]).await.unwrap();
                                }
                                if commit == Commit::Kept {
                                    let told = server.read(&mut down).await.unwrap();
                                    client.write_all(&down[..told]).await.unwrap();
                                }
                                return;
                            }
                            server.write_all(asked).await.unwrap();
                        }
                        read = server.read(&mut down) => {
                            let Ok(length @ 1..) = read else { return };
                            if client.write_all(&down[..length]).await.is_err() { return }
                        }
                    }
                }
            });
        }
    });
    (url, armed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_asked_after_and_done_once() {
    for (commit, rounds) in [(Commit::Arrives, 4), (Commit::Lost, 4), (Commit::Kept, 1)] {
        let database = Database::make().await;
        let (url, armed) = treacherous(&database, commit).await;
        let opened = open_at(&url).await.unwrap();
        let mut seen = put(&*opened.store, vec![Write::PutGrant(grant("g"))]).await;
        for generation in 2..2 + rounds {
            armed.store(true, Ordering::SeqCst);
            let expect = vec![crate::store::Expect::Grant("g".into(), Some(seen))];
            let next = GrantRow { generation, ..grant("g") };
            let written = opened.store.write(expect, vec![Write::PutGrant(next)]).await.unwrap();
            assert!(!armed.load(Ordering::SeqCst), "the connection did break");
            assert_eq!(written, Some(seen + 1), "answered as if nothing had happened");
            seen += 1;
            let row = opened.store.grant("g").await.unwrap().unwrap();
            assert_eq!((row.generation, row.seq), (generation, seen));
        }
        opened.store.close().await;
    }
}
