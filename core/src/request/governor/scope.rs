//! What a limit covers, and which limits cover a call (F7.6).

use std::sync::{Arc, OnceLock};

use http::Method;

use crate::atlassian::endpoint;
use crate::atlassian::rate_limits::Reach;
use crate::records::Product;
use crate::request::destination::Asker;

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

/// A call, as limits see it. Its endpoint is looked up when somebody asks: most calls meet no limit.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    asker: Arc<Asker>,
    product: Product,
    method: Method,
    path: Arc<str>,
    reads: bool,
    template: OnceLock<Arc<str>>,
}

impl Route {
    /// `path` is the one below the site. Only writes are counted by issue (F7.1).
    pub(crate) fn new(
        asker: Arc<Asker>,
        product: Product,
        method: Method,
        path: Arc<str>,
        reads: bool,
    ) -> Self {
        Self { asker, product, method, path, reads, template: OnceLock::new() }
    }

    /// Whose turn it is among those that wait.
    pub(crate) fn connection(&self) -> &Arc<str> {
        &self.asker.connection_id
    }

    /// What covers it, the widest first.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = Scope> {
        [Reach::App, Reach::Tenant, Reach::Endpoint, Reach::Issue]
            .into_iter()
            .filter_map(|reach| self.of(reach))
    }

    /// The scope of this call that a limit of this reach is about; the endpoint, where a limit of an issue meets a call
    /// that is about none.
    pub(crate) fn at(&self, reach: Reach) -> Option<Scope> {
        self.of(reach).or_else(|| self.of(Reach::Endpoint))
    }

    fn of(&self, reach: Reach) -> Option<Scope> {
        let cloud_id = Arc::clone(&self.asker.cloud_id);
        match reach {
            Reach::App => Some(Scope::App(self.product)),
            Reach::Tenant => Some(Scope::Tenant(self.product, cloud_id)),
            Reach::Endpoint => {
                let template =
                    self.template.get_or_init(|| endpoint::template(self.method.as_str(), &self.path).into());
                Some(Scope::Endpoint(cloud_id, self.method.clone(), Arc::clone(template)))
            }
            Reach::Issue => {
                let issue = endpoint::issue(&self.path).filter(|_| !self.reads)?;
                Some(Scope::Issue(cloud_id, Arc::from(issue)))
            }
        }
    }
}

#[cfg(any(test, feature = "fuzz"))]
impl Route {
    /// As tests need it.
    pub(crate) fn from_parts(
        connection: &str,
        product: Product,
        cloud_id: &str,
        method: Method,
        path: &str,
    ) -> Self {
        let (connection_id, cloud_id) = (connection.into(), cloud_id.into());
        let reads = method == Method::GET;
        let asker = Asker { connection_id, cloud_id, granted_scopes: Vec::new() };
        Self::new(Arc::new(asker), product, method, path.into(), reads)
    }
}
