//! `/ex/{product}/{cloudId}/…`: the checks every call to a site goes through, and the table of what is served.

use crate::errors;
use crate::jira::{
    attachment, comment, echo, issue, listings, people, project, search, server_info, software,
};
use crate::rates::Usage;
use crate::reply::{Params, Reply, Request};
use crate::resources::{Caller, caller};
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

/// An operation and the scopes it needs: all of the classic ones or all of the granular ones (F6.2, F10.2).
struct Operation {
    product: Product,
    method: &'static str,
    path: &'static str,
    classic: &'static [&'static str],
    granular: &'static [&'static str],
    run: fn(&mut Call<'_>) -> Reply,
}

const READ: &[&str] = &["read:jira-work"];
const WRITE: &[&str] = &["write:jira-work"];
const USER: &[&str] = &["read:jira-user"];

macro_rules! operations {
    ($($product:ident $method:literal $path:literal [$classic:expr] [$($granular:literal)*] $run:path;)*) => {
        &[$(Operation {
            product: Product::$product, method: $method, path: $path,
            classic: $classic, granular: &[$($granular),*], run: $run,
        }),*]
    };
}

/// Scopes as in Atlassian's OpenAPI documents (F10.2, F10.3).
const OPERATIONS: &[Operation] = operations! {
    Jira "GET" "rest/api/3/myself" [USER] ["read:application-role:jira" "read:group:jira" "read:user:jira" "read:avatar:jira"] people::myself;
    Jira "GET" "rest/api/3/users/search" [USER] ["read:user:jira" "read:application-role:jira" "read:avatar:jira" "read:group:jira"] people::search;
    Jira "GET" "rest/api/3/serverInfo" [&[]] [] server_info::get;
    Jira "GET" "rest/api/3/search/jql" [READ] ["read:issue-details:jira" "read:audit-log:jira" "read:avatar:jira" "read:field-configuration:jira" "read:issue-meta:jira"] search::by_query;
    Jira "POST" "rest/api/3/search/jql" [READ] ["read:issue-details:jira" "read:field.default-value:jira" "read:field.option:jira" "read:field:jira" "read:group:jira"] search::by_body;
    Jira "POST" "rest/api/3/search/approximate-count" [READ] ["read:issue-details:jira" "read:field.default-value:jira" "read:field.option:jira" "read:field:jira" "read:group:jira"] search::count;
    Jira "GET" "rest/api/3/search" [READ] [] search::removed;
    Jira "POST" "rest/api/3/search" [READ] [] search::removed;
    Jira "GET" "rest/api/3/project/search" [READ] ["read:issue-type:jira" "read:project:jira" "read:project.property:jira" "read:user:jira" "read:application-role:jira" "read:avatar:jira" "read:group:jira" "read:issue-type-hierarchy:jira" "read:project-category:jira" "read:project-version:jira" "read:project.component:jira"] project::search;
    Jira "POST" "rest/api/3/issue" [WRITE] ["write:issue:jira" "write:comment:jira" "write:comment.property:jira" "write:attachment:jira" "read:issue:jira"] issue::create;
    Jira "GET" "rest/api/3/issue/{}" [READ] ["read:issue-meta:jira" "read:issue-security-level:jira" "read:issue.vote:jira" "read:issue.changelog:jira" "read:avatar:jira" "read:issue:jira" "read:status:jira" "read:user:jira" "read:field-configuration:jira"] issue::get;
    Jira "PUT" "rest/api/3/issue/{}" [WRITE] ["write:issue:jira"] issue::edit;
    Jira "DELETE" "rest/api/3/issue/{}" [WRITE] ["delete:issue:jira"] issue::delete;
    Jira "GET" "rest/api/3/issue/{}/comment" [READ] ["read:comment:jira" "read:comment.property:jira" "read:group:jira" "read:project:jira" "read:project-role:jira" "read:user:jira" "read:avatar:jira"] comment::list;
    Jira "POST" "rest/api/3/issue/{}/comment" [WRITE] ["read:comment:jira" "read:comment.property:jira" "read:group:jira" "read:project:jira" "read:project-role:jira" "read:user:jira" "write:comment:jira" "read:avatar:jira"] comment::add;
    Jira "GET" "rest/api/3/issue/{}/changelog" [READ] ["read:issue-meta:jira" "read:avatar:jira" "read:issue.changelog:jira"] listings::changelog;
    Jira "POST" "rest/api/3/changelog/bulkfetch" [READ] ["read:issue-meta:jira" "read:avatar:jira" "read:issue.changelog:jira"] listings::bulk_changelog;
    Jira "GET" "rest/api/3/plans/plan" [READ] [] listings::plans;
    Jira "GET" "rest/api/3/worklog/updated" [READ] ["read:issue-worklog:jira" "read:issue-worklog.property:jira"] listings::worklogs;
    Jira "GET" "rest/api/3/auditing/record" [&["manage:jira-configuration"]] ["read:audit-log:jira" "read:user:jira"] listings::audit;
    Jira "POST" "rest/api/3/issue/{}/attachments" [WRITE] ["read:user:jira" "write:attachment:jira" "read:attachment:jira" "read:avatar:jira"] attachment::upload;
    Jira "GET" "rest/api/3/attachment/{}" [READ] ["read:attachment:jira" "read:user:jira" "read:application-role:jira" "read:avatar:jira" "read:group:jira"] attachment::get;
    Jira "GET" "rest/api/3/attachment/content/{}" [READ] ["read:attachment:jira"] attachment::content;
    Jira "GET" "rest/api/3/attachment/thumbnail/{}" [READ] ["read:attachment:jira"] attachment::content;
    Jira "*" "rest/api/3/_echo" [&[]] [] echo::echo;
    Jira "GET" "rest/agile/1.0/board" [&[]] ["read:board-scope:jira-software"] software::boards;
    Jira "GET" "rest/agile/1.0/board/{}/sprint" [&[]] ["read:sprint:jira-software"] listings::sprints;
    Jira "GET" "rest/agile/1.0/board/{}/issue" [&[]] ["read:board-scope:jira-software" "read:issue-details:jira"] listings::board_issues;
    Jira "GET" "rest/servicedeskapi/servicedesk" [&["read:servicedesk-request"]] [] listings::service_desks;
    Confluence "GET" "wiki/rest/api/content" [&["read:confluence-content.all"]] [] listings::contents;
    Confluence "GET" "wiki/api/v2/spaces" [&[]] ["read:space:confluence"] confluence::spaces;
};

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
        _ => return caller.sign(state, not_found(request)),
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
            UnknownSite::Spring => not_found(request),
            UnknownSite::Html => errors::html(404, "Page unavailable").outcome("not_found"),
        };
    };
    let covered = state.grants.get(caller.grant).is_some_and(|grant| state.reach(grant).contains(&at));
    let has_product = state.sites.get(at).is_some_and(|site| site.config.products.contains(&product));
    if !covered || !has_product {
        return not_installed(state);
    }
    let Some((operation, holes)) = find(product, request.method.as_str(), rest) else {
        return match state.world.settings.unknown_path {
            UnknownPath::NotFound => not_found(request),
            UnknownPath::ScopeMismatch => scope_mismatch().reason("unknown path"),
        };
    };
    let free = operation.classic.is_empty() && operation.granular.is_empty();
    let covers = |scopes: &[&str]| !scopes.is_empty() && caller.has(scopes);
    if !(free && !caller.too_fresh || covers(operation.classic) || covers(operation.granular)) {
        return scope_mismatch();
    }
    if !state.sites.get(at).is_some_and(|site| site.allows(&caller.account)) {
        return errors::jira(403, "You do not have permission to access this site.").outcome("forbidden");
    }
    let client_id = state.grants.get(caller.grant).map(|grant| grant.client_id.clone()).unwrap_or_default();
    let writes = !matches!(request.method.as_str(), "GET" | "HEAD") && operation.path.contains("/issue/{}");
    let issue = holes.first().filter(|_| writes).cloned();
    let usage = Usage {
        client_id: &client_id,
        cloud_id,
        method: request.method.as_str(),
        operation: operation.path,
        issue: issue.as_deref(),
    };
    let now = state.clock.now();
    if let Some(refusal) = state.rates.refuse(&state.world.settings, &usage, now) {
        return refusal;
    }
    let params = request.params();
    let mut call = Call { state, site: at, caller, request, params, holes };
    let reply = (operation.run)(&mut call);
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

fn find(product: Product, method: &str, path: &[&str]) -> Option<(&'static Operation, Vec<String>)> {
    // What answers GET answers HEAD.
    let method = if method == "HEAD" { "GET" } else { method };
    OPERATIONS
        .iter()
        .filter(|one| one.product == product && (one.method == method || one.method == "*"))
        .find_map(|one| Some((one, fit(one.path, path)?)))
}

/// Matches a path; versions 2 and 3 of the platform API are served alike.
fn fit(pattern: &str, path: &[&str]) -> Option<Vec<String>> {
    let mut holes = Vec::new();
    let mut parts = path.iter();
    let mut before = "";
    for wanted in pattern.split('/') {
        let part = parts.next()?;
        let versions = before == "api" && wanted == "3" && *part == "2";
        if wanted == "{}" {
            holes.push((*part).to_owned());
        } else if wanted != *part && !versions {
            return None;
        }
        before = wanted;
    }
    parts.next().is_none().then_some(holes)
}

fn not_found(request: &Request) -> Reply {
    errors::spring(404, "Not Found", &request.path).outcome("not_found")
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

    #[test]
    fn both_versions_of_the_platform_api_lead_to_the_same_operation() {
        for path in [["rest", "api", "3", "issue", "ACME-1"], ["rest", "api", "2", "issue", "ACME-1"]] {
            let (operation, holes) = find(Product::Jira, "HEAD", &path).unwrap();
            assert_eq!(operation.path, "rest/api/3/issue/{}");
            assert_eq!(holes, ["ACME-1"]);
        }
        assert!(find(Product::Jira, "GET", &["rest", "api", "4", "myself"]).is_none());
        assert!(find(Product::Confluence, "GET", &["rest", "api", "3", "myself"]).is_none());
    }
}
