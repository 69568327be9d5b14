//! Consents under way.

use std::sync::Arc;

use super::{on_every_store, put, session};
use crate::store::{SessionStage, Store, Write};

on_every_store!(
    the_newest_unfinished_session_is_found,
    waiting_sessions_are_forgotten_and_unfinished_ones_kept,
);

fn exchanged(grant_id: &str) -> SessionStage {
    SessionStage::Exchanged { grant_id: grant_id.into() }
}

async fn the_newest_unfinished_session_is_found(store: Arc<dyn Store>) {
    assert_eq!(store.unfinished_session("c").await.unwrap(), None);
    put(&*store, vec![Write::PutSession(session(1, "c", SessionStage::Waiting, 1))]).await;
    put(&*store, vec![Write::PutSession(session(2, "c", SessionStage::Exchanging, 1))]).await;
    put(&*store, vec![Write::PutSession(session(3, "other", exchanged("x"), 1))]).await;
    assert_eq!(store.unfinished_session("c").await.unwrap(), None);
    put(&*store, vec![Write::PutSession(session(9, "c", exchanged("g1"), 1))]).await;
    put(&*store, vec![Write::PutSession(session(2, "c", exchanged("g2"), 1))]).await;
    put(&*store, vec![Write::PutSession(session(1, "c", SessionStage::Exchanging, 1))]).await;
    let found = store.unfinished_session("c").await.unwrap().unwrap();
    assert_eq!((found.state_hash, found.stage), (vec![2; 32], exchanged("g2")));
    put(&*store, vec![Write::DeleteSession(vec![2; 32])]).await;
    let found = store.unfinished_session("c").await.unwrap().unwrap();
    assert_eq!(found.stage, exchanged("g1"));
    put(&*store, vec![Write::PutSession(session(9, "c", SessionStage::Waiting, 1))]).await;
    assert_eq!(store.unfinished_session("c").await.unwrap(), None);
}

async fn waiting_sessions_are_forgotten_and_unfinished_ones_kept(store: Arc<dyn Store>) {
    const HOUR: u64 = 60 * 60 * 1000;
    let now = 10 * HOUR;
    put(
        &*store,
        vec![
            Write::PutSession(session(1, "c", SessionStage::Waiting, now - 1)),
            Write::PutSession(session(2, "c", SessionStage::Waiting, now)),
            Write::PutSession(session(3, "c", SessionStage::Exchanging, now - HOUR)),
            Write::PutSession(session(4, "c", SessionStage::Exchanging, now - HOUR - 1)),
            Write::PutSession(session(5, "c", exchanged("g"), 0)),
        ],
    )
    .await;
    store.forget_sessions(now).await.unwrap();
    let mut left = Vec::new();
    for hash in 1..=5 {
        if store.session(&[hash; 32]).await.unwrap().is_some() {
            left.push(hash);
        }
    }
    assert_eq!(left, [2, 3, 5]);
    store.forget_sessions(u64::MAX).await.unwrap();
    assert!(store.session(&[2; 32]).await.unwrap().is_none());
    assert!(store.session(&[5; 32]).await.unwrap().is_some());
}
