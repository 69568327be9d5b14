//! The life of connections: connect, complete, refresh, look, update, disconnect, import.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use secrecy::ExposeSecret;
use serde::Serialize;
use tokio::time::Instant;

use super::{Client, not_found, view};
use crate::connect::account_key;
use crate::connect::parting::{Parting, part};
use crate::error::{Code, Error, Result};
use crate::grant::doubts::Holders;
use crate::grant::tokens::TokenPair;
use crate::options::{
    CompleteOptions, ConnectOptions, ConnectionsOptions, IdOptions, ImportOptions, UpdateOptions,
};
use crate::records::Connection;
use crate::store::{ConnectionRow, Expect, GrantRow, Write};

/// A consent under way.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectSession {
    /// Where to send the user's browser.
    pub url: String,
    /// The one-time state.
    pub state: String,
    /// Until when the callback is accepted, in milliseconds since the epoch.
    pub expires_at: u64,
}

/// One page of connections.
#[derive(Clone, Debug)]
pub struct ConnectionsPage {
    /// The connections, in the order of their ids.
    pub items: Vec<Connection>,
    /// Where to go on; `None` at the end.
    pub cursor: Option<String>,
}

/// Connections on one page.
const PAGE: u32 = 100;

/// Losing this often to other writers means that something is wrong.
const TRIES: u32 = 100;

/// Best-effort revocation must not hold anything up.
const REVOKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What it leaves of its call's time.
const REVOKE_SPARE: Duration = Duration::from_millis(100);

impl Client {
    /// Starts a consent, or a reconnect that keeps the id.
    ///
    /// # Errors
    /// `invalid_argument`, `store_unavailable`.
    pub async fn connect(&self, options: ConnectOptions) -> Result<ConnectSession> {
        self.run(options.timeout, |_| async {
            let started = self.connector().begin(options).await?;
            Ok(ConnectSession { url: started.url, state: started.state, expires_at: started.row.expires_at })
        })
        .await
    }

    /// Checks the one-time state, exchanges the code, stores the pair at once, then learns account and sites and
    /// chooses the site. After a crash or a broken look-up, calling it again goes on where it stopped.
    ///
    /// # Errors
    /// `state_invalid`, `authorization_denied`, `client_credentials_rejected`, `site_not_found` (the connection is
    /// kept without a site), `account_mismatch` (the connection is kept as it was), `identity_unavailable`,
    /// `network`, `store_unavailable`.
    pub async fn complete(&self, options: CompleteOptions) -> Result<Connection> {
        self.run_detached(options.timeout, |client, deadline| async move {
            let id = client.connector().complete(options, deadline).await?;
            client.stored(&id).await
        })
        .await
    }

    /// Rotates now, or joins the rotation under way in this process, another process or another machine. A grant
    /// found dead is tried once more. Within ten minutes of an attempt whose outcome stayed unclear a still-valid
    /// token is not rotated: that attempt's request may yet arrive and spend it.
    ///
    /// # Errors
    /// `connection_not_found`, `reauthorization_required`, `client_credentials_rejected`, `identity_unavailable`,
    /// `timeout`, `store_unavailable`.
    pub async fn refresh(&self, options: impl Into<IdOptions>) -> Result<Connection> {
        let IdOptions { id, timeout } = options.into();
        self.run(timeout, |deadline| async move {
            let keeper = &self.connector().keeper;
            let before = keeper.reload(&id).await?.map(|(_, held)| held.row.generation);
            self.resolve(&id, deadline).await?;
            let (_, held) = keeper.reload(&id).await?.ok_or_else(|| not_found(&id))?;
            // Finishing what an import or a crash left open may have rotated already.
            if before == Some(held.row.generation) {
                keeper.refresh(&held, deadline).await?;
            }
            self.resolve_settled(&id, deadline).await?;
            self.stored(&id).await
        })
        .await
    }

    /// One connection as the store has it.
    ///
    /// # Errors
    /// `connection_not_found`, `store_unavailable`.
    pub async fn connection(&self, options: impl Into<IdOptions>) -> Result<Connection> {
        let IdOptions { id, timeout } = options.into();
        self.run(timeout, |deadline| async move {
            match self.stored(&id).await {
                Err(error) if error.code() == Code::ConnectionNotFound => {
                    self.resolve(&id, deadline).await?;
                    self.stored(&id).await
                }
                result => result,
            }
        })
        .await
    }

    /// A page of connections, in the order of their ids.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn connections(&self, options: ConnectionsOptions) -> Result<ConnectionsPage> {
        self.run(options.timeout, |_| async {
            let store = &self.connector().keeper.shared.store;
            let tags = options.tags.unwrap_or_default();
            let rows = store.connections(&tags, options.cursor.as_deref(), PAGE).await?;
            let full = rows.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
            let cursor = rows.last().filter(|_| full).map(|row| row.id.clone());
            let (mut items, mut holders) = (Vec::with_capacity(rows.len()), Holders::default());
            for row in rows {
                // A grant that went away meanwhile took its connection along.
                if let Some(grant) = store.grant(&row.grant_id).await? {
                    let held = self.connector().keeper.seems_held(&grant, &mut holders).await;
                    items.push(view::connection(&row, &grant, held));
                }
            }
            Ok(ConnectionsPage { items, cursor })
        })
        .await
    }

    /// Replaces a connection's tags, metadata, or both.
    ///
    /// # Errors
    /// `invalid_argument`, `connection_not_found`, `store_unavailable`.
    pub async fn update(&self, options: UpdateOptions) -> Result<Connection> {
        self.run(options.timeout, |deadline| async move {
            if options.tags.is_none() && options.metadata.is_none() {
                return Err(Error::argument(
                    "tags",
                    "missing, and so is metadata",
                    "tags, metadata, or both",
                ));
            }
            self.resolve(&options.id, deadline).await?;
            self.change_connection(&options.id, |row| {
                if let Some(tags) = &options.tags {
                    row.tags.clone_from(tags);
                }
                if let Some(metadata) = &options.metadata {
                    row.metadata.clone_from(metadata);
                }
            })
            .await
        })
        .await
    }

    /// Removes a connection. The last one of a grant also deletes the grant and then tries revocation, without
    /// promising it (F4.9).
    ///
    /// # Errors
    /// `connection_not_found`, `store_unavailable`.
    pub async fn disconnect(&self, options: impl Into<IdOptions>) -> Result<()> {
        let IdOptions { id, timeout } = options.into();
        self.run(timeout, |deadline| async move {
            let shared = &self.connector().keeper.shared;
            for _ in 0..TRIES {
                match part(&*shared.store, &id, self.connector().keeper.reseal()).await? {
                    Parting::NotThere => return Err(not_found(&id)),
                    Parting::Outrun => {}
                    Parting::Gone { grant, last } => {
                        shared.cache.forget_connection(&id);
                        shared.cache.forget_grant(&grant.id);
                        if last {
                            self.revoke(&grant, deadline).await;
                        }
                        return Ok(());
                    }
                }
            }
            Err(busy())
        })
        .await
    }

    /// Takes over a connection whose tokens another system held, without a new consent.
    ///
    /// # Errors
    /// `invalid_argument`, `already_imported`, `site_not_found` (the connection is kept without a site),
    /// `reauthorization_required`, `store_unavailable`.
    pub async fn import_connection(&self, options: ImportOptions) -> Result<Connection> {
        self.run_detached(options.timeout, |client, deadline| async move {
            let id = options.id.clone();
            client.connector().import(options, deadline).await?;
            client.stored(&id).await
        })
        .await
    }

    /// The connection as the store has it now.
    pub(super) async fn stored(&self, id: &str) -> Result<Connection> {
        let resolved = self.connector().keeper.reload(id).await?.ok_or_else(|| not_found(id))?;
        let held = self.connector().keeper.seems_held(&resolved.1.row, &mut Holders::default()).await;
        Ok(view::resolved(&resolved, held))
    }

    /// Changes a connection's row with compare-and-swap. A grant it moves to must be there, and whoever wants to
    /// delete that grant must notice.
    pub(super) async fn change_connection(
        &self,
        id: &str,
        change: impl Fn(&mut ConnectionRow),
    ) -> Result<Connection> {
        let store = &self.connector().keeper.shared.store;
        for _ in 0..TRIES {
            let row = store.connection(id).await?.ok_or_else(|| not_found(id))?;
            let mut new = row.clone();
            change(&mut new);
            let mut expect = vec![Expect::Connection(id.to_owned(), Some(row.seq))];
            let mut writes = Vec::new();
            if new.grant_id != row.grant_id {
                let home = store.grant(&new.grant_id).await?.ok_or_else(busy)?;
                expect.push(Expect::Grant(home.id.clone(), Some(home.seq)));
                writes.push(Write::PutGrant(home));
            }
            writes.push(Write::PutConnection(new));
            if store.write(expect, writes).await?.is_some() {
                self.connector().keeper.shared.cache.forget_connection(id);
                return self.stored(id).await;
            }
        }
        Err(busy())
    }

    /// Tells the provider: in the background, or for as long as the call has time where there is none. Only when no
    /// other grant of the account is left: a revocation ends them all (F1.10).
    async fn revoke(&self, grant: &GrantRow, deadline: Instant) {
        let (client, grant) = (self.clone(), grant.clone());
        let until = Instant::now() + REVOKE_TIMEOUT;
        if self.background() {
            tokio::spawn(async move {
                let _ = tokio::time::timeout_at(until, client.try_revoke(&grant)).await;
            });
            return;
        }
        // It is disconnected already: a call that runs out of time now must not say that it failed.
        let until = until.min(deadline.checked_sub(REVOKE_SPARE).unwrap_or(deadline));
        let _ = tokio::time::timeout_at(until, client.try_revoke(&grant)).await;
    }

    async fn try_revoke(&self, grant: &GrantRow) -> Result<()> {
        let shared = &self.connector().keeper.shared;
        if let Some(account) = account_key(grant)
            && !shared.store.grants_of(&account).await?.is_empty()
        {
            return Ok(());
        }
        let pair = TokenPair::of(&shared.sealer, grant)?;
        let config = &self.connector().config;
        let body = serde_json::json!({
            "token": pair.refresh.expose_secret(), "client_id": config.client_id,
            "client_secret": config.client_secret.expose_secret(),
        });
        let request = http::Request::post(config.hosts.revoke().as_str())
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string().into());
        let status = match request {
            Ok(request) => {
                self.connector().transport.ask(request).await.map_or(0, |answer| answer.status().as_u16())
            }
            Err(_) => 0,
        };
        tracing::debug!(grant = %grant.id, status, "revocation was tried");
        Ok(())
    }
}

fn busy() -> Error {
    Error::new(Code::StoreUnavailable, "other writers of this connection never let this one through")
}
