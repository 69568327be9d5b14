//! What PostgreSQL promises beyond the suite: URLs, keys, schemas, newer versions, the order of changes, holders.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::Row as _;

use super::postgres_server::{Database, Server};
use super::{connection, grant, increment, key, pairs_alone_are_saved, put};
use crate::error::{Code, Error};
use crate::store::{Expect, GrantRow, Location, Opened, Write, open};

pub(super) async fn open_at(url: &str) -> Result<Opened, Error> {
    open(&Location::parse(url).unwrap(), Some(vec![key(1)])).await
}

/// Everything an error says, to look for what it must not.
fn all_of(error: &Error) -> String {
    format!("{error} {} {:?} {error:?}", error.hint(), error.context())
}

#[tokio::test]
async fn without_a_key_nothing_is_tried() {
    let location = Location::parse("postgresql://me:hunter2@127.0.0.1:1/x").unwrap();
    let error = open(&location, None).await.unwrap_err();
    assert_eq!(
        (error.code(), error.context()["option"].as_str()),
        (Code::InvalidConfig, Some("encryption_key"))
    );
    assert!(!all_of(&error).contains("hunter2"));
}

#[tokio::test]
async fn another_key_does_not_open_it() {
    let database = Database::make().await;
    open_at(&database.url).await.unwrap().store.close().await;
    let location = Location::parse(&database.url).unwrap();
    let error = open(&location, Some(vec![key(2)])).await.unwrap_err();
    assert_eq!(error.code(), Code::DecryptionFailed);
    let both = open(&location, Some(vec![key(2), key(1)])).await.unwrap();
    both.store.close().await;
}

#[tokio::test]
async fn a_wrong_password_is_said_and_not_shown() {
    let database = Database::make().await;
    let password = Server::shared().url.split([':', '@']).nth(2).unwrap();
    let wrong = database.url.replace(password, "hunter2");
    assert_ne!(wrong, database.url);
    let error = open_at(&wrong).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidConfig);
    assert!(error.message().contains("refuses this user or password (SQLSTATE 28P01)"), "{error}");
    assert!(error.message().contains(&format!("/{}", database.name)), "{error}");
    assert!(!all_of(&error).contains("hunter2"));
}

#[tokio::test]
async fn what_only_a_person_can_mend_is_a_matter_of_configuration() {
    let server = &Server::shared().url;
    let error = open_at(&format!("{server}/there_is_none_such")).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidConfig, "{error}");
    let database = Database::make().await;
    let nowhere = format!("{}?options=-csearch_path%3Dnowhere", database.url);
    let error = open_at(&nowhere).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidConfig, "{error}");
    let latin = format!("{}_latin", database.name);
    database
        .execute(&format!("CREATE DATABASE {latin} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"))
        .await;
    let error = open_at(&format!("{server}/{latin}")).await.unwrap_err();
    assert!(error.message().contains("has the encoding LATIN1"), "{error}");
    database.execute(&format!("DROP DATABASE {latin}")).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_at_once() {
    let error = open_at("postgresql://me:hunter2@127.0.0.1:1/x").await.unwrap_err();
    assert_eq!(error.code(), Code::StoreUnavailable);
    assert!(
        error.message().starts_with("the store postgresql://127.0.0.1:1/x cannot be opened: "),
        "{error}"
    );
    assert!(!all_of(&error).contains("hunter2"));
}

#[tokio::test]
async fn names_and_debug_show_no_password() {
    let database = Database::make().await;
    let password = Server::shared().url.split([':', '@']).nth(2).unwrap();
    let opened = open_at(&database.url).await.unwrap();
    let shown = format!("{opened:?} {}", opened.store.identity());
    assert!(shown.contains(&database.name) && !shown.contains(password), "{shown}");
    opened.store.close().await;
}

#[tokio::test]
async fn tls_is_as_the_url_says() {
    let database = Database::make().await;
    let ca = &Server::shared().ca;
    for good in [
        "sslmode=disable".to_owned(),
        "sslmode=require".to_owned(),
        format!("sslmode=verify-ca&sslrootcert={ca}"),
        format!("sslmode=verify-full&sslrootcert={ca}"),
    ] {
        let opened = open_at(&format!("{}?{good}", database.url)).await.unwrap();
        let mut asking = database.connect().await;
        let encrypted: Vec<bool> = sqlx::query_scalar(
            "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'threelo' \
             AND datname = current_database()",
        )
        .fetch_all(&mut asking)
        .await
        .unwrap();
        assert!(
            encrypted.len() >= 2 && encrypted.iter().all(|ssl| *ssl != good.ends_with("disable")),
            "{good}"
        );
        opened.store.close().await;
    }
    let error = open_at(&format!("{}?sslmode=verify-full", database.url)).await.unwrap_err();
    assert_eq!(error.code(), Code::StoreUnavailable);
    assert!(error.message().contains("certificate"), "nobody vouches for it: {error}");
}

#[tokio::test]
async fn a_schema_of_its_own_is_a_store_of_its_own() {
    let database = Database::make().await;
    database.execute("CREATE SCHEMA one; CREATE SCHEMA other").await;
    let at = |schema: &str| format!("{}?options=-csearch_path%3D{schema}", database.url);
    let (one, other) = (open_at(&at("one")).await.unwrap(), open_at(&at("other")).await.unwrap());
    assert_ne!(one.store.identity(), other.store.identity());
    put(&*one.store, vec![Write::PutGrant(grant("g"))]).await;
    assert!(other.store.grant("g").await.unwrap().is_none());
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname IN ('one', 'public')")
            .fetch_one(&mut database.connect().await)
            .await
            .unwrap();
    assert_eq!(tables, 8, "all in their schema, and none elsewhere");
    one.store.close().await;
    other.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_that_start_at_once_make_the_tables_once() {
    let database = Database::make().await;
    // Different URLs, so that each opens the database for itself, as a process would.
    let openings = (0..8).map(|number| {
        let url = format!("{}?sslmode=disable&application_name=starter{number}", database.url);
        tokio::spawn(async move { open_at(&url).await.unwrap() })
    });
    let opened: Vec<_> = futures::future::join_all(openings).await.into_iter().map(Result::unwrap).collect();
    put(&*opened[0].store, vec![Write::PutGrant(grant("g"))]).await;
    for one in &opened {
        assert_eq!(one.store.identity(), opened[0].store.identity());
        assert!(one.store.grant("g").await.unwrap().is_some());
        one.store.close().await;
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_as_it_is() {
    let database = Database::make().await;
    let opened = open_at(&database.url).await.unwrap();
    let seq = put(&*opened.store, vec![Write::PutGrant(grant("g"))]).await;
    database.execute("UPDATE threelo_store SET version = 99; DROP TABLE threelo_removals").await;
    let error = opened.store.write(vec![], vec![Write::DeleteGrant("g".into())]).await.unwrap_err();
    assert_eq!(error.code(), Code::SchemaNewer, "{error}");
    opened.store.close().await;
    let error = open_at(&database.url).await.unwrap_err();
    assert_eq!((error.code(), error.context()["found"].as_u64()), (Code::SchemaNewer, Some(99)));
    let row = sqlx::query("SELECT seq, version, to_regclass('threelo_removals') IS NULL FROM threelo_store")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap();
    let left: (i64, i64, bool) = (row.get(0), row.get(1), row.get(2));
    assert_eq!(left, (i64::try_from(seq).unwrap(), 99, true));
}

#[tokio::test]
async fn a_pair_is_saved_in_a_store_that_became_newer_and_what_is_not_known_stays() {
    let database = Database::make().await;
    let opened = open_at(&database.url).await.unwrap();
    put(&*opened.store, vec![Write::PutGrant(grant("g"))]).await;
    database
        .execute("ALTER TABLE threelo_grants ADD COLUMN later TEXT; UPDATE threelo_grants SET later = 'kept'")
        .await;
    database.execute("UPDATE threelo_store SET version = 99").await;
    pairs_alone_are_saved(&*opened.store).await;
    let kept: Option<String> = sqlx::query_scalar("SELECT later FROM threelo_grants WHERE id = 'g'")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap();
    assert_eq!(kept.as_deref(), Some("kept"));
    opened.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_miss_nothing_under_sixteen_writers() {
    let database = Database::make().await;
    let reader = open_at(&database.url).await.unwrap();
    // A process each, as far as the store can tell.
    let openings = (0..16).map(|writer| {
        let url = format!("{}?sslmode=disable&application_name=writer{writer}", database.url);
        async move { open_at(&url).await.unwrap() }
    });
    let opened = futures::future::join_all(openings).await;
    let write = |(writer, opened): (usize, Opened)| {
        tokio::spawn(async move {
            for number in 0..40 {
                let id = format!("{writer}-{number}");
                put(&*opened.store, vec![Write::PutConnection(connection(&id, "g"))]).await;
            }
            opened.store.close().await;
        })
    };
    let writers: Vec<_> = opened.into_iter().enumerate().map(write).collect();
    let (mut since, mut seen) = (0, BTreeSet::new());
    loop {
        let finished = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let changes = reader.store.changes(since).await.unwrap();
        assert!(!changes.everything && changes.seq >= since);
        since = changes.seq;
        seen.extend(changes.connections);
        if finished {
            break;
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(seen.len(), 16 * 40);
    reader.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_wakes_those_who_wait_elsewhere() {
    let database = Database::make().await;
    let writer = open_at(&database.url).await.unwrap();
    let waiter = open_at(&format!("{}?application_name=waiter", database.url)).await.unwrap();
    let mut wake = waiter.store.wake().unwrap();
    let woken = tokio::spawn(async move {
        let seq = *wake.wait_for(|seq| *seq >= 5).await.unwrap();
        (seq, wake)
    });
    let mut last = 0;
    while last < 5 {
        last = put(&*writer.store, vec![]).await;
    }
    let (seq, _wake) = tokio::time::timeout(Duration::from_secs(30), woken).await.unwrap().unwrap();
    assert_eq!(seq, last);
    writer.store.close().await;
    waiter.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_one_url_share_its_connections_and_ten_are_the_most() {
    let database = Database::make().await;
    let first = open_at(&database.url).await.unwrap();
    put(&*first.store, vec![Write::PutGrant(grant("g"))]).await;
    let others = futures::future::join_all((0..5).map(|_| open_at(&database.url))).await;
    let reads = (0..200).map(|number| {
        let store = Arc::clone(&others[number % 5].as_ref().unwrap().store);
        tokio::spawn(async move { increment(&*store, "g").await })
    });
    futures::future::join_all(reads).await;
    let count = async || -> i64 {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'threelo' AND datname = current_database()";
        sqlx::query_scalar(sql).fetch_one(&mut database.connect().await).await.unwrap()
    };
    let many = count().await;
    assert!((3..=10).contains(&many), "{many}");
    first.store.close().await;
    for other in others {
        other.unwrap().store.close().await;
    }
    // The server's side of a connection ends when the server comes to it.
    let begun = Instant::now();
    while count().await > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "connections are still open");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_clock_is_the_databases() {
    let database = Database::make().await;
    let opened = open_at(&database.url).await.unwrap();
    let before = opened.store.now().await.unwrap();
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let there: i64 = sqlx::query_scalar(sql).fetch_one(&mut database.connect().await).await.unwrap();
    let after = opened.store.now().await.unwrap();
    assert!((before.wall_ms..=after.wall_ms).contains(&u64::try_from(there).unwrap()));
    assert_eq!(before.left(&after, 60_000), 60_000 - (after.boot_ms - before.boot_ms), "not doubled");
    opened.store.close().await;
}

#[tokio::test]
async fn commits_are_durable_whatever_the_server_defaults_to() {
    let database = Database::make().await;
    let setting = "SELECT current_setting('synchronous_commit')";
    for (given, kept) in [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply", "remote_apply")] {
        let url = format!("{}?options=-csynchronous_commit%3D{given}", database.url);
        let mut connection = super::postgres_server::connect(&url).await;
        sqlx::raw_sql(crate::store::postgres::SET_UP).execute(&mut connection).await.unwrap();
        let found: String = sqlx::query_scalar(setting).fetch_one(&mut connection).await.unwrap();
        assert_eq!(found, kept, "{given}");
    }
}

#[tokio::test]
async fn one_bad_value_does_not_spoil_its_neighbours() {
    let database = Database::make().await;
    let opened = open_at(&database.url).await.unwrap();
    // Longer than an index takes, and not to be compressed.
    let long: String =
        (0..4000_u32).map(|number| format!("{:x}", number.wrapping_mul(2_654_435_761))).collect();
    let good = opened.store.write(vec![], vec![Write::PutGrant(grant("good"))]);
    let bad = opened.store.write(vec![], vec![Write::PutGrant(grant(&long))]);
    let also_good = opened.store.write(vec![], vec![Write::PutGrant(grant("also good"))]);
    let (good, bad, also_good) = futures::join!(good, bad, also_good);
    assert!(good.unwrap().is_some() && also_good.unwrap().is_some());
    let error = bad.unwrap_err();
    assert_eq!(error.code(), Code::StoreUnavailable);
    assert!(!all_of(&error).contains(&long[..40]), "{error}");
    opened.store.close().await;
}

#[tokio::test]
async fn batches_of_one_group_see_each_other() {
    let database = Database::make().await;
    let opened = open_at(&database.url).await.unwrap();
    let seen = put(&*opened.store, vec![Write::PutGrant(grant("g"))]).await;
    let next = |generation| {
        let expect = vec![Expect::Grant("g".into(), Some(seen))];
        opened.store.write(expect, vec![Write::PutGrant(GrantRow { generation, ..grant("g") })])
    };
    let outcomes = futures::future::join_all((2..30).map(next)).await;
    let won = outcomes.iter().filter(|outcome| outcome.as_ref().unwrap().is_some()).count();
    assert_eq!(won, 1);
    opened.store.close().await;
}
