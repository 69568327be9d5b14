//! The addresses a consent needs on this machine: its start, the callback, the choice of the site, and how it stands.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use threelo_pages::Sent;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::desk::{Desk, Stage};
use super::pages;

/// What the pages have for themselves, where no callback can be.
pub(super) const OWN: &str = "/threelo/";
pub(super) const START: &str = "/threelo/start/";
const SITE: &str = "/threelo/site";
/// Where every answer leads: an address without code and state, to be reloaded and kept in a history as one likes.
const RESULT: &str = "/threelo/result";
/// The browser keeps its cookie at least as long as a consent can take (30 minutes), and a person thinks about sites.
const COOKIE_LIFE_S: u32 = 2 * 60 * 60;

/// The last page is served this long after the command has said how it went, so that the browser gets it, and again
/// when somebody reloads it.
const LAST_PAGE: Duration = Duration::from_secs(3);

/// The server, while it runs.
#[derive(Debug)]
pub(super) struct Serving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Serving {
    /// Ends it, once the last page had its time.
    pub(super) async fn finish(mut self) {
        tokio::time::sleep(LAST_PAGE).await;
        drop(self.stop);
        let _ = tokio::time::timeout(LAST_PAGE, &mut self.task).await;
        self.task.abort();
    }
}

pub(super) fn serve(listener: TcpListener, desk: Arc<Desk>) -> Serving {
    let (stop, stopped) = oneshot::channel::<()>();
    let router = Router::new()
        .route(&format!("{START}{{ticket}}"), get(start))
        .route(SITE, post(select))
        .route(RESULT, get(result))
        // Not a route, which a callback's path may not read like.
        .fallback(callback)
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
async fn start(State(desk): State<Arc<Desk>>, headers: HeaderMap, Path(ticket): Path<String>) -> Response {
    if ticket != desk.ticket || !(desk.first_with_ticket() || is_ours(&desk, &headers)) {
        return stray();
    }
    let cookie = format!("{}; Max-Age={COOKIE_LIFE_S}; HttpOnly; SameSite=Lax; Path=/", cookie(&desk));
    ([(header::SET_COOKIE, cookie)], see_other(&desk.consent_url)).into_response()
}

/// The browser comes back from Atlassian.
async fn callback(State(desk): State<Arc<Desk>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET || uri.path() != desk.redirect_uri.path() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let query = uri.query().map(str::to_owned);
    // Whoever this is, or whatever older consent a tab reloads, cannot end the consent that is waited for.
    if !is_ours(&desk, &headers) || !is_this_consent(&desk, query.as_deref()) {
        return stray();
    }
    detached(async move { desk.arrived(query.as_deref()).await }).await;
    see_other(RESULT)
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    site: Option<String>,
}

async fn select(State(desk): State<Arc<Desk>>, headers: HeaderMap, Form(choice): Form<Choice>) -> Response {
    if !is_ours(&desk, &headers) {
        return stray();
    }
    if let Some(site) = choice.site {
        detached(async move { desk.chosen(&site).await }).await;
    }
    // Who chose none is asked again.
    see_other(RESULT)
}

/// A browser that reloads while it waits goes away in the middle of an answer: what was begun goes on all the same, and
/// the next one waits for it.
async fn detached(work: impl Future<Output = ()> + Send + 'static) {
    let _ = tokio::spawn(work).await;
}

/// How the consent stands.
async fn result(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    if !is_ours(&desk, &headers) {
        return stray();
    }
    let stage = desk.stage.lock().await.clone();
    match stage {
        Stage::Waiting => see_other(&desk.consent_url),
        Stage::Choosing(sites) => page(StatusCode::OK, pages::picker(&desk.id, &sites, SITE)),
        Stage::Over(outcome) => match *outcome {
            Ok(connection) => page(StatusCode::OK, pages::connected(&connection)),
            Err(error) => page(StatusCode::BAD_REQUEST, pages::failed(&desk.id, &error)),
        },
    }
}

/// SameSite keeps other sites' forms from carrying the cookie; no other protection is needed beside it.
fn is_ours(desk: &Desk, headers: &HeaderMap) -> bool {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let expected = cookie(desk);
    cookies.flat_map(|line| line.split(';')).any(|cookie| cookie.trim() == expected)
}

/// Browsers keep one jar for all ports of a host, so that each consent needs a name of its own.
fn cookie(desk: &Desk) -> String {
    format!("threelo_{}={}", desk.ticket.get(..8).unwrap_or_default(), desk.browser)
}

fn is_this_consent(desk: &Desk, query: Option<&str>) -> bool {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.any(|(name, value)| name == "state" && value == desk.state)
}

fn stray() -> Response {
    page(StatusCode::BAD_REQUEST, pages::stray())
}

fn see_other(to: &str) -> Response {
    let headers = [
        (header::LOCATION, to),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn page(status: StatusCode, sent: Sent) -> Response {
    let mut response = (status, sent.html).into_response();
    for (name, value) in sent.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}
