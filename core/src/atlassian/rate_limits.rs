//! What an answer says about rate limits: who is to slow down, for which of Atlassian's three systems (F7.1), and how
//! much is left. Only the enforced headers count; their `Beta-` and `X-Beta-` twins are informational (F7.4).

use std::time::Duration;

use http::HeaderMap;
use sfv::{BareItem, Item, KeyRef, List, ListEntry, Parser};

use super::diagnosis::clean;

/// How far a limit reaches, the widest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reach {
    /// The whole app, on every site.
    App,
    /// The app on one site.
    Tenant,
    /// One endpoint of one site: path template and method.
    Endpoint,
    /// Writes to one issue.
    Issue,
}

impl Reach {
    /// As the API names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Tenant => "tenant",
            Self::Endpoint => "endpoint",
            Self::Issue => "issue",
        }
    }
}

/// One budget, as far as an answer tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) name: String,
    pub(crate) reach: Reach,
    pub(crate) limit: Option<u64>,
    pub(crate) remaining: Option<u64>,
    pub(crate) resets_in: Option<Duration>,
    /// How long one window is.
    pub(crate) window: Option<Duration>,
    /// Under a fifth is left (F7.4).
    pub(crate) near: bool,
}

/// A 429.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limited {
    pub(crate) reach: Reach,
    pub(crate) reason: Option<String>,
    /// At most so many calls in so long, where the answer tells it of the limit that was met.
    pub(crate) rate: Option<(u64, Duration)>,
}

/// Everything an answer tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) budgets: Vec<Budget>,
    pub(crate) limited: Option<Limited>,
}

/// Reads an answer. `resets_in` is what its `X-RateLimit-Reset` comes to.
pub(crate) fn read(status: u16, headers: &HeaderMap, resets_in: Option<Duration>) -> Told {
    let reason = text(headers, "ratelimit-reason").map(clean).filter(|reason| !reason.is_empty());
    let mut budgets = structured(headers);
    budgets.extend(plain(headers, reason.as_deref(), resets_in, &budgets));
    let limited = (status == 429).then(|| {
        let reach = match &reason {
            Some(reason) => of_reason(reason),
            None => of_unnamed(headers),
        };
        let met = budgets.iter().find(|budget| budget.reach == reach);
        let rate = met.and_then(|budget| budget.limit.zip(budget.window));
        Limited { reach, reason, rate }
    });
    Told { budgets, limited }
}

/// Whom a `RateLimit-Reason` is meant for (F7.6). Of undocumented ones a quota is the tenant's, and anything else the
/// endpoint's: who pauses too little learns it from the next answer, who pauses too much never does.
fn of_reason(reason: &str) -> Reach {
    let reason = reason.to_ascii_lowercase();
    let has = |word: &str| reason.contains(word);
    match () {
        () if has("per-issue") => Reach::Issue,
        () if has("quota") && has("global") => Reach::App,
        () if has("quota") => Reach::Tenant,
        () => Reach::Endpoint,
    }
}

/// Without a reason: the gateway's own limiter counts a client's calls (F7.5); whether over all sites is not known,
/// so the site that met it waits, and every other one finds out with one call.
fn of_unnamed(headers: &HeaderMap) -> Reach {
    let category = text(headers, "x-failure-category").unwrap_or_default().replace('_', " ");
    if category.to_ascii_lowercase().contains("rate limited") { Reach::Tenant } else { Reach::Endpoint }
}

/// `RateLimit-Policy: "name";q=65000;w=3600` and `RateLimit: "name";r=11000;t=600`, joined by their names.
fn structured(headers: &HeaderMap) -> Vec<Budget> {
    let mut budgets: Vec<Budget> = Vec::new();
    let mut entry = |name: &str, tell: &dyn Fn(&mut Budget)| {
        let at = budgets.iter().position(|known| known.name == name).unwrap_or_else(|| {
            budgets.push(named(name));
            budgets.len() - 1
        });
        budgets.get_mut(at).into_iter().for_each(tell);
    };
    for item in list(headers, "ratelimit-policy") {
        let Some(name) = name(&item) else { continue };
        let (limit, window) = (number(&item, "q"), number(&item, "w").map(Duration::from_secs));
        entry(&name, &|budget| (budget.limit, budget.window) = (limit, window));
    }
    for item in list(headers, "ratelimit") {
        let Some(name) = name(&item) else { continue };
        let (remaining, resets_in) = (number(&item, "r"), number(&item, "t").map(Duration::from_secs));
        entry(&name, &|budget| (budget.remaining, budget.resets_in) = (remaining, resets_in));
    }
    for budget in &mut budgets {
        budget.near = is_near(budget.limit, budget.remaining);
    }
    budgets
}

fn named(name: &str) -> Budget {
    let lower = name.to_ascii_lowercase();
    let reach = match () {
        () if lower.contains("global") => Reach::App,
        () if lower.contains("tenant") => Reach::Tenant,
        () if lower.contains("issue") => Reach::Issue,
        () => Reach::Endpoint,
    };
    let name = clean(name);
    Budget { name, reach, limit: None, remaining: None, resets_in: None, window: None, near: false }
}

/// The unstructured headers, where they say more than the structured ones.
fn plain(
    headers: &HeaderMap,
    reason: Option<&str>,
    resets_in: Option<Duration>,
    known: &[Budget],
) -> Option<Budget> {
    let near = text(headers, "x-ratelimit-nearlimit").is_some_and(|near| near.eq_ignore_ascii_case("true"));
    let count = |name: &str| text(headers, name).and_then(|count| count.parse().ok());
    let (limit, remaining) = (count("x-ratelimit-limit"), count("x-ratelimit-remaining"));
    let told = limit.is_some() || remaining.is_some() || near;
    let told_better = !known.is_empty() && (!near || known.iter().any(|budget| budget.near));
    if !told || told_better {
        return None;
    }
    let near = near || is_near(limit, remaining);
    let reach = reason.map_or_else(|| of_unnamed(headers), of_reason);
    let name = reason.unwrap_or("x-ratelimit").to_owned();
    Some(Budget { name, reach, limit, remaining, resets_in, window: None, near })
}

fn is_near(limit: Option<u64>, remaining: Option<u64>) -> bool {
    limit.zip(remaining).is_some_and(|(limit, left)| left.saturating_mul(5) < limit)
}

/// A structured list (RFC 9651), over all lines of the header. One broken line hides no other.
fn list(headers: &HeaderMap, name: &str) -> Vec<Item> {
    let lines = headers.get_all(name).iter();
    lines
        .filter_map(|line| Parser::new(line.as_bytes()).parse::<List>().ok())
        .flatten()
        .filter_map(|entry| match entry {
            ListEntry::Item(item) => Some(item),
            ListEntry::InnerList(_) => None,
        })
        .collect()
}

fn name(item: &Item) -> Option<String> {
    match &item.bare_item {
        BareItem::String(name) => Some(name.as_str().to_owned()),
        BareItem::Token(name) => Some(name.as_str().to_owned()),
        _ => None,
    }
}

fn number(item: &Item, key: &'static str) -> Option<u64> {
    match item.params.get(KeyRef::constant(key))? {
        BareItem::Integer(number) => u64::try_from(i64::from(*number)).ok(),
        _ => None,
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn told(status: u16, headers: &[(&'static str, &str)]) -> Told {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        read(status, &headers.collect(), None)
    }

    fn secs(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn every_reason_reaches_as_far_as_it_should() {
        for (reason, reach) in [
            ("jira-quota-global-based", Reach::App),
            ("jira-quota-tenant-based", Reach::Tenant),
            ("jira-burst-based", Reach::Endpoint),
            ("jira-per-issue-on-write", Reach::Issue),
            ("confluence-quota-global-based", Reach::App),
            ("confluence-quota-tenant-based", Reach::Tenant),
            // Undocumented ones that were seen, and one that was not.
            ("jira-cost-based", Reach::Endpoint),
            ("jira-max-concurrent-threads-across-all-instances-per-tenant-per-user", Reach::Endpoint),
            ("jira-quota-of-tomorrow", Reach::Tenant),
            ("something-else", Reach::Endpoint),
        ] {
            let limited = told(429, &[("ratelimit-reason", reason)]).limited.unwrap();
            assert_eq!((limited.reach, limited.reason.as_deref()), (reach, Some(reason)));
            assert_eq!(told(200, &[("ratelimit-reason", reason)]).limited, None);
        }
    }

    #[test]
    fn a_429_without_a_reason_is_told_by_what_else_it_says() {
        for category in ["FAILURE CLIENT RATE LIMITED", "failure_client_rate_limited"] {
            let told = told(
                429,
                &[
                    ("x-failure-category", category),
                    ("x-ratelimit-limit", "360000"),
                    ("x-ratelimit-remaining", "0"),
                ],
            );
            assert_eq!(told.limited.unwrap(), Limited { reach: Reach::Tenant, reason: None, rate: None });
            assert_eq!((told.budgets[0].limit, told.budgets[0].remaining), (Some(360_000), Some(0)));
        }
        let bare = told(429, &[]);
        assert_eq!(bare.limited.unwrap().reach, Reach::Endpoint);
        assert_eq!(bare.budgets, []);
    }

    #[test]
    fn structured_headers_come_in_any_order_and_number() {
        let told = told(
            200,
            &[
                (
                    "ratelimit-policy",
                    "\"tenant-app-quota\";q=100000;w=3600, \"global-app-quota\";q=65000;w=3600",
                ),
                (
                    "ratelimit",
                    "\"global-app-quota\";t=600;r=11000, \"jira-burst-based\";r=40;t=1, \"tenant-app-quota\"",
                ),
                ("x-ratelimit-remaining", "7"),
            ],
        );
        let budget = |name: &str| told.budgets.iter().find(|budget| budget.name == name).unwrap().clone();
        assert_eq!(told.budgets.len(), 3);
        let global = budget("global-app-quota");
        assert_eq!((global.reach, global.limit, global.remaining), (Reach::App, Some(65_000), Some(11_000)));
        assert_eq!((global.resets_in, global.window, global.near), (secs(600), secs(3600), true));
        let tenant = budget("tenant-app-quota");
        assert_eq!((tenant.reach, tenant.remaining, tenant.near), (Reach::Tenant, None, false));
        let burst = budget("jira-burst-based");
        assert_eq!((burst.reach, burst.limit, burst.remaining), (Reach::Endpoint, None, Some(40)));
    }

    #[test]
    fn the_policy_of_the_limit_that_was_met_gives_its_rate() {
        let headers = [
            ("ratelimit-reason", "jira-burst-based"),
            ("ratelimit-policy", "\"global-app-quota\";q=65000;w=3600, \"jira-burst-based\";q=100;w=1"),
        ];
        assert_eq!(told(429, &headers).limited.unwrap().rate, Some((100, Duration::from_secs(1))));
    }

    #[test]
    fn informational_headers_decide_nothing() {
        let told = told(
            200,
            &[
                ("beta-ratelimit", "\"global-app-quota\";r=0;t=600"),
                ("x-beta-ratelimit-policy", "\"global-app-quota\";q=65000;w=3600"),
                ("x-beta-ratelimit-nearlimit", "true"),
                ("beta-ratelimit-reason", "jira-quota-global-based"),
            ],
        );
        assert_eq!(told, Told::default());
    }

    #[test]
    fn the_near_limit_flag_counts_where_the_numbers_do_not_say_it() {
        let near = |headers: &[(&'static str, &str)]| told(200, headers).budgets.iter().any(|one| one.near);
        assert!(near(&[("x-ratelimit-nearlimit", "true")]));
        assert!(near(&[("x-ratelimit-nearlimit", "True"), ("ratelimit", "\"global-app-quota\"")]));
        assert!(near(&[("x-ratelimit-limit", "100"), ("x-ratelimit-remaining", "19")]));
        assert!(!near(&[("x-ratelimit-limit", "100"), ("x-ratelimit-remaining", "20")]));
        assert!(!near(&[("x-ratelimit-nearlimit", "false")]));
    }

    #[test]
    fn what_is_broken_is_left_out() {
        for broken in [
            "\"a\";r=",
            "r=1;;",
            "(\"a\" \"b\");r=1",
            "1;r=1",
            "\"a\";r=-4",
            "\"a\";r=9999999999999999",
            "\u{e9}",
        ] {
            let told = told(200, &[("ratelimit", broken)]);
            assert!(told.budgets.iter().all(|budget| budget.remaining.is_none()), "{broken}: {told:?}");
        }
    }
}
