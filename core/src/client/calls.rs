//! Calls to the API: one request, a listing, or just the token for another HTTP client.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;
use tokio::time::Instant;

use super::{Client, after};
use crate::clock::wall_ms;
use crate::error::{Code, Error, Result};
use crate::grant::Access;
use crate::grant::cache::Held;
use crate::options::{IdOptions, PaginateOptions, RequestOptions};
use crate::paginate::{Fetch, Paginator};
use crate::request::{self, Channel, Destination, Intent, Limiter, Limits, RateLimit, Response, Tokens};

impl Client {
    /// A fresh access token, for those who bring their own HTTP client.
    ///
    /// # Errors
    /// `connection_not_found`, `reauthorization_required`, `client_credentials_rejected`, `identity_unavailable`,
    /// `timeout`, `store_unavailable`.
    pub async fn access_token(&self, options: impl Into<IdOptions>) -> Result<SecretString> {
        let IdOptions { id, timeout } = options.into();
        self.run(timeout, |deadline| async move {
            let (_, held) = self.resolve(&id, deadline).await?;
            let grant_id = held.row.id.clone();
            let tokens = Supply { client: self, id: &id, grant_id: &grant_id };
            let access = tokens.good(held, deadline).await?;
            Ok(SecretString::clone(&access.token))
        })
        .await
    }

    /// One authenticated call to the connection's site. Returns a response for every HTTP status.
    ///
    /// # Errors
    /// `invalid_argument` and `destination_refused` before anything is sent; `connection_not_found`,
    /// `site_required`, `site_not_found`, `reauthorization_required`, `rate_limited`, `outcome_unknown`,
    /// `response_truncated`, `body_too_large`, `network`, `timeout`, `identity_unavailable`, `store_unavailable`.
    pub async fn proxy_request(&self, options: RequestOptions) -> Result<Response> {
        self.request(options, Intent::ByMethod).await.map(|(response, _)| response)
    }

    /// The rate limits that concern a connection, as Jira's last answers told them: of the app, of the connection's
    /// site, and of endpoints and issues there. Sends nothing.
    ///
    /// # Errors
    /// `connection_not_found`, `site_required`, `store_unavailable`.
    pub async fn rate_limits(&self, options: impl Into<IdOptions>) -> Result<Vec<RateLimit>> {
        let IdOptions { id, timeout } = options.into();
        self.run(timeout, |deadline| async move {
            let (_, site) = self.site_of(&id, None, deadline).await?;
            Ok(self.inner.governor.rate_limits(&site.cloud_id, wall_ms()))
        })
        .await
    }

    /// Iterates over the items of a listing, page after page.
    ///
    /// # Errors
    /// `invalid_argument`, `cursor_invalid`; the pages bring those of [`Client::proxy_request`],
    /// `pagination_stalled`, and those of [`Response::error_for_status`].
    pub fn paginate(&self, options: PaginateOptions) -> Result<Paginator> {
        Paginator::new(Arc::new(self.clone()), options)
    }

    async fn request(&self, options: RequestOptions, intent: Intent) -> Result<(Response, String)> {
        let writes = intent == Intent::ByMethod && !request::reads(&options.method);
        let timings = self.connector().config.timings;
        let span = options.timeout.unwrap_or(timings.request_timeout);
        // The request keeps its own time: only it knows whether a write may have happened, and whether a body moves.
        let whole = if options.is_unhurried() { Duration::MAX } else { span.saturating_add(GRACE) };
        self.run(Some(whole), |_| async {
            let until = after(span);
            let (held, site) = self.site_of(&options.id, options.site.as_deref(), until).await?;
            let destination = Destination {
                connection_id: options.id.clone(),
                cloud_id: site.cloud_id.clone(),
                site_url: site.url,
                granted_scopes: if site.scopes.is_empty() { held.row.scopes.clone() } else { site.scopes },
            };
            let connector = self.connector();
            let tokens = Supply { client: self, id: &options.id, grant_id: &held.row.id };
            let limiter = Limiter {
                governor: &self.inner.governor,
                events: &connector.keeper.shared.events,
                board: Some(&self.inner.board),
            };
            self.inner.board.look(&self.inner.governor).await;
            // Last of all: whatever was waited for until here is gone from the call's time.
            let limits = Limits {
                max_body_bytes: connector.config.max_body_bytes,
                timeout: until.saturating_duration_since(Instant::now()),
            };
            let channel =
                Channel { transport: &connector.transport, hosts: &connector.config.hosts, limiter };
            // Boxed, as futures of this size cost more to move about than to allocate.
            let response = request::send(&channel, &destination, &tokens, &options, limits, intent);
            let response = Box::pin(response);
            Ok((response.await?.until(self.inner.closing.clone()), site.cloud_id))
        })
        .await
        .map_err(|error| cut_off(error, writes))
    }
}

/// A write that was under way when the client was closed may have been sent.
pub(super) fn cut_off(error: Error, writes: bool) -> Error {
    match error.code() {
        Code::Cancelled if writes => {
            error.hinting("Look whether it happened before you repeat it: it may have been sent already.")
        }
        _ => error,
    }
}

/// What a request's own clock is given before the client steps in.
const GRACE: Duration = Duration::from_millis(250);

/// The tokens of one connection, for one request.
pub(super) struct Supply<'c> {
    pub(super) client: &'c Client,
    pub(super) id: &'c str,
    pub(super) grant_id: &'c str,
}

impl Tokens for Supply<'_> {
    fn access(&self, deadline: Instant) -> BoxFuture<'_, Result<Access>> {
        Box::pin(async move {
            let keeper = &self.client.connector().keeper;
            let held = match keeper.shared.cache.grant(self.grant_id) {
                Some(held) => held,
                None => self.client.resolve(self.id, deadline).await?.1,
            };
            self.good(held, deadline).await
        })
    }

    fn replace<'a>(&'a self, rejected: &'a Access, deadline: Instant) -> BoxFuture<'a, Result<Access>> {
        Box::pin(async move {
            match self.client.connector().keeper.replace(rejected, deadline).await {
                Err(error) => self.moved(error, &rejected.grant_id, deadline).await,
                access => access,
            }
        })
    }
}

impl Supply<'_> {
    /// A token of this grant that is good for a call made now.
    async fn good(&self, held: Held, deadline: Instant) -> Result<Access> {
        let grant_id = held.row.id.clone();
        match self.client.connector().keeper.access(held, deadline).await {
            Err(error) => self.moved(error, &grant_id, deadline).await,
            access => access,
        }
    }

    /// A grant that is gone may have become one with another of its account, in another process: then the connection
    /// has a new one.
    async fn moved(&self, error: Error, gone: &str, deadline: Instant) -> Result<Access> {
        let keeper = &self.client.connector().keeper;
        if error.code() == Code::ConnectionNotFound
            && let Some((_, held)) = keeper.reload(self.id).await?
            && held.row.id != gone
        {
            return keeper.access(held, deadline).await;
        }
        Err(error)
    }
}

impl Fetch for Client {
    fn fetch(&self, options: RequestOptions) -> BoxFuture<'_, Result<(Response, String)>> {
        Box::pin(self.request(options, Intent::Listing))
    }

    fn background(&self) -> bool {
        Self::background(self)
    }

    fn seals(&self, text: &str) -> Vec<Vec<u8>> {
        self.connector().keeper.shared.sealer.fingerprints(text)
    }
}
