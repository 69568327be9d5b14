//! Everything a running world remembers.

use std::collections::{HashMap, HashSet};

use crate::clock::{Clock, Millis};
use crate::grants::Grant;
use crate::jira::data::SiteData;
use crate::jira::webhook::Webhook;
use crate::mint::Mint;
use crate::rates::Rates;
use crate::rotation::TokenId;
use crate::world::{Account, App, GrantMode, Site, World};

/// An authorization code that was not exchanged yet.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    /// For whom it was made.
    pub(crate) client_id: String,
    /// Where it was sent.
    pub(crate) redirect_uri: String,
    /// S256 challenge, if one was sent (F1.6).
    pub(crate) challenge: Option<String>,
    /// The grant it belongs to.
    pub(crate) grant: usize,
    /// What was asked for in this consent.
    pub(crate) scopes: Vec<String>,
    /// When the person accepted.
    pub(crate) consented_at: Millis,
}

/// An access token.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    /// Position of its grant.
    pub(crate) grant: usize,
    /// Position of its family in the grant.
    pub(crate) family: usize,
    /// Generation of the pair.
    pub(crate) generation: u64,
    /// Scopes as of its issue.
    pub(crate) scopes: Vec<String>,
    /// When it was made.
    pub(crate) issued: Millis,
    /// When it ends.
    pub(crate) expires: Millis,
    /// Ended early.
    pub(crate) dead: bool,
}

/// Where a refresh token belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefreshAt {
    /// Position of its grant.
    pub(crate) grant: usize,
    /// Position of its family in the grant.
    pub(crate) family: usize,
    /// Position in the family.
    pub(crate) token: TokenId,
}

/// A site at work.
#[derive(Debug)]
pub(crate) struct LiveSite {
    /// Its configuration, renames included.
    pub(crate) config: Site,
    /// Client ids of the apps installed on it.
    pub(crate) installed: HashSet<String>,
    /// Ids of the accounts shut out of it.
    pub(crate) denied: HashSet<String>,
    /// Answers 404.
    pub(crate) suspended: bool,
    /// Its content.
    pub(crate) data: SiteData,
    /// How often somebody looked at each task.
    pub(crate) tasks: Vec<u8>,
    /// Webhooks, those that expired or were removed included.
    pub(crate) webhooks: Vec<Webhook>,
}

/// A world at work.
#[derive(Debug)]
pub(crate) struct State {
    /// What was configured; its settings are the present ones.
    pub(crate) world: World,
    /// Its clock.
    pub(crate) clock: Clock,
    /// Where secrets come from.
    pub(crate) mint: Mint,
    /// Its sites, in order.
    pub(crate) sites: Vec<LiveSite>,
    /// All grants ever made.
    pub(crate) grants: Vec<Grant>,
    /// Codes not yet exchanged.
    pub(crate) codes: HashMap<String, Code>,
    /// Access tokens.
    pub(crate) access: HashMap<String, Access>,
    /// Refresh tokens.
    pub(crate) refresh: HashMap<String, RefreshAt>,
    /// Ids of the accounts whose password changed, and when (F3.9).
    pub(crate) passwords: HashMap<String, Millis>,
    /// Address of the media host.
    pub(crate) media: String,
    /// What the rate limits have counted.
    pub(crate) rates: Rates,
    /// Numbers the API's answers.
    pub(crate) traces: u64,
}

impl State {
    /// A fresh world. Fails with what is wrong in its configuration.
    pub(crate) fn new(world: World, epoch: u64, media: &str) -> Result<Self, String> {
        let world = world.completed();
        check(&world)?;
        let clock = Clock::new(world.stopped_at);
        let started = clock.now();
        let sites = world.sites.iter().map(|site| LiveSite::new(site, &world, started)).collect();
        let mint = Mint::new(world.seed, epoch);
        let mut state = Self {
            clock,
            mint,
            sites,
            grants: Vec::new(),
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            passwords: HashMap::new(),
            media: media.to_owned(),
            rates: Rates::default(),
            traces: 0,
            world,
        };
        state.remember_past_consents()?;
        Ok(state)
    }

    fn remember_past_consents(&mut self) -> Result<(), String> {
        for past in self.world.consents.clone() {
            let app = if past.client_id.is_empty() {
                self.world.apps.first().cloned()
            } else {
                self.app(&past.client_id).cloned()
            };
            let app = app.ok_or_else(|| format!("consents: no app {:?}", past.client_id))?;
            let account = self.account(&past.account).cloned();
            let account = account.ok_or_else(|| format!("consents: no account {:?}", past.account))?;
            let mut sites = Vec::new();
            for name in &past.sites {
                sites.push(self.site(name).ok_or_else(|| format!("consents: no site {name:?}"))?);
            }
            let scopes = past.scopes.unwrap_or_else(|| app.scopes.clone());
            self.consent(&app, &account, &sites, &scopes);
        }
        Ok(())
    }

    /// An app by client id.
    #[must_use]
    pub(crate) fn app(&self, client_id: &str) -> Option<&App> {
        self.world.apps.iter().find(|app| app.client_id == client_id)
    }

    /// An account by name, id or address.
    #[must_use]
    pub(crate) fn account(&self, named: &str) -> Option<&Account> {
        self.world.accounts.iter().find(|account| {
            account.id == named
                || account.name.eq_ignore_ascii_case(named)
                || account.email.eq_ignore_ascii_case(named)
        })
    }

    /// The short name of an account.
    #[must_use]
    pub(crate) fn account_name(&self, id: &str) -> String {
        self.world
            .accounts
            .iter()
            .find(|account| account.id == id)
            .map_or_else(String::new, |one| one.name.clone())
    }

    /// Position of a site, by subdomain, address or cloud id.
    #[must_use]
    pub(crate) fn site(&self, named: &str) -> Option<usize> {
        let named = named.trim_end_matches('/');
        self.sites.iter().position(|site| {
            site.config.subdomain.eq_ignore_ascii_case(named)
                || site.config.cloud_id == named
                || site.config.url.eq_ignore_ascii_case(named)
        })
    }

    /// Position of a site by cloud id, if it is not gone.
    #[must_use]
    pub(crate) fn site_by_cloud_id(&self, cloud_id: &str) -> Option<usize> {
        self.sites.iter().position(|site| !site.suspended && site.config.cloud_id == cloud_id)
    }

    /// Positions of the sites that a grant reaches, in world order.
    #[must_use]
    pub(crate) fn reach(&self, grant: &Grant) -> Vec<usize> {
        let everywhere = grant.mode == GrantMode::Account
            && self.world.settings.account_reach == crate::settings::AccountReach::Installed;
        let reached = |(at, site): (usize, &LiveSite)| {
            let covered = if everywhere { site.allows(&grant.account) } else { grant.sites.contains(&at) };
            (covered && !site.suspended && site.installed.contains(&grant.client_id)).then_some(at)
        };
        if grant.revoked { Vec::new() } else { self.sites.iter().enumerate().filter_map(reached).collect() }
    }
}

impl LiveSite {
    fn new(config: &Site, world: &World, started: Millis) -> Self {
        let shut_out = |account: &&Account| match &config.accounts {
            Some(names) => {
                !names.iter().any(|name| *name == account.id || name.eq_ignore_ascii_case(&account.name))
            }
            None => false,
        };
        Self {
            config: config.clone(),
            installed: HashSet::new(),
            denied: world.accounts.iter().filter(shut_out).map(|account| account.id.clone()).collect(),
            suspended: false,
            data: SiteData::new(config, started),
            tasks: Vec::new(),
            webhooks: Vec::new(),
        }
    }

    /// Whether this account may use the site.
    #[must_use]
    pub(crate) fn allows(&self, account_id: &str) -> bool {
        !self.denied.contains(account_id)
    }
}

fn check(world: &World) -> Result<(), String> {
    let twice = |kind: &str, names: Vec<String>| {
        let mut seen = HashSet::new();
        match names.into_iter().find(|name| !seen.insert(name.clone())) {
            Some(name) => Err(format!("{kind}: {name:?} stands there twice")),
            None => Ok(()),
        }
    };
    if world.apps.is_empty() || world.accounts.is_empty() {
        return Err("a world needs an app and an account".into());
    }
    twice("apps", world.apps.iter().map(|app| app.client_id.clone()).collect())?;
    twice("accounts", world.accounts.iter().map(|account| account.id.clone()).collect())?;
    twice("accounts", world.accounts.iter().map(|account| account.name.to_lowercase()).collect())?;
    twice("sites", world.sites.iter().map(|site| site.subdomain.to_lowercase()).collect())?;
    twice("sites", world.sites.iter().map(|site| site.cloud_id.clone()).collect())
}
