//! Whom a call is made for, and where its paths begin: what all calls of a connection to one site have in common.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use url::Url;

use crate::atlassian::Hosts;
use crate::lock::lock;
use crate::records::{Product, Site};
use crate::store::{ConnectionRow, GrantRow};

/// Whom a call is made for.
#[derive(Debug, Default)]
pub(crate) struct Asker {
    /// The connection, as errors name it.
    pub(crate) connection_id: Arc<str>,
    /// The site's stable key.
    pub(crate) cloud_id: Arc<str>,
    /// What was granted on this site, for `missing_scope`.
    pub(crate) granted_scopes: Vec<String>,
}

/// Where a call is made to.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) asker: Arc<Asker>,
    /// What the paths of each product stand below, at the gateway.
    jira: Url,
    confluence: Url,
    /// The site's own address; absolute URLs below it are re-rooted onto the gateway (F5.3).
    pub(super) site: Option<Url>,
}

impl Destination {
    pub(crate) fn new(hosts: &Hosts, connection_id: &str, site: &Site, granted_scopes: &[String]) -> Self {
        let asker = Asker {
            connection_id: connection_id.into(),
            cloud_id: site.cloud_id.as_str().into(),
            granted_scopes: granted_scopes.to_vec(),
        };
        Self {
            asker: Arc::new(asker),
            jira: hosts.product(Product::Jira, &site.cloud_id),
            confluence: hosts.product(Product::Confluence, &site.cloud_id),
            site: Url::parse(&site.url).ok(),
        }
    }

    /// That of a connection as it is stored, on one of its grant's sites.
    pub(crate) fn of(hosts: &Hosts, connection_id: &str, grant: &GrantRow, site: &Site) -> Self {
        let scopes = if site.scopes.is_empty() { &grant.scopes } else { &site.scopes };
        Self::new(hosts, connection_id, site, scopes)
    }

    pub(super) fn root(&self, product: Product) -> &Url {
        match product {
            Product::Jira => &self.jira,
            Product::Confluence => &self.confluence,
        }
    }
}

/// More than this many are not remembered at once; the least trouble is to start afresh.
const CAPACITY: usize = 20_000;

/// The destinations of calls that name no site, remembered so that no call has to put its own together.
#[derive(Debug, Default)]
pub(crate) struct Destinations {
    known: Mutex<HashMap<Arc<str>, Known>>,
}

/// A destination, and the rows it was made from.
#[derive(Debug)]
struct Known {
    connection: Arc<ConnectionRow>,
    grant: Arc<GrantRow>,
    destination: Arc<Destination>,
}

impl Destinations {
    /// The destination of a connection, made anew where one of its rows is another one than the last time.
    pub(crate) fn of(
        &self,
        connection: &Arc<ConnectionRow>,
        grant: &Arc<GrantRow>,
        make: impl FnOnce() -> Destination,
    ) -> Arc<Destination> {
        let mut known = lock(&self.known);
        if let Some(known) = known.get(connection.id.as_str())
            && Arc::ptr_eq(&known.connection, connection)
            && Arc::ptr_eq(&known.grant, grant)
        {
            return Arc::clone(&known.destination);
        }
        if known.len() >= CAPACITY {
            known.clear();
        }
        let destination = Arc::new(make());
        let (connection, grant) = (Arc::clone(connection), Arc::clone(grant));
        let entry = Known { connection, grant, destination: Arc::clone(&destination) };
        known.insert(Arc::clone(&destination.asker.connection_id), entry);
        destination
    }
}

#[cfg(any(test, feature = "fuzz"))]
impl Destination {
    /// As tests need it: a site called acme.
    pub(crate) fn at_acme(endpoints: &std::collections::BTreeMap<String, String>, cloud_id: &str) -> Self {
        let site = Site::nameless(cloud_id, "https://acme.atlassian.net");
        let hosts = Hosts::new(endpoints).unwrap_or_else(|error| unreachable!("{error}"));
        Self::new(&hosts, "user-42", &site, &["read:jira-work".to_owned()])
    }
}
