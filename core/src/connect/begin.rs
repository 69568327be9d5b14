//! `connect`: starts a consent, or a reconnect that keeps the id.

use secrecy::ExposeSecret;

use super::Connector;
use super::session::{self, Asked, Started};
use crate::clock::wall_ms;
use crate::config::scopes;
use crate::error::{Code, Error, Result};
use crate::grant::transitions::millis;
use crate::options::ConnectOptions;
use crate::store::{Expect, Write};

/// Longest connection id: long enough for any key an application has, short enough for an index.
const LONGEST_ID: usize = 512;

/// Checks a connection's id.
pub(crate) fn check_id(id: &str) -> Result<()> {
    if id.is_empty() || id.len() > LONGEST_ID || id.chars().any(char::is_control) {
        let given = if id.is_empty() { "empty".to_owned() } else { format!("{} bytes long", id.len()) };
        return Err(Error::argument("id", given, "1 to 512 bytes of text without control characters"));
    }
    Ok(())
}

/// Checks a site that was named.
pub(crate) fn check_site(site: Option<&str>) -> Result<()> {
    match site {
        Some(site) if site.trim().is_empty() => {
            Err(Error::argument("site", "empty", "a subdomain, a site URL or a cloud id"))
        }
        _ => Ok(()),
    }
}

impl Connector {
    /// Stores a session and says where to send the browser.
    pub(crate) async fn begin(&self, options: ConnectOptions) -> Result<Started> {
        check_id(&options.id)?;
        check_site(options.site.as_deref())?;
        if options.binding.as_ref().is_some_and(|binding| binding.expose_secret().is_empty()) {
            let accepted =
                "what ties the session to the user's browser, or null where there is only one user";
            return Err(Error::argument("binding", "an empty string", accepted));
        }
        let shared = &self.keeper.shared;
        let mut asked_scopes = match &options.scopes {
            Some(given) => scopes("scopes", given).map_err(as_argument)?,
            None => self.config.scopes.clone(),
        };
        if options.keep_scopes
            && let Some((_, grant)) = shared.store.resolve(&options.id).await?
        {
            // A new consent overrides the scopes of the old one (F1.9).
            asked_scopes.extend(grant.scopes);
            asked_scopes = scopes("scopes", &asked_scopes)?;
        }
        let asked = Asked {
            site: options.site,
            tags: options.tags,
            metadata: options.metadata,
            allow_account_change: options.allow_account_change,
            verifier: None,
            binding: options.binding.map(|binding| shared.sealer.fingerprint(binding.expose_secret())),
        };
        let now = wall_ms();
        let expires_at = now + millis(self.config.timings.session_ttl);
        let started =
            session::start(&self.config, &shared.sealer, &options.id, &asked_scopes, asked, expires_at)?;
        shared.store.forget_sessions(now).await?;
        let expect = vec![Expect::Session(started.row.state_hash.clone(), None)];
        match shared.store.write(expect, vec![Write::PutSession(started.row.clone())]).await? {
            Some(_) => Ok(started),
            None => Err(Error::new(
                Code::StoreUnavailable,
                "the operating system gave the same random state twice",
            )),
        }
    }
}

/// The same check guards an option of the client and an argument of the call.
fn as_argument(error: Error) -> Error {
    let text = |name: &str| {
        error.context().get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
    };
    Error::argument(&text("option"), text("given"), &text("accepted"))
}
