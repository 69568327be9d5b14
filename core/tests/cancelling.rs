//! Cancelling a caller, at any await point, neither cancels nor repeats a rotation.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::future::BoxFuture;
use support::{Sandbox, connect, myself};
use threelo_core::{Client, CloseOptions, KeepAliveOptions};

/// Drops the call after so many polls, unless it ends before.
async fn cut(call: impl Future<Output = ()>, polls: usize) -> Option<()> {
    let mut call = pin!(call);
    let mut left = polls;
    poll_fn(|context| {
        left -= 1;
        match call.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(())),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A client for whom every access token is too near its end to be handed out without a rotation.
async fn client(sandbox: &Sandbox, store: &str) -> Client {
    let mut options = sandbox.options();
    options.store = store.to_owned();
    options.timings.hard_margin = Duration::from_secs(7200);
    options.timings.early_margin = Duration::from_secs(7200);
    options.timings.margin_share = 1;
    Client::open(options).await.unwrap()
}

/// Calls and drops it after the first poll, after the second, and so on until it ends by itself; each time a call that
/// nobody drops comes after it and finds or makes the next generation.
async fn cancelled_everywhere(verb: for<'c> fn(&'c Client) -> BoxFuture<'c, ()>) {
    for sqlite in [false, true] {
        let sandbox = Sandbox::start().await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = if sqlite { path.to_str().unwrap() } else { "memory:" };
        let client = client(&sandbox, store).await;
        connect(&sandbox, &client, "user-1", None).await;
        let mut polls = 1;
        loop {
            let before = client.connection("user-1").await.unwrap().generation;
            let ended = cut(verb(&client), polls).await;
            verb(&client).await;
            let after = client.connection("user-1").await.unwrap().generation;
            assert!(after > before, "{store}: after {polls} polls nothing came of it");
            if ended.is_some() {
                break;
            }
            polls += 1;
        }
        assert!(polls > 1, "the call was dropped at least once");
        let generation = client.connection("user-1").await.unwrap().generation;
        client.close(CloseOptions::default()).await.unwrap();
        let counts = sandbox.counts().await;
        // The first generation came of the consent, each later one of one exchange.
        assert_eq!(counts["refresh_exchanges"], generation - 1, "{store}: one exchange for each generation");
        assert_eq!((&counts["replays"], &counts["breaches"]), (&0.into(), &0.into()), "{store}");
        // What was rotated is what is stored: it can be rotated again, by somebody who knows nothing else.
        if sqlite {
            let next = sandbox.client_at(&path).await;
            assert_eq!(next.refresh("user-1").await.unwrap().generation, generation + 1);
        }
    }
}

#[tokio::test]
async fn access_token_may_be_cancelled_anywhere() {
    cancelled_everywhere(|client| Box::pin(async { drop(client.access_token("user-1").await.unwrap()) }))
        .await;
}

#[tokio::test]
async fn refresh_may_be_cancelled_anywhere() {
    cancelled_everywhere(|client| Box::pin(async { drop(client.refresh("user-1").await.unwrap()) })).await;
}

#[tokio::test]
async fn proxy_request_may_be_cancelled_anywhere() {
    cancelled_everywhere(|client| {
        Box::pin(async { assert_eq!(myself(client, "user-1").await.unwrap(), 200) })
    })
    .await;
}

#[tokio::test]
async fn keep_alive_may_be_cancelled_anywhere() {
    cancelled_everywhere(|client| {
        let options = KeepAliveOptions { idle_days: 0.0, ..KeepAliveOptions::default() };
        Box::pin(async { drop(client.keep_alive(options).await.unwrap()) })
    })
    .await;
}
