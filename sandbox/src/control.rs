//! The control API under `/_sandbox`: what a test sets up, and what it looks at afterwards.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use crate::authorize::{Answer, Asked, decide};
use crate::clock::{SECOND, seconds};
use crate::faults::Order;
use crate::reply::{Params, Reply, Request};
use crate::serve::Sandbox;
use crate::state::{LiveSite, State};
use crate::world::{GrantMode, Product, World, site_url};
use crate::{inspect, listings};

/// What a control call leads to: JSON, or what is wrong and its status.
type Outcome = Result<Value, (u16, String)>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Consent {
    url: String,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    sites: Option<Vec<String>>,
    #[serde(default = "accept")]
    decision: String,
}

fn accept() -> String {
    "accept".into()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Time {
    advance_s: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    refresh_token: Option<String>,
    access_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expire {
    account: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfApp {
    client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    changed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    subdomain: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Permission {
    account: String,
    allowed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Suspend {
    suspended: bool,
}

/// Answers a control call.
#[must_use]
pub(crate) fn route(sandbox: &Sandbox, request: &Request) -> Reply {
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    let outcome = match (request.method.as_str(), path.as_slice()) {
        ("GET", ["world"]) => Ok(world(&sandbox.state.lock())),
        ("PUT", ["world"]) => body::<World>(request)
            .and_then(|world| sandbox.reset(world).map_err(bad))
            .map(|()| world(&sandbox.state.lock())),
        ("PATCH", ["settings"]) => settings(&mut sandbox.state.lock(), request),
        ("POST", ["consent"]) => consent(&mut sandbox.state.lock(), request),
        ("POST", ["time"]) => time(&mut sandbox.state.lock(), request),
        ("POST", ["tokens", "expire"]) => expire(&mut sandbox.state.lock(), request),
        ("POST", ["tokens", "inspect"]) => tokens(&mut sandbox.state.lock(), request),
        ("POST", ["accounts", account, action]) => {
            of_account(&mut sandbox.state.lock(), request, account, action)
        }
        ("POST" | "GET", ["sites", site, action]) => {
            of_site(&mut sandbox.state.lock(), request, site, action)
        }
        ("POST", ["faults"]) => body::<Order>(request)
            .and_then(|order| sandbox.faults.add(order).map_err(bad))
            .map(|id| json!({"id": id})),
        ("GET", ["faults"]) => Ok(sandbox.faults.show()),
        ("DELETE", ["faults"]) => {
            sandbox.faults.clear(None);
            Ok(json!({}))
        }
        ("DELETE", ["faults", id]) => id.parse().map_err(|_| unknown()).map(|id| {
            sandbox.faults.clear(Some(id));
            json!({})
        }),
        ("POST", ["faults", id, "release"]) => match id.parse().is_ok_and(|id| sandbox.faults.release(id)) {
            true => Ok(json!({})),
            false => Err((404, format!("no fault {id}"))),
        },
        ("GET", ["log"]) => Ok(json!(*sandbox.log.lock())),
        ("DELETE", ["log"]) => {
            sandbox.log.lock().clear();
            Ok(json!({}))
        }
        ("GET", ["listings"]) => listed(&sandbox.state.lock(), request),
        ("GET", ["grants"]) => Ok(inspect::grants(&mut sandbox.state.lock())),
        _ => Err(unknown()),
    };
    match outcome {
        Ok(value) => Reply::json(200, &value),
        Err((status, why)) => Reply::json(status, &json!({"error": why})),
    }
}

fn bad(why: impl ToString) -> (u16, String) {
    (400, why.to_string())
}

fn unknown() -> (u16, String) {
    (404, "there is no such control call".into())
}

/// The body; an empty one is an empty object.
fn body<T: DeserializeOwned>(request: &Request) -> Result<T, (u16, String)> {
    let text: &[u8] = if request.body.is_empty() { b"{}" } else { &request.body };
    serde_json::from_slice(text).map_err(bad)
}

/// The world as it is now: settings merged, sites renamed.
fn world(state: &State) -> Value {
    let sites = state.sites.iter().map(|site| site.config.clone()).collect();
    json!(World { sites, ..state.world.clone() })
}

fn settings(state: &mut State, request: &Request) -> Outcome {
    let changes: serde_json::Map<String, Value> = body(request)?;
    let mut merged = json!(state.world.settings);
    if let Some(fields) = merged.as_object_mut() {
        fields.extend(changes);
    }
    state.world.settings = serde_json::from_value(merged).map_err(bad)?;
    Ok(json!(state.world.settings))
}

/// The listings of the site that is named, or of the first one that has everything.
fn listed(state: &State, request: &Request) -> Outcome {
    let params = request.params();
    let whole = |site: &LiveSite| {
        site.config.products.contains(&Product::Jira) && site.config.products.contains(&Product::Confluence)
    };
    let at = match params.get("site") {
        Some(named) => state.site(named),
        None => state.sites.iter().position(whole),
    };
    let site = at.and_then(|at| state.sites.get(at)).ok_or_else(|| bad("there is no such site"))?;
    Ok(listings::show(state, site))
}

/// Plays the consent page, through the checks and the decision that the page itself goes through.
fn consent(state: &mut State, request: &Request) -> Outcome {
    let consent: Consent = body(request)?;
    let url = Url::parse(&consent.url).map_err(|_| bad("url is not a URL"))?;
    if url.path() != "/authorize" {
        return Err(bad("url is not that of /authorize"));
    }
    let params = Params::parse(url.query().unwrap_or("").as_bytes());
    let asked = Asked::check(state, &params).map_err(bad)?;
    let account = match &consent.account {
        Some(named) => state.account(named).ok_or_else(|| bad(format!("there is no account {named:?}")))?,
        None => state.world.accounts.first().ok_or_else(|| bad("there is no account"))?,
    };
    let usable = |site: &&LiveSite| asked.fits(site) && site.allows(&account.id);
    let account = account.id.clone();
    let mut sites = match consent.sites {
        Some(sites) => sites,
        None => {
            state.sites.iter().find(usable).map(|site| site.config.subdomain.clone()).into_iter().collect()
        }
    };
    let decision = consent.decision;
    // One site per run (F1.8): several mean that the person went through the page that often.
    if asked.app.grant_mode == GrantMode::Account && decision == "accept" {
        let last = sites.pop();
        for site in sites {
            let answer =
                Answer { account: Some(account.clone()), sites: vec![site], decision: decision.clone() };
            decide(state, &asked, &answer).map_err(bad)?;
        }
        sites = last.into_iter().collect();
    }
    let callback = decide(state, &asked, &Answer { account: Some(account), sites, decision }).map_err(bad)?;
    Ok(json!({"callback": callback}))
}

fn time(state: &mut State, request: &Request) -> Outcome {
    let time: Time = body(request)?;
    #[allow(clippy::cast_possible_truncation, reason = "a few centuries fit, and more saturates")]
    state.clock.advance((time.advance_s * SECOND as f64) as i64);
    Ok(json!({"now": seconds(state.clock.now()), "offset_s": seconds(state.clock.offset())}))
}

fn expire(state: &mut State, request: &Request) -> Outcome {
    let expire: Expire = body(request)?;
    let account = match &expire.account {
        Some(named) => Some(state.account(named).ok_or_else(|| bad("no such account"))?.id.clone()),
        None => None,
    };
    let now = state.clock.now();
    let mut expired = 0;
    for access in state.access.values_mut().filter(|one| one.expires > now) {
        let owner = state.grants.get(access.grant).map(|grant| &grant.account);
        if account.is_none() || account.as_ref() == owner {
            access.expires = now;
            expired += 1;
        }
    }
    Ok(json!({"expired": expired}))
}

fn tokens(state: &mut State, request: &Request) -> Outcome {
    match body(request)? {
        Token { refresh_token: Some(token), access_token: None } => Ok(inspect::refresh_token(state, &token)),
        Token { refresh_token: None, access_token: Some(token) } => Ok(inspect::access_token(state, &token)),
        _ => Err(bad("either refresh_token or access_token")),
    }
}

fn of_account(state: &mut State, request: &Request, account: &str, action: &str) -> Outcome {
    let account = state.account(account).ok_or_else(|| (404, format!("no account {account:?}")))?.id.clone();
    match action {
        "revoke" => {
            let app: OfApp = body(request)?;
            Ok(json!({"revoked": state.revoke(&account, app.client_id.as_deref())}))
        }
        "password" => {
            let password: Password = body(request)?;
            if password.changed {
                let now = state.clock.now();
                state.passwords.insert(account, now);
            } else {
                state.passwords.remove(&account);
            }
            Ok(json!({"changed": password.changed}))
        }
        _ => Err(unknown()),
    }
}

fn of_site(state: &mut State, request: &Request, named: &str, action: &str) -> Outcome {
    let at = state.site(named).ok_or_else(|| (404, format!("no site {named:?}")))?;
    if action == "rename" {
        return rename(state, at, body(request)?);
    }
    let permission = match action {
        "permissions" => {
            let permission: Permission = body(request)?;
            let account = state.account(&permission.account).ok_or_else(|| bad("no such account"))?;
            Some((account.id.clone(), permission.allowed))
        }
        _ => None,
    };
    let site = state.sites.get_mut(at).ok_or_else(unknown)?;
    match (request.method.as_str(), action, permission) {
        ("GET", "issues", _) => {
            let data = &site.data;
            return Ok(json!({
                "seeded": data.seeded(), "created": data.created_keys().len(), "created_keys": data.created_keys(),
                "updated": data.edits, "total": data.positions().count(),
                "comments": data.comments.values().map(Vec::len).sum::<usize>(),
            }));
        }
        ("POST", "uninstall", _) => {
            let app: OfApp = body(request)?;
            site.installed.retain(|client_id| app.client_id.as_ref().is_some_and(|only| only != client_id));
        }
        ("POST", "permissions", Some((account, allowed))) => {
            if allowed {
                site.denied.remove(&account);
            } else {
                site.denied.insert(account);
            }
        }
        ("POST", "suspend", _) => site.suspended = body::<Suspend>(request)?.suspended,
        _ => return Err(unknown()),
    }
    Ok(json!({"subdomain": site.config.subdomain, "cloud_id": site.config.cloud_id}))
}

/// The cloud id is what stays (F4.7).
fn rename(state: &mut State, at: usize, rename: Rename) -> Outcome {
    if let Some(subdomain) = &rename.subdomain
        && state.site(subdomain).is_some_and(|other| other != at)
    {
        return Err(bad(format!("there is a site {subdomain:?} already")));
    }
    let site = state.sites.get_mut(at).ok_or_else(unknown)?;
    if let Some(subdomain) = rename.subdomain {
        site.config.url = site_url(&subdomain);
        site.config.subdomain = subdomain;
    }
    if let Some(name) = rename.name {
        site.config.name = name;
    }
    Ok(json!(site.config))
}
