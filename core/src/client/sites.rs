//! The sites of a connection, and moving it to another one.

use tokio::time::Instant;

use super::{Client, view};
use crate::connect::{account_key, check_site, sites};
use crate::error::{Code, Error, Result};
use crate::grant::cache::Held;
use crate::grant::change::change;
use crate::options::{IdOptions, SelectSiteOptions};
use crate::records::{Connection, Site, SiteChoice};
use crate::store::GrantRow;

impl Client {
    /// Lists the Jira sites the connection's grant reaches, fresh from Atlassian.
    ///
    /// # Errors
    /// `connection_not_found`, `reauthorization_required`, `identity_unavailable`, `network`, `timeout`,
    /// `store_unavailable`.
    pub async fn sites(&self, options: impl Into<IdOptions>) -> Result<Vec<Site>> {
        let IdOptions { id, timeout } = options.into();
        self.run(timeout, |deadline| async move {
            let (_, held) = self.resolve_settled(&id, deadline).await?;
            let found = self.reachable(held, deadline).await?;
            Ok(found.into_iter().map(|(_, site)| site).collect())
        })
        .await
    }

    /// Moves a connection to another site of its grant.
    ///
    /// # Errors
    /// Those of [`Client::sites`], and `site_not_found` carrying the list.
    pub async fn select_site(&self, options: SelectSiteOptions) -> Result<Connection> {
        self.run(options.timeout, |deadline| async move {
            check_site(Some(&options.site))?;
            let (row, held) = match self.resolve_settled(&options.id, deadline).await {
                // An unfinished consent that named an absent site is finished now; its error is what this call mends.
                Err(error) if error.code() == Code::SiteNotFound => {
                    self.resolve(&options.id, deadline).await?
                }
                resolved => resolved?,
            };
            let found = self.reachable(held, deadline).await?;
            let listed: Vec<Site> = found.iter().map(|(_, site)| site.clone()).collect();
            let site = sites::find(&listed, &options.site);
            let site = site.ok_or_else(|| sites::not_found(&options.site, &listed))?.clone();
            let home = found.iter().find(|(_, listed)| listed.cloud_id == site.cloud_id);
            let grant = home.map_or(row.grant_id.as_str(), |(held, _)| held.row.id.as_str());
            self.change_connection(&options.id, |row| {
                row.grant_id = grant.to_owned();
                row.site = Some(site.clone());
                row.site_choice = Some(SiteChoice::Selected);
            })
            .await
        })
        .await
    }

    /// The Jira sites of a connection's grant and of its account's other grants (F1.7), each with the grant that
    /// reaches it. What is listed is remembered in the grant.
    async fn reachable(&self, own: Held, deadline: Instant) -> Result<Vec<(Held, Site)>> {
        let keeper = &self.connector().keeper;
        let mut grants = vec![own.clone()];
        if let Some(account) = account_key(&own.row) {
            for grant in keeper.shared.store.grants_of(&account).await? {
                // What was never listed is still being made, and says itself where it belongs once it is finished.
                if grant.id != own.row.id && grant.death.is_none() && !grant.sites.is_empty() {
                    grants.push(keeper.hold(grant)?);
                }
            }
        }
        let mut found: Vec<(Held, Site)> = Vec::new();
        for held in grants {
            let listed = self.connector().list_sites(&held, deadline).await?;
            for site in sites::jira(&listed) {
                if !found.iter().any(|(_, known)| known.cloud_id == site.cloud_id) {
                    found.push((held.clone(), site));
                }
            }
            if held.row.sites != listed {
                change(&*keeper.shared.store, &held.row.id, |row, _| {
                    Some((GrantRow { sites: listed.clone(), ..row.clone() }, vec![]))
                })
                .await?;
                keeper.shared.cache.forget_grant(&held.row.id);
            }
        }
        Ok(found)
    }

    /// The site of a call: the connection's own, or another one of its grant.
    pub(super) async fn site_of(
        &self,
        id: &str,
        named: Option<&str>,
        deadline: Instant,
    ) -> Result<(Held, Site)> {
        check_site(named)?;
        let (row, held) = self.resolve(id, deadline).await?;
        let Some(named) = named else {
            let site = view::site(&row, &held.row).cloned();
            return site.map(|site| (held.clone(), site)).ok_or_else(|| site_required(id, &held));
        };
        let known = sites::jira(&held.row.sites);
        if let Some(site) = sites::find(&known, named) {
            return Ok((held, site.clone()));
        }
        let (_, held) = self.resolve_settled(id, deadline).await?;
        let found = self.reachable(held, deadline).await?;
        let listed: Vec<Site> = found.iter().map(|(_, site)| site.clone()).collect();
        let site = sites::find(&listed, named).ok_or_else(|| sites::not_found(named, &listed))?;
        let home = found.iter().find(|(_, listed)| listed.cloud_id == site.cloud_id);
        home.map(|(held, site)| (held.clone(), site.clone())).ok_or_else(|| sites::not_found(named, &listed))
    }
}

fn site_required(id: &str, held: &Held) -> Error {
    let listed = sites::jira(&held.row.sites);
    let message = format!("connection {id:?} has no site yet; its grant reaches {}", listed.len());
    Error::new(Code::SiteRequired, message).with("sites", sites::listed(&listed))
}
