//! Calls whose time runs out: what is told of a write that may have run, however late somebody looks.

mod slow;

use serde_json::json;

use super::*;
use crate::config::ClientOptions;
use crate::options::RequestOptions;
use crate::request::loopback::{Reply, Server, reply};
use slow::Slow;

/// A client whose identity provider and API are `server`, connected without asking either.
async fn client(server: &Server) -> Client {
    let here = format!("http://127.0.0.1:{}", server.port);
    let mut options =
        ClientOptions::new("app", "secret", "http://localhost:3000/callback", &["read:jira-work"]);
    options.store = "memory:".into();
    options.endpoints = [("auth".to_owned(), here.clone()), ("api".to_owned(), here)].into();
    Client::open(options).await.unwrap()
}

/// The verb and its time are up at once, as for a worker that stood still meanwhile.
#[tokio::test(start_paused = true)]
async fn what_a_verb_came_to_counts_also_when_its_time_is_up() {
    let client = client(&Server::start(Vec::new()).await).await;
    for _ in 0..30 {
        let span = Duration::from_secs(1);
        let mut call = Box::pin(client.run(Some(span), |deadline| async move {
            tokio::time::sleep_until(deadline - Duration::from_millis(250)).await;
            Ok("what it came to")
        }));
        assert!(futures::poll!(&mut call).is_pending());
        tokio::time::advance(2 * span).await;
        assert_eq!(call.await.unwrap(), "what it came to");
    }
}

/// What a call waits for before its request leaves is gone from its time: else the caller's patience ends first, and
/// knows nothing of what was sent.
#[tokio::test]
async fn a_slow_store_does_not_hide_that_a_write_may_have_run() {
    let site = json!([{ "id": "cloud-1", "url": "https://acme.atlassian.net", "name": "acme", "scopes": ["read:jira-work"] }]);
    let server = Server::start(vec![reply(200, "", site.to_string()), Reply::Hang]).await;
    let mut client = client(&server).await;
    let slow =
        Slow { store: Arc::clone(&client.connector().keeper.shared.store), meta: Duration::from_millis(700) };
    let tasks = (client.connector().keeper.tasks.clone(), true);
    Arc::get_mut(&mut client.inner).unwrap().board = Board::new(Arc::new(slow), tasks, "https://api/", "app");
    let import = json!({
        "id": "user-1", "refresh_token": "r", "access_token": "a", "expires_at": crate::clock::wall_ms() + 3_600_000,
        "scopes": ["read:jira-work"], "account_id": "ada",
    });
    client.import_connection(serde_json::from_value(import).unwrap()).await.unwrap();
    let mut write = RequestOptions::new("user-1", "POST", "/rest/api/3/issue");
    write.json = Some(json!({}));
    write.timeout = Some(Duration::from_secs(2));
    let error = client.proxy_request(write).await.unwrap_err();
    assert_eq!((error.code(), server.requests().len()), (Code::OutcomeUnknown, 2), "{error}");
}

/// Who closes the client during a write is told to look; of a read there is nothing to say.
#[test]
fn what_is_cut_off_during_a_write_may_have_been_sent() {
    for (code, writes, looks) in
        [(Code::Cancelled, true, true), (Code::Cancelled, false, false), (Code::Closed, true, false)]
    {
        let error = calls::cut_off(Error::new(code, "the client was closed during the call"), writes);
        assert_eq!(error.hint().contains("before you repeat it"), looks, "{code} {writes}: {}", error.hint());
    }
}
