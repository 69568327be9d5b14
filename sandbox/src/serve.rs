//! What happens to a request from its arrival to the last byte of the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::body::{Body, to_bytes};
use axum::http::{Method, Response, StatusCode};
use bytes::Bytes;
use futures::stream;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

use crate::clock::{Millis, SECOND};
use crate::connection::Connection;
use crate::faults::{Faults, Hit, Kind, When};
use crate::jira::attachment::media;
use crate::live::{self, Asked};
use crate::log::{Log, is_api};
use crate::reply::{Note, Reply, Request};
use crate::settings::DateHeader;
use crate::state::State;
use crate::world::World;
use crate::{authorize, control, errors, gateway, resources, token};

/// Largest request body.
const BODY_LIMIT: usize = 256 * 1024 * 1024;

/// A sandbox: a world, the faults ordered, and the log.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// The world.
    pub(crate) state: Mutex<State>,
    /// Faults.
    pub(crate) faults: Faults,
    /// The log.
    pub(crate) log: Mutex<Log>,
    epochs: AtomicU64,
    media: String,
    /// Counts whatever may look different now; pages that are open watch it.
    changed: watch::Sender<u64>,
    stopped: watch::Receiver<()>,
}

impl Sandbox {
    /// A sandbox with this world; media are served at another address. It stops when the sender of `stopped` goes.
    pub(crate) fn new(world: World, media: String, stopped: watch::Receiver<()>) -> Result<Self, String> {
        let faults = Faults::ordered(&world.faults)?;
        Ok(Self {
            state: Mutex::new(State::new(world, 0, &media)?),
            faults,
            log: Mutex::default(),
            epochs: AtomicU64::new(1),
            media,
            changed: watch::Sender::new(0),
            stopped,
        })
    }

    /// Begins again with another world.
    pub(crate) fn reset(&self, world: World) -> Result<(), String> {
        let faults = Faults::ordered(&world.faults)?;
        let state = State::new(world, self.epochs.fetch_add(1, Ordering::Relaxed), &self.media)?;
        self.faults.replace(faults);
        *self.state.lock() = state;
        self.log.lock().clear();
        Ok(())
    }

    /// Handles a request of a connection.
    pub(crate) async fn handle(
        self: Arc<Self>,
        connection: Connection,
        request: axum::http::Request<Body>,
    ) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or("").to_owned();
        let controls = path.starts_with("/_sandbox");
        let n = (!controls).then(|| {
            let now = self.state.lock().clock.now();
            self.log.lock().arrived(now, parts.method.as_str(), &path, &query)
        });
        match Asked::of(&parts.method, &path) {
            Some(Asked::Page) => return respond(self.dated(live::show(&self)), None),
            Some(Asked::Changes) => return live::changes(self.changed.subscribe(), self.stopped.clone()),
            None => self.change(),
        }
        let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
            let now = self.state.lock().clock.now();
            return respond(self.dated(errors::spring(413, "Payload Too Large", &path, now)), None);
        };
        let request = Request { method: parts.method, path, query, headers: parts.headers, body };
        let Some(n) = n else {
            let reply = control::route(&self, &request);
            self.change();
            return respond(self.dated(reply), None);
        };
        // A task of its own: a server goes on with what it began even when the client has hung up.
        let task = tokio::spawn(async move { self.answer(n, &connection, &request).await });
        task.await.unwrap_or_else(|_| respond(errors::html(500, "Internal Server Error"), None))
    }

    /// An answer that no log tells of, with the date that all others show.
    fn dated(&self, reply: Reply) -> Reply {
        let shown = date(&self.state.lock());
        reply.header("date", &shown)
    }

    async fn answer(&self, n: u64, connection: &Connection, request: &Request) -> Response<Body> {
        let grant_type = (request.path == "/oauth/token").then(|| token::Fields::read(request));
        let grant_type = grant_type.as_ref().and_then(|fields| fields.get("grant_type"));
        let hit = self.faults.hit(request.method.as_str(), &request.path, grant_type);
        let (mut reply, truncate) = match hit {
            None => (self.act(n, request, None), None),
            Some(hit) => {
                let kind = hit.kind.clone();
                match self.with_fault(n, request, hit).await {
                    Some(reply) => (reply, kind.truncate),
                    None => {
                        connection.reset();
                        return respond(Reply::empty(500), None);
                    }
                }
            }
        };
        reply = self.finish(request, reply);
        self.log.lock().answered(n, reply.status);
        self.change();
        respond(reply, truncate)
    }

    /// Something may look different now.
    fn change(&self) {
        self.changed.send_modify(|number| *number += 1);
    }

    /// Acts, with something going wrong. `None`: the connection is to break.
    async fn with_fault(&self, n: u64, request: &Request, hit: Hit) -> Option<Reply> {
        let kind = hit.kind.clone();
        let untouched = Note { outcome: Some("fault"), fault: Some(hit.id), ..Note::default() };
        self.log.lock().describe(n, &untouched);
        pause(kind.delay_ms).await;
        if kind.hold == Some(When::Before) {
            hit.clone().wait().await;
        }
        let reply = kind.acts().then(|| self.act(n, request, Some(hit.id)));
        pause(kind.delay_after_ms).await;
        if kind.hold == Some(When::After) {
            hit.wait().await;
        }
        if kind.reset.is_some() {
            return None;
        }
        let reply = match reply {
            Some(reply) if kind.status.is_none() && kind.html.is_none() => reply,
            _ => replacement(&kind),
        };
        Some(if kind.malformed { malformed(reply) } else { reply })
    }

    fn act(&self, n: u64, request: &Request, fault: Option<u64>) -> Reply {
        let mut reply = route(&mut self.state.lock(), request);
        reply.note.fault = fault;
        self.log.lock().acted(n, &request.path, &reply.note);
        reply
    }

    /// Adds what all answers have.
    fn finish(&self, request: &Request, mut reply: Reply) -> Reply {
        let mut state = self.state.lock();
        if is_api(&request.path) {
            state.traces += 1;
            let trace: String = state
                .mint
                .keyed(format!("trace {}", state.traces).as_bytes())
                .iter()
                .take(16)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            reply = reply.header("atl-traceid", &trace).header("access-control-allow-origin", "*");
            for (name, value) in [("x-ratelimit-limit", "100"), ("x-ratelimit-remaining", "99")] {
                if !reply.headers.contains_key(name) {
                    reply = reply.header(name, value);
                }
            }
        }
        if reply.headers.contains_key("date") { reply } else { reply.header("date", &date(&state)) }
    }
}

/// The table of everything that is not control.
fn route(state: &mut State, request: &Request) -> Reply {
    let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
    let at_media = request.header("host").is_some_and(|host| state.media.ends_with(&format!("//{host}")));
    match (method.as_str(), request.path.as_str()) {
        // Another host has nothing of what follows.
        ("GET", _) if at_media => media(state, request),
        (_, path) if at_media => {
            errors::spring(404, "Not Found", path, state.clock.now()).outcome("not_found")
        }
        // A browser asks before it sends the Authorization header across origins (F4.10).
        ("OPTIONS", path)
            if is_api(path) && request.headers.contains_key("access-control-request-method") =>
        {
            Reply::empty(204)
                .header("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE")
                .header(
                    "access-control-allow-headers",
                    request.header("access-control-request-headers").unwrap_or("*"),
                )
                .outcome("ok")
        }
        ("GET", "/authorize") => authorize::show(state, request),
        ("POST", "/authorize") => authorize::answer(state, request),
        ("POST", "/oauth/token") => token::exchange(state, request),
        ("POST", "/oauth/revoke") => token::revoke(state, request),
        ("GET", "/oauth/token/accessible-resources") => resources::accessible(state, request),
        ("GET", "/me") => resources::me(state, request),
        (_, path) if path.starts_with("/ex/") => gateway::call(state, request),
        (_, path) => errors::spring(404, "Not Found", path, state.clock.now()).outcome("not_found"),
    }
}

fn date(state: &State) -> String {
    let clock = match state.world.settings.date_header {
        DateHeader::Real => crate::clock::real_now(),
        DateHeader::Sandbox => state.clock.now(),
    };
    let shown: Millis = clock + state.world.settings.date_skew_s * SECOND;
    let shown = Duration::from_millis(u64::try_from(shown).unwrap_or(0));
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + shown)
}

async fn pause(ms: Option<u64>) {
    if let Some(ms) = ms {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// What a fault answers instead.
fn replacement(kind: &Kind) -> Reply {
    if let Some(status) = kind.html {
        return errors::html(status, "Service unavailable");
    }
    let mut reply = match &kind.body {
        None => Reply::empty(kind.status.unwrap_or(503)),
        Some(Value::String(text)) => {
            Reply::with_body(kind.status.unwrap_or(503), "application/json;charset=UTF-8", text.clone())
        }
        Some(json) => Reply::json(kind.status.unwrap_or(503), json),
    };
    for (name, value) in &kind.headers {
        reply = reply.header(name, value);
    }
    reply
}

/// The same answer, cut in the middle without the client being able to see that from the length.
fn malformed(mut reply: Reply) -> Reply {
    reply.body = if reply.body.len() < 2 {
        Bytes::from_static(b"{\"")
    } else {
        let half = reply.body.len() / 2;
        reply.body.slice(..half)
    };
    reply
}

fn respond(reply: Reply, truncate: Option<usize>) -> Response<Body> {
    let whole = reply.body.len();
    let body = match truncate {
        None => Body::from(reply.body),
        // At least one byte stays missing, or nothing would be wrong.
        Some(sent) => cut(reply.body.slice(..sent.min(whole.saturating_sub(1)))),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = reply.headers;
    if truncate.is_some() {
        response.headers_mut().insert("content-length", whole.max(1).into());
    }
    response
}

/// A body that ends too early: the connection closes once these bytes are out.
fn cut(sent: Bytes) -> Body {
    Body::from_stream(stream::unfold(Some(sent), |sent| async move {
        match sent {
            Some(bytes) if !bytes.is_empty() => Some((Ok(bytes), Some(Bytes::new()))),
            Some(_) => {
                // Time to send what came before.
                tokio::time::sleep(Duration::from_millis(10)).await;
                Some((Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)), None))
            }
            None => None,
        }
    }))
}
