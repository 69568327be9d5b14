//! `/oauth/token`: exchange of codes and refresh tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::clock::SECOND;
use crate::errors;
use crate::grants::Issued;
use crate::mint::base64url;
use crate::reply::{Params, Reply, Request};
use crate::rotation::{FamilyState, Refusal, Verdict};
use crate::settings::{DeadTokenError, Revocation};
use crate::state::{RefreshAt, State};

/// The fields of the body; JSON as documented, or a form, which is accepted too (F2.2).
#[derive(Debug, Default)]
pub(crate) struct Fields(Params);

impl Fields {
    /// Reads a body. What cannot be read is empty.
    #[must_use]
    pub(crate) fn read(request: &Request) -> Self {
        let form =
            request.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form"));
        if form {
            return Self(Params::parse(&request.body));
        }
        let fields = match request.json() {
            Some(Value::Object(fields)) => fields,
            _ => return Self::default(),
        };
        let text = |(name, value): (String, Value)| value.as_str().map(|value| (name, value.to_owned()));
        Self(Params(fields.into_iter().filter_map(text).collect()))
    }

    /// A field.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }
}

/// POST.
#[must_use]
pub(crate) fn exchange(state: &mut State, request: &Request) -> Reply {
    let fields = Fields::read(request);
    let grant_type = fields.get("grant_type").map(str::to_owned);
    let mut reply = match grant_type.as_deref() {
        Some("authorization_code") => authenticated(state, request, &fields, code),
        Some("refresh_token") => authenticated(state, request, &fields, refresh),
        Some(_) => errors::oauth(403, "unauthorized_client", "Grant type not allowed for the client.")
            .outcome("bad_request"),
        None => errors::oauth(400, "invalid_request", "grant_type is required").outcome("bad_request"),
    };
    // The log is not the place for whatever a client sends as its grant type.
    let known = |name: &String| matches!(name.as_str(), "authorization_code" | "refresh_token");
    reply.note.grant_type = grant_type.filter(known);
    reply
}

/// POST `/oauth/revoke`: in Atlassian's discovery document and nowhere else (F4.9). The form is RFC 7009's, by which an
/// unknown token is no error.
#[must_use]
pub(crate) fn revoke(state: &mut State, request: &Request) -> Reply {
    if state.world.settings.revocation == Revocation::Missing {
        return errors::spring(404, "Not Found", &request.path, state.clock.now()).outcome("not_found");
    }
    authenticated(state, request, &Fields::read(request), |state, fields, client_id| {
        let at = fields.get("token").and_then(|token| state.refresh.get(token)).copied();
        let grant = at.and_then(|at| state.grants.get(at.grant)).filter(|grant| grant.client_id == client_id);
        let account = grant.map(|grant| grant.account.clone());
        if let Some(account) =
            account.as_deref().filter(|_| state.world.settings.revocation == Revocation::Grant)
        {
            state.revoke(account, Some(client_id));
        }
        let mut reply = Reply::empty(200).outcome("revocation");
        reply.note.account = account.map(|account| state.account_name(&account));
        reply
    })
}

/// Credentials first: wrong ones say nothing about the token, and must not spend it (F2.7).
fn authenticated(
    state: &mut State,
    request: &Request,
    fields: &Fields,
    then: fn(&mut State, &Fields, &str) -> Reply,
) -> Reply {
    let basic = state.world.settings.basic_auth.then(|| basic_credentials(request)).flatten();
    let posted = || Some((fields.get("client_id")?.to_owned(), fields.get("client_secret")?.to_owned()));
    let Some((id, secret)) = basic.or_else(posted) else { return errors::bad_client() };
    if state.app(&id).is_none_or(|app| app.client_secret != secret) {
        return errors::bad_client();
    }
    then(state, fields, &id)
}

fn basic_credentials(request: &Request) -> Option<(String, String)> {
    let (scheme, encoded) = request.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
    Some((decode(id), decode(secret)))
}

fn code(state: &mut State, fields: &Fields, client_id: &str) -> Reply {
    let refused = |why: &str| {
        errors::oauth(403, "invalid_grant", "Invalid authorization code").outcome("code_refused").reason(why)
    };
    let Some(code) = fields.get("code") else { return refused("no code") };
    let Some(kept) = state.codes.get(code).filter(|kept| kept.client_id == client_id).cloned() else {
        return refused("unknown or used code");
    };
    // Whatever comes of it, a code is good for one attempt of its own client.
    state.codes.remove(code);
    let lifetime = state.world.settings.code_lifetime_s * SECOND;
    if state.clock.now() - kept.consented_at >= lifetime {
        return refused("expired code");
    }
    if fields.get("redirect_uri") != Some(kept.redirect_uri.as_str()) {
        return refused("other redirect_uri");
    }
    if state.world.settings.check_pkce
        && let Some(challenge) = &kept.challenge
    {
        let verifier = fields.get("code_verifier").unwrap_or("");
        if base64url(&Sha256::digest(verifier)) != *challenge {
            return refused("wrong code_verifier");
        }
    }
    let Some(issued) = state.first_pair(kept.grant, &kept.scopes, kept.consented_at) else {
        return refused("revoked grant");
    };
    let mut reply = success(state, &issued).outcome("code_exchanged");
    reply.note.account = account_of(state, kept.grant);
    reply.note.new_generation = Some(issued.generation);
    reply
}

fn refresh(state: &mut State, fields: &Fields, client_id: &str) -> Reply {
    let now = state.clock.now();
    let rules = state.rules();
    let owned = |at: &RefreshAt, state: &State| {
        state.grants.get(at.grant).is_some_and(|one| one.client_id == client_id)
    };
    let at = fields.get("refresh_token").and_then(|token| state.refresh.get(token)).copied();
    let Some(at) = at.filter(|at| owned(at, state)) else {
        return dead(state, "refused").reason("unknown token");
    };
    let account = state.grants.get(at.grant).map(|grant| grant.account.clone()).unwrap_or_default();
    let changed = state.passwords.get(&account).copied();
    let Some(grant) = state.grants.get_mut(at.grant) else { return errors::unauthorized() };
    let scopes = grant.scopes.clone();
    let Some(family) = grant.families.get_mut(at.family) else { return errors::unauthorized() };
    let generation = family.generation(at.token);
    let reply = if changed.is_some_and(|changed| family.consented_at() < changed) {
        dead(state, "refused").reason("password changed")
    } else {
        match family.exchange(at.token, now, &rules) {
            Verdict::Rotated { token, replay } => {
                let generation = family.generation(token).unwrap_or_default();
                rotated(state, RefreshAt { token, ..at }, generation, &scopes, replay)
            }
            Verdict::Kept => kept(state, at, generation.unwrap_or_default(), &scopes),
            Verdict::Breach => dead(state, "breach").reason("reuse"),
            Verdict::Refused(why) => dead(state, "refused").reason(refusal(why)),
        }
    };
    let mut reply = reply;
    reply.note.account = account_of(state, at.grant);
    reply.note.generation = generation;
    reply
}

fn rotated(state: &mut State, at: RefreshAt, generation: u64, scopes: &[String], replay: bool) -> Reply {
    state.end_old_access_tokens(at.grant, at.family);
    let refresh_token = Some(state.new_refresh_token(at));
    let access_token = state.new_access_token(at.grant, at.family, generation, scopes);
    let issued = Issued { access_token, refresh_token, scopes: scopes.to_vec(), generation };
    let mut reply = success(state, &issued).outcome(if replay { "replayed" } else { "rotated" });
    reply.note.new_generation = Some(generation);
    reply
}

fn kept(state: &mut State, at: RefreshAt, generation: u64, scopes: &[String]) -> Reply {
    let settings = &mut state.world.settings;
    settings.omit_refresh_token = settings.omit_refresh_token.saturating_sub(1);
    state.end_old_access_tokens(at.grant, at.family);
    let access_token = state.new_access_token(at.grant, at.family, generation, scopes);
    let issued = Issued { access_token, refresh_token: None, scopes: scopes.to_vec(), generation };
    success(state, &issued).outcome("kept")
}

/// F2.3: no cloud id, no account id, no id token.
fn success(state: &State, issued: &Issued) -> Reply {
    let mut body = json!({
        "access_token": issued.access_token,
        "expires_in": state.world.settings.expires_in,
        "token_type": "Bearer",
    });
    if let Some(fields) = body.as_object_mut() {
        if let Some(token) = &issued.refresh_token {
            fields.insert("refresh_token".into(), json!(token));
        }
        fields.insert("scope".into(), json!(issued.scopes.join(" ")));
    }
    Reply::json(200, &body).header("cache-control", "no-store")
}

/// The answer to a dead refresh token (F3.8).
fn dead(state: &State, outcome: &'static str) -> Reply {
    let settings = &state.world.settings;
    let (error, description) = match settings.dead_token_error {
        DeadTokenError::UnauthorizedClient => ("unauthorized_client", "refresh_token is invalid"),
        DeadTokenError::InvalidGrant => ("invalid_grant", "Unknown or invalid refresh token."),
        DeadTokenError::ExpiredOrRevoked => ("invalid_grant", "Token has been expired or revoked."),
    };
    errors::oauth(settings.dead_token_status, error, description).outcome(outcome)
}

fn refusal(why: Refusal) -> &'static str {
    match why {
        Refusal::Unknown => "unknown token",
        Refusal::LostSibling => "lost to a sibling",
        Refusal::Dead(FamilyState::Breached) => "breached",
        Refusal::Dead(FamilyState::Replaced) => "replaced by a later consent",
        Refusal::Dead(FamilyState::Revoked) => "revoked",
        Refusal::Dead(FamilyState::Idle) => "idle too long",
        Refusal::Dead(FamilyState::TooOld) => "consent too old",
        Refusal::Dead(FamilyState::Live) => "dead",
    }
}

fn account_of(state: &State, grant: usize) -> Option<String> {
    state.grants.get(grant).map(|grant| state.account_name(&grant.account))
}
