//! Which proxy requests go through. This machine's own addresses are never proxied: they are sandboxes and tests.

use reqwest::{NoProxy, Proxy};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::error::{Error, Result};

const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";
const ACCEPTED: &str = "the http or https URL of a proxy";

/// The proxies of a client: the given one for everything, else those the environment names.
pub(super) fn proxies(given: Option<&SecretString>) -> Result<Vec<Proxy>> {
    match given {
        Some(url) => {
            let proxy = url_of(url.expose_secret()).and_then(|url| Proxy::all(url).ok());
            let proxy = proxy.ok_or_else(|| Error::config("proxy", "not a usable URL", ACCEPTED))?;
            Ok(vec![proxy.no_proxy(NoProxy::from_string(LOOPBACK))])
        }
        None => from_environment(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty())),
    }
}

/// For which URLs a proxy is.
type Kind = fn(Url) -> reqwest::Result<Proxy>;

/// Reads the variables everybody reads, in either case of letters. Their values are never shown: they may hold a
/// password.
fn from_environment(read: impl Fn(&str) -> Option<String>) -> Result<Vec<Proxy>> {
    let either = |name: &'static str| {
        read(&name.to_ascii_lowercase()).or_else(|| read(name)).map(|value| (name, value))
    };
    // In a CGI program HTTP_PROXY holds what the client sent as its `Proxy:` header (CVE-2016-5385).
    let http = if read("REQUEST_METHOD").is_some() { None } else { either("HTTP_PROXY") };
    let direct = either("NO_PROXY").map_or(String::new(), |(_, hosts)| hosts);
    let direct = format!("{direct},{LOOPBACK}");
    let mut proxies = Vec::new();
    let named: [(Option<(&str, String)>, Kind); 3] = [
        (http, |url| Proxy::http(url)),
        (either("HTTPS_PROXY"), |url| Proxy::https(url)),
        (either("ALL_PROXY"), |url| Proxy::all(url)),
    ];
    for (variable, proxy) in named {
        let Some((name, value)) = variable else { continue };
        // curl and others take a bare `host:port` here.
        let value = if value.contains("://") { value } else { format!("http://{value}") };
        let proxy = url_of(&value).and_then(|url| proxy(url).ok()).ok_or_else(|| {
            Error::config("proxy", format!("not given, and the environment's {name} is not usable"), ACCEPTED)
        })?;
        proxies.push(proxy.no_proxy(NoProxy::from_string(&direct)));
    }
    Ok(proxies)
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

    fn count(variables: &[(&str, &str)]) -> Result<usize> {
        let read = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        from_environment(read).map(|proxies| proxies.len())
    }

    #[test]
    fn a_proxy_that_cannot_work_is_refused_without_showing_it() {
        for given in ["", "proxy.example.com:8080", "socks5://user:canary@h:1", "http://", "/canary"] {
            let error = proxies(Some(&SecretString::from(given))).unwrap_err();
            assert_eq!(error.code(), Code::InvalidConfig, "{given}");
            assert_eq!(error.context()["option"], "proxy");
            assert!(!format!("{error:?}").contains("canary"));
        }
        assert!(proxies(Some(&SecretString::from("http://user:canary@proxy.example.com:8080"))).is_ok());
    }

    #[test]
    fn the_environment_names_proxies_in_either_case() {
        assert_eq!(count(&[]).unwrap(), 0);
        assert_eq!(count(&[("HTTPS_PROXY", "http://p:1"), ("http_proxy", "p:1")]).unwrap(), 2);
        assert_eq!(count(&[("HTTP_PROXY", "http://p:1"), ("REQUEST_METHOD", "GET")]).unwrap(), 0);
        let error = count(&[("ALL_PROXY", "socks5://user:canary@h:1")]).unwrap_err();
        assert!(error.message().contains("ALL_PROXY") && !error.message().contains("canary"));
    }
}
