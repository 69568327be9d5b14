//! Dynamic webhooks: registered, listed, refreshed and removed by apps (F9.1, F9.2), and what would be delivered.

use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::clock::{DAY, Millis, SECOND, jira_date};
use crate::errors;
use crate::gateway::Call;
use crate::jira::paging::{Window, page_bean};
use crate::jira::people::user;
use crate::jql::{Asker, Query};
use crate::mint::base64url;
use crate::reply::Reply;
use crate::state::{LiveSite, State};

/// Life of a webhook, unless it is refreshed (F9.2).
const LIFE: Millis = 30 * DAY;
/// An app's webhooks on one site, of each person (F9.2).
const MOST: usize = 5;
const EVENTS: [&str; 8] = [
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "comment_updated",
    "comment_deleted",
    "issue_property_set",
    "issue_property_deleted",
];

/// A webhook.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    id: u64,
    client_id: String,
    account: String,
    url: String,
    events: Vec<String>,
    jql: String,
    expires: Millis,
}

impl Webhook {
    fn show(&self) -> Value {
        json!({
            "id": self.id, "url": self.url, "events": self.events, "jqlFilter": self.jql,
            "expirationDate": jira_date(self.expires),
        })
    }
}

/// Whose call it is: the app and the person.
fn caller(call: &Call<'_>) -> (String, String) {
    let app = call.state.grants.get(call.caller.grant).map(|grant| grant.client_id.clone());
    (app.unwrap_or_default(), call.caller.account.clone())
}

/// POST `/webhook`: 200 also where each of them was refused (F9.1).
pub(crate) fn register(call: &mut Call<'_>) -> Reply {
    let body = call.request.json().unwrap_or(Value::Null);
    let (Some(url), Some(asked)) =
        (body.get("url").and_then(Value::as_str), body.get("webhooks").and_then(Value::as_array))
    else {
        return errors::jira(400, "The url and the webhooks are required.");
    };
    let ((app, account), now) = (caller(call), call.state.clock.now());
    // One address for an app, on all sites and for everybody (F9.2).
    let mut others = call.state.sites.iter().flat_map(|site| &site.webhooks);
    let other = others.any(|one| one.client_id == app && one.url != url && one.expires > now);
    let checked: Vec<_> = asked.iter().map(|one| check(call, one, now)).collect();
    let registered = checked.into_iter().map(|one| match one {
        Err(why) => json!({"errors": [why]}),
        Ok(_) if other => json!({"errors": ["Only a single URL per app is allowed to be registered."]}),
        Ok((events, jql)) => {
            let Some(site) = call.state.sites.get_mut(call.site) else { return json!({"errors": []}) };
            let mine = |one: &&Webhook| one.client_id == app && one.account == account && one.expires > now;
            if site.webhooks.iter().filter(mine).count() >= MOST {
                return json!({"errors": ["The maximum number of webhooks for this user was reached."]});
            }
            let id = 1000 + site.webhooks.len() as u64;
            let (client_id, account) = (app.clone(), account.clone());
            let url = url.to_owned();
            site.webhooks.push(Webhook { id, client_id, account, url, events, jql, expires: now + LIFE });
            json!({"createdWebhookId": id})
        }
    });
    let results: Vec<Value> = registered.collect();
    Reply::json(200, &json!({"webhookRegistrationResult": results}))
}

fn check(call: &Call<'_>, one: &Value, now: Millis) -> Result<(Vec<String>, String), String> {
    let jql = one.get("jqlFilter").and_then(Value::as_str).unwrap_or("");
    if jql.trim().is_empty() || jql.to_ascii_lowercase().contains("is not empty") {
        return Err("The JQL filter is required, and must restrict.".into());
    }
    if let Some(site) = call.site() {
        Query::read(jql, &Asker { data: &site.data, now, account: &call.caller.account })?;
    }
    let events: Vec<String> = one
        .get("events")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|event| event.as_str().map(str::to_owned))
        .collect();
    match events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
        Some(unknown) => Err(format!("The event {unknown} is not supported.")),
        None if events.is_empty() => Err("At least one event is required.".into()),
        None => Ok((events, jql.to_owned())),
    }
}

/// GET `/webhook`: the caller's own.
pub(crate) fn list(call: &mut Call<'_>) -> Reply {
    let ((app, account), now) = (caller(call), call.state.clock.now());
    let all = call.site().map(|site| site.webhooks.as_slice()).unwrap_or_default();
    let mine = |one: &&Webhook| one.client_id == app && one.account == account && one.expires > now;
    let found: Vec<Value> = all.iter().filter(mine).map(Webhook::show).collect();
    let (window, total) = (Window::of(call, 100), found.len());
    let values = window.cut(found.into_iter());
    Reply::json(200, &page_bean(call, "/rest/api/3/webhook", window, total, values))
}

/// PUT `/webhook/refresh`: another thirty days.
pub(crate) fn refresh(call: &mut Call<'_>) -> Reply {
    let expires = call.state.clock.now() + LIFE;
    match change(call, |one| one.expires = expires) {
        true => Reply::json(200, &json!({"expirationDate": jira_date(expires)})),
        false => errors::jira(400, "The webhookIds are required."),
    }
}

/// DELETE `/webhook`, with a body (F5.10).
pub(crate) fn remove(call: &mut Call<'_>) -> Reply {
    match change(call, |one| one.expires = Millis::MIN) {
        true => Reply::empty(202),
        false => errors::jira(400, "The webhookIds are required."),
    }
}

/// Changes the caller's webhooks that the body names; others are ignored without a word (F9.1).
fn change(call: &mut Call<'_>, change: impl Fn(&mut Webhook)) -> bool {
    let ((app, account), now) = (caller(call), call.state.clock.now());
    let body = call.request.json().unwrap_or(Value::Null);
    let Some(ids) = body.get("webhookIds").and_then(Value::as_array) else { return false };
    let named = |one: &Webhook| ids.iter().any(|id| id.as_u64() == Some(one.id));
    if let Some(site) = call.site_mut() {
        let alive = |one: &&mut Webhook| one.expires > now;
        let mine = |one: &Webhook| one.client_id == app && one.account == account && named(one);
        site.webhooks.iter_mut().filter(alive).filter(|one| mine(one)).for_each(change);
    }
    true
}

/// What Jira would send for an event about an issue: one delivery for each app that waits for it and whose filter the
/// issue passes, signed with the app's secret (F9.4, F9.6, F9.8). Nothing is sent; a test hands it to what is to be tested.
pub(crate) fn deliveries(state: &State, site: &LiveSite, event: &str, issue: &str) -> Value {
    let now = state.clock.now();
    let waiting = |one: &&Webhook| one.expires > now && one.events.iter().any(|name| name == event);
    let live = |one: &&Webhook| {
        let grants = state.grants.iter();
        grants
            .into_iter()
            .any(|grant| grant.client_id == one.client_id && grant.account == one.account && !grant.revoked)
    };
    let at = site.data.find(issue);
    let filtered = |one: &&Webhook| {
        let asker = Asker { data: &site.data, now, account: &one.account };
        // It was read when it was registered; what it named may be gone by now.
        let query = Query::read(&one.jql, &asker);
        query.is_ok_and(|query| at.is_none_or(|at| query.matches(&site.data, at)))
    };
    let found = site.webhooks.iter().filter(waiting).filter(live).filter(filtered);
    let mut by_app: Vec<(&Webhook, Vec<u64>)> = Vec::new();
    for one in found {
        match by_app
            .iter_mut()
            .find(|(first, _)| first.client_id == one.client_id && first.account == one.account)
        {
            Some((_, ids)) => ids.push(one.id),
            None => by_app.push((one, vec![one.id])),
        }
    }
    let shown = json!({
        "id": at.map(|at| site.data.id(at).to_string()), "key": issue,
        "self": format!("{}/rest/api/3/issue/{issue}", site.config.url),
    });
    let delivered = by_app.into_iter().map(|(one, ids)| {
        let secret = state.app(&one.client_id).map(|app| app.client_secret.clone()).unwrap_or_default();
        let identifier =
            crate::mint::uuid(u64::try_from(now).unwrap_or(0), &format!("{event} {issue} {}", one.id));
        json!({
            "url": one.url,
            "headers": {
                "authorization": format!("Bearer {}", token(&secret, now)),
                "content-type": "application/json",
                "x-atlassian-webhook-identifier": identifier,
                "x-atlassian-webhook-flow": "Primary",
            },
            "body": told(state, site, one, event, &shown, &ids),
        })
    });
    Value::Array(delivered.collect())
}

/// The body of a delivery (F9.8): what changed is told of updates alone.
fn told(state: &State, site: &LiveSite, one: &Webhook, event: &str, issue: &Value, ids: &[u64]) -> Value {
    let mut body = json!({
        "timestamp": state.clock.now(), "webhookEvent": event, "issue": issue, "matchedWebhookIds": ids,
        "user": state.account(&one.account).map(|account| user(account, &site.config.url)),
    });
    if let Some(fields) = body.as_object_mut().filter(|_| event == "jira:issue_updated") {
        let item = json!({"field": "summary", "fieldtype": "jira", "fieldId": "summary", "fromString": "before", "toString": "after"});
        fields.insert("issue_event_type_name".into(), json!("issue_generic"));
        fields.insert("changelog".into(), json!({"id": "10000", "items": [item]}));
    }
    body
}

/// A JSON web token of HS256; which claims Atlassian's has is not confirmed (F9.4).
fn token(secret: &str, now: Millis) -> String {
    let part = |value: Value| base64url(value.to_string().as_bytes());
    let issued = now / SECOND;
    let text = format!(
        "{}.{}",
        part(json!({"alg": "HS256", "typ": "JWT"})),
        part(json!({"iat": issued, "exp": issued + 180}))
    );
    let signature = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(text.as_bytes());
        base64url(&mac.finalize().into_bytes())
    });
    format!("{text}.{}", signature.unwrap_or_default())
}
