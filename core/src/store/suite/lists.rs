//! Lists, pages and what changed.

use std::sync::Arc;

use super::{account, connection, grant, on_every_store, put, session, tags};
use crate::records::Tags;
use crate::store::{AccountKey, Changes, ConnectionRow, GrantRow, SessionRow, SessionStage, Store, Write};

on_every_store!(
    pages_follow_the_bytes_of_the_ids,
    tags_narrow_the_list_and_follow_every_update,
    several_tags_must_all_be_carried,
    grants_and_sessions_come_page_by_page,
    an_account_finds_its_grants_oldest_consent_first,
    a_grant_finds_its_connections,
    changes_name_what_was_written_and_removed,
    changes_from_another_life_of_the_store_are_everything,
    more_changes_than_are_worth_listing_are_everything,
    forgotten_removals_are_everything,
);

async fn ids(store: &dyn Store, tags: &Tags, after: Option<&str>, limit: u32) -> Vec<String> {
    store.connections(tags, after, limit).await.unwrap().into_iter().map(|row| row.id).collect()
}

async fn pages_follow_the_bytes_of_the_ids(store: Arc<dyn Store>) {
    let sorted = ["", "A", "B", "Z", "a", "a\u{0}", "a\u{0}b", "a-b", "b", "é", "日", "\u{10000}"];
    let mut shuffled = sorted;
    shuffled.reverse();
    put(&*store, shuffled.iter().map(|id| Write::PutConnection(connection(id, "g"))).collect()).await;
    assert_eq!(ids(&*store, &Tags::new(), None, 100).await, sorted);
    assert_eq!(ids(&*store, &Tags::new(), None, 0).await, [""; 0]);
    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let page = ids(&*store, &Tags::new(), after.as_deref(), 5).await;
        after = page.last().cloned();
        let full = page.len() == 5;
        paged.extend(page);
        if !full {
            break;
        }
    }
    assert_eq!(paged, sorted);
    assert_eq!(ids(&*store, &Tags::new(), Some("a"), 2).await, ["a\u{0}", "a\u{0}b"]);
    assert_eq!(ids(&*store, &Tags::new(), Some("aa"), 1).await, ["b"]);
}

async fn grants_and_sessions_come_page_by_page(store: Arc<dyn Store>) {
    assert!(store.grants(None, 9).await.unwrap().is_empty());
    assert!(store.sessions(None, 9).await.unwrap().is_empty());
    let other = GrantRow { client_id: "other".into(), ..grant("g2") };
    let sessions = [9, 1, 5].map(|hash| Write::PutSession(session(hash, "c", SessionStage::Waiting, 1)));
    let grants = [grant("g3"), other, grant("G1")].map(Write::PutGrant);
    put(&*store, sessions.into_iter().chain(grants).collect()).await;
    let ids = |rows: Vec<GrantRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(store.grants(None, 2).await.unwrap()), ["G1", "g2"]);
    assert_eq!(ids(store.grants(Some("g2"), 2).await.unwrap()), ["g3"]);
    assert_eq!(ids(store.grants(Some("g3"), 2).await.unwrap()), [""; 0]);
    let hashes = |rows: Vec<SessionRow>| rows.into_iter().map(|row| row.state_hash[0]).collect::<Vec<_>>();
    assert_eq!(hashes(store.sessions(None, 2).await.unwrap()), [1, 5]);
    assert_eq!(hashes(store.sessions(Some(&[5; 32]), 2).await.unwrap()), [9]);
}

async fn tags_narrow_the_list_and_follow_every_update(store: Arc<dyn Store>) {
    let tagged = |id: &str, pairs: &[(&str, &str)]| {
        Write::PutConnection(ConnectionRow { tags: tags(pairs), ..connection(id, "g") })
    };
    put(
        &*store,
        vec![tagged("c3", &[("team", "x")]), tagged("c1", &[("team", "x")]), tagged("c2", &[("team", "y")])],
    )
    .await;
    let x = tags(&[("team", "x")]);
    assert_eq!(ids(&*store, &x, None, 9).await, ["c1", "c3"]);
    assert_eq!(ids(&*store, &x, Some("c1"), 9).await, ["c3"]);
    assert_eq!(ids(&*store, &x, None, 1).await, ["c1"]);
    put(&*store, vec![tagged("c1", &[("team", "y")]), tagged("c2", &[("other", "x"), ("team", "x")])]).await;
    assert_eq!(ids(&*store, &x, None, 9).await, ["c2", "c3"]);
    put(&*store, vec![Write::DeleteConnection("c3".into()), tagged("c2", &[])]).await;
    assert!(ids(&*store, &x, None, 9).await.is_empty());
    assert_eq!(ids(&*store, &tags(&[("team", "y")]), None, 9).await, ["c1"]);
}

async fn several_tags_must_all_be_carried(store: Arc<dyn Store>) {
    let writes = (0..60).map(|number: u32| {
        let pairs = [("two", number % 2), ("three", number % 3), ("five", number % 5)];
        let tags = pairs.map(|(key, value)| (key.to_owned(), value.to_string())).into();
        Write::PutConnection(ConnectionRow { tags, ..connection(&format!("{number:02}"), "g") })
    });
    put(&*store, writes.collect()).await;
    // Tags so common that telling the rarer one takes a second look.
    let common = (0..1200).map(|number| {
        let tags = tags(&[("every", "one"), (if number % 2 == 0 { "even" } else { "odd" }, "yes")]);
        Write::PutConnection(ConnectionRow { tags, ..connection(&format!("z{number:04}"), "g") })
    });
    put(&*store, common.collect()).await;
    let even = tags(&[("every", "one"), ("even", "yes")]);
    assert_eq!(ids(&*store, &even, Some("z0500"), 2).await, ["z0502", "z0504"]);
    assert_eq!(ids(&*store, &tags(&[("two", "0"), ("three", "0")]), None, 3).await, ["00", "06", "12"]);
    assert_eq!(
        ids(&*store, &tags(&[("two", "0"), ("three", "0"), ("five", "0")]), None, 9).await,
        ["00", "30"]
    );
    assert_eq!(
        ids(&*store, &tags(&[("two", "0"), ("three", "0"), ("five", "0")]), Some("00"), 9).await,
        ["30"]
    );
    assert!(ids(&*store, &tags(&[("two", "0"), ("three", "9")]), None, 9).await.is_empty());
}

async fn an_account_finds_its_grants_oldest_consent_first(store: Arc<dyn Store>) {
    let at = |id: &str, consented_at| GrantRow { consented_at, ..grant(id) };
    let others = [
        GrantRow { account_id: None, ..grant("unknown") },
        GrantRow { account_id: Some("account-2".into()), ..grant("other") },
        GrantRow { client_id: "app-2".into(), ..grant("app") },
        GrantRow { auth_host: "gov.example".into(), ..grant("host") },
    ];
    let rows = [at("a", 30), at("c", 10), at("b", 10)].into_iter().chain(others);
    put(&*store, rows.map(Write::PutGrant).collect()).await;
    let found = store.grants_of(&account()).await.unwrap();
    assert_eq!(found.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["b", "c", "a"]);
    let nobody = AccountKey { account_id: "nobody".into(), ..account() };
    assert!(store.grants_of(&nobody).await.unwrap().is_empty());
}

async fn a_grant_finds_its_connections(store: Arc<dyn Store>) {
    let rows = [connection("c2", "g"), connection("c1", "g"), connection("c3", "h")];
    put(&*store, rows.map(Write::PutConnection).into()).await;
    let found = store.connections_of("g").await.unwrap();
    assert_eq!(found.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["c1", "c2"]);
    put(&*store, vec![Write::PutConnection(connection("c1", "h"))]).await;
    assert_eq!(store.connections_of("g").await.unwrap().len(), 1);
    assert!(store.connections_of("none").await.unwrap().is_empty());
}

async fn changes_name_what_was_written_and_removed(store: Arc<dyn Store>) {
    let start = store.changes(0).await.unwrap().seq;
    let first = put(&*store, vec![Write::PutGrant(grant("g1")), Write::PutGrant(grant("g2"))]).await;
    let second = put(&*store, vec![Write::PutConnection(connection("c1", "g1"))]).await;
    let third =
        put(&*store, vec![Write::DeleteGrant("g2".into()), Write::DeleteConnection("none".into())]).await;
    let all = Changes {
        seq: third,
        grants: vec!["g1".into(), "g2".into()],
        connections: vec!["c1".into()],
        everything: false,
    };
    assert_eq!(store.changes(start).await.unwrap(), all);
    assert_eq!(store.changes(first).await.unwrap(), Changes { grants: vec!["g2".into()], ..all.clone() });
    let removed = Changes { grants: vec!["g2".into()], connections: vec![], ..all.clone() };
    assert_eq!(store.changes(second).await.unwrap(), removed);
    assert_eq!(store.changes(third).await.unwrap(), Changes { seq: third, ..Changes::default() });
    put(&*store, vec![Write::PutSession(super::session(1, "c1", crate::store::SessionStage::Waiting, 1))])
        .await;
    let fifth = put(&*store, vec![Write::DeleteConnection("c1".into())]).await;
    let gone = Changes { seq: fifth, connections: vec!["c1".into()], ..Changes::default() };
    assert_eq!(store.changes(third).await.unwrap(), gone);
    let sixth = put(&*store, vec![Write::PutConnection(connection("c1", "g1"))]).await;
    assert_eq!(store.changes(third).await.unwrap(), Changes { seq: sixth, ..gone.clone() }, "named once");
    assert_eq!(store.changes(fifth).await.unwrap(), Changes { seq: sixth, ..gone });
}

async fn changes_from_another_life_of_the_store_are_everything(store: Arc<dyn Store>) {
    let seq = put(&*store, vec![]).await;
    let changes = store.changes(seq + 1).await.unwrap();
    assert_eq!(changes, Changes { seq, everything: true, ..Changes::default() });
}

async fn more_changes_than_are_worth_listing_are_everything(store: Arc<dyn Store>) {
    let start = store.changes(0).await.unwrap().seq;
    let writes = |range: std::ops::Range<u32>| {
        range.map(|number| Write::PutConnection(connection(&number.to_string(), "g"))).collect::<Vec<_>>()
    };
    put(&*store, writes(0..10_000)).await;
    let changes = store.changes(start).await.unwrap();
    assert_eq!((changes.connections.len(), changes.everything), (10_000, false));
    put(&*store, vec![Write::PutGrant(grant("one more"))]).await;
    let changes = store.changes(start).await.unwrap();
    assert_eq!((changes.connections.len(), changes.grants.len(), changes.everything), (0, 0, true));
}

async fn forgotten_removals_are_everything(store: Arc<dyn Store>) {
    let start = store.changes(0).await.unwrap().seq;
    for round in 0..4_u32 {
        let names: Vec<_> = (0..3_000).map(|number| format!("{round}-{number}")).collect();
        put(&*store, names.iter().map(|id| Write::PutConnection(connection(id, "g"))).collect()).await;
        put(&*store, names.into_iter().map(Write::DeleteConnection).collect()).await;
    }
    let before = put(&*store, vec![Write::PutConnection(connection("c", "g"))]).await;
    let after = put(&*store, vec![Write::DeleteConnection("c".into())]).await;
    assert!(store.changes(start).await.unwrap().everything);
    let recent = Changes { seq: after, connections: vec!["c".into()], ..Changes::default() };
    assert_eq!(store.changes(before).await.unwrap(), recent);
    assert!(!store.changes(after).await.unwrap().everything);
}
