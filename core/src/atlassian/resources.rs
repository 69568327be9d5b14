//! Accessible resources: the sites a token reaches (F4.1–F4.7), and the account behind it (F4.8).

use serde::Deserialize;

use crate::records::{Product, Site};

#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(rename = "avatarUrl")]
    avatar_url: Option<String>,
}

/// Reads the list and groups it by cloud id, in Atlassian's order: one site may come as several entries, one per
/// product, told apart only by their scopes (F4.3). `None` when the body is no such list.
#[must_use]
pub fn sites(body: &[u8]) -> Option<Vec<Site>> {
    let entries: Vec<Entry> = serde_json::from_slice(body).ok()?;
    let mut sites: Vec<Site> = Vec::new();
    for entry in entries {
        match sites.iter_mut().find(|site| site.cloud_id == entry.id) {
            Some(site) => join(site, entry),
            None => sites.push(Site {
                products: products(&entry.scopes),
                cloud_id: entry.id,
                url: entry.url,
                name: entry.name,
                scopes: entry.scopes,
                avatar_url: entry.avatar_url,
            }),
        }
    }
    Some(sites)
}

fn join(site: &mut Site, entry: Entry) {
    for scope in entry.scopes {
        if !site.scopes.contains(&scope) {
            site.scopes.push(scope);
        }
    }
    site.products = products(&site.scopes);
    site.avatar_url = site.avatar_url.take().or(entry.avatar_url);
}

/// Products told from scopes (F4.3): `read:jira-work`, `read:issue:jira`, `read:servicedesk-request` …
fn products(scopes: &[String]) -> Vec<Product> {
    let any = |words: &[&str]| scopes.iter().any(|scope| words.iter().any(|word| scope.contains(word)));
    let mut found = Vec::new();
    if any(&["jira", "servicedesk", "servicemanagement"]) {
        found.push(Product::Jira);
    }
    if any(&["confluence"]) {
        found.push(Product::Confluence);
    }
    found
}

#[derive(Deserialize)]
struct Me {
    account_id: Option<String>,
    #[serde(rename = "accountId")]
    jira_account_id: Option<String>,
}

/// The account id in an answer of `/me` (F4.8) or of Jira's `/myself`.
#[must_use]
pub fn account_id(body: &[u8]) -> Option<String> {
    let me: Me = serde_json::from_slice(body).ok()?;
    me.account_id.or(me.jira_account_id).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_one_cloud_id_are_one_site_in_the_order_given() {
        let body = br#"[
            {"id":"c1","url":"https://docs.atlassian.net","name":"docs","scopes":["read:confluence-props"]},
            {"id":"c2","url":"https://acme.atlassian.net","name":"Acme","scopes":["read:jira-work"],"new":1},
            {"id":"c2","url":"https://acme.atlassian.net","name":"Acme","scopes":["read:page:confluence"],"avatarUrl":"https://a"}
        ]"#;
        let sites = sites(body).unwrap();
        assert_eq!(sites.iter().map(|site| site.cloud_id.as_str()).collect::<Vec<_>>(), ["c1", "c2"]);
        assert_eq!(sites[0].products, [Product::Confluence]);
        assert_eq!(sites[1].products, [Product::Jira, Product::Confluence]);
        assert_eq!(sites[1].avatar_url.as_deref(), Some("https://a"));
    }

    #[test]
    fn an_empty_list_is_a_list_and_an_error_page_is_none() {
        assert_eq!(sites(b"[]"), Some(vec![]));
        assert_eq!(sites(b"<html>"), None);
        assert_eq!(sites(br#"{"code":401}"#), None);
    }

    #[test]
    fn both_spellings_of_the_account_id_are_read() {
        assert_eq!(account_id(br#"{"account_id":"a"}"#).as_deref(), Some("a"));
        assert_eq!(account_id(br#"{"accountId":"b"}"#).as_deref(), Some("b"));
        assert_eq!(account_id(b"{}"), None);
    }
}
