//! Many at once, and callers that walk away.

use std::sync::Arc;
use std::time::Duration;

use super::{connection, grant, on_every_store, put};
use crate::store::{Expect, GrantRow, Store, Write};

on_every_store!(
    one_of_two_first_writers_wins,
    a_dropped_write_is_whole_or_nothing,
    dropped_reads_leave_the_store_usable,
    readers_see_whole_batches_only,
);

async fn one_of_two_first_writers_wins(store: Arc<dyn Store>) {
    for round in 0..20_u8 {
        let name = format!("check-{round}");
        let attempt = |value: u8| {
            let (store, name) = (Arc::clone(&store), name.clone());
            tokio::spawn(async move {
                let expect = vec![Expect::MetaAbsent(name.clone())];
                store.write(expect, vec![Write::PutMeta(name, vec![value])]).await.unwrap()
            })
        };
        let (first, second) = (attempt(1), attempt(2));
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        assert!(first.is_some() != second.is_some(), "{first:?} {second:?}");
        let winner = if first.is_some() { 1 } else { 2 };
        assert_eq!(store.meta(&name).await.unwrap(), Some(vec![winner]));
    }
}

async fn a_dropped_write_is_whole_or_nothing(store: Arc<dyn Store>) {
    for round in 0..40_u32 {
        let (grant_id, id) = (format!("g{round}"), format!("c{round}"));
        let writes =
            vec![Write::PutGrant(grant(&grant_id)), Write::PutConnection(connection(&id, &grant_id))];
        let mut write = store.write(vec![], writes);
        match round % 3 {
            0 => drop(write),
            1 => drop(futures::poll!(&mut write)),
            _ => drop(tokio::time::timeout(Duration::from_micros(u64::from(round) * 50), write).await),
        }
    }
    // A write behind all of those waits for them.
    put(&*store, vec![]).await;
    for round in 0..40_u32 {
        let grant = store.grant(&format!("g{round}")).await.unwrap();
        let connection = store.connection(&format!("c{round}")).await.unwrap();
        assert_eq!(grant.as_ref().map(|row| row.seq), connection.as_ref().map(|row| row.seq));
        assert_eq!(grant.is_some(), round % 3 != 0, "what was handed in is carried out, what was not is not");
    }
}

async fn dropped_reads_leave_the_store_usable(store: Arc<dyn Store>) {
    put(
        &*store,
        (0..200).map(|number| Write::PutConnection(connection(&format!("{number:03}"), "g"))).collect(),
    )
    .await;
    for round in 0..50_u64 {
        let read = store.connections_of("g");
        let _ = tokio::time::timeout(Duration::from_micros(round * 10), read).await;
    }
    assert_eq!(store.connections_of("g").await.unwrap().len(), 200);
    put(&*store, vec![]).await;
}

async fn readers_see_whole_batches_only(store: Arc<dyn Store>) {
    let both = |generation| {
        let row = |id| Write::PutGrant(GrantRow { generation, ..grant(id) });
        vec![row("a"), row("b"), Write::PutConnection(connection("c", "a"))]
    };
    put(&*store, both(0)).await;
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for generation in 1..100 {
                put(&*store, both(generation)).await;
            }
        })
    };
    while !writer.is_finished() {
        let rows = store.grants_of(&super::account()).await.unwrap();
        let generations: Vec<_> = rows.iter().map(|row| row.generation).collect();
        assert!(matches!(generations.as_slice(), [a, b] if a == b), "{generations:?}");
        let (connection, grant) = store.resolve("c").await.unwrap().unwrap();
        assert_eq!(connection.seq, grant.seq);
    }
    writer.await.unwrap();
}
