//! Grants: what one account consented to for one app, and the token families that came of it.

use serde_json::json;

use crate::clock::{DAY, Millis, SECOND};
use crate::mint::base64url;
use crate::rotation::{Family, FamilyState, Rules};
use crate::settings::{OldAccessToken, ReplaceWhen, ScopeOverride, SeparateConsents, TokenFormat};
use crate::state::{Access, RefreshAt, State};
use crate::world::{Account, App, GrantMode};

/// A grant.
#[derive(Debug)]
pub(crate) struct Grant {
    /// The app.
    pub(crate) client_id: String,
    /// The account's id.
    pub(crate) account: String,
    /// What it covers (F1.7).
    pub(crate) mode: GrantMode,
    /// Positions of its sites.
    pub(crate) sites: Vec<usize>,
    /// Scopes of the latest consent: it overrides earlier ones (F1.9).
    pub(crate) scopes: Vec<String>,
    /// Removed by the person (F1.10).
    pub(crate) revoked: bool,
    /// One family per consent whose code was exchanged.
    pub(crate) families: Vec<Family>,
}

/// A pair of tokens as the token endpoint hands it out.
#[derive(Debug)]
pub(crate) struct Issued {
    /// Access token.
    pub(crate) access_token: String,
    /// Refresh token, if there is one.
    pub(crate) refresh_token: Option<String>,
    /// Scopes.
    pub(crate) scopes: Vec<String>,
    /// Generation of the pair.
    pub(crate) generation: u64,
}

impl State {
    /// Records a consent; answers the position of its grant.
    ///
    /// Account-level grants are one per account and app, and collect sites (F1.9); a resource-level consent is a grant
    /// of its own with only the sites chosen in it (F1.7).
    pub(crate) fn consent(
        &mut self,
        app: &App,
        account: &Account,
        sites: &[usize],
        scopes: &[String],
    ) -> usize {
        for at in sites {
            if let Some(site) = self.sites.get_mut(*at) {
                site.installed.insert(app.client_id.clone());
            }
        }
        // Consenting with the new password is what a person does after the old one's tokens died (F3.9).
        let reusable = |grant: &Grant| {
            app.grant_mode == GrantMode::Account
                && grant.mode == GrantMode::Account
                && !grant.revoked
                && grant.client_id == app.client_id
                && grant.account == account.id
        };
        if self.world.settings.replace_when == ReplaceWhen::Consent {
            self.replace_families(&app.client_id, &account.id);
        }
        if let Some(at) = self.grants.iter().position(reusable) {
            if let Some(grant) = self.grants.get_mut(at) {
                grant.scopes = scopes.to_vec();
                for site in sites {
                    if !grant.sites.contains(site) {
                        grant.sites.push(*site);
                    }
                }
            }
            return at;
        }
        self.grants.push(Grant {
            client_id: app.client_id.clone(),
            account: account.id.clone(),
            mode: app.grant_mode,
            sites: sites.to_vec(),
            scopes: scopes.to_vec(),
            revoked: false,
            families: Vec::new(),
        });
        self.grants.len() - 1
    }

    /// Ends the families of earlier consents, where consents are not independent (F3.7).
    fn replace_families(&mut self, client_id: &str, account: &str) {
        if self.world.settings.separate_consents == SeparateConsents::Independent {
            return;
        }
        let same = |grant: &&mut Grant| grant.client_id == client_id && grant.account == account;
        for grant in self.grants.iter_mut().filter(same) {
            for family in &mut grant.families {
                family.end(FamilyState::Replaced);
            }
        }
    }

    /// The first pair of a consent.
    pub(crate) fn first_pair(
        &mut self,
        grant_at: usize,
        scopes: &[String],
        consented_at: Millis,
    ) -> Option<Issued> {
        let now = self.clock.now();
        let (client_id, account) = {
            let grant = self.grants.get(grant_at).filter(|grant| !grant.revoked)?;
            (grant.client_id.clone(), grant.account.clone())
        };
        if self.world.settings.replace_when == ReplaceWhen::Exchange {
            self.replace_families(&client_id, &account);
        }
        let (family, token) = Family::start(consented_at, now);
        let grant = self.grants.get_mut(grant_at)?;
        grant.families.push(family);
        let family = grant.families.len() - 1;
        let offline = scopes.iter().any(|scope| scope == "offline_access");
        let refresh_token =
            offline.then(|| self.new_refresh_token(RefreshAt { grant: grant_at, family, token }));
        let access_token = self.new_access_token(grant_at, family, 0, scopes);
        Some(Issued { access_token, refresh_token, scopes: scopes.to_vec(), generation: 0 })
    }

    /// Makes the token that stands at this place.
    pub(crate) fn new_refresh_token(&mut self, at: RefreshAt) -> String {
        let token = self.mint.next("refresh");
        self.refresh.insert(token.clone(), at);
        token
    }

    /// Makes an access token.
    pub(crate) fn new_access_token(
        &mut self,
        grant: usize,
        family: usize,
        generation: u64,
        scopes: &[String],
    ) -> String {
        let issued = self.clock.now();
        let expires = issued + self.world.settings.expires_in * SECOND;
        let token = match self.world.settings.token_format {
            TokenFormat::Opaque => self.mint.next("access"),
            TokenFormat::Jwt => self.jwt(grant, scopes, issued, expires),
        };
        let access =
            Access { grant, family, generation, scopes: scopes.to_vec(), issued, expires, dead: false };
        self.access.insert(token.clone(), access);
        token
    }

    /// A token with the claims of F2.5. The signature is a keyed hash: nobody can verify it.
    fn jwt(&mut self, grant: usize, scopes: &[String], issued: Millis, expires: Millis) -> String {
        let (client_id, account) = self
            .grants
            .get(grant)
            .map(|grant| (grant.client_id.clone(), grant.account.clone()))
            .unwrap_or_default();
        let header = json!({"kid": "auth.atlassian.com-ACCESS-sandbox", "alg": "RS256"});
        let claims = json!({
            "jti": self.mint.next("jti"),
            "sub": account,
            "nbf": issued / SECOND,
            "iss": "https://auth.atlassian.com",
            "iat": issued / SECOND,
            "exp": expires / SECOND,
            "aud": client_id,
            "scope": scopes.join(" "),
            "client_id": client_id,
            "https://id.atlassian.com/atl_token_type": "ACCESS",
            "https://atlassian.com/firstParty": false,
            "https://atlassian.com/verified": true,
            "https://id.atlassian.com/processRegion": "us-east-1",
        });
        let signed = format!(
            "{}.{}",
            base64url(header.to_string().as_bytes()),
            base64url(claims.to_string().as_bytes())
        );
        // As long as a real RS256 signature: 256 bytes.
        let signature: Vec<u8> =
            (0_u8..8).flat_map(|part| self.mint.keyed(format!("{part}{signed}").as_bytes())).collect();
        format!("{signed}.{}", base64url(&signature))
    }

    /// Ends the access tokens of a family, where a refresh does that (F3.10).
    pub(crate) fn end_old_access_tokens(&mut self, grant: usize, family: usize) {
        if self.world.settings.old_access_token == OldAccessToken::Dies {
            for access in self.access.values_mut().filter(|one| one.grant == grant && one.family == family) {
                access.dead = true;
            }
        }
    }

    /// What an access token may do now.
    #[must_use]
    pub(crate) fn scopes_of(&self, access: &Access) -> Vec<String> {
        match (self.world.settings.scope_override, self.grants.get(access.grant)) {
            (ScopeOverride::AtOnce, Some(grant)) => grant.scopes.clone(),
            _ => access.scopes.clone(),
        }
    }

    /// The person removes the app in their profile; answers the number of grants that ended (F1.10).
    pub(crate) fn revoke(&mut self, account: &str, client_id: Option<&str>) -> usize {
        let mut revoked = 0;
        for grant in &mut self.grants {
            let matches = grant.account == account && client_id.is_none_or(|id| grant.client_id == id);
            if matches && !grant.revoked {
                grant.revoked = true;
                revoked += 1;
                for family in &mut grant.families {
                    family.end(FamilyState::Revoked);
                }
            }
        }
        revoked
    }

    /// The rules for the next exchange.
    #[must_use]
    pub(crate) fn rules(&self) -> Rules {
        let settings = &self.world.settings;
        Rules {
            window: settings.reuse_window_s * SECOND,
            window_from: settings.reuse_window_from,
            siblings: settings.siblings,
            dead_sibling: settings.dead_sibling,
            idle: settings.idle_days * DAY,
            absolute: settings.absolute_limit.then_some(settings.absolute_days * DAY),
            keep: settings.omit_refresh_token > 0,
        }
    }
}
