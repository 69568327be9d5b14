//! Connecting in a browser: a page of our own ties the consent to the browser that opens it, the callback is received on
//! this machine, and where several sites are there the person picks one.

mod desk;
mod pages;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use secrecy::SecretString;
use threelo_core::{Client, CompleteOptions, ConnectOptions, Connection, Error, SelectSiteOptions, Site};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use url::Url;

use crate::args::Connect;
use crate::output::Output;
use crate::{Failure, Outcome};
use desk::Desk;

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
    let (ended, mut end) = mpsc::channel(1);
    let ticket = random()?;
    let mut start = redirect_uri.clone();
    start.set_query(None);
    start.set_path(&format!("{}{ticket}", server::START));
    let desk = Desk {
        client: client.clone(),
        id: asked.id.clone(),
        consent_url: session.url,
        state: session.state,
        redirect_uri,
        ticket,
        browser,
        stage: Mutex::default(),
        ended,
    };
    *pages.0.lock().await = Some(server::serve(listener, Arc::new(desk)));
    if asked.print_url {
        output.line(start.as_str());
    } else {
        output.note(format!("Opening {start}\nWaiting for the consent in the browser; Ctrl-C ends it."));
        if open::that_detached(start.as_str()).is_err() {
            output.note("No browser could be started here: open the address yourself, or use --no-browser.");
        }
    }
    let outcome = end.recv().await;
    Ok(outcome
        .unwrap_or_else(|| Err(Error::new(threelo_core::Code::Cancelled, "the consent was not finished")))?)
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
    output.line(&session.url);
    output.note("Open this address anywhere, accept, and paste the address the browser ends at:");
    let pasted = read_line().await?;
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
    for (number, site) in (1..).zip(sites) {
        output.line(format!("{number:>3}  {}  {}", site.name, site.url));
    }
    output.note("Which site? Type its number:");
    let typed = read_line().await?;
    let chosen = typed.parse::<usize>().ok().and_then(|number| sites.get(number.checked_sub(1)?));
    let chosen = chosen.ok_or_else(|| {
        Failure::Usage(format!(
            "{typed:?} is not one of the numbers; nothing is lost: `threelo select-site` chooses"
        ))
    })?;
    Ok(Some(chosen.cloud_id.clone()))
}

/// Where the callback arrives: only on this machine, whatever the callback URL says.
async fn listen(redirect_uri: &Url) -> Outcome<TcpListener> {
    let local =
        matches!(redirect_uri.host_str(), Some("localhost" | "127.0.0.1")) && redirect_uri.scheme() == "http";
    if !local {
        return Err(Failure::Usage(format!(
            "the callback URL {redirect_uri} does not lead to this machine, so nothing can listen for it here; \
             use --no-browser and paste the address the browser ends at"
        )));
    }
    let port = redirect_uri.port_or_known_default().unwrap_or(80);
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(|error| {
        Failure::Io(format!("listening on 127.0.0.1:{port}, where the callback arrives"), error)
    })
}

/// A line from standard input, without holding the runtime.
pub(crate) async fn read_line() -> Outcome<String> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line.trim().to_owned())
    });
    let line = read.await.map_err(|_| Failure::Interrupted)?;
    line.map_err(|error| Failure::Io("reading standard input".to_owned(), error))
}

/// 256 random bits for an address or a cookie.
fn random() -> Outcome<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|_| Failure::Usage("the operating system gives no random bytes".to_owned()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
