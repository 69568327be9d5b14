//! `keep_alive`: grants that nobody uses would die after 90 days (F3.3). One pass rotates them in time and lists the
//! connections that need a person. Nothing is loaded but a page of grants at a time, and machines that do the same at
//! the same moment share the work: what one has rotated is no longer due for the others.

use std::collections::HashSet;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::time::Instant;

use super::Client;
use super::progress::Progress;
use crate::atlassian::token_endpoint::{ABSOLUTE_MS, INACTIVE_MS};
use crate::clock::wall_ms;
use crate::error::{Code, Error, Result};
use crate::grant::health::{Health, NOTICE_MS, health};
use crate::grant::keeper::Patience;
use crate::grant::protocol::Goal;
use crate::grant::transitions::millis;
use crate::options::KeepAliveOptions;
use crate::records::{Attention, ConnectionStatus, KeepAliveReport};
use crate::store::{Due, GrantRow, WhichDue};

/// Grants read at once.
const PAGE: u32 = 100;

/// One grant's share of the pass.
const ONE_ROTATION: Duration = Duration::from_secs(60);

/// A pass without a time of its own takes as long as it takes.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

impl Client {
    /// One pass over the app's grants: rotates those that would die of inactivity and lists the connections that need
    /// a person. Safe to run on every machine at once; a pass that is cut short is taken up by the next.
    ///
    /// # Errors
    /// `invalid_argument`, `store_unavailable`, `timeout`. A grant that cannot be rotated is counted, not raised.
    pub async fn keep_alive(&self, options: KeepAliveOptions) -> Result<KeepAliveReport> {
        if !(options.idle_days >= 0.0 && options.idle_days.is_finite()) {
            return Err(Error::argument("idle_days", options.idle_days, "a number of days of at least 0"));
        }
        if options.concurrency == 0 {
            return Err(Error::argument("concurrency", 0, "at least 1"));
        }
        self.run(Some(options.timeout.unwrap_or(NO_LIMIT)), |_| async {
            let now = wall_ms();
            let idle = millis(Duration::from_secs_f64((options.idle_days * 86_400.0).min(1e9)));
            let mut report = KeepAliveReport::default();
            let mut progress = Progress::new(&self.connector().keeper.shared.events, "keep_alive");
            let mut due = self.due(WhichDue::Idle(now.saturating_sub(idle).max(1)));
            while let Some(page) = self.page(&mut due).await? {
                let rotations = page.into_iter().map(|grant| self.freshen(grant).boxed());
                let mut ends = stream::iter(rotations).buffer_unordered(options.concurrency as usize);
                while let Some(fresh) = ends.next().await {
                    *if fresh { &mut report.rotated } else { &mut report.failed } += 1;
                    progress.one();
                }
            }
            progress.tell();
            let mut seen = HashSet::new();
            let unused = now.saturating_add(NOTICE_MS).saturating_sub(INACTIVE_MS);
            let old = now.saturating_add(NOTICE_MS).saturating_sub(ABSOLUTE_MS);
            for which in [WhichDue::Dead, WhichDue::Idle(unused), WhichDue::Old(old)] {
                let mut due = self.due(which);
                while let Some(page) = self.page(&mut due).await? {
                    self.report(page, &mut seen, &mut report.attention).await?;
                }
            }
            Ok(report)
        })
        .await
    }

    /// Whether the grant has fresh tokens afterwards. Refusals and bad weather are told by events and by the report.
    async fn freshen(&self, grant: GrantRow) -> bool {
        let goal = Goal { newer_than: grant.generation, voluntary: true, revive: false };
        let deadline = Instant::now() + ONE_ROTATION;
        match self.connector().keeper.rotate(&grant.id, goal, Patience::Much, deadline).await {
            Ok(held) => {
                self.connector().learn_late(&held, deadline).await;
                held.access.generation > grant.generation
            }
            // It was disconnected meanwhile.
            Err(error) => error.code() == Code::ConnectionNotFound,
        }
    }

    async fn report(
        &self,
        page: Vec<GrantRow>,
        seen: &mut HashSet<String>,
        found: &mut Vec<Attention>,
    ) -> Result<()> {
        for grant in page {
            let Health { status, reason, reconnect_by } = health(&grant, wall_ms());
            if status == ConnectionStatus::Active {
                continue;
            }
            for row in self.connector().keeper.shared.store.connections_of(&grant.id).await? {
                // A grant can be both unused and old.
                if seen.insert(row.id.clone()) {
                    let reason = reason.clone().unwrap_or_default();
                    found.push(Attention { connection_id: row.id, reason, reconnect_by });
                }
            }
        }
        Ok(())
    }

    fn due(&self, which: WhichDue) -> Due {
        let config = &self.connector().config;
        let (auth_host, client_id) = (config.hosts.auth_host(), config.client_id.clone());
        Due { auth_host, client_id, which, after: None, limit: PAGE }
    }

    /// The next page of what is due; `None` at the end.
    async fn page(&self, due: &mut Due) -> Result<Option<Vec<GrantRow>>> {
        let page = self.connector().keeper.shared.store.grants_due(due).await?;
        let Some(last) = page.last() else { return Ok(None) };
        due.after = Some(due.place(last));
        Ok(Some(page))
    }
}
