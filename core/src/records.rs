//! Plain data at the bottom of the house: what the verbs hand out and what the store keeps. No behaviour lives here
//! beyond reading one's own fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Labels of a connection, to find it by.
pub type Tags = BTreeMap<String, String>;

/// An Atlassian product a site offers to a grant, told from the scopes (F4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Product {
    /// Jira, Jira Software and Jira Service Management.
    Jira,
    /// Confluence.
    Confluence,
}

/// An Atlassian Cloud site as a grant sees it: the entries of one cloud id taken together (F4.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The stable key (F4.7).
    pub cloud_id: String,
    /// Display address; it can change.
    pub url: String,
    /// Display name; it can change.
    pub name: String,
    /// Scopes granted on this site.
    pub scopes: Vec<String>,
    /// Products told from the scopes.
    pub products: Vec<Product>,
    /// The site's picture.
    pub avatar_url: Option<String>,
}

impl Site {
    /// A site of which no more is known than where it is.
    pub(crate) fn nameless(cloud_id: &str, url: &str) -> Self {
        let (name, scopes, products) = (String::new(), Vec::new(), Vec::new());
        Self { cloud_id: cloud_id.into(), url: url.into(), name, scopes, products, avatar_url: None }
    }
}

/// How a connection came to its site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteChoice {
    /// `site=` named it.
    Named,
    /// Exactly one new site appeared with this consent (F4.4).
    Consented,
    /// Nothing told them apart, so the first of the list was taken.
    First,
    /// `select_site` chose it.
    Selected,
}

/// Whether a connection's calls can work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Nothing is wrong.
    Active,
    /// Calls work, and something should be done before they do not.
    Attention,
    /// Atlassian refused it; the user has to consent again.
    ReauthorizationRequired,
}

/// One thing that befell a grant: a consent, a rotation, or what became of one that did not end well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerEntry {
    /// Wall milliseconds.
    pub at: u64,
    /// The generation it is about.
    pub generation: u64,
    /// What happened; more words may come.
    pub outcome: String,
    /// Whose work it was: a process by its number and a random tag, without the host's name.
    pub worker: String,
}

/// A connection that needs a person, or soon will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attention {
    /// The connection.
    pub connection_id: String,
    /// As in [`Connection::health_reason`].
    pub reason: String,
    /// As in [`Connection::reconnect_by`]; `None` where it has ended already.
    pub reconnect_by: Option<u64>,
}

/// What a pass of `keep_alive` did and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeepAliveReport {
    /// Grants that have fresh tokens now, whoever rotated them.
    pub rotated: u64,
    /// Grants that could not be rotated just now.
    pub failed: u64,
    /// Connections that need a person, or soon will.
    pub attention: Vec<Attention>,
}

/// What `rekey` did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RekeyReport {
    /// Grants whose tokens are sealed with the first key now and were not before.
    pub grants: u64,
    /// Consents under way, likewise.
    pub sessions: u64,
    /// Rows that could not be moved yet: grants that are being rotated and consents still under way; or not at all:
    /// sealed with a key that was not given.
    pub left: u64,
    /// Everything is sealed with the first key: the others can be taken away.
    pub complete: bool,
}

/// A connection as the verbs return it. Times are milliseconds since the epoch.
#[derive(Clone, Debug, Serialize)]
pub struct Connection {
    /// The application's handle.
    pub id: String,
    /// The grant it uses.
    pub grant_id: String,
    /// The Atlassian account, where it could be learnt.
    pub account_id: Option<String>,
    /// The chosen site.
    pub site: Option<Site>,
    /// How the site was chosen.
    pub site_choice: Option<SiteChoice>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// Labels.
    pub tags: Tags,
    /// The application's own data.
    pub metadata: Map<String, Value>,
    /// Whether calls can work.
    pub health: ConnectionStatus,
    /// Why it is not active.
    pub health_reason: Option<String>,
    /// When the grant may end unless something is done.
    pub reconnect_by: Option<u64>,
    /// How many pairs of tokens the grant has had.
    pub generation: u64,
    /// First connected.
    pub created_at: u64,
    /// Last consent of the grant.
    pub consented_at: u64,
    /// When the current tokens were issued; assumed to be almost 60 days ago for an import without a valid access token,
    /// until it is rotated.
    pub refreshed_at: u64,
    /// When the current access token expires.
    pub access_expires_at: u64,
    /// What befell the grant lately, newest first; `None` in a listing.
    pub ledger: Option<Vec<LedgerEntry>>,
}
