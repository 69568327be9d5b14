//! One connection: its health, its scopes, its sites, and what Jira says to it.

use serde_json::{Value, json};
use threelo_core::request::RateLimit;
use threelo_core::{Client, Connection, ConnectionStatus, Error, RequestOptions};

use super::Findings;
use crate::output::moment;

/// Permissions of Jira that are looked at.
const NEEDED: [&str; 2] = ["BROWSE_PROJECTS", "CREATE_ISSUES"];

pub(super) async fn look(client: &Client, id: &str, wanted: &[String], findings: &mut Findings) {
    let connection = match client.connection(id).await {
        Err(error) => return findings.bad("connection", &error),
        Ok(connection) => connection,
    };
    health(&connection, findings);
    scopes(&connection, wanted, findings);
    match client.sites(id).await {
        Err(error) => return findings.bad("sites", &error),
        Ok(sites) if sites.is_empty() => findings.warn(
            "sites",
            "the consent reaches no Jira site",
            format!("See that the account may use one, then `threelo connect {id}` and pick it."),
        ),
        Ok(sites) => {
            let names: Vec<_> = sites.iter().map(|site| site.url.as_str()).collect();
            findings.good("sites", format!("{}: {}", names.len(), names.join(" ")));
        }
    }
    call(client, id, findings).await;
    permissions(client, &connection, findings).await;
    match client.rate_limits(id).await {
        Err(error) => findings.bad("rate limit", &error),
        Ok(limits) if limits.is_empty() => findings.good("rate limit", "Jira told of none in this answer"),
        Ok(limits) => limits.iter().for_each(|limit| rate_limit(limit, findings)),
    }
}

fn health(connection: &Connection, findings: &mut Findings) {
    let reason = connection.health_reason.as_deref().unwrap_or("no reason given");
    let by = connection.reconnect_by.map(|by| format!(", reconnect by {}", moment(by))).unwrap_or_default();
    let reconnect = format!("Connect it again: `threelo connect {}`.", connection.id);
    match connection.health {
        ConnectionStatus::Active => findings.good("health", "active"),
        ConnectionStatus::Attention => {
            findings.warn("health", format!("{reason}{by}"), "Run `threelo keep-alive` daily.");
        }
        ConnectionStatus::ReauthorizationRequired => {
            let error = Error::new(threelo_core::Code::ReauthorizationRequired, reason).hinting(reconnect);
            findings.bad("health", &error);
        }
    }
}

/// What was granted beside what the app asks for.
fn scopes(connection: &Connection, wanted: &[String], findings: &mut Findings) {
    let granted = |scope: &str| connection.scopes.iter().any(|known| known == scope);
    if granted("offline_access") {
        findings.good("offline_access", "granted: there is a refresh token");
    } else {
        findings.warn(
            "offline_access",
            "was not granted, so that no refresh token may keep this connection alive",
            format!("Connect it again: `threelo connect {}`; every consent asks for it.", connection.id),
        );
    }
    let lacking: Vec<_> = wanted.iter().filter(|scope| !granted(scope)).map(String::as_str).collect();
    if lacking.is_empty() {
        findings.good("granted scopes", connection.scopes.join(" "));
    } else {
        findings.warn(
            "granted scopes",
            format!("{} are asked for and were not granted", lacking.join(" ")),
            format!(
                "Add them to the app in the developer console, then `threelo connect {}`.",
                connection.id
            ),
        );
    }
}

/// One harmless call: who am I.
async fn call(client: &Client, id: &str, findings: &mut Findings) {
    let response = match client.proxy_request(RequestOptions::new(id, "GET", "/rest/api/3/myself")).await {
        Err(error) => return findings.bad("a call", &error),
        Ok(response) => response,
    };
    match response.error_for_status() {
        Err(error) => findings.bad("a call", &error),
        Ok(()) => {
            let who = response.json::<Value>().ok();
            let name = who.as_ref().and_then(|who| who.get("displayName")).and_then(Value::as_str);
            let name = name.unwrap_or("somebody who hides their name");
            findings.good("a call", format!("Jira answers, as {name}"));
        }
    }
}

/// What nearly every use of Jira needs, beside scopes.
async fn permissions(client: &Client, connection: &Connection, findings: &mut Findings) {
    let mut options = RequestOptions::new(&*connection.id, "GET", "/rest/api/3/mypermissions");
    let asked = json!({ "permissions": NEEDED.join(",") });
    options.params = asked.as_object().cloned();
    let answer = match client.proxy_request(options).await {
        Ok(response) => response.error_for_status().and_then(|()| response.json::<Value>()),
        Err(error) => Err(error),
    };
    let told = match answer {
        // Without read:jira-work, say, the calls themselves will tell.
        Err(error) => {
            let found = format!("not looked at: {error}");
            return findings.skipped("permissions", found, Some(error.hint().to_owned()));
        }
        Ok(told) => told,
    };
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

fn rate_limit(limit: &RateLimit, findings: &mut Findings) {
    let number = |number: Option<u64>| {
        number.map_or_else(|| "an unknown number".to_owned(), |number| number.to_string())
    };
    let (left, of) = (number(limit.remaining), number(limit.limit));
    let until = limit.reset_at.map(|at| format!(", until {}", moment(at))).unwrap_or_default();
    let name = match &limit.target {
        Some(target) => format!("{} of {target}", limit.name),
        None => limit.name.clone(),
    };
    if let Some(at) = limit.paused_until {
        let found = format!("{name}: nothing that it covers is sent until {}", moment(at));
        return findings.warn(
            "rate limit",
            found,
            "Wait until then; calls before it are refused as rate_limited.",
        );
    }
    let found = format!("{name}: {left} of {of} left{until}");
    if limit.near_limit {
        let next =
            "Ask less often until then: read several things with one call, and keep what seldom changes.";
        findings.warn("rate limit", found, next);
    } else {
        findings.good("rate limit", found);
    }
}
