//! What a limit covers, and which limits cover a call (F7.6).

use std::sync::Arc;

use http::Method;

use crate::atlassian::endpoint;
use crate::atlassian::rate_limits::Reach;
use crate::records::Product;

/// One thing that can be asked to slow down. The app itself is what a [`super::Governor`] is for. Points are counted
/// for each product by itself: Jira's reasons and Confluence's have names of their own (F7.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    App(Product),
    Tenant(Product, Arc<str>),
    Endpoint(Arc<str>, Method, Arc<str>),
    Issue(Arc<str>, Arc<str>),
}

impl Scope {
    pub(crate) fn reach(&self) -> Reach {
        match self {
            Self::App(_) => Reach::App,
            Self::Tenant(..) => Reach::Tenant,
            Self::Endpoint(..) => Reach::Endpoint,
            Self::Issue(..) => Reach::Issue,
        }
    }

    /// The site, unless it is about all of them.
    pub(crate) fn cloud_id(&self) -> Option<&str> {
        match self {
            Self::App(_) => None,
            Self::Tenant(_, cloud) | Self::Endpoint(cloud, ..) | Self::Issue(cloud, _) => Some(cloud),
        }
    }

    /// The endpoint or the issue, where it is about one.
    pub(crate) fn target(&self) -> Option<String> {
        match self {
            Self::App(_) | Self::Tenant(..) => None,
            Self::Endpoint(_, method, template) => Some(format!("{method} {template}")),
            Self::Issue(_, issue) => Some(issue.to_string()),
        }
    }
}

/// A call, as limits see it.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// Whose turn it is among those that wait.
    pub(crate) connection: Arc<str>,
    /// What covers it, the widest first.
    pub(crate) scopes: Vec<Scope>,
}

impl Route {
    /// `path` is the one below the site. Only writes are counted by issue (F7.1).
    pub(crate) fn new(
        connection: &str,
        product: Product,
        cloud_id: &str,
        method: &Method,
        path: &str,
        reads: bool,
    ) -> Self {
        let cloud: Arc<str> = Arc::from(cloud_id);
        let template = Arc::from(endpoint::template(path));
        let mut scopes = vec![
            Scope::App(product),
            Scope::Tenant(product, Arc::clone(&cloud)),
            Scope::Endpoint(Arc::clone(&cloud), method.clone(), template),
        ];
        if let Some(issue) = endpoint::issue(path).filter(|_| !reads) {
            scopes.push(Scope::Issue(cloud, Arc::from(issue)));
        }
        Self { connection: Arc::from(connection), scopes }
    }

    /// The scope of this call that a limit of this reach is about; the endpoint, where a limit of an issue meets a call
    /// that is about none.
    pub(crate) fn at(&self, reach: Reach) -> Option<&Scope> {
        let of = |reach| self.scopes.iter().find(|scope| scope.reach() == reach);
        of(reach).or_else(|| of(Reach::Endpoint))
    }
}
