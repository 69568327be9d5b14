//! `threelo doctor`: everything that can be wrong, in the order in which it would be met. It looks and does not mend, and
//! shows no secret.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Value, json};
use threelo_core::atlassian::Hosts;
use threelo_core::{Client, Connection, ConnectionStatus, Error, RequestOptions};
use tokio::net::TcpStream;
use url::Url;

use crate::args::{App, Doctor};
use crate::output::{FAILED, Ink, Output, moment};
use crate::settings::Settings;
use crate::{Failure, Outcome};

/// A host that does not answer within this time is not reachable.
const REACH: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Good,
    Warn,
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    found: String,
    next: Option<String>,
}

/// Permissions of Jira that are looked at.
const NEEDED: [&str; 2] = ["BROWSE_PROJECTS", "CREATE_ISSUES"];

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, what: &'static str, found: impl Into<String>) {
        self.0.push(Finding { what, state: State::Good, found: found.into(), next: None });
    }

    fn warn(&mut self, what: &'static str, found: impl Into<String>, next: impl Into<String>) {
        self.0.push(Finding { what, state: State::Warn, found: found.into(), next: Some(next.into()) });
    }

    fn bad(&mut self, what: &'static str, error: &Error) {
        let found = format!("{}: {}", error.code(), error.message());
        self.0.push(Finding { what, state: State::Bad, found, next: Some(error.hint().to_owned()) });
    }
}

pub(super) async fn run(app: &App, asked: &Doctor, output: &Output) -> Outcome {
    let mut findings = Findings::default();
    let settings = Settings::read(app)?;
    configuration(&settings, &mut findings);
    proxies(&settings, &mut findings);
    reachability(&settings, &mut findings).await;
    let redirect_uri = settings.text("redirect_uri").unwrap_or_default().to_owned();
    let wanted = settings.scopes();
    let place = settings.options().map(|options| options.store);
    let opened = settings.open(false).await;
    match opened {
        Err(Failure::Told(error)) => findings.bad("store", &error),
        Err(other) => return Err(other),
        Ok(client) => {
            findings.good("store", "opens, and its key fits");
            if let Ok(place) = place {
                store(&place, &mut findings);
            }
            callback(&redirect_uri, &mut findings);
            let look = async {
                if let Some(id) = &asked.id {
                    connection(&client, id, &wanted, &mut findings).await;
                }
                Ok(())
            };
            super::attended(&client, look).await?;
        }
    }
    tell(output, &findings.0)
}

fn tell(output: &Output, findings: &[Finding]) -> Outcome {
    output.data(&findings, || {
        let lines = findings.iter().map(|finding| {
            let (ink, mark) = match finding.state {
                State::Good => (Ink::Good, "ok  "),
                State::Warn => (Ink::Warn, "look"),
                State::Bad => (Ink::Bad, "bad "),
            };
            let next = finding.next.as_ref().map(|next| format!("\n     next: {next}")).unwrap_or_default();
            format!("{} {}: {}{next}", output.ink(ink, mark), finding.what, finding.found)
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    let bad = findings.iter().any(|finding| finding.state == State::Bad);
    if bad { Err(Failure::Found(FAILED)) } else { Ok(()) }
}

fn configuration(settings: &Settings, findings: &mut Findings) {
    match settings.options() {
        Err(Failure::Told(error)) => findings.bad("settings", &error),
        Err(_) => {}
        Ok(_) => {
            let sources = settings.sources.iter().map(|(name, place)| format!("{name} from {place}"));
            findings.good("settings", sources.collect::<Vec<_>>().join(", "));
        }
    }
    if settings.file.is_none() {
        findings.good("settings file", "none, which is fine where the environment has it all");
    }
    let scopes = settings.scopes();
    findings.good("offline_access", "asked for with every consent, so that there is a refresh token");
    let identity = ["read:me", "read:jira-user"];
    if !scopes.is_empty() && !identity.iter().any(|scope| scopes.iter().any(|asked| asked == scope)) {
        findings.warn(
            "scopes",
            "neither read:me nor read:jira-user is asked for, so the account behind a consent may stay unknown",
            "Add one of them to the app and to the settings.",
        );
    }
    if scopes.len() >= 50 {
        let found = format!("{} scopes; Atlassian recommends fewer than 50", scopes.len());
        findings.warn("scopes", found, "Prefer classic scopes to granular ones.");
    }
}

/// Whether others on this machine can read the store's file. Its tokens are sealed; who has which Jira is not.
#[cfg(unix)]
fn store(place: &str, findings: &mut Findings) {
    use std::os::unix::fs::PermissionsExt as _;
    use threelo_core::store::Location;
    let Ok(Location::Sqlite(path)) = Location::parse(place) else { return };
    let Ok(found) = std::fs::metadata(&path) else { return };
    let (mode, shown) = (found.permissions().mode() & 0o777, path.display());
    if mode & 0o077 == 0 {
        findings.good("store file", format!("{shown}, for its owner alone"));
    } else {
        let next = format!("chmod 600 {shown}");
        findings.warn("store file", format!("{shown} can be used by others (mode {mode:o})"), next);
    }
}

/// Windows knows no modes; who can read a file is its folder's matter.
#[cfg(windows)]
fn store(_: &str, _: &mut Findings) {}

fn callback(redirect_uri: &str, findings: &mut Findings) {
    let local =
        Url::parse(redirect_uri).is_ok_and(|url| matches!(url.host_str(), Some("localhost" | "127.0.0.1")));
    if local {
        findings.good(
            "callback",
            format!("{redirect_uri} leads to this machine; it must be registered letter for letter"),
        );
    } else {
        findings.good(
            "callback",
            format!("{redirect_uri} leads to your service; here, use `threelo connect --no-browser`"),
        );
    }
}

fn proxies(settings: &Settings, findings: &mut Findings) {
    // Their values can hold passwords, so only their names are told.
    let names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let set: Vec<_> = names
        .into_iter()
        .filter(|name| std::env::var_os(name).is_some_and(|text| !text.is_empty()))
        .collect();
    match (settings.text("proxy"), set.is_empty()) {
        (Some(_), _) => findings.good("proxy", "the one in the settings is used for all requests"),
        (None, true) => findings.good("proxy", "none"),
        (None, false) => findings.good("proxy", format!("taken from {}", set.join(", "))),
    }
}

/// Whether the hosts answer at all; through a proxy that says nothing, so it is left out.
async fn reachability(settings: &Settings, findings: &mut Findings) {
    if settings.text("proxy").is_some() {
        return;
    }
    let named = ["auth", "api"].map(|name| Some((name.to_owned(), settings.endpoint(name)?.to_owned())));
    let hosts = match Hosts::new(&named.into_iter().flatten().collect()) {
        Err(error) => return findings.bad("hosts", &error),
        Ok(hosts) => hosts,
    };
    for (what, url) in [("identity service", hosts.token()), ("API", hosts.me())] {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { continue };
        match tokio::time::timeout(REACH, TcpStream::connect((host, port))).await {
            Ok(Ok(_)) => findings.good(what, format!("{host} accepts connections")),
            _ => findings.warn(
                what,
                format!("{host} does not accept connections from here"),
                "Check the network, the firewall, and whether a proxy has to be used (--proxy).",
            ),
        }
    }
}

async fn connection(client: &Client, id: &str, wanted: &[String], findings: &mut Findings) {
    let connection = match client.connection(id).await {
        Err(error) => return findings.bad("connection", &error),
        Ok(connection) => connection,
    };
    health(&connection, findings);
    let lacking: Vec<_> =
        wanted.iter().filter(|scope| !connection.scopes.contains(scope)).map(String::as_str).collect();
    if lacking.is_empty() {
        findings.good("granted scopes", connection.scopes.join(" "));
    } else {
        findings.warn(
            "granted scopes",
            format!("{} are asked for and were not granted", lacking.join(" ")),
            format!("Add them to the app in the developer console, then `threelo connect {id}`."),
        );
    }
    match client.sites(id).await {
        Err(error) => return findings.bad("sites", &error),
        Ok(sites) => {
            let names: Vec<_> = sites.iter().map(|site| site.url.as_str()).collect();
            findings.good("sites", format!("{}: {}", names.len(), names.join(" ")));
        }
    }
    api(client, id, findings).await;
}

fn health(connection: &Connection, findings: &mut Findings) {
    let reason = connection.health_reason.as_deref().unwrap_or("no reason given");
    let by = connection.reconnect_by.map(|by| format!(", reconnect by {}", moment(by))).unwrap_or_default();
    let reconnect = format!("Connect it again: `threelo connect {}`.", connection.id);
    match connection.health {
        ConnectionStatus::Active => findings.good("health", "active"),
        ConnectionStatus::Attention => {
            findings.warn("health", format!("{reason}{by}"), "Run `threelo keep-alive` daily.")
        }
        ConnectionStatus::ReauthorizationRequired => {
            let error = Error::new(threelo_core::Code::ReauthorizationRequired, reason).hinting(reconnect);
            findings.bad("health", &error);
        }
    }
}

/// What nearly every use of Jira needs, beside scopes. Where it cannot be asked, as without `read:jira-work`, the calls
/// themselves will tell.
async fn permissions(client: &Client, id: &str, findings: &mut Findings) {
    let mut options = RequestOptions::new(id, "GET", "/rest/api/3/mypermissions");
    let asked = json!({ "permissions": NEEDED.join(",") });
    options.params = asked.as_object().cloned();
    let Ok(response) = client.proxy_request(options).await else { return };
    let Ok(told) = response.error_for_status().and_then(|()| response.json::<Value>()) else { return };
    let lacking = NEEDED
        .iter()
        .filter(|key| told.pointer(&format!("/permissions/{key}/havePermission")) == Some(&json!(false)));
    let lacking: Vec<_> = lacking.copied().collect();
    if lacking.is_empty() {
        findings.good("permissions", NEEDED.join(" "));
    } else {
        findings.warn(
            "permissions",
            format!("the user has no {} in any project", lacking.join(" ")),
            "Scopes do not give what the user may not do: ask a Jira administrator for access to a project.",
        );
    }
}

/// One harmless call: who am I. Its `Date` tells how far this machine's clock is off.
async fn api(client: &Client, id: &str, findings: &mut Findings) {
    let response = match client.proxy_request(RequestOptions::new(id, "GET", "/rest/api/3/myself")).await {
        Err(error) => return findings.bad("a call", &error),
        Ok(response) => response,
    };
    match response.error_for_status() {
        Err(error) => findings.bad("a call", &error),
        Ok(()) => {
            let who = response.json::<Value>().ok();
            let name = who.as_ref().and_then(|who| who.get("displayName")).and_then(Value::as_str);
            findings.good(
                "a call",
                format!("Jira answers, as {}", name.unwrap_or("somebody who hides their name")),
            );
        }
    }
    permissions(client, id, findings).await;
    let date = response.header("date").and_then(|date| httpdate::parse_http_date(date).ok());
    if let Some(date) = date {
        let now = SystemTime::now();
        let off = now.duration_since(date).or_else(|_| date.duration_since(now)).unwrap_or_default();
        if off > Duration::from_secs(60) {
            let found = format!("this machine's clock is off by about {} s", off.as_secs());
            findings.warn(
                "clock",
                found,
                "Synchronise it (NTP). Nothing is lost meanwhile: what counts is learnt.",
            );
        } else {
            findings.good("clock", "agrees with Atlassian's");
        }
    }
    if let Ok(limits) = client.rate_limits(id).await {
        for limit in limits {
            let limit = json!(limit);
            let part = |name: &str| limit.get(name).map_or_else(|| "?".to_owned(), ToString::to_string);
            let found = format!("{}: {} of {} left", part("name"), part("remaining"), part("limit"));
            findings.good("rate limit", found);
        }
    }
}
