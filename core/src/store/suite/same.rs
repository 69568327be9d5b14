//! Whatever is done to them, all stores give the same answers.

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use super::postgres_server::Database;
use super::{Place, account, connection, grant, ledger, session, token_hash};
use crate::clock::Stamp;
use crate::records::Tags;
use crate::store::{
    AccountKey, Born, ConnectionRow, Death, Expect, GrantRow, Intent, Lease, Sealed, SessionStage, Spare,
    Store, Write,
};

#[derive(Clone, Debug)]
enum Step {
    /// A batch; a seq is counted back from the newest, so that it often fits.
    Write(Vec<(Expect, Option<u64>)>, Vec<Write>),
    Forget(u64),
}

fn id() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "B", "é", "a\u{0}b", ""]).prop_map(str::to_owned)
}

fn hash() -> impl Strategy<Value = Vec<u8>> {
    (0..4_u8).prop_map(|byte| vec![byte; 32])
}

fn a_tags() -> impl Strategy<Value = Tags> {
    btree_map(id(), id(), 0..3)
}

fn stage() -> impl Strategy<Value = SessionStage> {
    prop_oneof![
        Just(SessionStage::Waiting),
        Just(SessionStage::Exchanging),
        id().prop_map(|grant_id| SessionStage::Exchanged { grant_id }),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1000_i32..1000).prop_map(|number| json!(f64::from(number) / 8.0)),
        Just(json!({"z": [null, true], "a": {}})),
    ]
}

fn a_grant() -> impl Strategy<Value = GrantRow> {
    let pair = || vec(any::<u8>(), 0..40).prop_map(Sealed);
    let spare = (pair(), 0..9_u64).prop_map(|(pair, generation)| Spare {
        pair,
        generation,
        issued_at: 1,
        kept_at: 2,
    });
    let lease = any::<String>().prop_map(|holder| Lease {
        holder,
        fence: 3,
        at: Stamp { boot: None, boot_ms: u64::MAX, wall_ms: u64::MAX },
    });
    let state = (vec(spare, 0..4), prop::option::of(lease), any::<bool>());
    (id(), 0..3_u64, 0..4_u64, pair(), prop::option::of(id()), state).prop_map(
        |(id, generation, consented_at, pair, account, (spares, lease, troubled))| GrantRow {
            generation,
            consented_at,
            pair,
            account_id: account.map(|name| if name == "a" { "account-1".into() } else { name }),
            spares,
            lease,
            death: troubled.then(|| Death { reason: "inactive".into(), at: 4 }),
            ledger: ledger(generation),
            born: troubled.then(|| Born { clock: "c".into(), at: generation }),
            intent: troubled.then_some(Intent { generation: 1, since: 5, last: 6 }),
            ..grant(&id)
        },
    )
}

fn a_connection() -> impl Strategy<Value = ConnectionRow> {
    (id(), id(), a_tags(), btree_map(any::<String>(), value(), 0..3)).prop_map(
        |(id, grant_id, tags, metadata)| {
            let metadata = metadata.into_iter().collect::<Map<_, _>>();
            ConnectionRow { tags, metadata, ..connection(&id, &grant_id) }
        },
    )
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => a_grant().prop_map(Write::PutGrant),
        3 => a_connection().prop_map(Write::PutConnection),
        2 => (0..4_u8, id(), stage(), 0..2_u64)
            .prop_map(|(hash, id, stage, hours)| Write::PutSession(session(hash, &id, stage, hours * 7_200_000))),
        1 => id().prop_map(Write::DeleteGrant),
        1 => id().prop_map(Write::DeleteConnection),
        1 => hash().prop_map(Write::DeleteSession),
        1 => (0..4_u8, id(), 0..3_u64).prop_map(|(byte, id, number)| Write::AddTokenHash(token_hash(byte, &id, number))),
        1 => (id(), vec(any::<u8>(), 0..3)).prop_map(|(name, value)| Write::PutMeta(name, value)),
    ]
}

fn expect() -> impl Strategy<Value = (Expect, Option<u64>)> {
    let back = || prop::option::of(0..4_u64);
    prop_oneof![
        (id(), back()).prop_map(|(id, back)| (Expect::Grant(id, None), back)),
        (id(), back()).prop_map(|(id, back)| (Expect::Connection(id, None), back)),
        (hash(), back()).prop_map(|(hash, back)| (Expect::Session(hash, None), back)),
        hash().prop_map(|hash| (Expect::TokenHashUnseen(hash), None)),
        id().prop_map(|name| (Expect::MetaAbsent(name), None)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        9 => (vec(expect(), 0..2), vec(write(), 0..5)).prop_map(|(expect, writes)| Step::Write(expect, writes)),
        1 => (0..3_u64).prop_map(|hours| Step::Forget(hours * 7_200_000)),
    ]
}

fn at(expect: &[(Expect, Option<u64>)], newest: u64) -> Vec<Expect> {
    let seen = |back: &Option<u64>| back.map(|back| newest.saturating_sub(back));
    let fill = |(expect, back): &(Expect, Option<u64>)| match expect.clone() {
        Expect::Grant(id, _) => Expect::Grant(id, seen(back)),
        Expect::Connection(id, _) => Expect::Connection(id, seen(back)),
        Expect::Session(hash, _) => Expect::Session(hash, seen(back)),
        other => other,
    };
    expect.iter().map(fill).collect()
}

/// Every question there is, about everything that can be there.
async fn everything(store: &dyn Store, tags: &Tags) -> Vec<String> {
    let mut answers = Vec::new();
    let mut note = |answer: String| answers.push(answer);
    for id in ["a", "b", "B", "é", "a\u{0}b", "", "nobody"] {
        note(format!("{:?}", store.grant(id).await.unwrap()));
        note(format!("{:?}", store.connection(id).await.unwrap()));
        note(format!("{:?}", store.resolve(id).await.unwrap()));
        note(format!("{:?}", store.connections_of(id).await.unwrap()));
        note(format!("{:?}", store.unfinished_session(id).await.unwrap()));
        note(format!("{:?}", store.meta(id).await.unwrap()));
        note(format!("{:?}", store.connections(tags, Some(id), 2).await.unwrap()));
        note(format!(
            "{:?}",
            store.grants_of(&AccountKey { account_id: id.into(), ..account() }).await.unwrap()
        ));
    }
    for byte in 0..4 {
        note(format!("{:?}", store.session(&[byte; 32]).await.unwrap()));
        note(format!("{:?}", store.token_hash(&[byte; 32]).await.unwrap()));
    }
    note(format!("{:?}", store.grants_of(&account()).await.unwrap()));
    note(format!("{:?}", store.connections(&Tags::new(), None, 100).await.unwrap()));
    note(format!("{:?}", store.connections(tags, None, 3).await.unwrap()));
    let newest = store.changes(0).await.unwrap().seq;
    for since in newest.saturating_sub(3)..=newest + 1 {
        note(format!("{:?}", store.changes(since).await.unwrap()));
    }
    answers
}

/// Does the same to memory and to another, newly opened store.
async fn agree(other: Place, steps: Vec<Step>, tags: Tags) -> Result<(), TestCaseError> {
    let memory = super::memory().await;
    // Opening left a key check in the other one.
    super::put(&*memory.store, vec![]).await;
    for step in steps {
        match step {
            Step::Write(expect, writes) => {
                let newest = memory.store.changes(0).await.unwrap().seq;
                let expect = at(&expect, newest);
                let in_memory = memory.store.write(expect.clone(), writes.clone()).await.unwrap();
                prop_assert_eq!(in_memory, other.store.write(expect, writes).await.unwrap());
            }
            Step::Forget(before) => {
                memory.store.forget_sessions(before).await.unwrap();
                other.store.forget_sessions(before).await.unwrap();
            }
        }
    }
    prop_assert_eq!(everything(&*memory.store, &tags).await, everything(&*other.store, &tags).await);
    other.store.close().await;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_sqlite_agree(steps in vec(step(), 1..12), tags in a_tags()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { agree(super::sqlite().await, steps, tags).await })?;
    }

}

#[test]
fn memory_and_postgres_agree() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(Database::make());
    let config = ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() };
    let (mut runner, schemas) = (TestRunner::new(config), AtomicU32::new(0));
    let agreed = runner.run(&(vec(step(), 1..12), a_tags()), |(steps, tags)| {
        // A schema for each case: a database would take longer to make.
        let schema = format!("s{}", schemas.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(async {
            database.execute(&format!("CREATE SCHEMA {schema}")).await;
            let url = format!("{}?options=-csearch_path%3D{schema}", database.url);
            let opened = super::postgres::open_at(&url).await.unwrap();
            agree(Place { store: opened.store, _place: None }, steps, tags).await
        })
    });
    agreed.unwrap();
}
