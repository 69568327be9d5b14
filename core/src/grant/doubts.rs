//! Attempts that nobody answers for any more: a process died between spending a token and storing what came, or was
//! told to end before the outcome was clear. Within the reuse window the same token brings the connection back (F3.6),
//! and afterwards nothing does. So they are looked for, and made again whether or not anybody uses the connection.

use std::collections::HashMap;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::time::{Instant, sleep};

use super::keeper::{Keeper, Patience};
use super::protocol::Goal;
use super::runner::Shared;
use super::transitions::{lease_left, millis};
use crate::clock::Stamp;
use crate::error::{Code, Result};
use crate::random;
use crate::store::{Due, GrantRow, WhichDue};

/// Grants read at once.
const PAGE: u32 = 100;

/// Between two looks, about: several of them come within the reuse window. Each costs one look into an index that is
/// empty as a rule.
const GAP: Duration = Duration::from_secs(60);

/// How many are taken up at once in the background.
const AT_ONCE: u32 = 8;

/// How long one is waited for. The rotation goes on all the same where it may.
const ONE_ROTATION: Duration = Duration::from_secs(60);

/// What a pass knows of the holders of leases.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    now: Option<Stamp>,
    /// By the name of their process: whether it has ended.
    gone: HashMap<String, bool>,
}

impl Keeper {
    /// Takes up what was left in doubt, again and again, for as long as it is polled.
    pub(crate) async fn look_after_doubts(&self) {
        loop {
            if let Err(error) = self.take_up_doubts(AT_ONCE, Patience::Little, |_| ()).await {
                tracing::debug!(code = %error.code(), "rotations that were left in doubt cannot be taken up now");
            }
            // Processes that started together need not look together.
            sleep(GAP.mul_f64(0.75 + f64::from(random::byte()) / 255.0 / 2.0)).await;
        }
    }

    /// Makes every attempt again that may still be answered and that nobody else is about to repeat, and tells of each
    /// grant whether it has fresh tokens then.
    pub(crate) async fn take_up_doubts(
        &self,
        at_once: u32,
        patience: Patience,
        mut tell: impl FnMut(bool),
    ) -> Result<()> {
        let shared = &self.shared;
        let now = shared.store.now().await?;
        let mut due = Due {
            auth_host: shared.endpoint.hosts.auth_host(),
            client_id: shared.endpoint.client_id.clone(),
            which: WhichDue::Doubtful(
                now.wall_ms.saturating_sub(millis(shared.endpoint.timings.reuse_window)).saturating_add(1),
            ),
            after: None,
            limit: PAGE,
        };
        let mut holders = Holders { now: Some(now), ..Holders::default() };
        loop {
            let page = shared.store.grants_due(&due).await?;
            let Some(last) = page.last() else { return Ok(()) };
            due.after = Some(due.place(last));
            let mut left = Vec::new();
            for row in page {
                if !self.is_held(&row, &mut holders).await? {
                    left.push(self.take_up(row, patience).boxed());
                }
            }
            let mut ends = stream::iter(left).buffer_unordered(at_once as usize);
            while let Some(end) = ends.next().await {
                tell(end?);
            }
        }
    }

    /// An error only where the next one would fare no better.
    async fn take_up(&self, row: GrantRow, patience: Patience) -> Result<bool> {
        tracing::info!(grant = %row.id, generation = row.generation, "a rotation that was left in doubt is taken up");
        let goal = Goal { newer_than: row.generation, voluntary: true, revive: false };
        match self.rotate(&row.id, goal, patience, Instant::now() + ONE_ROTATION).await {
            Ok(held) => Ok(held.access.generation > row.generation),
            Err(error) if matches!(error.code(), Code::ClientCredentialsRejected | Code::Cancelled) => {
                Err(error)
            }
            // It was disconnected meanwhile.
            Err(error) => Ok(error.code() == Code::ConnectionNotFound),
        }
    }

    /// Whether a worker that may still come back to it holds this grant's lease.
    pub(crate) async fn is_held(&self, row: &GrantRow, holders: &mut Holders) -> Result<bool> {
        let Some(lease) = &row.lease else { return Ok(false) };
        let Shared { store, endpoint, .. } = &*self.shared;
        let now = match holders.now.take() {
            Some(now) => now,
            None => store.now().await?,
        };
        let lapsed = lease_left(lease, &now, &endpoint.timings) == 0;
        holders.now = Some(now);
        if lapsed {
            return Ok(false);
        }
        let process = lease.holder.split('/').next().unwrap_or_default();
        if let Some(gone) = holders.gone.get(process) {
            return Ok(!gone);
        }
        let gone = store.holder_gone(&lease.holder).await?;
        holders.gone.insert(process.to_owned(), gone);
        Ok(!gone)
    }

    /// The same for what is shown of a grant. Only one in doubt is shown differently, and only for it the store is asked.
    pub(crate) async fn seems_held(&self, row: &GrantRow, holders: &mut Holders) -> bool {
        row.doubt().is_some() && self.is_held(row, holders).await.unwrap_or(true)
    }

    /// A crash may have left this generation's token spent. While the reuse window lasts, spending it again brings the
    /// connection back, so it is not put off until the access token expires.
    pub(crate) async fn left_in_doubt(&self, row: &GrantRow) -> bool {
        // What cannot be told now is told to the next call.
        row.death.is_none()
            && row.doubt().is_some()
            && !self.is_held(row, &mut Holders::default()).await.unwrap_or(true)
    }
}
