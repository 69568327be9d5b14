//! How a runner stores a success: for as long as it takes, because it is the only one there is.

use std::sync::Arc;
use std::time::Duration;

use super::age::{self, Times};
use super::cache::Held;
use super::change::{Changed, rescue};
use super::ledger::{self, noted};
use super::protocol::Heard;
use super::runner::{Runner, STORE_RETRY, doubted, gone};
use super::tokens::Access;
use super::transitions;
use crate::error::{Error, Result};
use crate::event::{Event, EventKind};
use crate::store::{TokenHashRow, Write};

impl Runner {
    /// Stores a success, for as long as it takes: it is the only one there is. Meanwhile calls go on with it. The lease
    /// is not renewed in between: a store that takes that takes the success as well.
    pub(super) async fn commit(&mut self, generation: u64, doubtful: bool) -> Heard {
        let mut pause = STORE_RETRY.0;
        loop {
            match self.try_commit(generation, doubtful).await {
                Ok(heard) => return heard,
                Err(error) => {
                    self.lend_early();
                    pause = self.not_stored_yet(&error, pause).await;
                }
            }
        }
    }

    /// Waits before a success is tried to be stored once more; answers how long to wait next.
    async fn not_stored_yet(&self, error: &Error, pause: Duration) -> Duration {
        tracing::error!(grant = %self.grant_id, code = %error.code(), "a new pair of tokens cannot be stored yet");
        if pause == STORE_RETRY.0 {
            // The worst that can happen to this process now is to end, so somebody should know.
            let why = format!("the new tokens cannot be stored yet: {}", error.code());
            self.tell_failed(&why, true);
        }
        tokio::time::sleep(pause).await;
        (pause * 2).min(STORE_RETRY.1)
    }

    async fn try_commit(&mut self, generation: u64, doubtful: bool) -> Result<Heard> {
        let Some((new, pair)) = &self.fresh else { return Err(gone()) };
        let hash = TokenHashRow {
            hash: self.shared.sealer.fingerprint(secrecy::ExposeSecret::expose_secret(&pair.refresh)),
            grant_id: self.grant_id.clone(),
            generation: new.generation,
        };
        let how = match self.spent {
            None => ledger::Outcome::Rotated,
            Some(_) => ledger::Outcome::RotatedSpare,
        };
        let changed = rescue(&*self.shared.store, &self.grant_id, |row, now| {
            let row = transitions::commit(row, generation, new, &self.holder, doubtful)?;
            let row = noted(doubted(row, self.unclear, now), new.generation, how, now.wall_ms);
            Some((row, vec![Write::AddTokenHash(hash.clone())]))
        })
        .await?;
        let row = match changed {
            Changed::Written(row) => row,
            // A try before this one was told of an error and had been written all the same.
            Changed::Declined(row) if row.pair == new.pair => row,
            Changed::Declined(_) | Changed::Gone => return Ok(Heard::Committed(false)),
        };
        let event = Event::new(EventKind::Rotated).grant(&self.grant_id);
        self.shared.events.tell(event.with("generation", row.generation));
        self.row = Some(*row);
        self.fresh = None;
        Ok(Heard::Committed(true))
    }

    /// Lets callers use a new access token that the store has not taken yet.
    fn lend_early(&self) {
        let (Some((new, pair)), Some(row)) = (&self.fresh, &self.row) else { return };
        let times = Times { issued_at: new.issued_at, expires_at: new.expires_at, born: new.born.as_ref() };
        let here = self.shared.endpoint.here();
        let age = age::judge(times, here);
        let access = Access::aged(pair.access.clone(), &row.id, new.generation, age, here);
        let held = Held { row: Arc::new(row.clone()), access, healed_at: None };
        self.flight.tell(|progress| progress.early = Some(held));
    }

    /// Stores a success that came too late to be the newest pair, for as long as it takes: it may be the one that lives.
    pub(super) async fn keep_spare(&mut self) -> Heard {
        let mut pause = STORE_RETRY.0;
        while let Some((new, _)) = &self.fresh {
            let kept = rescue(&*self.shared.store, &self.grant_id, |row, now| {
                let row = transitions::keep_spare(row, new, now)?;
                Some((noted(row, new.generation, ledger::Outcome::SpareKept, now.wall_ms), vec![]))
            });
            match kept.await {
                Ok(_) => self.fresh = None,
                Err(error) => pause = self.not_stored_yet(&error, pause).await,
            }
        }
        Heard::Kept
    }
}
