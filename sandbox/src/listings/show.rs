//! The listings, told to tests: how each is asked for, and what has to come.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::plan::{count, id};
use super::{LISTINGS, Listing};
use crate::scopes;
use crate::state::{LiveSite, State};

/// All listings, as they are on a site.
#[must_use]
pub(crate) fn show(state: &State, site: &LiveSite) -> Value {
    let mut needed = BTreeSet::new();
    let listings: Vec<Value> = LISTINGS.iter().map(|one| shown(state, site, one, &mut needed)).collect();
    json!({"site": site.config.subdomain, "scopes": needed, "listings": listings})
}

fn shown(state: &State, site: &LiveSite, one: &Listing, needed: &mut BTreeSet<&'static str>) -> Value {
    let project = site.data.projects.first().map(|project| project.key.clone()).unwrap_or_default();
    let fill = |text: &str| text.replace("{project}", &project).replace("{issue}", &format!("{project}-1"));
    let part = |part: &str| match part {
        "{issueIdOrKey}" => fill("{issue}"),
        "{projectIdOrKey}" => fill("{project}"),
        "{epicIdOrKey}" => fill("{issue}"),
        _ if part.starts_with('{') => "10001".to_owned(),
        _ => part.to_owned(),
    };
    let path: Vec<String> = one.path().split('/').map(part).collect();
    let known = scopes::of(one.method(), &path.iter().map(String::as_str).collect::<Vec<_>>());
    if let Some(known) = known {
        // Either kind will do.
        needed.extend(if known.classic.is_empty() { &known.granular } else { &known.classic });
    }
    let ids: Vec<Value> = (0..count(site, &state.world.settings, one)).map(|item| id(one, item)).collect();
    let filled = |value: &Value| serde_json::from_str::<Value>(&fill(&value.to_string())).unwrap_or_default();
    json!({
        "name": one.op, "row": one.row, "product": one.product, "method": one.method(),
        "path": format!("/{}", path.join("/")), "params": filled(&json!(one.params)),
        "json": one.json.as_ref().map(filled), "id": one.id, "size": one.size,
        "status": if one.gone { 410 } else { 200 }, "barred": one.barred, "ids": ids,
        "classic_scopes": known.map(|known| &known.classic), "granular_scopes": known.map(|known| &known.granular),
    })
}
