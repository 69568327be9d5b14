//! Atlassian's hosts and the paths on them.

use std::collections::BTreeMap;

use url::Url;

use crate::error::{Error, Result};
use crate::origin::secure_or_loopback;
use crate::records::Product;

/// Where Atlassian is. Overridden for Government Cloud (F1.15), sandboxes and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    auth: Url,
    api: Url,
    resources: Option<Url>,
}

/// The audience a token is asked for (F1.2): the API host's name, which also holds in Government Cloud (F1.15).
const AUDIENCE: &str = "api.atlassian.com";
const AUTH: &str = "https://auth.atlassian.com";
const API: &str = "https://api.atlassian.com";

impl Hosts {
    /// Reads the `endpoints` option.
    ///
    /// # Errors
    /// `invalid_config` for an unknown name, a URL that is not one, or plain http away from this machine.
    pub fn new(given: &BTreeMap<String, String>) -> Result<Self> {
        if let Some(name) = given.keys().find(|name| !matches!(name.as_str(), "auth" | "api" | "resources")) {
            return Err(Error::config(
                "endpoints",
                format!("a map with {name:?}"),
                "auth, api and resources",
            ));
        }
        let host = |name: &str, standard: &str| match given.get(name) {
            Some(text) => endpoint(name, text),
            None => endpoint(name, standard),
        };
        let resources = given.get("resources").map(|text| endpoint("resources", text)).transpose()?;
        Ok(Self { auth: host("auth", AUTH)?, api: host("api", API)?, resources })
    }

    /// Names the authorization server in stored grants: host, and port where it is not the standard one.
    #[must_use]
    pub fn auth_host(&self) -> String {
        let host = self.auth.host_str().unwrap_or_default();
        self.auth.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The `audience` of an authorization request.
    #[must_use]
    pub fn audience(&self) -> &str {
        match self.api.domain() {
            Some(domain) if domain.starts_with("api.") => domain,
            _ => AUDIENCE,
        }
    }

    /// Where the user's browser is sent (F1.1).
    #[must_use]
    pub fn authorize(&self) -> Url {
        below(&self.auth, "authorize")
    }

    /// The token endpoint (F2.1).
    #[must_use]
    pub fn token(&self) -> Url {
        below(&self.auth, "oauth/token")
    }

    /// The revocation endpoint of the discovery document (F4.9).
    #[must_use]
    pub fn revoke(&self) -> Url {
        below(&self.auth, "oauth/revoke")
    }

    /// The list of sites (F4.1); its host differs in Government Cloud (F1.15).
    #[must_use]
    pub fn resources(&self) -> Url {
        self.resources.clone().unwrap_or_else(|| below(&self.api, "oauth/token/accessible-resources"))
    }

    /// The account behind a token (F4.8).
    #[must_use]
    pub fn me(&self) -> Url {
        below(&self.api, "me")
    }

    /// The gateway's root for one product of one site (F5.1).
    #[must_use]
    pub fn product(&self, product: Product, cloud_id: &str) -> Url {
        let product = match product {
            Product::Jira => "jira",
            Product::Confluence => "confluence",
        };
        below(&self.api, &format!("ex/{product}/{cloud_id}"))
    }

    /// The API gateway itself, for telling its URLs from others.
    #[must_use]
    pub fn api(&self) -> &Url {
        &self.api
    }
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

fn endpoint(name: &str, text: &str) -> Result<Url> {
    let accepted = "an https URL without query or fragment (http for loopback hosts only)";
    let refuse = || Error::config("endpoints", format!("{name}: {text:?}"), accepted);
    let url = Url::parse(text).map_err(|_| refuse())?;
    let clean = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if clean && url.password().is_none() && secure_or_loopback(&url) { Ok(url) } else { Err(refuse()) }
}
