//! Learning late whose grant it is. When a consent was finished nobody may have told: the look-ups failed, or the
//! scopes for them were missing. Two grants of one account endanger each other (F3.7), so it is asked again when there
//! is an occasion, and they are made one.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::Connector;
use super::uniting::{Late, Moved, Settled, settle};
use crate::error::Result;
use crate::event::{Event, EventKind};
use crate::grant::cache::Held;
use crate::grant::tokens::TokenPair;
use crate::store::GrantRow;

/// How long all of it may take the call that gives the occasion.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks at a grant that is being rotated.
const PAUSE: Duration = Duration::from_millis(100);

impl Connector {
    /// Asks for the account of a grant that does not know its own. What fails is left to the next occasion: nobody
    /// waits for this.
    pub(crate) async fn learn_late(&self, held: &Held, deadline: Instant) {
        if held.row.account_id.is_some() || held.row.death.is_some() {
            return;
        }
        let now = Instant::now();
        let until = now + PATIENCE.min(deadline.saturating_duration_since(now) / 2);
        match timeout_at(until, self.try_to_learn(held, until)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(grant = %held.row.id, code = %error.code(), "the account cannot be learnt now");
            }
            Err(_) => tracing::debug!(grant = %held.row.id, "the account was not learnt in time"),
        }
    }

    async fn try_to_learn(&self, held: &Held, deadline: Instant) -> Result<()> {
        let listed = self.list_sites(held, deadline).await?;
        let Some(account) = self.learn_account(held, &listed, deadline).await else { return Ok(()) };
        let shared = &self.keeper.shared;
        let late = Late { grant_id: &held.row.id, account_id: &account, listed: &listed };
        let reseal = |loser: &GrantRow, id: &str, generation| {
            TokenPair::of(&shared.sealer, loser)?.seal(&shared.sealer, id, generation)
        };
        loop {
            match settle(&*shared.store, &late, &self.config.timings, reseal).await? {
                Settled::Later => sleep(PAUSE).await,
                Settled::Stays(moved) | Settled::Went(moved) => {
                    shared.cache.forget_grant(&held.row.id);
                    moved.into_iter().for_each(|moved| self.tell_moved(moved));
                    return Ok(());
                }
            }
        }
    }

    fn tell_moved(&self, moved: Moved) {
        let Moved { connection_id, from, to, lost_scopes } = moved;
        let shared = &self.keeper.shared;
        shared.cache.forget_connection(&connection_id);
        shared.cache.forget_grant(&from);
        shared.cache.forget_grant(&to);
        tracing::info!(connection = connection_id, from, to, "two grants of one account were made one");
        if !lost_scopes.is_empty() {
            let event = Event::new(EventKind::ScopesReduced).connection(&connection_id).grant(&to);
            shared.events.tell(event.with("scopes", lost_scopes));
        }
    }
}
