//! Which site a connection gets. Nothing here guesses: a site that was named and is not there is an error, and the
//! order of Atlassian's list tells nothing (F4.4).

use serde_json::{Value, json};

use crate::config::SitePolicy;
use crate::error::{Code, Error};
use crate::records::{Product, Site, SiteChoice};

/// The sites that offer Jira; Confluence-only ones are not Jira sites (F4.3).
pub(crate) fn jira(sites: &[Site]) -> Vec<Site> {
    sites.iter().filter(|site| site.products.contains(&Product::Jira)).cloned().collect()
}

/// Finds a site by cloud id, URL, host or subdomain, in any case. Two sites that fit equally well are no match.
pub(crate) fn find<'a>(sites: &'a [Site], named: &str) -> Option<&'a Site> {
    let named = named.trim();
    if let Some(site) = sites.iter().find(|site| site.cloud_id.eq_ignore_ascii_case(named)) {
        return Some(site);
    }
    let wanted = host(named);
    let fits = |site: &&Site| match host(&site.url) {
        Some(host) => {
            wanted.as_deref() == Some(&host)
                || host.split('.').next().is_some_and(|subdomain| subdomain.eq_ignore_ascii_case(named))
        }
        None => false,
    };
    let mut found = sites.iter().filter(fits);
    found.next().filter(|_| found.next().is_none())
}

/// The host of a URL or of a bare `acme.atlassian.net`, in lower case.
fn host(text: &str) -> Option<String> {
    let text = text.trim();
    let url = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = url::Url::parse(&url).ok()?;
    url.host_str().filter(|host| host.contains('.')).map(str::to_ascii_lowercase)
}

/// `site_not_found`, carrying the list to choose from.
pub(crate) fn not_found(named: &str, sites: &[Site]) -> Error {
    let names: Vec<&str> = sites.iter().map(|site| site.url.as_str()).collect();
    let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Error::new(Code::SiteNotFound, format!("the grant reaches no Jira site {named:?}; it reaches {there}"))
        .with("site", named)
        .with("sites", listed(sites))
}

/// Sites as an error or event lists them.
pub(crate) fn listed(sites: &[Site]) -> Value {
    sites
        .iter()
        .map(|site| json!({ "cloud_id": site.cloud_id, "url": site.url, "name": site.name }))
        .collect()
}

/// What was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This site.
    Take(Site, SiteChoice),
    /// None for now; `select_site` will say.
    Open,
    /// The one that must be there is not.
    Missing(String),
}

/// Chooses among the Jira sites of a consent. `stored` is the site a reconnected connection has; `known` tells which
/// cloud ids were listed before this consent.
pub(crate) fn choose(
    named: Option<&str>,
    stored: Option<(&Site, Option<SiteChoice>)>,
    sites: &[Site],
    known: impl Fn(&str) -> bool,
    policy: SitePolicy,
) -> Choice {
    if let Some(named) = named {
        return match find(sites, named) {
            Some(site) => Choice::Take(site.clone(), SiteChoice::Named),
            None => Choice::Missing(named.to_owned()),
        };
    }
    if let Some((stored, choice)) = stored {
        return match sites.iter().find(|site| site.cloud_id == stored.cloud_id) {
            Some(site) => Choice::Take(site.clone(), choice.unwrap_or(SiteChoice::Selected)),
            None => Choice::Missing(stored.url.clone()),
        };
    }
    let mut new = sites.iter().filter(|site| !known(&site.cloud_id));
    match (new.next(), new.next(), sites.first(), policy) {
        (Some(only), None, _, _) => Choice::Take(only.clone(), SiteChoice::Consented),
        (_, _, Some(first), SitePolicy::First) => Choice::Take(first.clone(), SiteChoice::First),
        _ => Choice::Open,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn site(subdomain: &str) -> Site {
        Site {
            cloud_id: format!("cloud-{subdomain}"),
            url: format!("https://{subdomain}.atlassian.net"),
            name: subdomain.to_uppercase(),
            scopes: vec!["read:jira-work".into()],
            products: vec![Product::Jira],
            avatar_url: None,
        }
    }

    #[test]
    fn a_site_is_found_by_subdomain_url_host_or_cloud_id_in_any_case() {
        let sites = [site("zeta"), site("acme"), site("acme-docs")];
        for named in [
            "acme",
            "ACME",
            "https://acme.atlassian.net",
            "https://Acme.Atlassian.Net/jira/x",
            "acme.atlassian.net",
            "cloud-acme",
            " acme ",
        ] {
            assert_eq!(
                find(&sites, named).map(|site| site.url.as_str()),
                Some("https://acme.atlassian.net"),
                "{named}"
            );
        }
        for named in ["", "acm", "acme-doc", "atlassian", "https://acme.example.com", "cloud", "acme."] {
            assert_eq!(find(&sites, named), None, "{named:?}");
        }
    }

    #[test]
    fn two_sites_of_one_subdomain_are_no_match_for_it() {
        let other = Site { url: "https://acme.example.com".into(), cloud_id: "other".into(), ..site("acme") };
        let sites = [site("acme"), other];
        assert_eq!(find(&sites, "acme"), None);
        assert_eq!(find(&sites, "acme.example.com").map(|site| site.cloud_id.as_str()), Some("other"));
    }

    #[test]
    fn named_and_absent_is_never_another_site() {
        let sites = [site("zeta")];
        for policy in [SitePolicy::First, SitePolicy::Ask] {
            assert_eq!(choose(Some("acme"), None, &sites, |_| false, policy), Choice::Missing("acme".into()));
            let stored = site("acme");
            let missing = choose(None, Some((&stored, None)), &sites, |_| false, policy);
            assert_eq!(missing, Choice::Missing(stored.url));
        }
    }

    #[test]
    fn exactly_one_new_site_is_the_consented_one() {
        let sites = [site("zeta"), site("acme"), site("umbrella")];
        let known = |id: &str| id != "cloud-acme";
        let choice = choose(None, None, &sites, known, SitePolicy::Ask);
        assert_eq!(choice, Choice::Take(site("acme"), SiteChoice::Consented));
    }

    #[test]
    fn without_a_telling_difference_the_policy_decides() {
        let sites = [site("zeta"), site("acme")];
        for known in [true, false] {
            assert_eq!(
                choose(None, None, &sites, |_| known, SitePolicy::First),
                Choice::Take(site("zeta"), SiteChoice::First)
            );
            assert_eq!(choose(None, None, &sites, |_| known, SitePolicy::Ask), Choice::Open);
        }
        assert_eq!(choose(None, None, &[], |_| false, SitePolicy::First), Choice::Open);
    }
}
