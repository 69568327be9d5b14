//! Connecting in a browser: a page of our own ties the consent to the browser that opens it, the callback is received on
//! this machine, and where several sites are there the person picks one.

mod desk;
mod pages;
mod server;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use threelo_core::{Client, CompleteOptions, ConnectOptions, Connection, Error, SelectSiteOptions, Site};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use crate::args::Connect;
use crate::output::Output;
use crate::typed::read_line;
use crate::{Failure, Outcome};
use desk::Desk;

/// A person who takes longer is told what may be in the way.
const PATIENCE: Duration = Duration::from_secs(60);

/// The pages of a consent, which outlive the command's last word: a browser may still be reading the last of them.
#[derive(Debug, Default)]
pub(crate) struct Pages(Mutex<Option<server::Serving>>);

impl Pages {
    /// Serves the last page while somebody may want it, where there was one.
    pub(crate) async fn finish(&self) {
        if let Some(serving) = self.0.lock().await.take() {
            serving.finish().await;
        }
    }
}

/// Runs a consent and returns the connection, with a site where there is one.
pub(crate) async fn connect(
    client: &Client,
    output: &Output,
    asked: &Connect,
    redirect_uri: &str,
    pages: &Pages,
) -> Outcome<Connection> {
    let redirect_uri = Url::parse(redirect_uri)
        .map_err(|_| Failure::Usage(format!("the callback URL {redirect_uri} is not a URL")))?;
    let browser = random()?;
    let mut options = ConnectOptions::new(&*asked.id, Some(&browser));
    options.site.clone_from(&asked.site);
    options.allow_account_change = asked.allow_account_change;
    if asked.no_browser {
        return by_hand(client, output, options, browser).await;
    }
    let listener = listen(&redirect_uri).await?;
    let session = client.connect(options).await?;
    let left = Duration::from_millis(session.expires_at.saturating_sub(threelo_core::clock::wall_ms()));
    let (ended, end) = mpsc::channel(1);
    let ticket = random()?;
    let mut start = redirect_uri.clone();
    start.set_query(None);
    start.set_path(&format!("{}{ticket}", server::START));
    let desk = Arc::new(Desk {
        client: client.clone(),
        id: asked.id.clone(),
        consent_url: session.url,
        state: session.state,
        redirect_uri,
        ticket,
        opened: AtomicBool::default(),
        browser,
        stage: Mutex::default(),
        ended,
    });
    *pages.0.lock().await = Some(server::serve(listener, Arc::clone(&desk)));
    if asked.print_url {
        output.data(&json!({ "url": start.as_str() }), || start.to_string());
    } else {
        output.note(format!("Opening {start}\nWaiting for the consent in the browser; Ctrl-C ends it."));
        if open::that_detached(start.as_str()).is_err() {
            output.warning(&format!(
                "No browser could be started here: open {start} yourself, or use --no-browser."
            ));
        }
    }
    let outcome = attend(output, &desk, end, PATIENCE, left).await;
    Ok(outcome
        .unwrap_or_else(|| Err(Error::new(threelo_core::Code::Cancelled, "the consent was not finished")))?)
}

/// Waits for the end of a consent, which comes at the latest when nobody can finish it any more.
async fn attend(
    output: &Output,
    desk: &Desk,
    mut end: mpsc::Receiver<desk::Outcome>,
    patience: Duration,
    left: Duration,
) -> Option<desk::Outcome> {
    let last = Instant::now() + left;
    if let Ok(outcome) = timeout(patience.min(left), end.recv()).await {
        return outcome;
    }
    if let Some(advice) = desk.advice() {
        output.warning(&advice);
    }
    if let Ok(outcome) = timeout_at(last, end.recv()).await {
        return outcome;
    }
    desk.expire().await;
    end.recv().await
}

/// Without a browser on this machine: the address goes out by one hand and comes back by another.
async fn by_hand(
    client: &Client,
    output: &Output,
    options: ConnectOptions,
    browser: String,
) -> Outcome<Connection> {
    let id = options.id.clone();
    let session = client.connect(options).await?;
    output.data(&json!({ "url": session.url }), || session.url.clone());
    output.note("Open this address anywhere, accept, and paste the address the browser ends at:");
    let pasted = read_line().await?.unwrap_or_default();
    let complete = CompleteOptions {
        callback_url: SecretString::from(pasted),
        binding: Some(SecretString::from(browser)),
        timeout: None,
    };
    let connection = client.complete(complete).await?;
    if connection.site.is_some() {
        return Ok(connection);
    }
    let sites = client.sites(id.as_str()).await?;
    let Some(site) = choose(output, &sites).await? else { return Ok(connection) };
    Ok(client.select_site(SelectSiteOptions { id, site, timeout: None }).await?)
}

/// Asks for one of several sites; `None` where there is none to choose from.
async fn choose(output: &Output, sites: &[Site]) -> Outcome<Option<String>> {
    if let [] | [_] = sites {
        return Ok(sites.first().map(|site| site.cloud_id.clone()));
    }
    output.data(&json!({ "sites": sites }), || {
        let lines =
            (1..).zip(sites).map(|(number, site)| format!("{number:>3}  {}  {}", site.name, site.url));
        lines.collect::<Vec<_>>().join("\n")
    });
    output.note("Which site? Type its number:");
    let typed = read_line().await?.unwrap_or_default();
    let chosen = typed.parse::<usize>().ok().and_then(|number| sites.get(number.checked_sub(1)?));
    let chosen = chosen.ok_or_else(|| {
        Failure::Usage(format!(
            "{typed:?} is not one of the numbers; nothing is lost: `threelo select-site` chooses"
        ))
    })?;
    Ok(Some(chosen.cloud_id.clone()))
}

/// Whether a callback URL leads to this machine.
pub(crate) fn is_local(redirect_uri: &Url) -> bool {
    matches!(redirect_uri.host_str(), Some("localhost" | "127.0.0.1")) && redirect_uri.scheme() == "http"
}

/// Where the callback arrives: only on this machine, whatever the callback URL says.
pub(crate) async fn listen(redirect_uri: &Url) -> Outcome<TcpListener> {
    if !is_local(redirect_uri) {
        return Err(Failure::Usage(format!(
            "the callback URL {redirect_uri} does not lead to this machine, so nothing can listen for it here; \
             use --no-browser and paste the address the browser ends at"
        )));
    }
    if redirect_uri.path().starts_with(server::OWN) {
        return Err(Failure::Usage(format!(
            "the callback URL {redirect_uri} begins with {}, where the pages of this command are; use --no-browser, or \
             register a callback with another path",
            server::OWN
        )));
    }
    let port = redirect_uri.port_or_known_default().unwrap_or(80);
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(|error| {
        Failure::Io(format!("listening on 127.0.0.1:{port}, where the callback arrives"), error)
    })
}

/// 256 random bits for an address or a cookie.
fn random() -> Outcome<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|_| Failure::Usage("the operating system gives no random bytes".to_owned()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
