//! A sandbox inside a program that has no runtime of ours: users' own tests, in any language.

use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;

use serde_json::json;
use tokio::sync::oneshot;

use crate::{World, start};

/// A sandbox on a thread of its own. Dropping it stops it.
#[derive(Debug)]
pub struct Hosted {
    url: String,
    options: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// A forked child inherits this value and not the thread.
    process: u32,
}

impl Hosted {
    /// Starts a sandbox whose world is written in JSON; an empty text is the default world.
    ///
    /// # Errors
    /// `InvalidInput` for a world that cannot be, and what the system says of the port.
    pub fn start(world: &str, port: u16) -> io::Result<Self> {
        let text = if world.is_empty() { "{}" } else { world };
        let world: World = crate::control::named(text.as_bytes())
            .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, format!("the world: {why}")))?;
        let app = world.apps.first().cloned();
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(tell.send(Err(error))),
            };
            runtime.block_on(async {
                match start(world, port).await {
                    Err(error) => drop(tell.send(Err(error))),
                    Ok(running) => {
                        let _ = tell.send(Ok(running.url().to_owned()));
                        // An error is what is waited for: its owner is gone.
                        let _ = stopped.await;
                        running.shutdown().await;
                    }
                }
            });
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("threelo-sandbox".to_owned()).spawn(serve)?;
        let url = told.recv().map_err(|_| io::Error::other("the sandbox ended as it started"))??;
        let app = app.unwrap_or_default();
        // With scopes of Confluence the first site of the default world would be one without Jira.
        let jira = |scope: &&String| !scope.contains("confluence");
        let options = json!({
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "redirect_uri": app.redirect_uris.first(),
            "scopes": app.scopes.iter().filter(jira).collect::<Vec<_>>(),
            "store": "memory:",
            "endpoints": { "auth": url, "api": url },
        });
        let process = std::process::id();
        Ok(Self { url, options: options.to_string(), stop: Some(stop), thread: Some(thread), process })
    }

    /// Address of both hosts, auth and API, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Options of a client of its first app, as JSON with the names of `api.toml`: in memory, and with all scopes
    /// but those of Confluence.
    #[must_use]
    pub fn options(&self) -> &str {
        &self.options
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.process == std::process::id()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn each_has_a_port_of_its_own_until_it_is_dropped() {
        let (one, other) = (Hosted::start("", 0).unwrap(), Hosted::start("{\"seed\": 7}", 0).unwrap());
        assert_ne!(one.url(), other.url());
        let address = one.url().trim_start_matches("http://").to_owned();
        assert!(TcpStream::connect(&address).is_ok());
        drop(one);
        assert!(TcpStream::connect(&address).is_err());
        assert!(other.options().contains(other.url()));
    }

    #[test]
    fn a_world_that_cannot_be_is_refused() {
        for world in ["{", "{\"sights\": []}", "[]"] {
            assert_eq!(Hosted::start(world, 0).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{world}");
        }
    }
}
