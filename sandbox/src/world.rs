//! What a world is made of: apps, accounts, sites, consents of the past. Plain data, read from JSON.

use serde::{Deserialize, Serialize};

use crate::faults::Order;
use crate::mint::uuid;
use crate::settings::Settings;

/// A whole world; see the README for its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// Everything that looks random follows from it.
    pub seed: u64,
    /// The clock stands at this Unix second and is only moved by tests; `null`: it goes with the machine's.
    pub stopped_at: Option<i64>,
    /// OAuth apps.
    pub apps: Vec<App>,
    /// People.
    pub accounts: Vec<Account>,
    /// Sites, in the order in which they are listed.
    pub sites: Vec<Site>,
    /// Consents given before the test began.
    pub consents: Vec<PastConsent>,
    /// What goes wrong from the start.
    pub faults: Vec<Order>,
    /// The switches.
    pub settings: Settings,
}

/// An OAuth 2.0 (3LO) app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Client id.
    #[serde(default = "default_client_id")]
    pub client_id: String,
    /// Client secret.
    #[serde(default = "default_client_secret")]
    pub client_secret: String,
    /// Callbacks; one is matched exactly.
    #[serde(default = "default_redirect_uris")]
    pub redirect_uris: Vec<String>,
    /// Scopes added to the app in the console; `offline_access` is never among them (F1.2).
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// What a consent covers (F1.7).
    #[serde(default)]
    pub grant_mode: GrantMode,
}

/// What a consent covers (F1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantMode {
    /// Every site this account consented to for this app.
    #[default]
    Account,
    /// Only the sites chosen in this consent.
    Resource,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Short name for tests.
    pub name: String,
    /// Atlassian account id; derived from seed and name when empty.
    #[serde(default)]
    pub id: String,
    /// Name on screen; the short name when empty.
    #[serde(default)]
    pub display_name: String,
    /// Address; `name@example.com` when empty.
    #[serde(default)]
    pub email: String,
}

/// An Atlassian product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Product {
    /// Jira, with Jira Software and Service Management.
    Jira,
    /// Confluence.
    Confluence,
}

/// A cloud site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// First label of its host name.
    pub subdomain: String,
    /// Name on screen, which need not resemble the subdomain; the subdomain when empty.
    #[serde(default)]
    pub name: String,
    /// Cloud id; derived from seed and subdomain when empty.
    #[serde(default)]
    pub cloud_id: String,
    /// Address; `https://{subdomain}.atlassian.net` when empty.
    #[serde(default)]
    pub url: String,
    /// Its products.
    #[serde(default = "default_products")]
    pub products: Vec<Product>,
    /// Names or ids of the accounts that may use it; `null` for all.
    #[serde(default)]
    pub accounts: Option<Vec<String>>,
    /// Number of seeded issues.
    #[serde(default = "default_issues")]
    pub issues: u64,
    /// Number of projects.
    #[serde(default = "default_projects")]
    pub projects: u64,
}

/// A consent given before the test began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastConsent {
    /// The app; the first one when empty.
    #[serde(default)]
    pub client_id: String,
    /// Name or id of the account.
    pub account: String,
    /// Subdomains.
    pub sites: Vec<String>,
    /// Scopes granted; all of the app's when `null`.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            seed: 1,
            stopped_at: None,
            apps: vec![App::default()],
            accounts: default_accounts(),
            sites: default_sites(),
            consents: Vec::new(),
            faults: Vec::new(),
            settings: Settings::default(),
        }
    }
}

impl Default for App {
    fn default() -> Self {
        Self {
            client_id: default_client_id(),
            client_secret: default_client_secret(),
            redirect_uris: default_redirect_uris(),
            scopes: default_scopes(),
            grant_mode: GrantMode::Account,
        }
    }
}

impl World {
    /// Fills in what was left empty.
    #[must_use]
    pub fn completed(mut self) -> Self {
        for account in &mut self.accounts {
            or_else(&mut account.id, || format!("712020:{}", uuid(self.seed, &account.name)));
            or_else(&mut account.display_name, || account.name.clone());
            or_else(&mut account.email, || format!("{}@example.com", account.name));
        }
        for site in &mut self.sites {
            or_else(&mut site.name, || site.subdomain.clone());
            or_else(&mut site.cloud_id, || uuid(self.seed, &site.subdomain));
            or_else(&mut site.url, || site_url(&site.subdomain));
        }
        self
    }
}

/// The address of a site without a custom domain.
#[must_use]
pub fn site_url(subdomain: &str) -> String {
    format!("https://{subdomain}.atlassian.net")
}

fn or_else(field: &mut String, make: impl FnOnce() -> String) {
    if field.is_empty() {
        *field = make();
    }
}

fn default_client_id() -> String {
    "sandbox-client".into()
}

fn default_client_secret() -> String {
    "sandbox-secret".into()
}

fn default_redirect_uris() -> Vec<String> {
    vec!["http://localhost:3000/callback".into(), "http://127.0.0.1:3000/callback".into()]
}

fn default_scopes() -> Vec<String> {
    let all = "read:jira-work write:jira-work read:jira-user manage:jira-project manage:jira-configuration \
               manage:jira-webhook read:servicedesk-request write:servicedesk-request \
               read:board-scope:jira-software read:sprint:jira-software read:issue-details:jira read:project:jira \
               read:confluence-content.all read:confluence-space.summary read:confluence-user \
               read:space:confluence read:page:confluence read:me read:account";
    all.split_whitespace().map(str::to_owned).collect()
}

fn default_products() -> Vec<Product> {
    vec![Product::Jira]
}

fn default_issues() -> u64 {
    57
}

fn default_projects() -> u64 {
    7
}

fn default_accounts() -> Vec<Account> {
    let person = |name: &str, display: &str, id: &str| Account {
        name: name.into(),
        id: id.into(),
        display_name: display.into(),
        email: String::new(),
    };
    vec![
        person("ada", "Ada Lovelace", "712020:ada00000-0000-4000-8000-000000000001"),
        person("grace", "Grace Hopper", "712020:93ace000-0000-4000-8000-000000000002"),
    ]
}

/// Deliberately awkward: a site without Jira first, names that sort differently from subdomains, mixed case.
fn default_sites() -> Vec<Site> {
    let site = |subdomain: &str, name: &str, products: &[Product]| Site {
        subdomain: subdomain.into(),
        name: name.into(),
        cloud_id: String::new(),
        url: String::new(),
        products: products.to_vec(),
        accounts: None,
        issues: default_issues(),
        projects: default_projects(),
    };
    vec![
        site("acme-docs", "acme-docs", &[Product::Confluence]),
        site("zeta", "Alpha Team", &[Product::Jira]),
        site("acme", "acme", &[Product::Jira, Product::Confluence]),
        site("umbrella", "UMBRELLA Corp", &[Product::Jira]),
        site("Initech", "Initech", &[Product::Jira]),
    ]
}
