//! A deterministic little Atlassian for tests and demos: consent, token rotation, sites, a small Jira, faults on demand,
//! time travel and a log. The README describes its world, its switches and its control API.
//!
//! Numbers such as `F3.5` in comments refer to the collected facts about Atlassian that it is written from.
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! let sandbox = threelo_sandbox::start(threelo_sandbox::World::default(), 0).await?;
//! let endpoint = sandbox.url();
//! // Point a client at it, then:
//! sandbox.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod authorize;
mod clock;
mod confluence;
mod connection;
mod control;
mod errors;
mod faults;
mod gateway;
mod grants;
mod hosted;
mod inspect;
mod jira;
mod jql;
mod listings;
mod live;
mod log;
mod mint;
mod multipart;
mod page;
mod rates;
mod reply;
mod resources;
mod rotation;
mod scopes;
mod serve;
pub mod settings;
mod state;
mod token;
pub mod world;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::connection::{Connection, Door};
pub use crate::faults::Order as Fault;
pub use crate::hosted::Hosted;
use crate::serve::Sandbox;
pub use crate::settings::Settings;
pub use crate::world::World;

/// A sandbox that is running. Dropping it stops it, too.
#[derive(Debug)]
pub struct Running {
    url: String,
    stop: Option<watch::Sender<()>>,
    task: JoinHandle<io::Result<()>>,
}

/// Starts a sandbox on 127.0.0.1; port 0 takes a free one. It runs on the runtime that calls this.
pub async fn start(config: World, port: u16) -> io::Result<Running> {
    let (door, address) = Door::open(port).await?;
    // Signed addresses of attachments lead to another host (F5.7): another port is another origin.
    let (media_door, media) = Door::open(0).await?;
    let (stop, stopped) = watch::channel(());
    let sandbox = Sandbox::new(config, format!("http://{media}"), stopped.clone())
        .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
    let sandbox = Arc::new(sandbox);
    let handler = move |ConnectInfo(connection): ConnectInfo<Connection>, request: Request| {
        let sandbox = sandbox.clone();
        async move { sandbox.handle(connection, request).await }
    };
    let service = Router::new().fallback(handler).into_make_service_with_connect_info::<Connection>();
    let closed = |mut stopped: watch::Receiver<()>| async move {
        // An error is what is waited for: the sender is gone.
        while stopped.changed().await.is_ok() {}
    };
    let api = axum::serve(door, service.clone()).with_graceful_shutdown(closed(stopped.clone()));
    let media = axum::serve(media_door, service).with_graceful_shutdown(closed(stopped));
    let task = tokio::spawn(async move { tokio::try_join!(api, media).map(|_| ()) });
    Ok(Running { url: format!("http://{address}"), stop: Some(stop), task })
}

/// The live page of the sandbox at this address.
fn page_of(url: &str) -> String {
    format!("{url}/_sandbox/")
}

impl Running {
    /// Address of both hosts, auth and API, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where a browser sees what the sandbox sees, while it sees it.
    #[must_use]
    pub fn page(&self) -> String {
        page_of(&self.url)
    }

    /// Stops: no new connections; requests under way get a second to end.
    pub async fn shutdown(mut self) {
        drop(self.stop.take());
        let _ = tokio::time::timeout(Duration::from_secs(1), &mut self.task).await;
        self.task.abort();
    }
}
