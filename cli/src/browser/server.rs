//! The three addresses a consent needs on this machine: its start, the callback, and the choice of the site.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use secrecy::SecretString;
use serde::Deserialize;
use threelo_core::{Code, CompleteOptions, Connection, Error, SelectSiteOptions, Site};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Desk, pages};

pub(super) const START: &str = "/threelo/start/";
const SITE: &str = "/threelo/site";
const COOKIE: &str = "threelo_browser";

/// A page still being read when the command is done gets this long.
const LAST_PAGE: Duration = Duration::from_secs(2);

/// The server, while it runs.
pub(super) struct Serving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Serving {
    /// Ends it, once the page under way has been sent.
    pub(super) async fn finish(mut self) {
        drop(self.stop);
        let _ = tokio::time::timeout(LAST_PAGE, &mut self.task).await;
        self.task.abort();
    }
}

pub(super) fn serve(listener: TcpListener, desk: Arc<Desk>) -> Serving {
    let (stop, stopped) = oneshot::channel::<()>();
    let router = Router::new()
        .route(&format!("{START}{{ticket}}"), get(start))
        .route(desk.redirect_uri.path(), get(callback))
        .route(SITE, post(select))
        .with_state(desk);
    let task = tokio::spawn(async move {
        let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
            // An error is what is waited for: the sender is gone.
            let _ = stopped.await;
        });
        let _ = serving.await;
    });
    Serving { stop, task }
}

/// Gives the browser its cookie and sends it to Atlassian.
async fn start(State(desk): State<Arc<Desk>>, Path(ticket): Path<String>) -> Response {
    if ticket != desk.ticket {
        return failed(&other_browser());
    }
    let cookie = format!("{COOKIE}={}; HttpOnly; SameSite=Lax; Path=/", desk.browser);
    let headers = [
        (header::SET_COOKIE, cookie),
        (header::LOCATION, desk.consent_url.clone()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// The browser comes back from Atlassian.
async fn callback(State(desk): State<Arc<Desk>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    if !is_ours(&desk, &headers) {
        // Whoever this is cannot end the consent that is waited for.
        return failed(&other_browser());
    }
    let mut connected = desk.connected.lock().await;
    if connected.is_none() {
        let mut url = desk.redirect_uri.clone();
        url.set_query(query.as_deref());
        let options = CompleteOptions {
            callback_url: SecretString::from(String::from(url)),
            binding: Some(SecretString::from(desk.browser.clone())),
            timeout: None,
        };
        match desk.client.complete(options).await {
            Ok(connection) => *connected = Some(connection),
            Err(error) => return end_with(&desk, error).await,
        }
    }
    match connected.clone() {
        Some(connection) if connection.site.is_none() => match desk.client.sites(desk.id.as_str()).await {
            Ok(sites) => offer(&desk, connection, &sites).await,
            Err(error) => end_with(&desk, error).await,
        },
        Some(connection) => done(&desk, connection).await,
        None => failed(&other_browser()),
    }
}

/// No site at all is told as it is, one is taken, of several the person picks.
async fn offer(desk: &Desk, connection: Connection, sites: &[Site]) -> Response {
    match sites {
        [] => done(desk, connection).await,
        [only] => choose(desk, &only.cloud_id).await,
        several => page(StatusCode::OK, pages::picker(&desk.id, several, SITE)),
    }
}

#[derive(Deserialize)]
struct Choice {
    site: String,
}

async fn select(State(desk): State<Arc<Desk>>, headers: HeaderMap, Form(choice): Form<Choice>) -> Response {
    if !is_ours(&desk, &headers) || desk.connected.lock().await.is_none() {
        return failed(&other_browser());
    }
    choose(&desk, &choice.site).await
}

async fn choose(desk: &Desk, site: &str) -> Response {
    let options = SelectSiteOptions { id: desk.id.clone(), site: site.to_owned(), timeout: None };
    match desk.client.select_site(options).await {
        Ok(connection) => done(desk, connection).await,
        Err(error) => end_with(desk, error).await,
    }
}

async fn done(desk: &Desk, connection: Connection) -> Response {
    let shown = page(StatusCode::OK, pages::connected(&connection));
    let _ = desk.ended.send(Ok(connection)).await;
    shown
}

async fn end_with(desk: &Desk, error: Error) -> Response {
    let shown = failed(&error);
    let _ = desk.ended.send(Err(error)).await;
    shown
}

/// SameSite keeps other sites' forms from carrying the cookie; no other protection is needed beside it.
fn is_ours(desk: &Desk, headers: &HeaderMap) -> bool {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let expected = format!("{COOKIE}={}", desk.browser);
    cookies.flat_map(|line| line.split(';')).any(|cookie| cookie.trim() == expected)
}

fn other_browser() -> Error {
    let text = "this consent was started in another browser, or is over";
    Error::new(Code::StateInvalid, text).hinting("Run `threelo connect` again and use the browser it opens.")
}

fn failed(error: &Error) -> Response {
    page(StatusCode::BAD_REQUEST, pages::failed(error))
}

fn page(status: StatusCode, html: String) -> Response {
    let policy = format!(
        "default-src 'none'; style-src '{}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        pages::STYLE_HASH
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (status, headers, html).into_response()
}
