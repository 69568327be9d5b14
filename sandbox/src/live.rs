//! `/_sandbox/` in a browser: what the sandbox sees, while it sees it.
//!
//! The page is whole without scripts. With them it is told of changes by server-sent events, fetches itself again and
//! replaces its parts, so that there is one way of showing things and the reader keeps place, focus and selection.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Response};
use axum::response::IntoResponse as _;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream;
use maud::{Markup, html};
use serde_json::Value;
use threelo_pages::{Page, Voice};
use tokio::sync::watch;

use crate::clock::{Millis, jira_date};
use crate::log::{Entry, Log};
use crate::page;
use crate::reply::Reply;
use crate::serve::Sandbox;
use crate::state::{LiveSite, State};

const SCRIPT: &str = include_str!("live.js");

/// So many requests are shown, the newest first.
const SHOWN: usize = 200;

/// Changes come in crowds; a reader is told at most this often.
const PACE: Duration = Duration::from_millis(200);

/// What of the control API is for people.
pub(crate) enum Asked {
    /// The page.
    Page,
    /// The stream that tells it of changes.
    Changes,
}

impl Asked {
    /// Whether a request is for one of them.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Self> {
        match (method, path) {
            (&Method::GET | &Method::HEAD, "/_sandbox" | "/_sandbox/") => Some(Self::Page),
            (&Method::GET, "/_sandbox/changes") => Some(Self::Changes),
            _ => None,
        }
    }
}

/// One event for each crowd of changes, until the sandbox stops.
pub(crate) fn changes(changed: watch::Receiver<u64>, stopped: watch::Receiver<()>) -> Response<Body> {
    let told = stream::unfold((changed, stopped), |(mut changed, mut stopped)| async move {
        tokio::select! {
            // An error means that there is nobody left to change anything.
            more = changed.changed() => more.ok()?,
            _ = stopped.changed() => return None,
        }
        tokio::time::sleep(PACE).await;
        let number = *changed.borrow_and_update();
        let event = Event::default().event("changed").data(number.to_string());
        Some((Ok::<_, Infallible>(event), (changed, stopped)))
    });
    Sse::new(told).keep_alive(KeepAlive::default()).into_response()
}

/// The page as things are now.
pub(crate) fn show(sandbox: &Sandbox) -> Reply {
    let faults = sandbox.faults.show();
    // One lock after the other, as everywhere.
    let world = world(&sandbox.state.lock());
    let log = requests(&sandbox.log.lock());
    let body = html! {
        div .bar data-live="world" { (world.0) }
        h2 { "Requests" }
        div data-live="requests" { (log) }
        h2 { "Faults ordered" }
        div data-live="faults" { (faulty(&faults)) }
        div data-live="people" { (world.1) }
        p .soft {
            "The control API is described by " a href="/_sandbox/openapi.json" { "an OpenAPI document" }
            "; this page only shows. "
            span data-pulse { "It shows what was there when it was loaded: reload it for news." }
        }
    };
    let page = Page::new(Voice::Sandbox, "What the sandbox saw", body).wide().helped_by(SCRIPT);
    page::reply(200, page.send())
}

fn requests(log: &Log) -> Markup {
    let counts = log.counts();
    html! {
        div .bar {
            dl {
                @for (name, count) in [
                    ("code exchanges", counts.code_exchanges), ("refresh exchanges", counts.refresh_exchanges),
                    ("rotations", counts.rotations), ("replays", counts.replays), ("breaches", counts.breaches),
                    ("API calls", counts.api_calls),
                ] { div { dt { (name) } dd { (count) } } }
            }
        }
        @if log.entries().is_empty() { p .soft { "None yet." } } @else {
            (table("Requests, newest first", &["#No.", "At (UTC)", "Method", "Path", "#Status", "Outcome", "Account"], html! {
                @for entry in log.entries().iter().rev().take(SHOWN) { (row(entry)) }
            }))
            @if log.entries().len() > SHOWN {
                p .soft { "The newest " (SHOWN) " of " (log.entries().len()) "; " code { "GET /_sandbox/log" } " has them all." }
            }
        }
    }
}

fn row(entry: &Entry) -> Markup {
    let status = entry.status().map_or_else(|| "…".to_owned(), |status| status.to_string());
    let class = match entry.status() {
        Some(..400) => "number good",
        Some(_) => "number bad",
        None => "number",
    };
    html! {
        tr {
            td .number { (entry.number()) } td .keep { code { (time_of_day(entry.at())) } } td { (entry.method()) }
            td .path { code { (entry.address()) } } td class=(class) { (status) }
            td { (entry.told()) } td { (entry.account()) }
        }
    }
}

/// The bar on top, and the tables below.
fn world(state: &State) -> (Markup, Markup) {
    let now = state.clock.now();
    let bar = html! {
        dl {
            div { dt { "Its clock" } dd { (moment(now)) @if state.world.stopped_at.is_some() { ", standing" } } }
            @if state.clock.offset() != 0 { div { dt { "moved by" } dd { (days(state.clock.offset())) } } }
            div { dt { "Seed" } dd { (state.world.seed) } }
        }
    };
    let tables = html! {
        h2 { "Accounts" }
        (table("Accounts", &["Name", "On screen", "Account id", "Consents"], html! {
            @for account in &state.world.accounts {
                tr {
                    td { (account.name) } td { (account.display_name) }
                    td .keep { code { (account.id) } } td { (consents(state, &account.id)) }
                }
            }
        }))
        h2 { "Sites" }
        (table("Sites", &["Name", "Address", "Cloud id", "#Issues", "State"], html! {
            @for site in &state.sites {
                tr {
                    td { (site.config.name) } td { (site.config.url) } td .keep { code { (site.config.cloud_id) } }
                    td .number { (site.data.positions().count()) } td { (standing(site)) }
                }
            }
        }))
    };
    (bar, tables)
}

fn consents(state: &State, account: &str) -> String {
    let theirs = state.grants.iter().filter(|grant| grant.account == account);
    let told = theirs.map(|grant| {
        let names: Vec<&str> = state
            .reach(grant)
            .iter()
            .filter_map(|at| Some(state.sites.get(*at)?.config.subdomain.as_str()))
            .collect();
        let sites = if names.is_empty() { "no site".to_owned() } else { names.join(", ") };
        format!("{}: {sites}", grant.client_id)
    });
    told.collect::<Vec<_>>().join("; ")
}

fn faulty(faults: &Value) -> Markup {
    let list = faults.as_array().map(Vec::as_slice).unwrap_or_default();
    let text =
        |fault: &Value, name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let left = |fault: &Value| {
        fault.get("left").filter(|left| !left.is_null()).map_or("until cleared".to_owned(), Value::to_string)
    };
    html! {
        @if list.is_empty() { p .soft { "None." } } @else {
            (table("Faults ordered", &["#No.", "For", "What goes wrong", "#Hits", "Left"], html! {
                @for fault in list {
                    tr {
                        td .number { (fault["id"]) }
                        td { (text(fault, "method")) " " code { (text(fault, "path")) } " " (text(fault, "grant_type")) }
                        td { code { (fault["kind"]) } } td .number { (fault["hits"]) } td { (left(fault)) }
                    }
                }
            }))
        }
    }
}

/// A table that scrolls by itself where the window is small. Columns of numbers are headed by a `#`.
fn table(name: &str, columns: &[&str], rows: Markup) -> Markup {
    html! {
        div .scroll tabindex="0" role="region" aria-label=(name) {
            table {
                thead {
                    tr {
                        @for column in columns {
                            th .number[column.starts_with('#')] scope="col" { (column.trim_start_matches('#')) }
                        }
                    }
                }
                tbody { (rows) }
            }
        }
    }
}

fn standing(site: &LiveSite) -> &'static str {
    match (site.suspended, site.installed.is_empty()) {
        (true, _) => "suspended",
        (_, true) => "app not installed",
        _ => "app installed",
    }
}

fn moment(at: Millis) -> String {
    let text = jira_date(at);
    text.get(..19).unwrap_or(&text).replace('T', " ") + " UTC"
}

fn time_of_day(at: Millis) -> String {
    jira_date(at).get(11..23).unwrap_or_default().to_owned()
}

fn days(offset: Millis) -> String {
    let hours = offset as f64 / 3_600_000.0;
    if hours.abs() < 48.0 { format!("{hours:+.1} h") } else { format!("{:+.1} days", hours / 24.0) }
}
