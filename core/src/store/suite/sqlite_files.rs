//! SQLite's file: what it looks like, what is refused, and that refusing leaves no trace.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use super::{grant, increment, key, pairs_alone_are_saved, put};
use crate::error::{Code, Error};
use crate::store::{Location, Opened, Store, Write, open};

pub(super) async fn open_at(path: &Path) -> Result<Opened, Error> {
    open(&Location::Sqlite(path.to_owned()), Some(vec![key(1)])).await
}

async fn refused(path: &Path) -> Error {
    open_at(path).await.expect_err("opening should be refused")
}

/// Another program's look at the file.
async fn foreign(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

async fn run(path: &Path, sql: &str) {
    let mut connection = foreign(path).await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn number(path: &Path, sql: &'static str) -> i64 {
    let mut connection = foreign(path).await;
    let found = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    found
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn fresh() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("threelo.db");
    (directory, path)
}

#[tokio::test]
async fn a_new_file_is_a_durable_store_of_its_owners_alone() {
    let (_directory, path) = fresh();
    let opened = open_at(&path).await.unwrap();
    put(&*opened.store, vec![Write::PutGrant(grant("g"))]).await;
    for file in ["", "-wal", "-shm", ".lock"] {
        assert_eq!(mode(&beside(&path, file)), 0o600, "{file}");
    }
    opened.store.close().await;
    assert!(!beside(&path, "-wal").exists(), "everything is in the file itself");
    assert_eq!(number(&path, "PRAGMA application_id").await, 0x7433_6c6f);
    assert_eq!(number(&path, "PRAGMA user_version").await, 3);
    let mut connection = foreign(&path).await;
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.unwrap();
    assert_eq!(journal, "wal");
}

#[tokio::test]
async fn what_was_written_is_there_when_it_is_opened_again() {
    let (_directory, path) = fresh();
    let mut last = 0;
    for round in 1..4 {
        let opened = open_at(&path).await.unwrap();
        if round == 1 {
            put(&*opened.store, vec![Write::PutGrant(grant("g"))]).await;
        }
        assert_eq!(increment(&*opened.store, "g").await, 1 + round);
        let seq = opened.store.grant("g").await.unwrap().unwrap().seq;
        assert!(seq > last);
        last = seq;
        opened.store.close().await;
    }
}

/// Opening is refused, and neither the file nor a log beside it has changed.
async fn refused_untouched(path: &Path, code: Code) -> Error {
    let before = std::fs::read(path).unwrap();
    let log = std::fs::read(beside(path, "-wal")).ok();
    let error = refused(path).await;
    assert_eq!(error.code(), code, "{error}");
    assert!(error.message().contains("threelo.db"), "{error}");
    assert_eq!(error.context()["store"], path.canonicalize().unwrap().display().to_string());
    assert_eq!(std::fs::read(path).unwrap(), before);
    assert_eq!(std::fs::read(beside(path, "-wal")).ok(), log);
    error
}

#[tokio::test]
async fn a_newer_schema_is_refused_before_anything_is_written() {
    let (_directory, path) = fresh();
    open_at(&path).await.unwrap().store.close().await;
    run(&path, "PRAGMA user_version = 99").await;
    let error = refused_untouched(&path, Code::SchemaNewer).await;
    assert!(error.message().contains("99"), "{error}");
}

#[tokio::test]
async fn a_newer_schema_that_stands_only_in_the_log_is_seen() {
    let (_directory, path) = fresh();
    open_at(&path).await.unwrap().store.close().await;
    let mut newer = foreign(&path).await;
    sqlx::raw_sql("PRAGMA user_version = 99; CREATE TABLE later (x)").execute(&mut newer).await.unwrap();
    let error = refused(&path).await;
    assert_eq!(error.code(), Code::SchemaNewer);
}

#[tokio::test]
async fn a_store_that_becomes_newer_while_it_is_open_is_not_written_any_more() {
    let (_directory, path) = fresh();
    let opened = open_at(&path).await.unwrap();
    put(&*opened.store, vec![Write::PutGrant(grant("g"))]).await;
    run(&path, "PRAGMA user_version = 99").await;
    let error = opened.store.write(vec![], vec![Write::DeleteGrant("g".into())]).await.unwrap_err();
    assert_eq!(error.code(), Code::SchemaNewer);
    assert!(opened.store.grant("g").await.unwrap().is_some());
}

#[tokio::test]
async fn a_pair_is_saved_in_a_store_that_became_newer_and_what_is_not_known_stays() {
    let (_directory, path) = fresh();
    let opened = open_at(&path).await.unwrap();
    put(&*opened.store, vec![Write::PutGrant(grant("g"))]).await;
    let newer = "ALTER TABLE grants ADD COLUMN later TEXT; UPDATE grants SET later = 'kept'; PRAGMA user_version = 99";
    run(&path, newer).await;
    pairs_alone_are_saved(&*opened.store).await;
    assert_eq!(number(&path, "SELECT count(*) FROM grants WHERE later = 'kept' AND id = 'g'").await, 1);
    opened.store.close().await;
}

#[tokio::test]
async fn another_applications_database_is_refused_untouched() {
    let cases = [
        "CREATE TABLE theirs (x)",
        "PRAGMA application_id = 7",
        "CREATE TABLE theirs (x); PRAGMA journal_mode = WAL; INSERT INTO theirs VALUES (1)",
        "PRAGMA user_version = 3",
    ];
    for sql in cases {
        let (_directory, path) = fresh();
        run(&path, sql).await;
        let error = refused_untouched(&path, Code::InvalidConfig).await;
        assert!(error.message().contains("another application"), "{error}");
    }
}

#[tokio::test]
async fn another_applications_database_in_use_keeps_its_log() {
    let (_directory, path) = fresh();
    let mut theirs = foreign(&path).await;
    let sql = "CREATE TABLE theirs (x); PRAGMA journal_mode = WAL; INSERT INTO theirs VALUES (1)";
    sqlx::raw_sql(sql).execute(&mut theirs).await.unwrap();
    refused_untouched(&path, Code::InvalidConfig).await;
    sqlx::raw_sql("INSERT INTO theirs VALUES (2)").execute(&mut theirs).await.unwrap();
    theirs.close().await.unwrap();
    assert_eq!(number(&path, "SELECT sum(x) FROM theirs").await, 3);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_untouched() {
    for content in ["hello".repeat(1000), "x".to_owned(), "SQLite format 3\0".repeat(100)] {
        let (_directory, path) = fresh();
        std::fs::write(&path, content).unwrap();
        let error = refused_untouched(&path, Code::StoreUnavailable).await;
        assert!(error.message().contains("not an SQLite database"), "{error}");
    }
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let (_directory, path) = fresh();
    std::fs::write(&path, "").unwrap();
    let opened = open_at(&path).await.unwrap();
    put(&*opened.store, vec![]).await;
    opened.store.close().await;
}

#[tokio::test]
async fn paths_that_cannot_hold_a_file_are_refused() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let link = directory.path().join("link");
    symlink(directory.path().join("nowhere"), &link).unwrap();
    for path in [
        directory.path().join("missing/threelo.db"),
        file.join("threelo.db"),
        directory.path().to_owned(),
        link,
        PathBuf::from("/dev/null"),
        PathBuf::from(".."),
    ] {
        let error = refused(&path).await;
        assert_eq!(error.code(), Code::InvalidConfig, "{path:?} {error}");
        assert_eq!(error.context()["option"], "store");
    }
    let missing = refused(&directory.path().join("missing/threelo.db")).await;
    assert!(missing.message().contains(&directory.path().join("missing").display().to_string()), "{missing}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "nothing was made");
}

#[tokio::test]
async fn a_link_leads_to_the_same_store() {
    let (directory, path) = fresh();
    let first = open_at(&path).await.unwrap();
    put(&*first.store, vec![Write::PutGrant(grant("g"))]).await;
    let link = directory.path().join("link.db");
    symlink(&path, &link).unwrap();
    let second = open_at(&link).await.unwrap();
    assert_eq!(first.store.identity(), second.store.identity());
    assert!(second.store.grant("g").await.unwrap().is_some());
    assert!(!beside(&link, ".lock").exists(), "one file, one lock");
}

async fn gone(store: &Arc<dyn Store>, what: &str) {
    for error in [store.grant("g").await.unwrap_err(), store.write(vec![], vec![]).await.unwrap_err()] {
        assert_eq!(error.code(), Code::StoreUnavailable);
        assert!(error.message().contains(what), "{error}");
    }
}

#[tokio::test]
async fn a_file_taken_away_while_in_use_is_noticed() {
    let (directory, path) = fresh();
    let opened = open_at(&path).await.unwrap();
    put(&*opened.store, vec![Write::PutGrant(grant("g"))]).await;
    std::fs::rename(&path, directory.path().join("elsewhere.db")).unwrap();
    gone(&opened.store, "no longer there").await;
    std::fs::rename(directory.path().join("elsewhere.db"), &path).unwrap();
    assert!(opened.store.grant("g").await.unwrap().is_some(), "it is back");
}

#[tokio::test]
async fn a_file_put_in_its_place_is_neither_written_nor_robbed_of_its_log() {
    let (directory, path) = fresh();
    let old = open_at(&path).await.unwrap();
    put(&*old.store, vec![Write::PutGrant(grant("g"))]).await;
    for name in ["threelo.db", "threelo.db-wal", "threelo.db-shm"] {
        std::fs::rename(directory.path().join(name), directory.path().join(format!("old-{name}"))).unwrap();
    }
    let new = open_at(&path).await.unwrap();
    put(&*new.store, vec![Write::PutGrant(grant("new"))]).await;
    gone(&old.store, "replaced").await;
    old.store.close().await;
    assert!(beside(&path, "-wal").exists());
    assert!(new.store.grant("new").await.unwrap().is_some());
    new.store.close().await;
}

#[tokio::test]
async fn another_writer_is_waited_for() {
    let (_directory, path) = fresh();
    let opened = open_at(&path).await.unwrap();
    let mut other = foreign(&path).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let store = Arc::clone(&opened.store);
    let writing = tokio::spawn(async move { put(&*store, vec![Write::PutGrant(grant("g"))]).await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!writing.is_finished());
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    writing.await.unwrap();
}

#[tokio::test]
async fn a_writer_that_never_ends_is_an_error_and_then_forgotten() {
    let (_directory, path) = fresh();
    let opened = open_at(&path).await.unwrap();
    let mut other = foreign(&path).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let attempt = || opened.store.write(vec![], vec![Write::PutGrant(grant("g"))]);
    let (first, second) = tokio::join!(attempt(), attempt());
    for error in [first.unwrap_err(), second.unwrap_err()] {
        assert_eq!(error.code(), Code::StoreUnavailable);
        assert!(error.retryable());
        assert!(error.message().contains("locked"), "{error}");
    }
    assert!(opened.store.grant("g").await.unwrap().is_none(), "reading goes on");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    assert!(attempt().await.unwrap().is_some());
}

#[tokio::test]
async fn a_batch_that_cannot_be_written_keeps_no_other_back() {
    let (_directory, path) = fresh();
    let opened = open_at(&path).await.unwrap();
    let mut other = foreign(&path).await;
    sqlx::raw_sql("BEGIN IMMEDIATE; DROP TABLE token_hashes").execute(&mut other).await.unwrap();
    let attempt = |write: Write| {
        let store = Arc::clone(&opened.store);
        tokio::spawn(async move { store.write(vec![], vec![write]).await })
    };
    let sound = |id: &str| attempt(Write::PutGrant(grant(id)));
    let broken = || attempt(Write::AddTokenHash(super::token_hash(1, "g", 1)));
    let attempts = [sound("a"), broken(), sound("b"), broken(), sound("c")];
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    let mut written = Vec::new();
    for attempt in attempts {
        written.push(attempt.await.unwrap().is_ok());
    }
    assert_eq!(written, [true, false, true, false, true]);
    assert_eq!(opened.store.changes(0).await.unwrap().grants, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_file_that_makes_sense_only_with_its_log_is_opened() {
    let (_directory, path) = fresh();
    let opened = open_at(&path).await.unwrap();
    put(&*opened.store, (0..200).map(|number| Write::PutGrant(grant(&number.to_string()))).collect()).await;
    let (before, log) = (std::fs::read(&path).unwrap(), std::fs::read(beside(&path, "-wal")).unwrap());
    opened.store.close().await;
    // A crash while pages were on their way from the log to the file: the first has arrived, the last have not.
    let mut torn = std::fs::read(&path).unwrap();
    assert!(torn.len() > before.len());
    torn.truncate(before.len());
    std::fs::write(&path, torn).unwrap();
    std::fs::write(beside(&path, "-wal"), log).unwrap();
    let opened = open_at(&path).await.unwrap();
    assert_eq!(opened.store.grants_of(&super::account()).await.unwrap().len(), 200);
    opened.store.close().await;
}
