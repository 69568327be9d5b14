//! What another HTTP client needs for a request of its own: where to send it and the token, and another token where Jira
//! rejected that one. Which address may have the token, and when a rejection is worth a rotation, is decided here.

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::calls::Supply;
use super::{Client, after};
use crate::clock::wall_ms;
use crate::error::Result;
use crate::grant::Access;
use crate::grant::cache::Held;
use crate::options::AuthorizeOptions;
use crate::request::{Tokens, is_rejection, located, settling};

/// Leave to send one request with another HTTP client.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// The gateway's URL, with the query.
    pub url: String,
    /// The access token.
    pub access_token: SecretString,
    /// Whether sending has a chance: false where the rejected token is the best there is.
    pub send: bool,
}

impl Client {
    /// Where to send a request, and the token for it. Refuses every address but the connection's own site.
    ///
    /// A token that is younger than its way to all of Jira's gateways waits until it has got there (F3.14). With
    /// `rejected`, a newer token is taken or the grant is rotated, at most once in a minute (DESIGN rule 9).
    ///
    /// # Errors
    /// `destination_refused` before any token is looked at; `connection_not_found`, `site_required`, `site_not_found`,
    /// `reauthorization_required`, `client_credentials_rejected`, `identity_unavailable`, `timeout`,
    /// `store_unavailable`.
    pub async fn authorize(&self, options: AuthorizeOptions) -> Result<Authorization> {
        let span = options.timeout.unwrap_or(self.connector().config.timings.request_timeout);
        self.run(Some(span), |_| async {
            let deadline = after(span);
            let (held, site) = self.site_of(&options.id, options.site.as_deref(), deadline).await?;
            let hosts = &self.connector().config.hosts;
            let url = located(hosts, &site, &options.path)?;
            let (access, send) = self.token_for(&options, &held, deadline).await?;
            let left = deadline.saturating_duration_since(Instant::now());
            tokio::time::sleep(settling(wall_ms().saturating_sub(access.issued_at_ms), left)).await;
            Ok(Authorization { url, access_token: SecretString::clone(&access.token), send })
        })
        .await
    }

    /// The token to send, and whether sending it has a chance.
    async fn token_for(
        &self,
        options: &AuthorizeOptions,
        held: &Held,
        deadline: Instant,
    ) -> Result<(Access, bool)> {
        let tokens = Supply { client: self, id: &options.id, grant_id: &held.row.id };
        let access = tokens.access(deadline).await?;
        let Some(rejected) = &options.rejected else { return Ok((access, true)) };
        if access.token.expose_secret() != rejected.expose_secret() {
            return Ok((access, true));
        }
        if !is_rejection(options.answer.as_deref().unwrap_or_default()) {
            return Ok((access, false));
        }
        let found = tokens.replace(&access, deadline).await?;
        let send = found.grant_id != access.grant_id || found.generation != access.generation;
        Ok((found, send))
    }
}
