//! What control calls do to the world.

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{Outcome, bad, body, unknown};
use crate::authorize::{Answer, Asked, decide};
use crate::clock::{SECOND, seconds};
use crate::jira::webhook;
use crate::reply::{Params, Request};
use crate::state::{LiveSite, State};
use crate::world::{GrantMode, Product, World, site_url};
use crate::{inspect, listings};

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

/// The world as it is now: settings merged, sites renamed.
pub(super) fn world(state: &State) -> Value {
    let sites = state.sites.iter().map(|site| site.config.clone()).collect();
    json!(World { sites, ..state.world.clone() })
}

pub(super) fn settings(state: &mut State, request: &Request) -> Outcome {
    let changes: serde_json::Map<String, Value> = body(request)?;
    let mut merged = json!(state.world.settings);
    if let Some(fields) = merged.as_object_mut() {
        fields.extend(changes);
    }
    state.world.settings = serde_json::from_value(merged).map_err(bad)?;
    Ok(json!(state.world.settings))
}

/// The listings of the site that is named, or of the first one that has everything.
pub(super) fn listed(state: &State, request: &Request) -> Outcome {
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
pub(super) fn consent(state: &mut State, request: &Request) -> Outcome {
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

pub(super) fn time(state: &mut State, request: &Request) -> Outcome {
    let time: Time = body(request)?;
    #[allow(clippy::cast_possible_truncation, reason = "a few centuries fit, and more saturates")]
    state.clock.advance((time.advance_s * SECOND as f64) as i64);
    Ok(json!({"now": seconds(state.clock.now()), "offset_s": seconds(state.clock.offset())}))
}

pub(super) fn expire(state: &mut State, request: &Request) -> Outcome {
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

pub(super) fn tokens(state: &mut State, request: &Request) -> Outcome {
    match body(request)? {
        Token { refresh_token: Some(token), access_token: None } => Ok(inspect::refresh_token(state, &token)),
        Token { refresh_token: None, access_token: Some(token) } => Ok(inspect::access_token(state, &token)),
        _ => Err(bad("either refresh_token or access_token")),
    }
}

/// The account that the path names.
fn account(state: &State, named: &str) -> Result<String, (u16, String)> {
    state.account(named).map(|one| one.id.clone()).ok_or_else(|| (404, format!("no account {named:?}")))
}

/// The person removes the app (F1.10).
pub(super) fn revoke(state: &mut State, request: &Request, named: &str) -> Outcome {
    let (account, app): (_, OfApp) = (account(state, named)?, body(request)?);
    Ok(json!({"revoked": state.revoke(&account, app.client_id.as_deref())}))
}

/// The person changes their password, or changes it back (F3.9).
pub(super) fn password(state: &mut State, request: &Request, named: &str) -> Outcome {
    let (account, password): (_, Password) = (account(state, named)?, body(request)?);
    if password.changed {
        let now = state.clock.now();
        state.passwords.insert(account, now);
    } else {
        state.passwords.remove(&account);
    }
    Ok(json!({"changed": password.changed}))
}

/// Position of the site that the path names.
fn site(state: &State, named: &str) -> Result<usize, (u16, String)> {
    state.site(named).ok_or_else(|| (404, format!("no site {named:?}")))
}

/// Changes a site, and says which it was.
fn change(state: &mut State, at: usize, change: impl FnOnce(&mut LiveSite)) -> Outcome {
    let site = state.sites.get_mut(at).ok_or_else(unknown)?;
    change(site);
    Ok(json!({"subdomain": site.config.subdomain, "cloud_id": site.config.cloud_id}))
}

/// An admin removes the app (F6.5).
pub(super) fn uninstall(state: &mut State, request: &Request, named: &str) -> Outcome {
    let (at, app): (_, OfApp) = (site(state, named)?, body(request)?);
    change(state, at, |site| {
        site.installed.retain(|client_id| app.client_id.as_ref().is_some_and(|only| only != client_id));
    })
}

/// A person may use the site, or not any more.
pub(super) fn permissions(state: &mut State, request: &Request, named: &str) -> Outcome {
    let (at, permission): (_, Permission) = (site(state, named)?, body(request)?);
    let account = state.account(&permission.account).ok_or_else(|| bad("no such account"))?.id.clone();
    change(state, at, |site| {
        if permission.allowed {
            site.denied.remove(&account);
        } else {
            site.denied.insert(account);
        }
    })
}

/// The site goes, or comes back (F4.7).
pub(super) fn suspend(state: &mut State, request: &Request, named: &str) -> Outcome {
    let (at, suspend): (_, Suspend) = (site(state, named)?, body(request)?);
    change(state, at, |site| site.suspended = suspend.suspended)
}

/// What would be delivered for an event.
pub(super) fn webhooks(state: &State, request: &Request, named: &str) -> Outcome {
    let site = state.sites.get(site(state, named)?).ok_or_else(unknown)?;
    let params = request.params();
    let first = site.data.positions().next().and_then(|at| site.data.key(at)).unwrap_or_default();
    let (event, issue) = (params.get("event"), params.get("issue"));
    Ok(webhook::deliveries(state, site, event.unwrap_or("jira:issue_updated"), issue.unwrap_or(&first)))
}

/// What became of a site's issues.
pub(super) fn issues(state: &State, named: &str) -> Outcome {
    let data = &state.sites.get(site(state, named)?).ok_or_else(unknown)?.data;
    Ok(json!({
        "seeded": data.seeded(), "created": data.created_keys().len(), "created_keys": data.created_keys(),
        "updated": data.edits, "total": data.positions().count(),
        "comments": data.comments.values().map(Vec::len).sum::<usize>(),
    }))
}

/// The cloud id is what stays (F4.7).
pub(super) fn rename(state: &mut State, request: &Request, named: &str) -> Outcome {
    let (at, rename): (_, Rename) = (site(state, named)?, body(request)?);
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
