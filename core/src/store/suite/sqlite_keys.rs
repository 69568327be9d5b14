//! Keys: found, made, and never guessed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{grant, key, put, session};
use crate::error::{Code, Error};
use crate::store::{Bound, Key32, Location, Opened, Sealed, SessionStage, Write, open};

async fn open_with(path: &Path, keys: Option<&[u8]>) -> Result<Opened, Error> {
    let keys = keys.map(|fills| fills.iter().map(|fill| key(*fill)).collect());
    open(&Location::Sqlite(path.to_owned()), keys).await
}

async fn failing(path: &Path, keys: Option<&[u8]>, code: Code) -> Error {
    let error = open_with(path, keys).await.expect_err("opening should fail");
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(error.context()["store"], path.canonicalize().unwrap().display().to_string());
    error
}

fn fresh() -> (TempDir, PathBuf, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().canonicalize().unwrap().join("threelo.db");
    let key_file = path.with_file_name("threelo.db.key");
    (directory, path, key_file)
}

#[tokio::test]
async fn a_new_store_without_a_key_makes_one_and_says_so_once() {
    let (directory, path, key_file) = fresh();
    let first = open_with(&path, None).await.unwrap();
    assert_eq!(first.key_file_created.as_deref(), Some(key_file.as_path()));
    assert_eq!(key_file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let sealed = first.sealer.seal(Bound::KeyCheck, b"x").unwrap();
    first.store.close().await;

    let second = open_with(&path, None).await.unwrap();
    assert_eq!(second.key_file_created, None);
    assert!(second.sealer.open(Bound::KeyCheck, &sealed).is_ok());
    second.store.close().await;

    let text = std::fs::read_to_string(&key_file).unwrap();
    let given = open(&Location::Sqlite(path), Some(vec![Key32::from_text(&text).unwrap()])).await.unwrap();
    assert!(given.sealer.open(Bound::KeyCheck, &sealed).is_ok());
    given.store.close().await;
    let names = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.count(), 3, "the database, its lock and its key; no drafts");
}

#[tokio::test]
async fn a_given_key_makes_no_file() {
    let (_directory, path, key_file) = fresh();
    assert_eq!(open_with(&path, Some(&[1])).await.unwrap().key_file_created, None);
    assert!(!key_file.exists());
}

#[tokio::test]
async fn no_keys_at_all_are_refused_before_a_file_is_made() {
    let (directory, path, _) = fresh();
    let error = open_with(&path, Some(&[])).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidConfig);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn another_key_is_refused_and_the_right_one_among_others_is_taken() {
    let (_directory, path, _) = fresh();
    open_with(&path, Some(&[1])).await.unwrap().store.close().await;
    failing(&path, Some(&[2]), Code::DecryptionFailed).await;
    open_with(&path, Some(&[2, 1])).await.unwrap().store.close().await;
    failing(&path, Some(&[2]), Code::DecryptionFailed).await;
    open_with(&path, Some(&[1])).await.unwrap().store.close().await;
}

#[tokio::test]
async fn a_sealed_store_without_its_key_never_gets_a_new_one() {
    let (_directory, path, key_file) = fresh();
    open_with(&path, Some(&[1])).await.unwrap().store.close().await;
    let error = failing(&path, None, Code::DecryptionFailed).await;
    assert!(error.message().contains("threelo.db.key"), "{error}");
    assert!(!key_file.exists());
}

#[tokio::test]
async fn a_lost_key_file_is_not_replaced() {
    let (_directory, path, key_file) = fresh();
    open_with(&path, None).await.unwrap().store.close().await;
    std::fs::remove_file(&key_file).unwrap();
    failing(&path, None, Code::DecryptionFailed).await;
    assert!(!key_file.exists());
}

#[tokio::test]
async fn rows_without_a_key_check_count_as_sealed() {
    for write in [Write::PutGrant(grant("g")), Write::PutSession(session(1, "c", SessionStage::Waiting, 1))] {
        let (_directory, path, key_file) = fresh();
        let opened = open_with(&path, Some(&[1])).await.unwrap();
        put(&*opened.store, vec![write]).await;
        opened.store.close().await;
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
        sqlx::query("DELETE FROM meta").execute(&mut connection).await.unwrap();
        sqlx::Connection::close(connection).await.unwrap();
        failing(&path, None, Code::DecryptionFailed).await;
        assert!(!key_file.exists());
    }
}

#[tokio::test]
async fn a_key_file_others_can_read_is_refused() {
    let (_directory, path, key_file) = fresh();
    open_with(&path, None).await.unwrap().store.close().await;
    for mode in [0o640, 0o604, 0o620, 0o644] {
        std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = failing(&path, None, Code::InvalidConfig).await;
        assert!(error.message().contains("threelo.db.key"), "{error}");
        assert!(error.hint().contains("chmod 600"), "{}", error.hint());
    }
    std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o400)).unwrap();
    open_with(&path, None).await.unwrap().store.close().await;
}

#[tokio::test]
async fn a_key_file_without_a_key_is_refused_and_not_shown() {
    let (_directory, path, key_file) = fresh();
    open_with(&path, None).await.unwrap().store.close().await;
    for content in ["", "canary-canary", "\u{fffd}"] {
        std::fs::write(&key_file, content).unwrap();
        let error = failing(&path, None, Code::InvalidConfig).await;
        assert!(content.is_empty() || !error.to_string().contains(content), "{error}");
    }
    let other = Key32::random().unwrap();
    std::fs::write(&key_file, other.to_text().as_bytes()).unwrap();
    failing(&path, None, Code::DecryptionFailed).await;
}

#[test]
fn everybody_who_starts_at_once_gets_the_same_key() {
    for _ in 0..5 {
        let (_directory, path, _) = fresh();
        let start = std::sync::Barrier::new(8);
        let prints: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let runtime =
                            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                        start.wait();
                        runtime.block_on(async {
                            let opened = open_with(&path, None).await.unwrap();
                            (opened.sealer.fingerprint("token"), opened.key_file_created.is_some())
                        })
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(prints.iter().all(|(print, _)| *print == prints[0].0));
        assert_eq!(prints.iter().filter(|(_, created)| *created).count(), 1, "one made it");
    }
}

#[tokio::test]
async fn a_row_moved_to_another_identity_or_generation_does_not_open() {
    let (_directory, path, _) = fresh();
    let opened = open_with(&path, Some(&[1])).await.unwrap();
    let sealed = |id: &str, generation| {
        let pair = opened.sealer.seal(Bound::Pair { grant_id: id, generation }, b"tokens").unwrap();
        Write::PutGrant(crate::store::GrantRow { pair, generation, ..grant(id) })
    };
    put(&*opened.store, vec![sealed("a", 1), sealed("b", 1)]).await;
    let opens = async |id: &str| {
        let row = opened.store.grant(id).await.unwrap().unwrap();
        let bound = Bound::Pair { grant_id: &row.id, generation: row.generation };
        opened.sealer.open(bound, &row.pair).map(|plain| plain.to_vec())
    };
    assert_eq!(opens("a").await.unwrap(), b"tokens");

    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut thief = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::raw_sql(
        "UPDATE grants SET pair = (SELECT pair FROM grants WHERE id = 'b') WHERE id = 'a'; \
         UPDATE grants SET generation = 2 WHERE id = 'b'",
    )
    .execute(&mut thief)
    .await
    .unwrap();
    for id in ["a", "b"] {
        assert_eq!(opens(id).await.unwrap_err().code(), Code::DecryptionFailed);
    }
}

#[tokio::test]
async fn memory_makes_up_a_key_or_takes_one() {
    let first = open(&Location::Memory, None).await.unwrap();
    let second = open(&Location::Memory, None).await.unwrap();
    assert_ne!(first.sealer.fingerprint("x"), second.sealer.fingerprint("x"));
    assert_ne!(first.store.identity(), second.store.identity());
    let given = open(&Location::Memory, Some(vec![key(1)])).await.unwrap();
    let sealed: Sealed = given.sealer.seal(Bound::KeyCheck, b"x").unwrap();
    let again = open(&Location::Memory, Some(vec![key(1)])).await.unwrap();
    assert!(again.sealer.open(Bound::KeyCheck, &sealed).is_ok());
}
