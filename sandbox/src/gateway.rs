//! `/ex/{product}/{cloudId}/…`: the checks every call to a site goes through, and the table of what is served.

use crate::errors;
use crate::jira::{
    attachment, comment, echo, field, issue, people, project, search, server_info, software, task, webhook,
};
use crate::listings::{self, Listing};
use crate::rates::Usage;
use crate::reply::{Params, Reply, Request};
use crate::resources::{Caller, caller};
use crate::scopes::{self, Known};
use crate::settings::{NotInstalledBody, UnknownPath, UnknownSite};
use crate::state::{LiveSite, State};
use crate::world::Product;
use crate::{confluence, errors::scope_mismatch};

/// One call that passed the gateway.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// The world.
    pub(crate) state: &'a mut State,
    /// Position of the site.
    pub(crate) site: usize,
    /// Who calls.
    pub(crate) caller: &'a Caller,
    /// The request.
    pub(crate) request: &'a Request,
    /// Its query.
    pub(crate) params: Params,
    /// What stands at the places `{}` of the pattern.
    pub(crate) holes: Vec<String>,
}

impl Call<'_> {
    /// The site.
    #[must_use]
    pub(crate) fn site(&self) -> Option<&LiveSite> {
        self.state.sites.get(self.site)
    }

    /// The site, to change it.
    pub(crate) fn site_mut(&mut self) -> Option<&mut LiveSite> {
        self.state.sites.get_mut(self.site)
    }

    /// The first hole of the pattern.
    #[must_use]
    pub(crate) fn hole(&self) -> &str {
        self.holes.first().map_or("", String::as_str)
    }

    /// The address of the site: what URLs in answers begin with (F5.3).
    #[must_use]
    pub(crate) fn base(&self) -> String {
        self.site().map_or_else(String::new, |site| site.config.url.clone())
    }
}

/// An operation with something behind it, beside the listings.
struct Operation {
    product: Product,
    method: &'static str,
    path: &'static str,
    run: fn(&mut Call<'_>) -> Reply,
}

macro_rules! operations {
    ($($product:ident $method:literal $path:literal $run:path;)*) => {
        &[$(Operation { product: Product::$product, method: $method, path: $path, run: $run }),*]
    };
}

const OPERATIONS: &[Operation] = operations! {
    Jira "GET" "rest/api/3/myself" people::myself;
    Jira "GET" "rest/api/3/mypermissions" people::permissions;
    Jira "GET" "rest/api/3/users/search" people::search;
    Jira "GET" "rest/api/3/serverInfo" server_info::get;
    Jira "GET" "rest/api/3/search/jql" search::by_query;
    Jira "POST" "rest/api/3/search/jql" search::by_body;
    Jira "POST" "rest/api/3/search/approximate-count" search::count;
    Jira "GET" "rest/api/3/field" field::list;
    Jira "GET" "rest/api/3/project/search" project::search;
    Jira "GET" "rest/api/3/project/{}" project::get;
    Jira "POST" "rest/api/3/issue" issue::create;
    Jira "GET" "rest/api/3/issue/{}" issue::get;
    Jira "PUT" "rest/api/3/issue/{}" issue::edit;
    Jira "DELETE" "rest/api/3/issue/{}" issue::delete;
    Jira "GET" "rest/api/3/issue/{}/comment" comment::list;
    Jira "POST" "rest/api/3/issue/{}/comment" comment::add;
    Jira "POST" "rest/api/3/issue/{}/attachments" attachment::upload;
    Jira "GET" "rest/api/3/attachment/{}" attachment::get;
    Jira "GET" "rest/api/3/attachment/content/{}" attachment::content;
    Jira "GET" "rest/api/3/attachment/thumbnail/{}" attachment::content;
    Jira "GET" "rest/api/3/task/{}" task::get;
    Jira "POST" "rest/api/3/webhook" webhook::register;
    Jira "GET" "rest/api/3/webhook" webhook::list;
    Jira "PUT" "rest/api/3/webhook/refresh" webhook::refresh;
    Jira "DELETE" "rest/api/3/webhook" webhook::remove;
    Jira "*" "rest/api/3/_echo" echo::echo;
    Jira "GET" "rest/agile/1.0/board" software::boards;
    Jira "GET" "rest/agile/1.0/board/{}/issue" software::board_issues;
    Confluence "GET" "wiki/api/v2/spaces" confluence::spaces;
};

/// What a path leads to.
#[derive(Clone, Copy)]
enum Target {
    Operation(&'static Operation),
    Listing(&'static Listing),
    /// Atlassian has it; the sandbox has nothing behind it but a task, if it starts one.
    Nothing(&'static Known),
}

impl Target {
    fn path(self) -> &'static str {
        match self {
            Self::Operation(one) => one.path,
            Self::Listing(one) => one.path(),
            Self::Nothing(one) => one.path,
        }
    }
}

/// Answers a call to a site.
#[must_use]
pub(crate) fn call(state: &mut State, request: &Request) -> Reply {
    let caller = match caller(state, request) {
        Ok(caller) => caller,
        Err(reply) => return *reply,
    };
    let segments = request.segments();
    let mut parts = segments.iter().map(String::as_str);
    let (_, product, cloud_id) = (parts.next(), parts.next(), parts.next().unwrap_or(""));
    let rest: Vec<&str> = parts.collect();
    let product = match product {
        Some("jira") => Product::Jira,
        Some("confluence") => Product::Confluence,
        _ => return caller.sign(state, not_found(state, request)),
    };
    let mut reply = at_site(state, request, &caller, product, cloud_id, &rest);
    // Only ids that exist are worth a field: what else stands there is in the path already.
    reply.note.cloud_id = state.site(cloud_id).map(|_| cloud_id.to_owned());
    caller.sign(state, reply)
}

/// The order of the checks: the site, the installation (F6.5), the path and its scopes (F6.2), the person (F6.5).
fn at_site(
    state: &mut State,
    request: &Request,
    caller: &Caller,
    product: Product,
    cloud_id: &str,
    rest: &[&str],
) -> Reply {
    let Some(at) = state.site_by_cloud_id(cloud_id) else {
        return match state.world.settings.unknown_site {
            UnknownSite::Spring => not_found(state, request),
            UnknownSite::Html => errors::html(404, "Page unavailable").outcome("not_found"),
        };
    };
    let covered = state.grants.get(caller.grant).is_some_and(|grant| state.reach(grant).contains(&at));
    let has_product = state.sites.get(at).is_some_and(|site| site.config.products.contains(&product));
    if !covered || !has_product {
        return not_installed(state);
    }
    // What answers GET answers HEAD.
    let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
    let known = scopes::of(method, rest);
    let by_table = state.world.settings.listing_items.is_some();
    let Some((target, holes)) = find(product, method, rest, known, by_table) else {
        return match state.world.settings.unknown_path {
            UnknownPath::NotFound => not_found(state, request),
            UnknownPath::ScopeMismatch => scope_mismatch().reason("unknown path"),
        };
    };
    let free = known.is_none_or(|known| known.classic.is_empty() && known.granular.is_empty());
    let covers = |scopes: &[&str]| !scopes.is_empty() && caller.has(scopes);
    let covered = known.is_some_and(|known| covers(&known.classic) || covers(&known.granular));
    if !(free && !caller.too_fresh || covered) {
        return scope_mismatch();
    }
    if !state.sites.get(at).is_some_and(|site| site.allows(&caller.account)) {
        return errors::jira(403, "You do not have permission to access this site.").outcome("forbidden");
    }
    let client_id = state.grants.get(caller.grant).map(|grant| grant.client_id.clone()).unwrap_or_default();
    let writes = !matches!(request.method.as_str(), "GET" | "HEAD") && target.path().contains("/issue/{");
    let issue = holes.first().filter(|_| writes).cloned();
    let usage = Usage {
        client_id: &client_id,
        cloud_id,
        method: request.method.as_str(),
        operation: target.path(),
        issue: issue.as_deref(),
    };
    let now = state.clock.now();
    if let Some(refusal) = state.rates.refuse(&state.world.settings, &usage, now) {
        return refusal;
    }
    let params = request.params();
    let mut call = Call { state, site: at, caller, request, params, holes };
    let reply = match target {
        Target::Operation(operation) => (operation.run)(&mut call),
        Target::Listing(listing) => listings::serve(&mut call, listing),
        Target::Nothing(known) if known.barred => errors::jira(403, "Only some apps may use this operation."),
        Target::Nothing(known) if known.task => task::start(&mut call),
        Target::Nothing(_) => errors::jira(404, "The sandbox has nothing here."),
    };
    let mut reply = state.rates.charge(&state.world.settings, &usage, reply, now);
    let outcome = match reply.status {
        200..=399 => "ok",
        403 => "forbidden",
        404 => "not_found",
        410 => "removed",
        _ => "invalid",
    };
    reply.note.outcome.get_or_insert(outcome);
    reply
}

/// `by_table`: whether listings come from the table even where there is something behind them.
fn find(
    product: Product,
    method: &str,
    path: &[&str],
    known: Option<&'static Known>,
    by_table: bool,
) -> Option<(Target, Vec<String>)> {
    let behind = || {
        OPERATIONS
            .iter()
            .filter(|one| one.product == product && (one.method == method || one.method == "*"))
            .find_map(|one| Some((Target::Operation(one), scopes::fit(one.path, path)?)))
    };
    let listed = || listings::find(product, method, path).map(|(one, holes)| (Target::Listing(one), holes));
    let nothing = || {
        let known = known.filter(|one| one.path.starts_with("wiki/") == (product == Product::Confluence))?;
        Some((Target::Nothing(known), scopes::fit(known.path, path)?))
    };
    let found = if by_table { listed().or_else(behind) } else { behind().or_else(listed) };
    found.or_else(nothing)
}

fn not_found(state: &State, request: &Request) -> Reply {
    errors::spring(404, "Not Found", &request.path, state.clock.now()).outcome("not_found")
}

fn not_installed(state: &State) -> Reply {
    match state.world.settings.not_installed_body {
        NotInstalledBody::Gateway => errors::gateway(403, "The app is not installed on this instance"),
        NotInstalledBody::Jira => errors::jira(403, "The app is not installed on this instance."),
    }
    .header("x-failure-category", "FAILURE_CLIENT_AUTH_MISMATCH")
    .outcome("not_installed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(
        product: Product,
        method: &str,
        path: &str,
        by_table: bool,
    ) -> Option<(&'static str, Vec<String>)> {
        let path: Vec<&str> = path.split('/').collect();
        let (target, holes) = find(product, method, &path, scopes::of(method, &path), by_table)?;
        Some((target.path(), holes))
    }

    #[test]
    fn both_versions_of_the_platform_api_lead_to_the_same_operation() {
        for version in ["3", "2"] {
            let found = path(Product::Jira, "GET", &format!("rest/api/{version}/issue/ACME-1"), false);
            assert_eq!(found.unwrap(), ("rest/api/3/issue/{}", vec!["ACME-1".to_owned()]));
        }
        assert!(path(Product::Jira, "GET", "rest/api/4/myself", false).is_none());
        assert!(path(Product::Confluence, "GET", "rest/api/3/myself", false).is_none());
    }

    #[test]
    fn the_table_stands_before_what_is_behind_a_listing_when_it_is_asked_for() {
        let found =
            |by_table| path(Product::Jira, "GET", "rest/api/3/issue/ACME-1/comment", by_table).unwrap().0;
        assert_eq!(found(false), "rest/api/3/issue/{}/comment");
        assert_eq!(found(true), "rest/api/3/issue/{issueIdOrKey}/comment");
        assert_eq!(
            path(Product::Jira, "PUT", "rest/api/3/filter/1", false).unwrap().0,
            "rest/api/3/filter/{id}"
        );
    }
}
