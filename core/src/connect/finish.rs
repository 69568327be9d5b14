//! The second half of a consent, after its pair is stored: learn account and sites, decide where the pair lives, and
//! write all of it in one batch. It can be done again by any process after a crash.

use tokio::time::{Duration, Instant, sleep};

use super::Connector;
use super::decide::{Decision, Facts, Home, Relative, decide};
use super::session::Asked;
use super::sites;
use crate::clock::{Stamp, wall_ms};
use crate::error::{Code, Error, Result};
use crate::event::{Event, EventKind};
use crate::grant::tokens::TokenPair;
use crate::grant::transitions::lease_left;
use crate::records::{Site, SiteChoice};
use crate::store::{AccountKey, ConnectionRow, Expect, GrantRow, SessionRow, SessionStage, Spare, Write};

/// How long a consent lets a rotation of the grant it replaces go on (DESIGN rule 11).
const LEASE_PATIENCE: Duration = Duration::from_secs(5);

/// Losing this often to other writers means that something is wrong.
const TRIES: u32 = 100;

/// Everything one try of finishing reads and decides.
struct Plan {
    new: GrantRow,
    existing: Option<(ConnectionRow, GrantRow)>,
    relatives: Vec<Relative>,
    decision: Decision,
}

impl Connector {
    /// Finishes a consent or an import of this connection that was left open, once in this process however many
    /// calls come upon it.
    pub(crate) async fn finish_what_is_open(&self, connection_id: &str, deadline: Instant) -> Result<()> {
        let store = &self.keeper.shared.store;
        let Some(found) = store.unfinished_session(connection_id).await? else { return Ok(()) };
        let lock = self.finishing.of(&found.state_hash);
        let _alone = lock.lock().await;
        match store.session(&found.state_hash).await? {
            Some(session) => self.finish(session, deadline).await,
            None => Ok(()),
        }
    }

    /// Finishes an exchanged session. What is told although everything was written, such as `site_not_found`, comes
    /// as an error too.
    pub(crate) async fn finish(&self, session: SessionRow, deadline: Instant) -> Result<()> {
        match self.work_out(&session, deadline).await {
            Ok(told) => told.map_or(Ok(()), Err),
            // Another process was quicker, and took away what this one was still reading.
            Err(_) if self.keeper.shared.store.session(&session.state_hash).await?.is_none() => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn work_out(&self, session: &SessionRow, deadline: Instant) -> Result<Option<Error>> {
        let SessionStage::Exchanged { grant_id } = &session.stage else {
            return Err(Error::new(Code::StateInvalid, "this consent has not been exchanged yet"));
        };
        let asked = Asked::open(&self.keeper.shared.sealer, session)?;
        let store = &self.keeper.shared.store;
        let Some(row) = store.grant(grant_id).await? else {
            let expect = vec![Expect::Grant(grant_id.clone(), None)];
            store.write(expect, vec![Write::DeleteSession(session.state_hash.clone())]).await?;
            return Err(gone());
        };
        let held = self.keeper.hold(row)?;
        let listed = self.list_sites(&held, deadline).await?;
        let account = self.learn_account(&held, &listed, deadline).await;
        for attempt in 0..TRIES {
            let plan = self.plan(session, &asked, grant_id, &listed, account.clone()).await?;
            if attempt == 0 {
                self.let_rotation_finish(&plan).await?;
            }
            if self.write(session, &asked, &plan).await? {
                self.tell(&session.connection_id, &plan);
                return Ok(plan.decision.error);
            }
            if store.session(&session.state_hash).await?.is_none() {
                return Err(gone());
            }
        }
        Err(Error::new(Code::StoreUnavailable, "other writers never let this consent be stored"))
    }

    async fn plan(
        &self,
        session: &SessionRow,
        asked: &Asked,
        grant_id: &str,
        listed: &[Site],
        account: Option<String>,
    ) -> Result<Plan> {
        let store = &self.keeper.shared.store;
        let stored = store.grant(grant_id).await?.ok_or_else(gone)?;
        let new =
            GrantRow { account_id: stored.account_id.clone().or(account), sites: listed.to_vec(), ..stored };
        let existing = store.resolve(&session.connection_id).await?;
        let relatives = self.relatives(&new, existing.as_ref().map(|(_, grant)| grant)).await?;
        let before = existing.as_ref().filter(|(row, grant)| grant.id != new.id || row.site.is_some());
        let alone = match before {
            Some((_, grant)) => store.connections_of(&grant.id).await?.len() <= 1,
            None => true,
        };
        let decision = decide(&Facts {
            new: &new,
            connection_id: &session.connection_id,
            named: asked.site.as_deref(),
            allow_account_change: asked.allow_account_change,
            policy: self.config.site_policy,
            existing: before.map(|(row, grant)| (row, grant)),
            alone,
            relatives: &relatives,
        });
        Ok(Plan { new, existing, relatives, decision })
    }

    /// The account's other grants; where an account is not known, the connection's own grant is taken for its.
    async fn relatives(&self, new: &GrantRow, own: Option<&GrantRow>) -> Result<Vec<Relative>> {
        let store = &self.keeper.shared.store;
        let mut grants = match account_key(new) {
            Some(key) => store.grants_of(&key).await?,
            None => Vec::new(),
        };
        if let Some(own) = own
            && (own.account_id.is_none() || new.account_id.is_none())
            && !grants.iter().any(|grant| grant.id == own.id)
        {
            grants.push(own.clone());
        }
        let mut relatives = Vec::new();
        for grant in grants.into_iter().filter(|grant| grant.id != new.id) {
            let connections = store.connections_of(&grant.id).await?;
            relatives.push(Relative { grant, connections });
        }
        Ok(relatives)
    }

    async fn let_rotation_finish(&self, plan: &Plan) -> Result<()> {
        let Home::Merged(home) = &plan.decision.home else { return Ok(()) };
        let until = Instant::now() + LEASE_PATIENCE;
        while Instant::now() < until {
            let now = self.keeper.shared.store.now().await?;
            let row = self.keeper.shared.store.grant(home).await?;
            let lease = row.and_then(|row| row.lease);
            if lease.is_none_or(|lease| lease_left(&lease, &now, &self.config.timings) == 0) {
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    async fn write(&self, session: &SessionRow, asked: &Asked, plan: &Plan) -> Result<bool> {
        let now = self.keeper.shared.store.now().await?;
        let home = self.home(plan, &now)?;
        let mut expect = vec![
            Expect::Session(session.state_hash.clone(), Some(session.seq)),
            Expect::Grant(plan.new.id.clone(), Some(plan.new.seq)),
            Expect::Connection(session.connection_id.clone(), plan.existing.as_ref().map(|(row, _)| row.seq)),
        ];
        let mut writes = vec![Write::DeleteSession(session.state_hash.clone())];
        for relative in &plan.relatives {
            expect.push(Expect::Grant(relative.grant.id.clone(), Some(relative.grant.seq)));
        }
        if let Some((_, own)) = &plan.existing
            && own.id != plan.new.id
            && !plan.relatives.iter().any(|relative| relative.grant.id == own.id)
        {
            expect.push(Expect::Grant(own.id.clone(), Some(own.seq)));
        }
        for row in plan.relatives.iter().flat_map(|relative| &relative.connections) {
            if plan.decision.moves.contains(&row.id) {
                expect.push(Expect::Connection(row.id.clone(), Some(row.seq)));
                let grant_id = home.id.clone();
                writes.push(Write::PutConnection(ConnectionRow { grant_id, ..row.clone() }));
            }
        }
        if let Some(place) = &plan.decision.place {
            writes.push(Write::PutConnection(connection(session, asked, plan, &home.id, place.as_ref())));
        }
        writes.extend(plan.decision.obsolete.iter().cloned().map(Write::DeleteGrant));
        if plan.decision.home != Home::Dropped {
            writes.push(Write::PutGrant(home.clone()));
        }
        let Some(seq) = self.keeper.shared.store.write(expect, writes).await? else { return Ok(false) };
        let cache = &self.keeper.shared.cache;
        cache.forget_connection(&session.connection_id);
        plan.decision.moves.iter().for_each(|id| cache.forget_connection(id));
        plan.decision.obsolete.iter().for_each(|id| cache.forget_grant(id));
        if plan.decision.home != Home::Dropped {
            self.keeper.hold(GrantRow { seq, ..home })?;
        }
        Ok(true)
    }

    /// The grant the new pair lives in. Merged into an older one it becomes that one's next generation; the pair it
    /// displaces is kept as the spare, in case the provider thinks otherwise about which of the two lives (F3.7).
    fn home(&self, plan: &Plan, now: &Stamp) -> Result<GrantRow> {
        let new = &plan.new;
        let Home::Merged(id) = &plan.decision.home else { return Ok(new.clone()) };
        let elder = plan.relatives.iter().map(|relative| &relative.grant).find(|grant| grant.id == *id);
        let Some(elder) = elder else { return Ok(new.clone()) };
        let sealer = &self.keeper.shared.sealer;
        let generation = elder.generation + 1;
        let pair = TokenPair::of(sealer, new)?.seal(sealer, &elder.id, generation)?;
        let displaced = Spare {
            pair: elder.pair.clone(),
            generation: elder.generation,
            issued_at: elder.rotated_at,
            kept_at: now.wall_ms,
        };
        Ok(GrantRow {
            account_id: new.account_id.clone().or_else(|| elder.account_id.clone()),
            generation,
            pair,
            spare: if elder.death.is_none() { Some(displaced) } else { None },
            death: None,
            scopes: new.scopes.clone(),
            sites: new.sites.clone(),
            expires_at: new.expires_at,
            rotated_at: new.rotated_at,
            first_consented_at: new.first_consented_at,
            consented_at: new.consented_at,
            lease: None,
            ..elder.clone()
        })
    }

    fn tell(&self, connection_id: &str, plan: &Plan) {
        let events = &self.keeper.shared.events;
        let event = |kind| Event::new(kind).connection(connection_id);
        let jira = sites::jira(&plan.new.sites);
        if let Some(place) = &plan.decision.place {
            events.tell(
                event(EventKind::Connected).with("site", place.as_ref().map(|(site, _)| site.url.clone())),
            );
            if let Some((site, SiteChoice::First)) = place
                && plan.existing.as_ref().is_none_or(|(row, _)| row.site.is_none())
            {
                let others: Vec<Site> =
                    jira.iter().filter(|other| other.cloud_id != site.cloud_id).cloned().collect();
                let event = event(EventKind::SiteAutoSelected).with("site", site.url.clone());
                events.tell(event.with("others", sites::listed(&others)));
            }
        }
        if let Some((_, before)) = &plan.existing
            && plan.decision.place.is_some()
        {
            let lost: Vec<&String> = before.scopes.iter().filter(|s| !plan.new.scopes.contains(s)).collect();
            if !lost.is_empty() {
                let lost: Vec<String> = lost.into_iter().cloned().collect();
                events.tell(event(EventKind::ScopesReduced).with("scopes", lost));
            }
        }
    }
}

fn gone() -> Error {
    Error::new(Code::StateInvalid, "this consent was finished or given up elsewhere")
}

/// The connection as it is to be at its new home.
fn connection(
    session: &SessionRow,
    asked: &Asked,
    plan: &Plan,
    grant_id: &str,
    place: Option<&(Site, SiteChoice)>,
) -> ConnectionRow {
    let before = plan.existing.as_ref().map(|(row, _)| row);
    ConnectionRow {
        id: session.connection_id.clone(),
        grant_id: grant_id.to_owned(),
        site: place.map(|(site, _)| site.clone()),
        site_choice: place.map(|(_, choice)| *choice),
        tags: asked.tags.clone().or_else(|| before.map(|row| row.tags.clone())).unwrap_or_default(),
        metadata: asked
            .metadata
            .clone()
            .or_else(|| before.map(|row| row.metadata.clone()))
            .unwrap_or_default(),
        created_at: before.map_or_else(wall_ms, |row| row.created_at),
        seq: 0,
    }
}

/// Whose grant it is, where the account is known.
pub(crate) fn account_key(grant: &GrantRow) -> Option<AccountKey> {
    Some(AccountKey {
        auth_host: grant.auth_host.clone(),
        client_id: grant.client_id.clone(),
        account_id: grant.account_id.clone()?,
    })
}
