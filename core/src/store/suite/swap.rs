//! The compare-and-swap.

use std::sync::Arc;

use super::{connection, grant, increment, ledger, on_every_store, put, session, token_hash};
use crate::clock::Stamp;
use crate::records::{Product, Site, SiteChoice};
use crate::store::{
    Born, ConnectionRow, Death, Expect, GrantRow, Intent, Lease, Sealed, SessionRow, SessionStage, Spare,
    Store, Write,
};

on_every_store!(
    rows_come_back_as_they_went_in,
    every_row_of_a_batch_carries_its_sequence_number,
    a_grant_is_swapped_only_as_it_was_seen,
    a_connection_is_swapped_only_as_it_was_seen,
    a_session_is_swapped_only_as_it_was_seen,
    a_row_made_anew_is_not_the_row_that_was_seen,
    token_hashes_and_meta_can_be_expected_absent,
    one_failing_expectation_writes_nothing,
    a_token_hash_keeps_its_first_entry,
    changes_of_a_batch_apply_in_order,
    an_empty_batch_still_counts,
    a_closed_store_says_so,
    counting_up_loses_nothing,
);

fn full_grant() -> GrantRow {
    let site = Site {
        cloud_id: "c1".into(),
        url: "https://acme.atlassian.net".into(),
        name: "Acmé \"x\"".into(),
        scopes: vec!["read:jira-work".into()],
        products: vec![Product::Jira, Product::Confluence],
        avatar_url: Some("https://a".into()),
    };
    let at = Stamp { boot: Some("b".into()), boot_ms: 3, wall_ms: 4 };
    GrantRow {
        spares: [6, 7, 8]
            .map(|generation| Spare { pair: Sealed(vec![0, 255]), generation, issued_at: 11, kept_at: 12 })
            .into(),
        death: Some(Death { reason: "revoked".into(), at: 13 }),
        sites: vec![site.clone(), Site { avatar_url: None, ..site }],
        lease: Some(Lease { holder: "h".into(), fence: 14, at }),
        fence: 14,
        intent: Some(Intent { generation: 1, since: 15, last: 16 }),
        expires_at: u64::from(u32::MAX) * 1000,
        ledger: ledger(2),
        born: Some(Born { clock: "c".into(), at: 17 }),
        ..grant("g")
    }
}

async fn rows_come_back_as_they_went_in(store: Arc<dyn Store>) {
    let full = full_grant();
    let bare = GrantRow { account_id: None, scopes: vec![], pair: Sealed(vec![]), ..grant("bare") };
    let chosen = ConnectionRow {
        site: full.sites.first().cloned(),
        site_choice: Some(SiteChoice::Consented),
        tags: super::tags(&[("", ""), ("team", "é\u{0}")]),
        ..connection("c", "g")
    };
    let exchanged = session(1, "c", SessionStage::Exchanged { grant_id: "g".into() }, 20);
    let seq = put(
        &*store,
        vec![
            Write::PutGrant(full.clone()),
            Write::PutGrant(bare.clone()),
            Write::PutConnection(chosen.clone()),
            Write::PutSession(exchanged.clone()),
            Write::AddTokenHash(token_hash(7, "g", 3)),
            Write::PutMeta("name".into(), vec![0, 1]),
        ],
    )
    .await;
    let full = GrantRow { seq, ..full };
    let chosen = ConnectionRow { seq, ..chosen };
    assert_eq!(store.grant("g").await.unwrap(), Some(full.clone()));
    assert_eq!(store.grant("bare").await.unwrap(), Some(GrantRow { seq, ..bare }));
    assert_eq!(store.connection("c").await.unwrap(), Some(chosen.clone()));
    assert_eq!(store.resolve("c").await.unwrap(), Some((chosen, full)));
    assert_eq!(store.session(&[1; 32]).await.unwrap(), Some(SessionRow { seq, ..exchanged }));
    assert_eq!(store.token_hash(&[7; 32]).await.unwrap(), Some(token_hash(7, "g", 3)));
    assert_eq!(store.meta("name").await.unwrap(), Some(vec![0, 1]));
    assert_eq!(store.grant("other").await.unwrap(), None);
    assert_eq!(store.connection("other").await.unwrap(), None);
    assert_eq!(store.resolve("other").await.unwrap(), None);
    assert_eq!(store.session(&[]).await.unwrap(), None);
    assert_eq!(store.token_hash(&[]).await.unwrap(), None);
    assert_eq!(store.meta("other").await.unwrap(), None);
    put(&*store, vec![Write::PutConnection(connection("orphan", "nowhere"))]).await;
    assert_eq!(store.resolve("orphan").await.unwrap(), None);
}

async fn every_row_of_a_batch_carries_its_sequence_number(store: Arc<dyn Store>) {
    let mut last = 0;
    for _ in 0..5 {
        let row = GrantRow { seq: 999, ..grant("g") };
        let seq = put(&*store, vec![Write::PutGrant(row), Write::PutConnection(connection("c", "g"))]).await;
        assert!(seq > last, "{seq} after {last}");
        let (connection, grant) = store.resolve("c").await.unwrap().unwrap();
        assert_eq!((connection.seq, grant.seq), (seq, seq));
        last = seq;
    }
}

/// A row is written by the first of two writers that saw it in the same state.
async fn swapped(store: &dyn Store, expect: impl Fn(Option<u64>) -> Expect, write: Write, delete: Write) {
    let attempt = |seq| store.write(vec![expect(seq)], vec![write.clone()]);
    assert_eq!(attempt(Some(1)).await.unwrap(), None, "it is not there yet");
    let first = attempt(None).await.unwrap().unwrap();
    assert_eq!(attempt(None).await.unwrap(), None, "it is there already");
    assert_eq!(attempt(Some(first + 1)).await.unwrap(), None);
    assert_eq!(attempt(Some(first - 1)).await.unwrap(), None);
    let second = attempt(Some(first)).await.unwrap().unwrap();
    assert_eq!(attempt(Some(first)).await.unwrap(), None, "somebody was quicker");
    assert_eq!(store.write(vec![expect(Some(first))], vec![delete.clone()]).await.unwrap(), None);
    assert!(store.write(vec![expect(Some(second))], vec![delete]).await.unwrap().is_some());
    assert!(attempt(None).await.unwrap().is_some(), "it is gone");
}

async fn a_grant_is_swapped_only_as_it_was_seen(store: Arc<dyn Store>) {
    let expect = |seq| Expect::Grant("g".into(), seq);
    swapped(&*store, expect, Write::PutGrant(grant("g")), Write::DeleteGrant("g".into())).await;
}

async fn a_connection_is_swapped_only_as_it_was_seen(store: Arc<dyn Store>) {
    let expect = |seq| Expect::Connection("c".into(), seq);
    let write = Write::PutConnection(connection("c", "g"));
    swapped(&*store, expect, write, Write::DeleteConnection("c".into())).await;
}

async fn a_session_is_swapped_only_as_it_was_seen(store: Arc<dyn Store>) {
    let expect = |seq| Expect::Session(vec![1; 32], seq);
    let write = Write::PutSession(session(1, "c", SessionStage::Waiting, 5));
    swapped(&*store, expect, write, Write::DeleteSession(vec![1; 32])).await;
}

async fn a_row_made_anew_is_not_the_row_that_was_seen(store: Arc<dyn Store>) {
    let seen = put(&*store, vec![Write::PutGrant(grant("g"))]).await;
    put(&*store, vec![Write::DeleteGrant("g".into())]).await;
    put(&*store, vec![Write::PutGrant(grant("g"))]).await;
    let expect = vec![Expect::Grant("g".into(), Some(seen))];
    assert_eq!(store.write(expect, vec![Write::DeleteGrant("g".into())]).await.unwrap(), None);
}

async fn token_hashes_and_meta_can_be_expected_absent(store: Arc<dyn Store>) {
    let once = |expect: Expect, write: Write| store.write(vec![expect], vec![write]);
    let unseen = Expect::TokenHashUnseen(vec![7; 32]);
    let add = Write::AddTokenHash(token_hash(7, "g", 1));
    assert!(once(unseen.clone(), add.clone()).await.unwrap().is_some());
    assert_eq!(once(unseen, add).await.unwrap(), None);
    let absent = Expect::MetaAbsent("m".into());
    assert!(once(absent.clone(), Write::PutMeta("m".into(), vec![1])).await.unwrap().is_some());
    assert_eq!(once(absent, Write::PutMeta("m".into(), vec![2])).await.unwrap(), None);
    assert_eq!(store.meta("m").await.unwrap(), Some(vec![1]));
    put(&*store, vec![Write::PutMeta("m".into(), vec![3])]).await;
    assert_eq!(store.meta("m").await.unwrap(), Some(vec![3]));
}

async fn one_failing_expectation_writes_nothing(store: Arc<dyn Store>) {
    let seq = put(&*store, vec![Write::PutGrant(grant("g"))]).await;
    let expect = vec![Expect::Grant("g".into(), Some(seq)), Expect::Connection("c".into(), Some(seq))];
    let writes = vec![
        Write::PutGrant(GrantRow { generation: 2, ..grant("g") }),
        Write::PutConnection(connection("c", "g")),
        Write::PutSession(session(1, "c", SessionStage::Waiting, 1)),
        Write::AddTokenHash(token_hash(1, "g", 1)),
        Write::PutMeta("m".into(), vec![]),
    ];
    assert_eq!(store.write(expect, writes).await.unwrap(), None);
    assert_eq!(store.grant("g").await.unwrap(), Some(GrantRow { seq, ..grant("g") }));
    assert_eq!(store.connection("c").await.unwrap(), None);
    assert_eq!(store.session(&[1; 32]).await.unwrap(), None);
    assert_eq!(store.token_hash(&[1; 32]).await.unwrap(), None);
    assert_eq!(store.meta("m").await.unwrap(), None);
    let changes = store.changes(0).await.unwrap();
    assert_eq!((changes.seq, changes.grants), (seq, vec!["g".to_owned()]));
}

async fn a_token_hash_keeps_its_first_entry(store: Arc<dyn Store>) {
    put(
        &*store,
        vec![Write::AddTokenHash(token_hash(1, "g", 1)), Write::AddTokenHash(token_hash(1, "h", 2))],
    )
    .await;
    put(&*store, vec![Write::AddTokenHash(token_hash(1, "i", 3))]).await;
    assert_eq!(store.token_hash(&[1; 32]).await.unwrap(), Some(token_hash(1, "g", 1)));
}

async fn changes_of_a_batch_apply_in_order(store: Arc<dyn Store>) {
    let second = GrantRow { generation: 2, ..grant("g") };
    put(&*store, vec![Write::PutGrant(grant("g")), Write::DeleteGrant("g".into()), Write::PutGrant(second)])
        .await;
    assert_eq!(store.grant("g").await.unwrap().unwrap().generation, 2);
    let tagged = ConnectionRow { tags: super::tags(&[("a", "1")]), ..connection("c", "g") };
    put(&*store, vec![Write::PutConnection(tagged), Write::DeleteConnection("c".into())]).await;
    assert_eq!(store.connection("c").await.unwrap(), None);
    assert!(store.connections(&super::tags(&[("a", "1")]), None, 9).await.unwrap().is_empty());
}

async fn an_empty_batch_still_counts(store: Arc<dyn Store>) {
    let first = put(&*store, vec![]).await;
    let second = put(&*store, vec![]).await;
    assert!(second > first);
    assert_eq!(store.changes(0).await.unwrap().seq, second);
}

async fn a_closed_store_says_so(store: Arc<dyn Store>) {
    put(&*store, vec![Write::PutGrant(grant("g"))]).await;
    store.close().await;
    store.close().await;
    for error in [store.grant("g").await.unwrap_err(), store.write(vec![], vec![]).await.unwrap_err()] {
        assert_eq!(error.code(), crate::Code::StoreUnavailable);
        assert!(error.message().contains("closed"), "{error}");
    }
}

async fn counting_up_loses_nothing(store: Arc<dyn Store>) {
    put(&*store, vec![Write::PutGrant(grant("g"))]).await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..10 {
                    increment(&*store, "g").await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.grant("g").await.unwrap().unwrap().generation, 161);
}
