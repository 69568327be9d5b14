//! Several clients of one file in one process, each perhaps with a runtime of its own, and what a fork needs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::sqlite_files::open_at;
use super::{grant, increment, put};
use crate::error::Code;
use crate::store::sqlite::{after_fork, before_fork};
use crate::store::{Store, Write};

fn fresh() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().canonicalize().unwrap().join("threelo.db");
    (directory, path)
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// For tests that fork: an end that had no beginning, as one of them tells of, would end the fork of another one, where
/// they share a process.
fn alone() -> MutexGuard<'static, ()> {
    static FORKING: Mutex<()> = Mutex::new(());
    FORKING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many descriptors of this process lead to the database or its log.
fn descriptors(path: &Path) -> usize {
    let links = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| entry.unwrap().path().read_link().ok());
    let names = ["", "-wal", "-shm"].map(|suffix| PathBuf::from(format!("{}{suffix}", path.display())));
    links.filter(|link| names.contains(link)).count()
}

#[tokio::test]
async fn the_file_is_open_once_and_closed_with_the_last_client() {
    let (_directory, path) = fresh();
    let first = open_at(&path).await.unwrap();
    put(&*first.store, vec![Write::PutGrant(grant("g"))]).await;
    let alone = descriptors(&path);
    let second = open_at(&path).await.unwrap();
    assert_eq!(first.store.identity(), second.store.identity());
    assert_eq!(descriptors(&path), alone);
    first.store.close().await;
    assert_eq!(first.store.grant("g").await.unwrap_err().code(), Code::StoreUnavailable);
    assert_eq!(increment(&*second.store, "g").await, 2);
    first.store.close().await;
    assert_eq!(increment(&*second.store, "g").await, 3);
    second.store.close().await;
    assert_eq!(descriptors(&path), 0);
}

#[tokio::test]
async fn a_client_dropped_without_closing_lets_go_of_the_file() {
    let (_directory, path) = fresh();
    let first = open_at(&path).await.unwrap();
    put(&*first.store, vec![Write::PutGrant(grant("g"))]).await;
    let second = open_at(&path).await.unwrap();
    drop(first);
    assert!(second.store.grant("g").await.unwrap().is_some());
    drop(second);
    let begun = Instant::now();
    while descriptors(&path) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "descriptors are still open");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn opening_and_closing_at_once_loses_nothing() {
    let (_directory, path) = fresh();
    let first = open_at(&path).await.unwrap();
    put(&*first.store, vec![Write::PutGrant(grant("g"))]).await;
    first.store.close().await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    let opened = open_at(&path).await.unwrap();
                    increment(&*opened.store, "g").await;
                    opened.store.close().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let opened = open_at(&path).await.unwrap();
    assert_eq!(opened.store.grant("g").await.unwrap().unwrap().generation, 81);
}

#[test]
fn a_runtime_that_ends_takes_no_other_clients_store_with_it() {
    let (_directory, path) = fresh();
    let (one, other) = (runtime(), runtime());
    let first = one.block_on(open_at(&path)).unwrap();
    let second = other.block_on(open_at(&path)).unwrap();
    one.block_on(put(&*first.store, vec![Write::PutGrant(grant("g"))]));
    one.shutdown_background();
    other.block_on(async {
        assert_eq!(increment(&*second.store, "g").await, 2);
        assert_eq!(second.store.changes(0).await.unwrap().grants, ["g"]);
        second.store.close().await;
    });
    drop(first);
}

#[test]
fn a_write_handed_in_outlives_its_runtime() {
    let (_directory, path) = fresh();
    let other = runtime();
    let watching = other.block_on(open_at(&path)).unwrap();
    for round in 0..20 {
        let id = format!("g{round}");
        let doomed = Builder::new_current_thread().enable_all().build().unwrap();
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
}

#[test]
fn a_fork_finds_every_file_closed_and_the_parent_goes_on() {
    let _alone = alone();
    let (_directory, path) = fresh();
    let runtime = runtime();
    let opened = runtime.block_on(open_at(&path)).unwrap();
    runtime.block_on(put(&*opened.store, vec![Write::PutGrant(grant("g"))]));
    let (forked, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let (store, forked, made) = (Arc::clone(&opened.store), Arc::clone(&forked), Arc::clone(&made));
            runtime.spawn(async move {
                while !forked.load(Ordering::SeqCst) {
                    increment(&*store, "g").await;
                    made.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for _ in 0..20 {
        // Each comes into the middle of writing.
        let before = made.load(Ordering::SeqCst);
        while made.load(Ordering::SeqCst) < before + 10 {
            std::thread::sleep(Duration::from_millis(1));
        }
        before_fork();
        assert_eq!(descriptors(&path), 0);
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(descriptors(&path), 0, "nothing is opened meanwhile");
        after_fork();
    }
    forked.store(true, Ordering::SeqCst);
    for one in busy {
        runtime.block_on(one).unwrap();
    }
    let row = runtime.block_on(opened.store.grant("g")).unwrap().unwrap();
    assert_eq!(row.generation, made.load(Ordering::SeqCst) + 1);
    runtime.block_on(opened.store.close());
}

#[test]
fn nothing_is_opened_while_the_process_forks() {
    let _alone = alone();
    let (_directory, path) = fresh();
    let runtime = runtime();
    before_fork();
    let opening = runtime.spawn({
        let path = path.clone();
        async move { open_at(&path).await.unwrap() }
    });
    std::thread::sleep(Duration::from_millis(50));
    assert!(!path.exists());
    after_fork();
    let opened = runtime.block_on(opening).unwrap();
    runtime.block_on(opened.store.close());
    after_fork();
}

#[test]
fn a_store_closed_during_a_fork_stays_closed() {
    let _alone = alone();
    let (_directory, path) = fresh();
    let runtime = runtime();
    let opened = runtime.block_on(open_at(&path)).unwrap();
    before_fork();
    let closing = runtime.spawn({
        let store: Arc<dyn Store> = Arc::clone(&opened.store);
        async move { store.close().await }
    });
    std::thread::sleep(Duration::from_millis(20));
    after_fork();
    runtime.block_on(closing).unwrap();
    assert_eq!(descriptors(&path), 0);
}

#[test]
fn two_threads_may_fork_at_once() {
    let _alone = alone();
    let (_directory, path) = fresh();
    let runtime = runtime();
    let opened = runtime.block_on(open_at(&path)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..10 {
                    before_fork();
                    assert_eq!(descriptors(&path), 0);
                    std::thread::sleep(Duration::from_millis(1));
                    assert_eq!(descriptors(&path), 0);
                    after_fork();
                    runtime.block_on(put(&*opened.store, vec![]));
                }
            });
        }
    });
    runtime.block_on(opened.store.close());
}
