//! Which proxy requests go through. This machine's own addresses are never proxied: they are sandboxes and tests.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{NoProxy, Proxy};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::error::{Code, Error, Result};

const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";
const ACCEPTED: &str = "the http or https URL of a proxy";

/// Through which proxy what goes, and what goes past them.
pub(super) struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    /// As `NO_PROXY` is written.
    direct: String,
}

impl Proxies {
    /// The given one for everything, else those the environment names.
    pub(super) fn new(given: Option<&SecretString>) -> Result<Self> {
        match given {
            Some(url) => {
                let url = url_of(url.expose_secret());
                let url = url.ok_or_else(|| Error::config("proxy", "not a usable URL", ACCEPTED))?;
                Ok(Self { http: Some(url.clone()), https: Some(url), direct: LOOPBACK.to_owned() })
            }
            None => Self::from_environment(|name| {
                std::env::var(name).ok().filter(|value| !value.trim().is_empty())
            }),
        }
    }

    /// Reads the variables everybody reads, in either case of letters. Their values are never shown: they may hold a
    /// password.
    fn from_environment(read: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let either = |name: &str| read(&name.to_ascii_lowercase()).or_else(|| read(name));
        let named = |name: &str| either(name).map(|value| from_variable(name, &value)).transpose();
        // In a CGI program HTTP_PROXY holds what the client sent as its `Proxy:` header (CVE-2016-5385).
        let http = if read("REQUEST_METHOD").is_some() { None } else { named("HTTP_PROXY")? };
        let (https, all) = (named("HTTPS_PROXY")?, named("ALL_PROXY")?);
        let direct = format!("{},{LOOPBACK}", either("NO_PROXY").unwrap_or_default());
        Ok(Self { http: http.or_else(|| all.clone()), https: https.or(all), direct })
    }

    /// For calls to the API.
    pub(super) fn matcher(&self) -> Matcher {
        let text = |url: &Option<Url>| url.as_ref().map(Url::to_string).unwrap_or_default();
        Matcher::builder().http(text(&self.http)).https(text(&self.https)).no(&*self.direct).build()
    }

    /// For token exchanges.
    pub(super) fn for_reqwest(&self) -> Result<Vec<Proxy>> {
        let direct = NoProxy::from_string(&self.direct);
        let http = self.http.iter().map(|url| Proxy::http(url.clone()));
        let https = self.https.iter().map(|url| Proxy::https(url.clone()));
        let proxies: reqwest::Result<Vec<_>> =
            http.chain(https).map(|proxy| Ok(proxy?.no_proxy(direct.clone()))).collect();
        proxies.map_err(|_| Error::new(Code::InvalidConfig, "the proxy cannot be used"))
    }
}

fn from_variable(name: &str, value: &str) -> Result<Url> {
    // curl and others take a bare `host:port` here.
    let url = if value.contains("://") { url_of(value) } else { url_of(&format!("http://{value}")) };
    url.ok_or_else(|| {
        Error::config("proxy", format!("not given, and the environment's {name} is not usable"), ACCEPTED)
    })
}

fn url_of(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    let good = matches!(url.scheme(), "http" | "https") && url.has_host();
    good.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn read(variables: &[(&str, &str)]) -> Result<Proxies> {
        Proxies::from_environment(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    /// Where a request to `to` would go first.
    fn via(proxies: &Proxies, to: &'static str) -> Option<String> {
        let matched = proxies.matcher().intercept(&http::Uri::from_static(to));
        matched.map(|proxy| proxy.uri().to_string())
    }

    #[test]
    fn a_proxy_that_cannot_work_is_refused_without_showing_it() {
        for given in ["", "proxy.example.com:8080", "socks5://user:canary@h:1", "http://", "/canary"] {
            let error = Proxies::new(Some(&SecretString::from(given))).err().unwrap();
            assert_eq!(error.code(), Code::InvalidConfig, "{given}");
            assert_eq!(error.context()["option"], "proxy");
            assert!(!format!("{error:?}").contains("canary"));
        }
    }

    #[test]
    fn a_given_proxy_is_for_everything_but_this_machine() {
        let given = SecretString::from("http://user:canary@proxy.example.com:8080");
        let proxies = Proxies::new(Some(&given)).unwrap();
        assert_eq!(
            via(&proxies, "https://api.atlassian.com/"),
            Some("http://proxy.example.com:8080/".into())
        );
        for direct in ["http://127.0.0.1:1/", "http://localhost/", "https://[::1]/", "https://127.1.2.3/"] {
            assert_eq!(via(&proxies, direct), None, "{direct}");
        }
        let matched = proxies.matcher().intercept(&http::Uri::from_static("https://api.atlassian.com/"));
        // user:canary
        assert_eq!(matched.unwrap().basic_auth().unwrap(), "Basic dXNlcjpjYW5hcnk=");
        assert_eq!(proxies.for_reqwest().unwrap().len(), 2);
    }

    #[test]
    fn the_environment_names_proxies_in_either_case() {
        let api = "https://api.atlassian.com/";
        assert_eq!(via(&read(&[]).unwrap(), api), None);
        let both = read(&[("HTTPS_PROXY", "http://p:1"), ("http_proxy", "q:2")]).unwrap();
        assert_eq!(via(&both, api), Some("http://p:1/".into()));
        assert_eq!(via(&both, "http://api.atlassian.com/"), Some("http://q:2/".into()));
        let all = read(&[("all_proxy", "p:1"), ("NO_PROXY", "example.com,.atlassian.com")]).unwrap();
        assert_eq!(via(&all, "https://example.org/"), Some("http://p:1/".into()));
        assert_eq!(via(&all, api), None);
        let cgi = read(&[("HTTP_PROXY", "http://p:1"), ("REQUEST_METHOD", "GET")]).unwrap();
        assert_eq!(via(&cgi, "http://example.org/"), None);
        let error = read(&[("ALL_PROXY", "socks5://user:canary@h:1")]).err().unwrap();
        assert!(error.message().contains("ALL_PROXY") && !error.message().contains("canary"));
    }
}
