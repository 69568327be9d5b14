//! Calls to the API: one request, a listing, or just the token for another HTTP client.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;
use tokio::time::{Instant, timeout_at};

use super::{Client, after, out_of_time, settled, view};
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
        self.request(&options, Intent::ByMethod).await.map(|(response, _)| response)
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

    async fn request(&self, options: &RequestOptions, intent: Intent) -> Result<(Response, Arc<str>)> {
        let writes = intent == Intent::ByMethod && !request::reads(&options.method);
        let connector = self.connector();
        let span = options.timeout.unwrap_or(connector.config.timings.request_timeout);
        let until = after(span);
        // Pinned where it is: what a call keeps is large to be moved.
        let call = pin!(async {
            let (destination, grant_id) = match self.at_hand(options) {
                Some(known) => known,
                None => self.looked_up(options, span, until).await?,
            };
            let tokens = Supply { client: self, id: &options.id, grant_id: &grant_id };
            let limiter = Limiter {
                governor: &self.inner.governor,
                events: &connector.keeper.shared.events,
                board: Some(&self.inner.board),
            };
            self.inner.board.look(&self.inner.governor, until).await;
            // Last of all: whatever was waited for until here is gone from the call's time. From here on the request keeps
            // its own time: only it knows whether a write may have happened, and whether a body moves.
            let limits = Limits {
                max_body_bytes: connector.config.max_body_bytes,
                timeout: until.saturating_duration_since(Instant::now()),
            };
            let channel = Channel { transport: &connector.transport, limiter };
            let response = request::send(&channel, &destination, &tokens, options, limits, intent).await?;
            Ok((response.until(&self.inner.closing), Arc::clone(&destination.asker.cloud_id)))
        });
        self.run_until_closed(call).await.map_err(|error| cut_off(error, writes))
    }

    /// Where a call goes and whose token it takes, as most calls find it: in memory.
    fn at_hand(&self, options: &RequestOptions) -> Option<(Arc<Destination>, Arc<str>)> {
        if options.site.is_some() {
            return None;
        }
        let (connection, held) = self.connector().keeper.at_hand(&options.id)?;
        let site = settled(&connection, &held).then(|| view::site(&connection, &held.row))??;
        let make = || Destination::of(&self.connector().config.hosts, &options.id, &held.row, site);
        Some((self.inner.destinations.of(&connection, &held.row, make), held.access.grant_id))
    }

    /// The same for a call whose connection is not in memory, or that has something to finish first.
    fn looked_up<'a>(
        &'a self,
        options: &'a RequestOptions,
        span: Duration,
        until: Instant,
    ) -> BoxFuture<'a, Result<(Arc<Destination>, Arc<str>)>> {
        let hosts = &self.connector().config.hosts;
        Box::pin(async move {
            let found = self.site_of(&options.id, options.site.as_deref(), until);
            let found = if options.is_unhurried() {
                found.await
            } else {
                timeout_at(until + GRACE, found).await.unwrap_or_else(|_| Err(out_of_time(span)))
            };
            let (held, site) = found?;
            Ok((Destination::of(hosts, &options.id, &held.row, &site).into(), held.access.grant_id))
        })
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

/// What looks things up keeps to a call's time by itself, and says best what it waited for; past this it is cut off.
const GRACE: Duration = Duration::from_millis(250);

/// The tokens of one connection, for one request.
pub(super) struct Supply<'c> {
    pub(super) client: &'c Client,
    pub(super) id: &'c str,
    pub(super) grant_id: &'c str,
}

impl Tokens for Supply<'_> {
    fn at_hand(&self) -> Option<Access> {
        let keeper = &self.client.connector().keeper;
        keeper.ready(&keeper.shared.cache.grant(self.grant_id)?)
    }

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
        Box::pin(async move {
            let asked = self.request(&options, Intent::Listing).await;
            asked.map(|(response, cloud_id)| (response, cloud_id.as_ref().into()))
        })
    }

    fn background(&self) -> bool {
        Self::background(self)
    }

    fn seals(&self, text: &str) -> Vec<Vec<u8>> {
        self.connector().keeper.shared.sealer.fingerprints(text)
    }
}
