//! `keep_alive`: grants that nobody uses would die after 90 days (F3.3). One pass rotates them in time and lists the
//! connections that need a person. Nothing is loaded but a page of grants at a time, and machines that do the same at
//! the same moment share the work: each begins somewhere else in a page, what one has rotated is no longer due for the
//! others, and what one is rotating is left to it until the others have nothing else to do.

use std::collections::HashSet;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::time::Instant;

use super::Client;
use super::progress::Progress;
use crate::atlassian::token_endpoint::{ABSOLUTE_MS, INACTIVE_MS};
use crate::clock::wall_ms;
use crate::error::{Code, Error, Result};
use crate::grant::doubts::Holders;
use crate::grant::health::{Health, NOTICE_MS, health};
use crate::grant::keeper::Patience;
use crate::grant::protocol::Goal;
use crate::grant::transitions::millis;
use crate::options::KeepAliveOptions;
use crate::random;
use crate::records::{Attention, ConnectionStatus, KeepAliveReport};
use crate::store::{Due, GrantRow, WhichDue};

/// Grants read at once.
const PAGE: u32 = 100;

/// One grant's share of the pass.
const ONE_ROTATION: Duration = Duration::from_secs(60);

/// Where only what is older than this is rotated, nothing that was rotated meanwhile is among it.
const RECENT_MS: u64 = 3_600_000;

/// A pass without a time of its own takes as long as it takes.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// What became of a grant on a page.
enum Turn {
    /// Whether it has fresh tokens now.
    Had(bool),
    /// Somebody else is rotating it, by id and generation.
    Others((String, u64)),
}

impl Client {
    /// One pass over the app's grants: takes up rotations that were left in doubt, rotates those that would die of
    /// inactivity and lists the connections that need a person. Safe to run on every machine at once; a pass that is cut short is taken up by the next.
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
            let mut count = |fresh| {
                *if fresh { &mut report.rotated } else { &mut report.failed } += 1;
                progress.one();
            };
            // These first: they have minutes, and not days.
            let keeper = &self.connector().keeper;
            keeper.take_up_doubts(options.concurrency, Patience::Much, &mut count).await?;
            let at_once = options.concurrency as usize;
            let (mut due, mut others) =
                (self.due(WhichDue::Idle(now.saturating_sub(idle).max(1))), Vec::new());
            let mut had = HashSet::new();
            while let Some(mut page) = self.page(&mut due).await? {
                if idle < RECENT_MS {
                    // What another pass was rotating when this one began comes again behind the others, with tokens
                    // that are older than this pass as well.
                    page.retain(|grant| had.insert(grant.id.clone()));
                }
                let first = usize::from(random::byte()) % page.len().max(1);
                page.rotate_left(first);
                let rotations = page.into_iter().map(|grant| self.freshen_unless_held(grant).boxed());
                let mut ends = stream::iter(rotations).buffer_unordered(at_once);
                while let Some(end) = ends.next().await {
                    match end {
                        Turn::Had(fresh) => count(fresh),
                        Turn::Others(grant) => others.push(grant),
                    }
                }
            }
            let rotations = others.into_iter().map(|(id, generation)| self.freshen(id, generation).boxed());
            let mut ends = stream::iter(rotations).buffer_unordered(at_once);
            while let Some(fresh) = ends.next().await {
                count(fresh);
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

    /// The row is read again: on a page it can be as old as the rotations before it took.
    async fn freshen_unless_held(&self, grant: GrantRow) -> Turn {
        let GrantRow { id, generation, .. } = grant;
        let keeper = &self.connector().keeper;
        match keeper.shared.store.grant(&id).await {
            Ok(Some(row)) if row.generation > generation => Turn::Had(true),
            Ok(Some(row)) if keeper.is_held(&row, &mut Holders::default()).await.unwrap_or(false) => {
                Turn::Others((id, generation))
            }
            _ => Turn::Had(self.freshen(id, generation).await),
        }
    }

    /// Whether the grant has fresh tokens afterwards. Refusals and bad weather are told by events and by the report.
    async fn freshen(&self, id: String, generation: u64) -> bool {
        let goal = Goal { newer_than: generation, voluntary: true, revive: false };
        let deadline = Instant::now() + ONE_ROTATION;
        match self.connector().keeper.rotate(&id, goal, Patience::Much, deadline).await {
            Ok(held) => {
                self.connector().learn_late(&held, deadline).await;
                held.access.generation > generation
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
        let mut holders = Holders::default();
        for grant in page {
            let held = self.connector().keeper.seems_held(&grant, &mut holders).await;
            let Health { status, reason, reconnect_by } = health(&grant, wall_ms(), held);
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
