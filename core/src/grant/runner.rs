//! Carries out the steps of [`super::protocol`] against a real store and a real token endpoint, and decides nothing.

use std::sync::Arc;
use std::time::Duration;

use super::cache::{Cache, Held};
use super::change::{Changed, change};
use super::endpoint::TokenEndpoint;
use super::flight::{Flight, Landed};
use super::gate::Place;
use super::ledger::{self, noted};
use super::protocol::{End, Goal, Heard, Rotation, Step};
use super::tokens::{Access, TokenPair};
use super::transitions::{self, NewPair};
use crate::atlassian::token_endpoint::INACTIVE_MS;
use crate::clock::{Stamp, boot_ms};
use crate::error::{Code, Error, Result};
use crate::event::{Event, EventKind, Events};
use crate::random;
use crate::store::seal::Sealer;
use crate::store::{Expect, GrantRow, Sealed, Store, Write};

/// What rotating needs.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) endpoint: TokenEndpoint,
    pub(crate) events: Events,
    pub(crate) cache: Cache,
}

/// First and longest wait between two looks at a grant another worker rotates.
const POLL: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// First and longest wait between two tries to store a success. When a store comes back whose leases have lapsed, others
/// are about to spend the same token again: this one's pair had better be there first.
pub(super) const STORE_RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// One worker's hands.
pub(crate) struct Runner {
    pub(super) shared: Arc<Shared>,
    pub(super) flight: Arc<Flight>,
    pub(super) grant_id: String,
    pub(super) holder: String,
    pub(super) row: Option<GrantRow>,
    /// Boot clock just before the lease was last taken or renewed.
    pub(super) leased_at: u64,
    pub(super) fresh: Option<(NewPair, TokenPair)>,
    /// Spares that were refused.
    pub(super) refused: Vec<Sealed>,
    /// The spare that was spent last, if what was spent last is one.
    pub(super) spent: Option<Sealed>,
    /// The generation of an unclear attempt the ledger does not tell of yet; the next write does.
    pub(super) unclear: Option<u64>,
    pub(super) retry_after: Option<Duration>,
    /// Where it waits for its turn.
    pub(super) place: Option<Place>,
    /// A caller with nothing usable has been heard.
    pub(super) wanted: bool,
    /// When an unclear attempt found in the row has to be repeated, on the boot clock.
    pub(super) replay_by: Option<u64>,
    poll: Duration,
}

impl Runner {
    pub(crate) fn new(shared: Arc<Shared>, flight: Arc<Flight>, grant_id: &str) -> Self {
        Self {
            shared,
            flight,
            grant_id: grant_id.to_owned(),
            holder: String::new(),
            row: None,
            leased_at: 0,
            fresh: None,
            refused: Vec::new(),
            spent: None,
            unclear: None,
            place: None,
            wanted: false,
            replay_by: None,
            retry_after: None,
            poll: POLL.0,
        }
    }

    /// Rotates until there is an end.
    pub(crate) async fn run(mut self, goal: Goal) -> Landed {
        self.holder = format!("{}/{}", self.shared.store.holder().await?, random::id());
        let (mut rotation, mut step) = Rotation::new(goal);
        let mut pause = STORE_RETRY.0;
        loop {
            let doubtful = rotation.doubtful();
            let heard = match step {
                Step::Finish(end) => return self.finish(end),
                Step::Read => self.read().await,
                Step::Wait { at_most_ms } => self.wait(at_most_ms).await,
                Step::Take { generation } => self.take(generation).await,
                Step::Renew => self.renew().await,
                Step::Exchange(which) => self.exchange(which).await.map(Heard::Answered),
                Step::Commit { generation } => Ok(self.commit(generation, doubtful).await),
                Step::KeepSpare => Ok(self.keep_spare().await),
                Step::Bury { generation, lost } => self.bury(generation, lost).await,
                Step::Pause { failures } => Ok(self.pause(failures, doubtful).await),
                Step::Release { settled } => self.release(settled).await,
            };
            match heard {
                Ok(heard) => {
                    (step, pause) = (rotation.next(heard), STORE_RETRY.0);
                    continue;
                }
                Err(error) if error.code() == Code::StoreUnavailable && rotation.insists() => {
                    if self.not_now(error, pause).await {
                        pause = (pause * 2).min(STORE_RETRY.1);
                        continue;
                    }
                    self.let_go().await;
                    return Err(stopped());
                }
                Err(error) => {
                    self.let_go().await;
                    return Err(error);
                }
            }
        }
    }

    /// Gives the lease back on the way out of an error. Under a lease that nobody works under others would wait until it
    /// lapses; the intent stays and tells them to look.
    async fn let_go(&mut self) {
        let lease = self.row.as_ref().and_then(|row| row.lease.as_ref());
        if lease.is_some_and(|lease| lease.holder == self.holder) {
            let _ = self.release(false).await;
        }
    }

    /// Tells that the store failed at a step that will be made again, and waits for that. `false` when it is not to be.
    async fn not_now(&mut self, error: Error, pause: Duration) -> bool {
        tracing::warn!(grant = %self.grant_id, code = %error.code(), "the store fails in the middle of a rotation, which goes on");
        self.place = None;
        self.flight.tell(|progress| {
            progress.failures += 1;
            progress.error = Some(error);
        });
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.flight.stop.cancelled() => false,
        }
    }

    fn finish(self, end: End) -> Landed {
        let Some(row) = self.row.filter(|_| end != End::Gone) else {
            self.shared.cache.forget_grant(&self.grant_id);
            return Ok((end, None));
        };
        let access = Access::of(&self.shared.sealer, &row, self.shared.endpoint.here())?;
        let held = self.shared.cache.keep_grant(Held { row: Arc::new(row), access, healed_at: None });
        Ok((end, Some(held)))
    }

    async fn read(&mut self) -> Result<Heard> {
        let now = self.shared.store.now().await?;
        self.row = self.shared.store.grant(&self.grant_id).await?;
        if let (Some(row), Some(known)) = (&self.row, self.shared.cache.grant(&self.grant_id))
            && transitions::is_newer(&known.row, row)
        {
            self.row = self.write_back(&known.row).await?;
        }
        if let Some(row) = &self.row {
            self.shared.endpoint.own(row)?;
        }
        self.mend_lease(&now).await?;
        self.note_doubt(&now);
        let timings = &self.shared.endpoint.timings;
        Ok(Heard::Row(
            self.row.as_ref().map(|row| transitions::view(row, &self.refused, &self.holder, &now, timings)),
        ))
    }

    /// A lease from the future, seen at `before` the row was read, would not lapse for as long as the clock was set
    /// back.
    async fn mend_lease(&self, before: &Stamp) -> Result<()> {
        let store = &self.shared.store;
        let Some(row) = self.row.as_ref() else { return Ok(()) };
        if row.lease.as_ref().is_none_or(|lease| !lease.at.is_ahead(before)) {
            return Ok(());
        }
        if let Some(new) = transitions::restamp(row, &store.now().await?) {
            let expect = vec![Expect::Grant(row.id.clone(), Some(row.seq))];
            store.write(expect, vec![Write::PutGrant(new)]).await?;
        }
        Ok(())
    }

    /// The store was set back, as by a restored backup.
    async fn write_back(&self, known: &GrantRow) -> Result<Option<GrantRow>> {
        tracing::warn!(grant = %self.grant_id, generation = known.generation, "the store knows only an older pair; the newer one is written back");
        let changed = change(&*self.shared.store, &self.grant_id, |row, now| {
            let row = transitions::write_back(row, known)?;
            Some((noted(row, known.generation, ledger::Outcome::WrittenBack, now.wall_ms), vec![]))
        })
        .await?;
        Ok(match changed {
            Changed::Written(row) | Changed::Declined(row) => Some(*row),
            Changed::Gone => None,
        })
    }

    /// Lets another worker go on; one whose process has ended is not waited for.
    async fn wait(&mut self, at_most_ms: u64) -> Result<Heard> {
        self.place = None;
        let holder = self.row.as_ref().and_then(|row| row.lease.as_ref()).map(|lease| lease.holder.clone());
        if let Some(holder) = holder
            && self.shared.store.holder_gone(&holder).await?
        {
            let timings = self.shared.endpoint.timings;
            let evicted = change(&*self.shared.store, &self.grant_id, |row, now| {
                transitions::evict(row, &holder, now, &timings).map(|row| (row, vec![]))
            });
            if matches!(evicted.await?, Changed::Written(_)) {
                return Ok(Heard::Waited);
            }
        }
        let pause = self.poll.min(Duration::from_millis(at_most_ms));
        self.poll = (self.poll * 2).min(POLL.1);
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(Heard::Waited),
            () = woken(self.shared.store.wake()) => Ok(Heard::Waited),
            () = self.flight.stop.cancelled() => Err(stopped()),
        }
    }

    async fn take(&mut self, generation: u64) -> Result<Heard> {
        if !self.first_turn().await? {
            return Ok(Heard::Took(false));
        }
        let before = boot_ms();
        let (holder, timings) = (self.holder.as_str(), self.shared.endpoint.timings);
        let changed = change(&*self.shared.store, &self.grant_id, |row, now| {
            let left = transitions::left_behind(row, holder);
            let row = transitions::take(row, generation, holder, now, &timings)?;
            Some((
                if left { noted(row, generation, ledger::Outcome::Interrupted, now.wall_ms) } else { row },
                vec![],
            ))
        })
        .await?;
        let Changed::Written(row) = changed else { return Ok(Heard::Took(false)) };
        self.row = Some(*row);
        self.leased_at = before;
        Ok(Heard::Took(true))
    }

    async fn renew(&mut self) -> Result<Heard> {
        let before = boot_ms();
        if matches!(self.beat().await?, Changed::Written(_)) {
            self.leased_at = before;
        }
        self.read().await
    }

    /// Writes the renewal, and with it what the ledger does not tell yet.
    pub(super) async fn beat(&mut self) -> Result<Changed> {
        let (holder, unclear) = (self.holder.as_str(), self.unclear);
        let changed = change(&*self.shared.store, &self.grant_id, |row, now| {
            transitions::renew(row, holder, now).map(|row| (doubted(row, unclear, now), vec![]))
        })
        .await?;
        self.unclear.take_if(|_| matches!(changed, Changed::Written(_)));
        Ok(changed)
    }

    async fn bury(&mut self, generation: u64, lost: bool) -> Result<Heard> {
        let (holder, refused, unclear) = (self.holder.as_str(), self.refused.as_slice(), self.unclear);
        let changed = change(&*self.shared.store, &self.grant_id, |row, now| {
            let row = transitions::bury(row, generation, holder, refused, lost, now, INACTIVE_MS)?;
            Some((
                noted(doubted(row, unclear, now), generation, ledger::Outcome::Refused, now.wall_ms),
                vec![],
            ))
        })
        .await?;
        let Changed::Written(row) = changed else { return Ok(Heard::Buried(false)) };
        let reason = row.death.as_ref().map_or("", |death| death.reason.as_str());
        let event = Event::new(EventKind::ReauthorizationRequired).grant(&self.grant_id);
        self.shared.events.tell(event.with("reason", reason));
        self.row = Some(*row);
        Ok(Heard::Buried(true))
    }

    async fn release(&mut self, settled: bool) -> Result<Heard> {
        let (holder, unclear) = (self.holder.as_str(), self.unclear);
        let changed = change(&*self.shared.store, &self.grant_id, |row, now| {
            transitions::release(row, holder, settled).map(|row| (doubted(row, unclear, now), vec![]))
        })
        .await?;
        if let Changed::Written(row) | Changed::Declined(row) = changed {
            self.row = Some(*row);
        }
        Ok(Heard::Released)
    }
}

/// The row with a note of an unclear attempt, if there was one.
pub(super) fn doubted(row: GrantRow, unclear: Option<u64>, now: &Stamp) -> GrantRow {
    match unclear {
        Some(generation) => noted(row, generation, ledger::Outcome::Unclear, now.wall_ms),
        None => row,
    }
}

/// Ends with the next thing written, where the store can tell.
async fn woken(wake: Option<tokio::sync::watch::Receiver<u64>>) {
    if let Some(mut number) = wake {
        number.mark_unchanged();
        if number.changed().await.is_ok() {
            return;
        }
    }
    std::future::pending().await
}

pub(super) fn gone() -> Error {
    Error::new(Code::StoreUnavailable, "a grant disappeared while it was being rotated")
}

pub(super) fn stopped() -> Error {
    Error::new(Code::Cancelled, "the client was closed while it waited for a rotation")
}
