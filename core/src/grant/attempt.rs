//! One attempt of a runner to spend a refresh token, and what becomes of its answer.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::age;
use super::endpoint::{Began, Outcome};
use super::protocol::{Answer, Which};
use super::runner::{Runner, gone};
use super::spares;
use super::tokens::TokenPair;
use super::transitions::{self, NewPair, millis};
use crate::atlassian::token_endpoint::{Exchange, Issued, Reply};
use crate::clock::boot_ms;
use crate::error::{Code, Error, Result};
use crate::event::{Event, EventKind};

impl Runner {
    pub(super) async fn exchange(&mut self, which: Which) -> Result<Answer> {
        let shared = Arc::clone(&self.shared);
        let row = self.row.as_ref().ok_or_else(gone)?;
        let spare = spares::next(&row.spares, &self.refused).filter(|_| which == Which::Spare);
        let (pair, spent_generation) = match spare {
            Some(spare) => {
                (TokenPair::open(&shared.sealer, &row.id, spare.generation, &spare.pair)?, spare.generation)
            }
            None => (TokenPair::of(&shared.sealer, row)?, row.generation),
        };
        self.spent = spare.map(|spare| spare.pair.clone());
        let (leased_at, timings) = (self.leased_at, shared.endpoint.timings);
        let leased_for = move || Duration::from_millis(boot_ms().saturating_sub(leased_at));
        let may_send = move || transitions::may_send(leased_for(), &timings);
        if !may_send() {
            return Ok(Answer::TooLate);
        }
        let left = timings.attempt_timeout.saturating_sub(leased_for());
        let (began, outcome) =
            shared.endpoint.exchange_within(left, Exchange::Refresh(&pair.refresh), may_send).await;
        tracing::debug!(grant = %self.grant_id, generation = spent_generation, outcome = outcome.name(), "exchange");
        self.answer(began, outcome, &pair.refresh)
    }

    fn answer(&mut self, began: Began, outcome: Outcome, spent: &SecretString) -> Result<Answer> {
        self.retry_after = None;
        let (why, maybe_spent) = match outcome {
            Outcome::Reply(Reply::Issued(issued)) => {
                self.fresh = Some(self.seal(began, issued, spent)?);
                return Ok(Answer::Rotated);
            }
            Outcome::Reply(Reply::Refused { .. }) => {
                self.refused.extend(self.spent.take());
                return Ok(Answer::Refused);
            }
            Outcome::Reply(Reply::Credentials) => return Ok(Answer::Credentials),
            Outcome::TooLate => return Ok(Answer::TooLate),
            Outcome::Reply(Reply::NotNow { why, retry_after }) => {
                self.retry_after = retry_after;
                (why, false)
            }
            Outcome::Reply(Reply::Unclear { why }) => {
                self.unclear = self.row.as_ref().map(|row| row.generation);
                (why, true)
            }
            Outcome::NotSent(why) => (why, false),
        };
        self.failed(&why);
        Ok(Answer::Failed { maybe_spent })
    }

    fn failed(&self, why: &str) {
        let error = Error::new(
            Code::IdentityUnavailable,
            format!("the token endpoint did not rotate the grant: {why}"),
        );
        self.flight.tell(|progress| {
            progress.failures += 1;
            progress.error = Some(error);
        });
        let row = self.row.as_ref();
        let usable = row.is_some_and(|row| age::judge(row.times(), self.shared.endpoint.here()).left > 0);
        self.tell_failed(why, usable);
    }

    pub(super) fn tell_failed(&self, why: &str, usable: bool) {
        let event = Event::new(EventKind::RotationFailed).grant(&self.grant_id);
        self.shared.events.tell(event.with("why", why).with("access_token_still_valid", usable));
    }

    fn seal(&self, began: Began, issued: Issued, spent: &SecretString) -> Result<(NewPair, TokenPair)> {
        let row = self.row.as_ref().ok_or_else(gone)?;
        let generation = row.generation + 1;
        // Without a new refresh token the one that was sent stays good (F3.2).
        let pair =
            TokenPair { access: issued.access, refresh: issued.refresh.unwrap_or_else(|| spent.clone()) };
        let new = NewPair {
            pair: pair.seal(&self.shared.sealer, &row.id, generation)?,
            generation,
            issued_at: began.at,
            expires_at: began.at + millis(issued.expires_in),
            born: began.born,
            scopes: issued.scopes,
        };
        Ok((new, pair))
    }
}
