//! What every store promises, as one suite that each implementation passes, and what SQLite and
//! PostgreSQL promise beyond it.

use std::any::Any;
use std::sync::Arc;

use serde_json::{Map, json};
use tempfile::TempDir;

use super::{
    AccountKey, ConnectionRow, Expect, GrantRow, Key32, Lease, Ledger, Location, Sealed, SessionRow,
    SessionStage, Spare, Store, TokenHashRow, Write, open,
};
use crate::clock::Stamp;
use crate::error::Code;
use crate::records::{LedgerEntry, Tags};

mod due;
mod lists;
mod postgres;
mod postgres_outages;
mod postgres_processes;
#[path = "../../../tests/support/postgres.rs"]
pub(super) mod postgres_server;
mod races;
mod same;
mod sessions;
mod sqlite_files;
mod sqlite_keys;
mod sqlite_processes;
mod sqlite_shared;
mod swap;

/// A store under test, and what has to live as long as it does.
pub(super) struct Place {
    pub(super) store: Arc<dyn Store>,
    _place: Option<Box<dyn Any + Send>>,
}

pub(super) async fn memory() -> Place {
    let opened = open(&Location::Memory, None).await.unwrap();
    Place { store: opened.store, _place: None }
}

pub(super) async fn sqlite() -> Place {
    let directory = TempDir::new().unwrap();
    let location = Location::Sqlite(directory.path().join("threelo.db"));
    let opened = open(&location, Some(vec![key(1)])).await.unwrap();
    Place { store: opened.store, _place: Some(Box::new(directory)) }
}

pub(super) async fn postgres() -> Place {
    let database = postgres_server::Database::make().await;
    let opened = open(&Location::parse(&database.url).unwrap(), Some(vec![key(1)])).await.unwrap();
    Place { store: opened.store, _place: Some(Box::new(database)) }
}

/// Runs every case on every store. A case takes an `Arc<dyn Store>` that is empty.
macro_rules! on_every_store {
    ($($case:ident),* $(,)?) => {
        mod on_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let place = super::super::memory().await;
                super::$case(std::sync::Arc::clone(&place.store)).await;
            })*
        }
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let place = super::super::sqlite().await;
                super::$case(std::sync::Arc::clone(&place.store)).await;
                place.store.close().await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let place = super::super::postgres().await;
                super::$case(std::sync::Arc::clone(&place.store)).await;
                place.store.close().await;
            })*
        }
    };
}
use on_every_store;

pub(super) fn key(fill: u8) -> Key32 {
    Key32::from_bytes(&[fill; 32]).unwrap()
}

pub(super) fn grant(id: &str) -> GrantRow {
    GrantRow {
        id: id.into(),
        auth_host: "auth.example".into(),
        client_id: "app".into(),
        account_id: Some("account-1".into()),
        generation: 1,
        pair: Sealed(vec![1, 2, 3]),
        spares: vec![],
        death: None,
        scopes: vec!["read:jira-work".into()],
        sites: vec![],
        expires_at: 10,
        rotated_at: 9,
        born: None,
        first_consented_at: 8,
        consented_at: 7,
        lease: None,
        fence: 0,
        intent: None,
        ledger: Ledger::default(),
        seq: 0,
    }
}

/// Of a grant that is being rotated.
pub(super) fn lease() -> Lease {
    Lease { holder: "w/1".into(), fence: 3, at: Stamp { boot: Some("b".into()), boot_ms: 1, wall_ms: 2 } }
}

/// The spare of a grant that a store of version 1 holds.
pub(super) fn old_spare() -> Spare {
    Spare { pair: Sealed(vec![4]), generation: 0, issued_at: 5, kept_at: 6 }
}

/// A ledger of so many entries.
pub(super) fn ledger(entries: u64) -> Ledger {
    let entry = |n| LedgerEntry { at: n, generation: n, outcome: "rotated".into(), worker: "7-ab".into() };
    (0..entries).fold(Ledger::default(), |ledger, n| ledger.with(entry(n)))
}

pub(super) fn connection(id: &str, grant_id: &str) -> ConnectionRow {
    ConnectionRow {
        id: id.into(),
        grant_id: grant_id.into(),
        site: None,
        site_choice: None,
        tags: Tags::new(),
        metadata: Map::from_iter([("plan".to_owned(), json!({"seats": 3, "name": "é\u{0}\""}))]),
        created_at: 5,
        seq: 0,
    }
}

pub(super) fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn session(hash: u8, connection_id: &str, stage: SessionStage, expires_at: u64) -> SessionRow {
    SessionRow {
        state_hash: vec![hash; 32],
        connection_id: connection_id.into(),
        stage,
        payload: Sealed(vec![9]),
        expires_at,
        seq: 0,
    }
}

pub(super) fn token_hash(hash: u8, grant_id: &str, generation: u64) -> TokenHashRow {
    TokenHashRow { hash: vec![hash; 32], grant_id: grant_id.into(), generation }
}

/// Writes without expecting anything.
pub(super) async fn put(store: &dyn Store, writes: Vec<Write>) -> u64 {
    store.write(vec![], writes).await.unwrap().unwrap()
}

/// Adds one to a grant's generation, again and again until nobody was quicker.
pub(super) async fn increment(store: &dyn Store, id: &str) -> u64 {
    loop {
        let row = store.grant(id).await.unwrap().unwrap();
        let expect = vec![Expect::Grant(id.to_owned(), Some(row.seq))];
        let generation = row.generation + 1;
        let next = GrantRow { generation, ..row };
        if store.write(expect, vec![Write::PutGrant(next)]).await.unwrap().is_some() {
            return generation;
        }
    }
}

/// In a store that a newer version has migrated under this one: of batches that are handed in together, those that
/// save a pair are written and all others refused.
pub(super) async fn pairs_alone_are_saved(store: &dyn Store) {
    let before = store.grant("g").await.unwrap().unwrap();
    let batches = (0..20_u64).map(|number| async move {
        let put = vec![Write::PutGrant(GrantRow { generation: number, ..grant(&format!("g{number}")) })];
        if number % 2 == 0 { store.rescue(vec![], put).await } else { store.write(vec![], put).await }
    });
    for (number, written) in futures::future::join_all(batches).await.into_iter().enumerate() {
        match number % 2 {
            0 => assert!(written.unwrap() > Some(before.seq)),
            _ => assert_eq!(written.unwrap_err().code(), Code::SchemaNewer),
        }
        assert_eq!(store.grant(&format!("g{number}")).await.unwrap().is_some(), number % 2 == 0);
    }
    let next = || vec![Write::PutGrant(GrantRow { generation: 2, ..before.clone() })];
    let seq = before.seq;
    assert_eq!(store.rescue(vec![Expect::Grant("g".into(), Some(seq + 1))], next()).await.unwrap(), None);
    assert!(store.rescue(vec![Expect::Grant("g".into(), Some(seq))], next()).await.unwrap().is_some());
    assert_eq!(store.grant("g").await.unwrap().unwrap().generation, 2);
}

pub(super) fn account() -> AccountKey {
    AccountKey { auth_host: "auth.example".into(), client_id: "app".into(), account_id: "account-1".into() }
}
