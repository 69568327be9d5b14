//! Every control call: how it is called, what it takes, and what does it. The OpenAPI document is written from this.

use serde_json::{Value, json};

use super::handlers as on;
use super::{Outcome, bad, body, openapi, unknown};
use crate::faults::Order;
use crate::inspect;
use crate::reply::Request;
use crate::serve::Sandbox;
use crate::world::World;

/// What a call takes in its body or, of a GET, in its query.
#[derive(Debug, Clone, Copy)]
pub(super) enum Takes {
    Nothing,
    /// Name, JSON type, whether it must be there, what it is.
    Fields(&'static [(&'static str, &'static str, bool, &'static str)]),
    World,
    Settings,
    Fault,
}

/// A control call.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) says: &'static str,
    pub(super) takes: Takes,
    pub(super) run: fn(&Sandbox, &Request, &str) -> Outcome,
}

use Takes::{Fault, Fields, Nothing, Settings};

macro_rules! routes {
    ($($method:ident $path:literal $says:literal $takes:expr => $run:expr;)*) => {
        &[$(Route { method: stringify!($method), path: $path, says: $says, takes: $takes, run: $run }),*]
    };
}

const OF_APP: Takes = Fields(&[("client_id", "string", false, "the app; all of them where it is left out")]);

pub(super) const ROUTES: &[Route] = routes! {
    GET "openapi.json" "This document." Nothing => |_, _, _| Ok(openapi::document());
    GET "world" "What is configured, with all defaults and cloud ids filled in, and the settings and names of now." Nothing
        => |sandbox, _, _| Ok(on::world(&sandbox.state.lock()));
    PUT "world" "A new world: resets grants, tokens, data, clock, faults and log." Takes::World
        => |sandbox, request, _| {
            sandbox.reset(body::<World>(request)?).map_err(bad)?;
            Ok(on::world(&sandbox.state.lock()))
        };
    PATCH "settings" "Merges settings, and answers all of them." Settings
        => |sandbox, request, _| on::settings(&mut sandbox.state.lock(), request);
    POST "consent" "Plays the consent page; answers the callback, or what the page would show as an error." Fields(&[
        ("url", "string", true, "the address of /authorize that the person was sent to"),
        ("account", "string", false, "name, id or address; the first account where it is left out"),
        ("sites", "array", false, "subdomains, addresses or cloud ids; the first usable one where it is left out"),
        ("decision", "string", false, "accept, which is the default, or decline"),
    ]) => |sandbox, request, _| on::consent(&mut sandbox.state.lock(), request);
    POST "time" "Moves the clock." Fields(&[("advance_s", "number", true, "seconds; below zero it moves back")])
        => |sandbox, request, _| on::time(&mut sandbox.state.lock(), request);
    POST "tokens/expire" "Every access token issued so far is expired for the API."
        Fields(&[("account", "string", false, "whose tokens; everybody's where it is left out")])
        => |sandbox, request, _| on::expire(&mut sandbox.state.lock(), request);
    POST "tokens/inspect" "What the provider would say to a token, changing nothing." Fields(&[
        ("refresh_token", "string", false, "either this"),
        ("access_token", "string", false, "or this"),
    ]) => |sandbox, request, _| on::tokens(&mut sandbox.state.lock(), request);
    POST "accounts/{account}/revoke" "The person removes the app in their profile (F1.10)." OF_APP
        => |sandbox, request, account| on::revoke(&mut sandbox.state.lock(), request, account);
    POST "accounts/{account}/password" "Refresh tokens are refused while the password is changed (F3.9)."
        Fields(&[("changed", "boolean", true, "whether it is")])
        => |sandbox, request, account| on::password(&mut sandbox.state.lock(), request, account);
    GET "sites/{site}/issues" "What became of a site's issues." Nothing
        => |sandbox, _, site| on::issues(&sandbox.state.lock(), site);
    POST "sites/{site}/uninstall" "An admin removes the app (F6.5)." OF_APP
        => |sandbox, request, site| on::uninstall(&mut sandbox.state.lock(), request, site);
    POST "sites/{site}/rename" "The cloud id stays (F4.7)." Fields(&[
        ("subdomain", "string", false, "the new subdomain, which leads to a new address"),
        ("name", "string", false, "the new name on screen"),
    ]) => |sandbox, request, site| on::rename(&mut sandbox.state.lock(), request, site);
    POST "sites/{site}/permissions" "Whether a person may use the site." Fields(&[
        ("account", "string", true, "name, id or address"),
        ("allowed", "boolean", true, "whether they may"),
    ]) => |sandbox, request, site| on::permissions(&mut sandbox.state.lock(), request, site);
    POST "sites/{site}/suspend" "The site is gone, or back."
        Fields(&[("suspended", "boolean", true, "whether it is gone")])
        => |sandbox, request, site| on::suspend(&mut sandbox.state.lock(), request, site);
    POST "faults" "Orders a fault; answers its id." Fault
        => |sandbox, request, _| {
            let order = body::<Order>(request)?;
            sandbox.faults.add(order).map_err(bad).map(|id| json!({"id": id}))
        };
    GET "faults" "The faults there are." Nothing => |sandbox, _, _| Ok(sandbox.faults.show());
    DELETE "faults" "Clears and releases all faults." Nothing
        => |sandbox, _, _| {
            sandbox.faults.clear(None);
            Ok(json!({}))
        };
    DELETE "faults/{id}" "Clears and releases one fault." Nothing
        => |sandbox, _, id| {
            sandbox.faults.clear(Some(id.parse().map_err(|_| unknown())?));
            Ok(json!({}))
        };
    POST "faults/{id}/release" "Lets go what a fault holds." Nothing
        => |sandbox, _, id| match id.parse().is_ok_and(|id| sandbox.faults.release(id)) {
            true => Ok(json!({})),
            false => Err((404, format!("no fault {id}"))),
        };
    GET "log" "What was seen." Nothing => |sandbox, _, _| -> Outcome { Ok::<Value, _>(json!(*sandbox.log.lock())) };
    DELETE "log" "Forgets what was seen." Nothing
        => |sandbox, _, _| {
            sandbox.log.lock().clear();
            Ok(json!({}))
        };
    GET "listings" "Every listing, how it is asked for and what has to come; see the README."
        Fields(&[("site", "string", false, "subdomain, address or cloud id; the first with both products where it is left out")])
        => |sandbox, request, _| on::listed(&sandbox.state.lock(), request);
    GET "sites/{site}/webhooks" "What Jira would send for an event: addresses, headers and bodies (F9.8). Nothing is sent." Fields(&[
        ("event", "string", false, "such as jira:issue_updated, the default"),
        ("issue", "string", false, "its key; the first issue's where it is left out"),
    ]) => |sandbox, request, site| on::webhooks(&sandbox.state.lock(), request, site);
    GET "grants" "The grants there are, and the state of their tokens." Nothing
        => |sandbox, _, _| Ok(inspect::grants(&mut sandbox.state.lock()));
};
