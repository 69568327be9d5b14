//! What keep-alive looks after comes in order, page by page, and nothing else comes along.

use super::*;
use crate::store::{Death, Due, Intent, WhichDue};

on_every_store!(
    idle_grants_come_oldest_first_and_page_by_page,
    dead_and_old_grants_are_listed_apart,
    grants_in_doubt_are_listed_by_their_first_attempt_until_it_is_settled,
);

fn due(which: WhichDue, limit: u32) -> Due {
    Due { auth_host: "auth.example".into(), client_id: "app".into(), which, after: None, limit }
}

async fn put(store: &Arc<dyn Store>, grants: Vec<GrantRow>) {
    let writes = grants.into_iter().map(Write::PutGrant).collect();
    assert!(store.write(vec![], writes).await.unwrap().is_some());
}

async fn listed(store: &Arc<dyn Store>, mut due: Due) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let page = store.grants_due(&due).await.unwrap();
        assert!(page.len() <= due.limit as usize);
        let Some(last) = page.last() else { return ids };
        due.after = Some(due.place(last));
        ids.extend(page.into_iter().map(|grant| grant.id));
    }
}

async fn idle_grants_come_oldest_first_and_page_by_page(store: Arc<dyn Store>) {
    let at = |id: &str, rotated_at| GrantRow { rotated_at, ..grant(id) };
    let foreign = GrantRow { client_id: "other".into(), ..at("foreign", 1) };
    let dead = GrantRow { death: Some(Death { reason: "revoked".into(), at: 1 }), ..at("dead", 1) };
    put(&store, vec![at("e", 50), at("b", 20), at("a", 20), at("c", 30), at("d", 40), foreign, dead]).await;
    for limit in [1, 2, 100] {
        assert_eq!(
            listed(&store, due(WhichDue::Idle(50), limit)).await,
            ["a", "b", "c", "d"],
            "limit {limit}"
        );
    }
    assert!(listed(&store, due(WhichDue::Idle(20), 10)).await.is_empty());
}

async fn dead_and_old_grants_are_listed_apart(store: Arc<dyn Store>) {
    let dead = |id: &str| GrantRow { death: Some(Death { reason: "revoked".into(), at: 1 }), ..grant(id) };
    let old = |id: &str, first_consented_at| GrantRow { first_consented_at, ..grant(id) };
    put(&store, vec![dead("y"), dead("x"), old("b", 5), old("a", 6), old("c", 7)]).await;
    assert_eq!(listed(&store, due(WhichDue::Dead, 1)).await, ["x", "y"]);
    assert_eq!(listed(&store, due(WhichDue::Old(7), 1)).await, ["b", "a"]);
}

async fn grants_in_doubt_are_listed_by_their_first_attempt_until_it_is_settled(store: Arc<dyn Store>) {
    let doubt = |id: &str, generation, since| {
        let intent = Some(Intent { generation, since, last: since + 7 });
        GrantRow { generation: 3, intent, ..grant(id) }
    };
    let dead = GrantRow { death: Some(Death { reason: "revoked".into(), at: 1 }), ..doubt("dead", 3, 60) };
    let foreign = GrantRow { auth_host: "other.example".into(), ..doubt("foreign", 3, 60) };
    let settled = doubt("settled", 2, 60);
    let all =
        vec![doubt("c", 3, 70), doubt("b", 3, 60), doubt("a", 3, 60), doubt("old", 3, 59), grant("none")];
    put(&store, all.into_iter().chain([dead, foreign, settled]).collect()).await;
    for limit in [1, 2, 100] {
        assert_eq!(
            listed(&store, due(WhichDue::Doubtful(60), limit)).await,
            ["a", "b", "c"],
            "limit {limit}"
        );
    }
    put(&store, vec![GrantRow { intent: None, ..doubt("a", 3, 60) }, doubt("b", 2, 60)]).await;
    assert_eq!(listed(&store, due(WhichDue::Doubtful(0), 10)).await, ["old", "c"]);
}
