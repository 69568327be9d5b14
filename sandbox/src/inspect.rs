//! Looking at grants and tokens without touching them.

use serde_json::{Value, json};

use crate::clock::seconds;
use crate::grants::Grant;
use crate::rotation::{Family, FamilyState, Rules, Standing};
use crate::state::State;

/// All grants, for `GET /_sandbox/grants`.
#[must_use]
pub(crate) fn grants(state: &mut State) -> Value {
    let (now, rules) = (state.clock.now(), state.rules());
    for family in state.grants.iter_mut().flat_map(|grant| &mut grant.families) {
        family.age(now, &rules);
    }
    let list = state.grants.iter().enumerate().map(|(at, grant)| {
        let families: Vec<Value> =
            grant.families.iter().map(|family| show_family(state, grant, family, &rules)).collect();
        let newest = grant.families.last();
        let sum = |name: &str| families.iter().filter_map(|one| one.get(name)?.as_u64()).sum::<u64>();
        let name = |at: &usize| state.sites.get(*at).map(|site| site.config.subdomain.as_str());
        let live =
            |one: &&crate::state::Access| one.grant == at && !one.dead && !grant.revoked && now < one.expires;
        json!({
            "id": at + 1, "client_id": grant.client_id, "account": state.account_name(&grant.account),
            "account_id": grant.account, "mode": grant.mode, "scopes": grant.scopes,
            "sites": state.reach(grant).iter().filter_map(name).collect::<Vec<_>>(), "revoked": grant.revoked,
            "family_state": newest.map_or(json!("none"), |family| json!(family.state())),
            "generation": newest.map(Family::newest),
            "live_refresh_tokens": sum("live_refresh_tokens"),
            "replayable_refresh_tokens": sum("replayable_refresh_tokens"),
            "live_access_tokens": state.access.values().filter(live).count(),
            "families": families,
        })
    });
    Value::Array(list.collect())
}

fn show_family(state: &State, grant: &Grant, family: &Family, rules: &Rules) -> Value {
    let now = state.clock.now();
    let locked = locked_out(state, grant, family);
    let count = |standing| if locked { 0 } else { family.count(standing, now, rules) };
    json!({
        "state": family.state(), "generation": family.newest(), "live_refresh_tokens": count(Standing::Live),
        "replayable_refresh_tokens": count(Standing::Replayable), "password_changed": locked,
        "consented_at": seconds(family.consented_at()), "exchanged_at": seconds(family.exchanged_at()),
    })
}

/// Whether the password changed after this consent (F3.9).
fn locked_out(state: &State, grant: &Grant, family: &Family) -> bool {
    state.passwords.get(&grant.account).is_some_and(|changed| family.consented_at() < *changed)
}

/// How a refresh token stands.
#[must_use]
pub(crate) fn refresh_token(state: &mut State, token: &str) -> Value {
    let (now, rules) = (state.clock.now(), state.rules());
    let unknown = json!({"state": "unknown"});
    let Some(at) = state.refresh.get(token).copied() else { return unknown };
    let Some(family) = state.grants.get_mut(at.grant).and_then(|grant| grant.families.get_mut(at.family))
    else {
        return unknown;
    };
    family.age(now, &rules);
    let Some(grant) = state.grants.get(at.grant) else { return unknown };
    let Some(family) = grant.families.get(at.family) else { return unknown };
    let locked = locked_out(state, grant, family);
    let standing = if locked { Standing::Dead } else { family.standing(at.token, now, &rules) };
    json!({
        "state": standing, "generation": family.generation(at.token), "newest_generation": family.newest(),
        "account": state.account_name(&grant.account), "family_state": family.state(),
    })
}

/// How an access token stands.
#[must_use]
pub(crate) fn access_token(state: &State, token: &str) -> Value {
    let Some(access) = state.access.get(token) else { return json!({"state": "unknown"}) };
    let Some(grant) = state.grants.get(access.grant) else { return json!({"state": "unknown"}) };
    let standing = if access.dead || grant.revoked {
        "dead"
    } else if state.clock.now() >= access.expires {
        "expired"
    } else {
        "live"
    };
    let family = grant.families.get(access.family).map_or(FamilyState::Live, Family::state);
    json!({
        "state": standing, "generation": access.generation, "account": state.account_name(&grant.account),
        "family_state": family, "scopes": state.scopes_of(access),
    })
}
