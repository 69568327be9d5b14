//! `rekey`: moves a store to another key while others use it. Nothing is loaded but a page at a time; a pass that is
//! cut short is taken up by the next, and two at once do no harm.

use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::time::{Instant, sleep};

use super::Client;
use super::progress::Progress;
use crate::clock::wall_ms;
use crate::connect::session;
use crate::error::Result;
use crate::grant::rekey::{Moved, rekey};
use crate::options::RekeyOptions;
use crate::records::RekeyReport;
use crate::store::open::renew_key_check;

/// Rows read at once.
const PAGE: u32 = 100;

/// How many grants are moved at once.
const CONCURRENCY: usize = 8;

/// How long one grant is waited for that is being rotated, and between two looks at it.
const BUSY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_millis(250));

/// A pass that finds nothing to move ends it. Others may add rows under another key meanwhile, but not for ever, unless
/// they have that key first; the report tells then that it is not complete.
const PASSES: u32 = 3;

/// Without a time of its own it takes as long as it takes.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

impl Client {
    /// Seals everything in the store with the first of the encryption keys, whoever's app it belongs to, while others
    /// go on using it. Every process must have that key before, or it cannot open what was moved.
    ///
    /// # Errors
    /// `store_unavailable`, `timeout`. What cannot be moved is counted, not raised.
    pub async fn rekey(&self, options: RekeyOptions) -> Result<RekeyReport> {
        self.run(Some(options.timeout.unwrap_or(NO_LIMIT)), |_| async {
            let shared = &self.connector().keeper.shared;
            let mut report = RekeyReport::default();
            let mut progress = Progress::new(&shared.events, "rekey");
            shared.store.forget_sessions(wall_ms()).await?;
            for _ in 0..PASSES {
                let before = (report.grants, report.sessions);
                report.left = 0;
                self.move_grants(&mut report, &mut progress).await?;
                self.move_sessions(&mut report).await?;
                if before == (report.grants, report.sessions) {
                    report.complete = report.left == 0;
                    break;
                }
            }
            progress.tell();
            if report.complete {
                renew_key_check(&*shared.store, &shared.sealer).await?;
            }
            Ok(report)
        })
        .await
    }

    async fn move_grants(&self, report: &mut RekeyReport, progress: &mut Progress<'_>) -> Result<()> {
        let store = &self.connector().keeper.shared.store;
        let mut after: Option<String> = None;
        loop {
            let page = store.grants(after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id.clone());
            let moves = page.into_iter().map(|grant| self.move_grant(grant.id).boxed());
            let mut ends = stream::iter(moves).buffer_unordered(CONCURRENCY);
            while let Some(moved) = ends.next().await {
                match moved? {
                    Moved::Now => report.grants += 1,
                    Moved::Before => {}
                    Moved::Busy | Moved::Unreadable => report.left += 1,
                }
                progress.one();
            }
        }
    }

    async fn move_grant(&self, id: String) -> Result<Moved> {
        let until = Instant::now() + BUSY.0;
        loop {
            match rekey(&self.connector().keeper.shared, &id).await? {
                Moved::Busy if Instant::now() < until => sleep(BUSY.1).await,
                moved => return Ok(moved),
            }
        }
    }

    async fn move_sessions(&self, report: &mut RekeyReport) -> Result<()> {
        let shared = &self.connector().keeper.shared;
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = shared.store.sessions(after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.state_hash.clone());
            for row in page {
                match session::rekey(&*shared.store, &shared.sealer, row).await? {
                    Moved::Now => report.sessions += 1,
                    Moved::Before => {}
                    Moved::Busy | Moved::Unreadable => report.left += 1,
                }
            }
        }
    }
}
