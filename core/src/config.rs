//! What a client is told when it is made, and the check of it. Nothing is written or sent before all of it is good.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::atlassian::Hosts;
use crate::error::{Error, Result};
use crate::origin::secure_or_loopback;
use crate::timings::Timings;

/// What a connect does when several sites are there and none was named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SitePolicy {
    /// Takes the first Jira site and tells of the others in an event.
    #[default]
    First,
    /// Leaves the connection without a site until `select_site`.
    Ask,
}

/// Encryption keys as they are given: one, or several of which the first seals and all open.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Keys {
    /// One key: 32 bytes in base64.
    One(SecretString),
    /// Several, newest first.
    Several(Vec<SecretString>),
}

impl Keys {
    /// The texts, newest first.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(key) => std::slice::from_ref(key),
            Self::Several(keys) => keys.as_slice(),
        }
        .iter()
        .map(|key| key.expose_secret())
    }
}

/// Options of a client, as given.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientOptions {
    /// The app's client id.
    pub client_id: String,
    /// The app's client secret.
    pub client_secret: SecretString,
    /// The callback URL registered for the app.
    pub redirect_uri: String,
    /// Scopes a connect asks for; `offline_access` is always added (F1.2).
    pub scopes: Vec<String>,
    /// Where grants and connections live.
    #[serde(default = "default_store")]
    pub store: String,
    /// Keys the store's secrets are sealed with.
    #[serde(default)]
    pub encryption_key: Option<Keys>,
    /// Overrides Atlassian's hosts.
    #[serde(default)]
    pub endpoints: BTreeMap<String, String>,
    /// What a connect does when several sites are there and none was named.
    #[serde(default)]
    pub site_policy: SitePolicy,
    /// URL of a proxy for all requests.
    #[serde(default)]
    pub proxy: Option<SecretString>,
    /// PEM file with the certificate authorities to trust.
    #[serde(default)]
    pub ca_bundle: Option<PathBuf>,
    /// Largest answer that is read into memory, in bytes.
    #[serde(default = "default_max_body")]
    pub max_body_bytes: u64,
    /// Whether work may go on after a call has returned. Otherwise a call returns only when what it began is finished.
    #[serde(default = "yes")]
    pub background: bool,
    /// Intervals of the rotation and of requests; tests shorten them.
    #[serde(skip)]
    pub timings: Timings,
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Everything but the store shows itself; a database's URL may carry a password.
        let Self { client_id, client_secret, redirect_uri, scopes, store, .. } = self;
        let Self {
            encryption_key,
            endpoints,
            site_policy,
            proxy,
            ca_bundle,
            max_body_bytes,
            background,
            timings,
            ..
        } = self;
        f.debug_struct("ClientOptions")
            .field("client_id", client_id)
            .field("client_secret", client_secret)
            .field("redirect_uri", redirect_uri)
            .field("scopes", scopes)
            .field("store", &without_credentials(store))
            .field("encryption_key", encryption_key)
            .field("endpoints", endpoints)
            .field("site_policy", site_policy)
            .field("proxy", proxy)
            .field("ca_bundle", ca_bundle)
            .field("max_body_bytes", max_body_bytes)
            .field("background", background)
            .field("timings", timings)
            .finish()
    }
}

/// A URL by its scheme only; a path as it is.
fn without_credentials(store: &str) -> &str {
    match store.split_once(':') {
        Some((scheme, rest)) if rest.starts_with("//") || rest.contains('@') => scheme,
        _ => store,
    }
}

fn default_store() -> String {
    "threelo.db".to_owned()
}

const fn default_max_body() -> u64 {
    64 * 1024 * 1024
}

const fn yes() -> bool {
    true
}

impl ClientOptions {
    /// Options with everything optional left at its default.
    pub fn new(
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
        redirect_uri: impl Into<String>,
        scopes: &[&str],
    ) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: SecretString::from(client_secret.into()),
            redirect_uri: redirect_uri.into(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            store: default_store(),
            encryption_key: None,
            endpoints: BTreeMap::new(),
            site_policy: SitePolicy::First,
            proxy: None,
            ca_bundle: None,
            max_body_bytes: default_max_body(),
            background: yes(),
            timings: Timings::default(),
        }
    }

    /// Checks everything that can be checked without touching the disk or the network.
    pub(crate) fn check(self) -> Result<Config> {
        word("client_id", &self.client_id)?;
        if self.client_secret.expose_secret().trim().is_empty() {
            return Err(Error::config("client_secret", "empty", "the app's client secret"));
        }
        if self.scopes.is_empty() {
            let accepted = "at least one scope, such as \"read:jira-work\"";
            return Err(Error::config("scopes", "empty", accepted));
        }
        if self.max_body_bytes == 0 {
            return Err(Error::config("max_body_bytes", "0", "a number of bytes of at least 1"));
        }
        Ok(Config {
            redirect_uri: redirect(&self.redirect_uri)?,
            scopes: scopes("scopes", &self.scopes)?,
            hosts: Hosts::new(&self.endpoints)?,
            client_id: self.client_id,
            client_secret: self.client_secret,
            site_policy: self.site_policy,
            max_body_bytes: self.max_body_bytes,
            background: self.background,
            timings: self.timings,
        })
    }
}

/// Options of a client, checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) hosts: Hosts,
    pub(crate) site_policy: SitePolicy,
    pub(crate) max_body_bytes: u64,
    pub(crate) background: bool,
    pub(crate) timings: Timings,
}

fn word(option: &str, given: &str) -> Result<()> {
    let good = !given.is_empty() && given.chars().all(|c| !c.is_whitespace() && !c.is_control());
    if good { Ok(()) } else { Err(Error::config(option, format!("{given:?}"), "a text without spaces")) }
}

/// Scopes without repetitions, in the order given, `offline_access` last (F1.2). Their names are not checked against
/// a list: Atlassian declares fewer than it uses (F10.2).
pub(crate) fn scopes(option: &str, given: &[String]) -> Result<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    for scope in given.iter().map(String::as_str).chain(["offline_access"]) {
        if scope.is_empty() || scope.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Error::config(option, format!("{scope:?}"), "a list of scopes, each without spaces"));
        }
        if !all.iter().any(|known| known == scope) {
            all.push(scope.to_owned());
        }
    }
    Ok(all)
}

fn redirect(given: &str) -> Result<String> {
    let accepted =
        "an https URL without a fragment (http for localhost only), exactly as registered for the app";
    let refuse = || Error::config("redirect_uri", format!("{given:?}"), accepted);
    let url = Url::parse(given).map_err(|_| refuse())?;
    let clean = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    // The text is sent as given, not as the parser would write it: Atlassian compares it letter by letter (F2.1).
    if clean && secure_or_loopback(&url) { Ok(given.to_owned()) } else { Err(refuse()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn options() -> ClientOptions {
        ClientOptions::new("id", "secret", "https://app.example.com/callback", &["read:jira-work"])
    }

    #[test]
    fn offline_access_is_always_asked_for_once() {
        let asked = |scopes: &[&str]| {
            ClientOptions::new("id", "s", "http://localhost:3000/cb", scopes).check().unwrap().scopes
        };
        assert_eq!(asked(&["read:jira-work"]), ["read:jira-work", "offline_access"]);
        assert_eq!(asked(&["offline_access", "read:me", "read:me"]), ["offline_access", "read:me"]);
    }

    #[test]
    fn each_bad_option_is_named() {
        type Spoil = fn(&mut ClientOptions);
        let cases: [(&str, Spoil); 10] = [
            ("client_id", |o| o.client_id = String::new()),
            ("client_id", |o| o.client_id = "a b".into()),
            ("client_secret", |o| o.client_secret = "".into()),
            ("redirect_uri", |o| o.redirect_uri = "http://app.example.com/callback".into()),
            ("redirect_uri", |o| o.redirect_uri = "/callback".into()),
            ("redirect_uri", |o| o.redirect_uri = "https://app.example.com/#x".into()),
            ("scopes", |o| o.scopes.clear()),
            ("scopes", |o| o.scopes = vec!["read:me write:me".into()]),
            ("max_body_bytes", |o| o.max_body_bytes = 0),
            ("endpoints", |o| drop(o.endpoints.insert("api".into(), "http://api.example.com".into()))),
        ];
        for (option, spoil) in cases {
            let mut given = options();
            spoil(&mut given);
            let error = given.check().unwrap_err();
            assert_eq!(error.code(), Code::InvalidConfig);
            assert_eq!(error.context()["option"], option, "{error}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let shown = format!("{:?}", options().check().unwrap());
        assert!(!shown.contains("\"secret\""), "{shown}");
    }
}
