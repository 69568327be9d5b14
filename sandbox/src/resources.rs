//! Who is calling, and the two endpoints of the API host that belong to no site: accessible-resources and `/me`.

use serde_json::{Value, json};

use crate::authorize::belongs;
use crate::errors;
use crate::reply::{Reply, Request};
use crate::settings::{LostAccess, Me};
use crate::state::State;
use crate::world::Product;

/// Who is calling.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Position of the grant.
    pub(crate) grant: usize,
    /// Account id.
    pub(crate) account: String,
    /// What the token may do now.
    pub(crate) scopes: Vec<String>,
    /// Generation of the pair.
    pub(crate) generation: u64,
    /// The token is so new that the edge does not know its scopes yet (F3.14).
    pub(crate) too_fresh: bool,
}

impl Caller {
    /// Whether all of these scopes were granted.
    #[must_use]
    pub(crate) fn has(&self, scopes: &[&str]) -> bool {
        !self.too_fresh && scopes.iter().all(|scope| self.scopes.iter().any(|one| one == scope))
    }

    /// Puts the caller into the log.
    #[must_use]
    pub(crate) fn sign(&self, state: &State, mut reply: Reply) -> Reply {
        reply.note.account = Some(state.account_name(&self.account));
        reply.note.generation = Some(self.generation);
        reply
    }
}

/// Finds the caller, or says why there is none.
pub(crate) fn caller(state: &State, request: &Request) -> Result<Caller, Box<Reply>> {
    let token = request.bearer().ok_or_else(|| Box::new(errors::unauthorized().reason("no bearer token")))?;
    let access =
        state.access.get(token).ok_or_else(|| Box::new(errors::unauthorized().reason("unknown token")))?;
    let grant = state.grants.get(access.grant).ok_or_else(|| Box::new(errors::unauthorized()))?;
    let now = state.clock.now();
    let caller = Caller {
        grant: access.grant,
        account: grant.account.clone(),
        scopes: state.scopes_of(access),
        generation: access.generation,
        too_fresh: now - access.issued < state.world.settings.fresh_token_lag_ms,
    };
    if grant.revoked {
        return Err(Box::new(caller.sign(state, errors::unauthorized().reason("revoked"))));
    }
    if access.dead || now >= access.expires {
        return Err(Box::new(caller.sign(state, expired(state, request))));
    }
    Ok(caller)
}

/// Expired tokens need not get a 401 (F6.4).
fn expired(state: &State, request: &Request) -> Reply {
    let site_call = request.path.starts_with("/ex/");
    let reply = match state.world.settings.expired_token_status {
        403 if site_call => errors::gateway(403, "Forbidden"),
        404 if site_call => errors::spring(404, "Not Found", &request.path, state.clock.now()),
        _ => errors::unauthorized(),
    };
    reply.outcome("expired_token")
}

/// GET `/oauth/token/accessible-resources` (F4.1 to F4.6).
///
/// Confluence containers first, then Jira containers: the order is not to be relied upon (F4.4), and this one makes
/// "take the first" fail. A site with both products shows up twice with one id (F4.3).
#[must_use]
pub(crate) fn accessible(state: &State, request: &Request) -> Reply {
    let caller = match caller(state, request) {
        Ok(caller) => caller,
        Err(reply) => return *reply,
    };
    let settings = &state.world.settings;
    let reach = state.grants.get(caller.grant).map(|grant| state.reach(grant)).unwrap_or_default();
    let mut list: Vec<Value> = Vec::new();
    for product in [Product::Confluence, Product::Jira] {
        for site in reach.iter().filter_map(|at| state.sites.get(*at)) {
            let listed = settings.lost_access == LostAccess::Listed || site.allows(&caller.account);
            let mut scopes: Vec<&str> =
                caller.scopes.iter().map(String::as_str).filter(|scope| belongs(scope, product)).collect();
            if !listed || scopes.is_empty() || !site.config.products.contains(&product) {
                continue;
            }
            if settings.offline_in_resources && caller.scopes.iter().any(|scope| scope == "offline_access") {
                scopes.push("offline_access");
            }
            list.push(json!({
                "id": site.config.cloud_id,
                "url": site.config.url,
                "name": site.config.name,
                "scopes": scopes,
                "avatarUrl": "https://site-admin-avatar-cdn.prod.public.atl-paas.net/avatars/240/site.png",
            }));
        }
    }
    caller.sign(state, Reply::json(200, &Value::Array(list)).outcome("ok"))
}

/// GET `/me` (F4.8).
#[must_use]
pub(crate) fn me(state: &State, request: &Request) -> Reply {
    let caller = match caller(state, request) {
        Ok(caller) => caller,
        Err(reply) => return *reply,
    };
    let reply = if state.world.settings.me == Me::Missing {
        errors::spring(404, "Not Found", &request.path, state.clock.now()).outcome("not_found")
    } else if !caller.has(&["read:me"]) {
        errors::scope_mismatch()
    } else {
        match state.account(&caller.account) {
            Some(account) => Reply::json(
                200,
                &json!({
                    "account_type": "atlassian", "account_id": account.id, "email": account.email,
                    "name": account.display_name, "nickname": account.name, "account_status": "active",
                    "picture": format!("https://secure.gravatar.com/avatar/{}", account.name),
                    "zoneinfo": "Europe/London", "locale": "en-GB",
                    "extended_profile": {"job_title": "Programmer", "organization": "Analytical Engines"},
                }),
            )
            .outcome("ok"),
            None => errors::unauthorized(),
        }
    };
    caller.sign(state, reply)
}
