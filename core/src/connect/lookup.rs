//! Look-ups with a new token: the sites it reaches and the account behind it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, StatusCode};
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;
use zeroize::Zeroizing;

use super::Connector;
use crate::atlassian::token_endpoint::subject;
use crate::atlassian::{diagnosis, resources};
use crate::error::{Code, Error, Result};
use crate::grant::Access;
use crate::grant::cache::Held;
use crate::records::{Product, Site};

/// Reads are tried this often, with these waits between.
const WAITS: [Duration; 3] = [Duration::from_millis(250), Duration::from_millis(750), Duration::from_secs(2)];

impl Connector {
    /// The sites a grant reaches, all products, grouped by cloud id (F4.1, F4.3).
    pub(crate) async fn list_sites(&self, held: &Held, deadline: Instant) -> Result<Vec<Site>> {
        let (status, body) = self.get(held, self.config.hosts.resources(), deadline).await?;
        let sites = if status.is_success() { resources::sites(&body) } else { None };
        sites.ok_or_else(|| {
            let message =
                format!("the list of accessible sites was answered with status {}", status.as_u16());
            Error::new(Code::IdentityUnavailable, message).with_status(status.as_u16())
        })
    }

    /// The account behind a grant: from the token itself, from `/me`, or from Jira, whichever answers (F2.5, F4.8).
    /// None of them has to.
    pub(crate) async fn learn_account(
        &self,
        held: &Held,
        sites: &[Site],
        deadline: Instant,
    ) -> Option<String> {
        if let Some(known) = held.row.account_id.clone().or_else(|| subject(&held.access.token)) {
            return Some(known);
        }
        let jira = sites.iter().find(|site| site.products.contains(&Product::Jira));
        let myself = jira.map(|site| {
            let mut url = self.config.hosts.product(Product::Jira, &site.cloud_id);
            url.set_path(&format!("{}/rest/api/3/myself", url.path()));
            url
        });
        for url in [Some(self.config.hosts.me()), myself].into_iter().flatten() {
            if let Ok((status, body)) = self.get(held, url, deadline).await
                && status.is_success()
                && let Some(account) = resources::account_id(&body)
            {
                return Some(account);
            }
        }
        None
    }

    async fn get(&self, held: &Held, url: Url, deadline: Instant) -> Result<(StatusCode, Bytes)> {
        let mut access = self.keeper.access(held.clone(), deadline).await?;
        let mut replaced = false;
        let mut waits = WAITS.iter();
        loop {
            let answer = timeout_at(deadline, self.get_once(&access, &url)).await.map_err(|_| slow())?;
            match answer {
                // A 401 about scopes says that the token is fine (F6.2).
                Ok((StatusCode::UNAUTHORIZED, headers, body))
                    if !replaced && !diagnosis::is_scope_failure(&headers, &body) =>
                {
                    replaced = true;
                    let other = self.keeper.replace(&access, deadline).await?;
                    if other.generation == access.generation {
                        return Ok((StatusCode::UNAUTHORIZED, body));
                    }
                    access = other;
                }
                Ok((status, _, body)) if !transient(status) => return Ok((status, body)),
                answer => match waits.next() {
                    Some(wait) if Instant::now() + *wait < deadline => sleep(*wait).await,
                    _ => return answer.map(|(status, _, body)| (status, body)),
                },
            }
        }
    }

    async fn get_once(&self, access: &Access, url: &Url) -> Result<(StatusCode, HeaderMap, Bytes)> {
        let unreadable =
            |what: &str| Error::new(Code::Network, format!("{} could not be read: {what}", url.path()));
        let bearer = Zeroizing::new(format!("Bearer {}", access.token.expose_secret()));
        let request = Request::get(url.as_str()).header(AUTHORIZATION, &*bearer).body(Bytes::new());
        let request = request.map_err(|_| unreadable("it cannot be asked for"))?;
        let answer = self.transport.ask(request).await.map_err(|_| unreadable("no answer"))?;
        let (head, mut arriving) = answer.into_parts();
        let mut body = BytesMut::new();
        while let Some(chunk) = arriving.try_next().await.map_err(|_| unreadable("the answer broke off"))? {
            if body.len() + chunk.len() > usize::try_from(self.config.max_body_bytes).unwrap_or(usize::MAX) {
                return Err(unreadable("the answer is larger than max_body_bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((head.status, head.headers, body.freeze()))
    }
}

fn transient(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

fn slow() -> Error {
    Error::new(Code::Timeout, "the look-up of sites took longer than the call may")
}
