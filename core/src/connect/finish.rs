//! The second half of a consent, after its pair is stored: learn account and sites, decide where the pair lives, and
//! write all of it in one batch. It can be done again by any process after a crash.

use tokio::time::{Duration, Instant, sleep};

use super::Connector;
use super::decide::Home;
use super::placing::{self, Learnt, Plan, gone};
use super::session::Asked;
use super::sites;
use crate::error::{Code, Error, Result};
use crate::event::{Event, EventKind};
use crate::grant::transitions::lease_left;
use crate::records::{Site, SiteChoice};
use crate::store::{Expect, SessionRow, SessionStage, Write};

/// How long a consent lets a rotation of the grant it replaces go on (DESIGN rule 11).
const LEASE_PATIENCE: Duration = Duration::from_secs(5);

/// How soon it looks again whether that rotation is over.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Losing this often to other writers, beside waiting for rotations, means that something is wrong.
const TRIES: u32 = 200;

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
        let mut session = session.clone();
        let until = Instant::now() + LEASE_PATIENCE;
        for _ in 0..TRIES {
            let learnt = Learnt {
                session: &session,
                asked: &asked,
                grant_id,
                listed: &listed,
                account: account.as_deref(),
                policy: self.config.site_policy,
            };
            let plan = placing::plan(&**store, &learnt).await?;
            if Instant::now() < until && self.disturbs(&plan).await? {
                sleep(LOOK_AGAIN).await;
                continue;
            }
            if self.write(&learnt, &plan).await? {
                self.tell(&session.connection_id, &plan);
                return Ok(plan.decision.error);
            }
            // It may have been sealed anew meanwhile.
            session = store.session(&session.state_hash).await?.ok_or_else(gone)?;
        }
        Err(Error::new(Code::StoreUnavailable, "other writers never let this consent be stored"))
    }

    /// Whether a rotation is under way whose grant this would take away or write over.
    async fn disturbs(&self, plan: &Plan) -> Result<bool> {
        let now = self.keeper.shared.store.now().await?;
        let mut leases = plan.disturbed().filter_map(|grant| grant.lease.as_ref());
        Ok(leases.any(|lease| lease_left(lease, &now, &self.config.timings) > 0))
    }

    /// Writes it and forgets what it changed; `false` when something it rests on is no longer so.
    async fn write(&self, learnt: &Learnt<'_>, plan: &Plan) -> Result<bool> {
        let shared = &self.keeper.shared;
        let now = shared.store.now().await?.wall_ms;
        let Some(home) = placing::write(&*shared.store, learnt, plan, now, self.keeper.reseal()).await?
        else {
            return Ok(false);
        };
        shared.cache.forget_connection(&learnt.session.connection_id);
        plan.decision.moves.iter().for_each(|id| shared.cache.forget_connection(id));
        plan.decision.obsolete.iter().for_each(|id| shared.cache.forget_grant(id));
        if plan.decision.home != Home::Dropped {
            self.keeper.hold(home)?;
        }
        Ok(true)
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
