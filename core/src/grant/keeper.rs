//! Keeps grants usable: hands out access tokens, and starts or joins the rotation when one is needed (DESIGN §3,
//! rules 1–3 and 9).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cache::Held;
use super::flight::{self, Flight, Follower, Landed, Progress};
use super::gate;
use super::protocol::{End, Goal};
use super::runner::{Runner, Shared};
use super::tokens::{Access, TokenPair};
use super::transitions::millis;
use crate::clock::boot_ms;
use crate::error::{Code, Error, Result};
use crate::lock::lock;
use crate::store::{ConnectionRow, GrantRow, Sealed};
use crate::timings::Timings;

/// A token that came from a rejection this recently is not rotated for another one.
const HEAL_ONCE_IN_MS: u64 = 60_000;

/// How long a caller follows a rotation that fails; the rotation itself goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Its token is still valid: one failed attempt is enough, and none is waited for in known bad weather.
    Little,
    /// It has nothing usable: three failed attempts, or one more in known bad weather, which is then made soon.
    Much,
}

impl Patience {
    /// Until when it waits for an attempt's turn in an outage, if at all.
    fn until(self, deadline: Instant) -> Option<Instant> {
        (self == Self::Much).then_some(deadline)
    }

    /// At how many failures in all a caller gives up that joins after `already` of them.
    fn limit(self, already: u32) -> u32 {
        match (self, already) {
            (Self::Little, 0) => 1,
            (Self::Little, already) => already,
            (Self::Much, 0) => 3,
            (Self::Much, already) => already + 1,
        }
    }
}

/// Access to the grants of one store for one app.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    pub(crate) shared: Arc<Shared>,
    /// Ends this client's rotations at their next pause.
    pub(crate) stop: CancellationToken,
    /// Tasks of this client that nobody may abandon.
    pub(crate) tasks: TaskTracker,
    /// Whether rotations may go on when nobody waits for them.
    pub(crate) background: bool,
    /// Those that nobody waits for any more, where they may not.
    pub(crate) leaving: Arc<flight::Leaving>,
}

impl Keeper {
    /// A connection and its grant, from memory or from the store.
    pub(crate) async fn resolve(&self, connection_id: &str) -> Result<Option<(Arc<ConnectionRow>, Held)>> {
        let Shared { cache, store, .. } = &*self.shared;
        if let Err(error) = cache.sync(&**store).await
            && !self.stop.is_cancelled()
        {
            tracing::warn!(code = %error.code(), "changes of other processes cannot be read now");
        }
        if let Some(connection) = cache.connection(connection_id)
            && let Some(grant) = cache.grant(&connection.grant_id)
        {
            return Ok(Some((connection, grant)));
        }
        self.reload(connection_id).await
    }

    /// The same, where memory has it and nobody has to be asked: as most calls find it.
    pub(crate) fn at_hand(&self, connection_id: &str) -> Option<(Arc<ConnectionRow>, Held)> {
        let cache = &self.shared.cache;
        if cache.is_due() {
            return None;
        }
        let connection = cache.connection(connection_id)?;
        let grant = cache.grant(&connection.grant_id)?;
        Some((connection, grant))
    }

    /// The same, past memory.
    pub(crate) async fn reload(&self, connection_id: &str) -> Result<Option<(Arc<ConnectionRow>, Held)>> {
        let Some((connection, grant)) = self.shared.store.resolve(connection_id).await? else {
            self.shared.cache.forget_connection(connection_id);
            return Ok(None);
        };
        let held = self.hold(grant)?;
        Ok(Some((self.shared.cache.keep_connection(connection), held)))
    }

    /// Seals the pair of a grant for a generation of another one.
    pub(crate) fn reseal(&self) -> impl Fn(&GrantRow, &str, u64) -> Result<Sealed> + Send + Sync {
        let sealer = &self.shared.sealer;
        move |row, id, generation| TokenPair::of(sealer, row)?.seal(sealer, id, generation)
    }

    /// Remembers a grant as the store has it.
    pub(crate) fn hold(&self, row: GrantRow) -> Result<Held> {
        let access = Access::of(&self.shared.sealer, &row, self.shared.endpoint.here())?;
        Ok(self.shared.cache.keep_grant(Held { row: Arc::new(row), access, healed_at: None }))
    }

    /// The access token of a grant that nothing need be done for: as most calls find it.
    pub(crate) fn ready(&self, held: &Held) -> Option<Access> {
        let timings = &self.shared.endpoint.timings;
        let rests = held.row.death.is_none() && held.row.doubt().is_none();
        (rests && held.access.left() > margin(timings.early_margin, &held.access, timings))
            .then(|| held.access.clone())
    }

    /// An access token that is good for a call made now.
    pub(crate) async fn access(&self, held: Held, deadline: Instant) -> Result<Access> {
        let timings = &self.shared.endpoint.timings;
        let left = held.access.left();
        let margin = |span| margin(span, &held.access, timings);
        let goal = goal_of(&held.row);
        if left > margin(timings.early_margin) {
            let doubt = self.left_in_doubt(&held.row).await;
            return Ok(if doubt { self.ahead(held, goal, deadline).await } else { held.access });
        }
        let dead = held.row.death.is_some();
        if left > margin(timings.hard_margin) || (left > 0 && dead) {
            return Ok(if dead { held.access } else { self.ahead(held, goal, deadline).await });
        }
        if left > 0 {
            let first = self.rotate(&held.row.id, goal, Patience::Little, deadline).await;
            return match first {
                Ok(fresh) => Ok(fresh.access),
                // What is still valid keeps being served, whatever the identity provider's weather.
                Err(_) if held.access.left() > 0 => Ok(held.access),
                Err(error) => Err(error),
            };
        }
        Ok(self.rotate(&held.row.id, goal, Patience::Much, deadline).await?.access)
    }

    /// Rotates ahead of need: beside the call, which uses the token there is; or within it, where nothing may go on after
    /// it. Whatever comes of it, there is a token to use.
    async fn ahead(&self, held: Held, goal: Goal, deadline: Instant) -> Access {
        let goal = Goal { voluntary: true, ..goal };
        if self.background {
            self.fly(&held.row.id, goal);
            return held.access;
        }
        let rotated = self.rotate(&held.row.id, goal, Patience::Little, deadline).await;
        rotated.map_or(held.access, |fresh| fresh.access)
    }

    /// Waits for the rotations that were told to end because nobody waits for them any more. One with a new pair ends
    /// when it is stored, however long that takes.
    pub(crate) async fn settle(&self) {
        let leaving = std::mem::take(&mut *lock(&self.leaving));
        for flight in leaving {
            flight.over().await;
        }
    }

    /// Another token after the API answered 401 to `rejected`: a newer one of the store, or a rotation's. The same
    /// one comes back when it is itself so fresh from a rejection that rotating again would be no cure.
    pub(crate) async fn replace(&self, rejected: &Access, deadline: Instant) -> Result<Access> {
        let grant = self.shared.store.grant(&rejected.grant_id).await?.ok_or_else(disconnected)?;
        let known = self.shared.cache.grant(&grant.id);
        let stored = self.hold(grant)?;
        if stored.access.generation > rejected.generation {
            return Ok(stored.access);
        }
        let healed = known.and_then(|held| held.healed_at);
        if healed.is_some_and(|at| boot_ms().saturating_sub(at) < HEAL_ONCE_IN_MS) {
            return Ok(rejected.clone());
        }
        let goal = Goal { newer_than: rejected.generation, voluntary: false, revive: false };
        let fresh = self.rotate(&stored.row.id, goal, Patience::Much, deadline).await?;
        Ok(self.shared.cache.keep_grant(Held { healed_at: Some(boot_ms()), ..fresh }).access)
    }

    /// Rotates because the application asked for it, or joins the rotation under way.
    pub(crate) async fn refresh(&self, held: &Held, deadline: Instant) -> Result<()> {
        let goal = Goal { voluntary: held.access.left() > 0, revive: true, ..goal_of(&held.row) };
        self.rotate(&held.row.id, goal, Patience::Much, deadline).await.map(drop)
    }

    /// Waits for a generation newer than the goal's, starting or joining rotations until there is one, there can be
    /// none, the caller's patience ends, or the deadline passes.
    pub(crate) async fn rotate(
        &self,
        grant_id: &str,
        goal: Goal,
        patience: Patience,
        deadline: Instant,
    ) -> Result<Held> {
        loop {
            let flight = self.fly(grant_id, goal);
            let _following = Follower::of(&flight, &self.leaving);
            let joined = flight.goal;
            let progress = flight.watch();
            let limit = patience.limit(progress.borrow().failures);
            if patience == Patience::Much {
                flight.wanted.notify_one();
            }
            let landed = timeout_at(deadline, land(progress, goal, limit, patience.until(deadline))).await;
            let landed = landed.map_err(|_| waited_too_long())?;
            if landed.is_err() && flight.stop.is_cancelled() && !self.stop.is_cancelled() {
                // It was told to end by those who followed it before, and has; this caller wants one of its own.
                timeout_at(deadline, flight.over()).await.map_err(|_| waited_too_long())?;
                continue;
            }
            let (end, held) = landed?;
            match (end, held) {
                (End::Fresh, Some(held)) if held.access.generation > goal.newer_than => {
                    return Ok(self.shared.cache.keep_grant(held));
                }
                (End::PutOff, Some(held)) if goal.voluntary => return Ok(held),
                (End::Dead, Some(held)) if joined.revive || !goal.revive => return Err(dead(&held.row)),
                (End::Gone, _) => return Err(disconnected()),
                (End::Credentials, _) if flight.is_with(&self.shared.endpoint.client_secret) => {
                    return Err(credentials());
                }
                (End::Stopped, _) if self.stop.is_cancelled() => {
                    return Err(Error::new(Code::Cancelled, "the client was closed during a rotation"));
                }
                // Somebody else's flight ended with less than this caller wants.
                _ => tokio::task::yield_now().await,
            }
        }
    }

    fn fly(&self, grant_id: &str, goal: Goal) -> Arc<Flight> {
        let shared = Arc::clone(&self.shared);
        let stop = self.stop.child_token();
        let (store, how) = (self.shared.store.identity(), (stop, self.background));
        let what = (goal, &self.shared.endpoint.client_secret);
        flight::join_or_start(store, grant_id, what, how, &self.tasks, |flight| {
            let id = grant_id.to_owned();
            async move { Runner::new(shared, flight, &id).run(goal).await }
        })
    }
}

/// How long before its end a token counts as old: less for one that does not live long.
fn margin(span: Duration, access: &Access, timings: &Timings) -> u64 {
    let life = access.expires_at_ms.saturating_sub(access.issued_at_ms);
    millis(span).min(life / u64::from(timings.margin_share.max(1)))
}

fn goal_of(row: &GrantRow) -> Goal {
    Goal { newer_than: row.generation, voluntary: false, revive: false }
}

/// Follows a flight until it is over, or until it is of no more use to this caller.
async fn land(
    mut progress: watch::Receiver<Progress>,
    goal: Goal,
    limit: u32,
    until: Option<Instant>,
) -> Landed {
    let too_late = |held: &gate::Held| until.is_none_or(|until| held.until > until);
    let told = progress
        .wait_for(|now| {
            let lent = now.early.as_ref().is_some_and(|held| held.access.generation > goal.newer_than);
            now.end.is_some() || lent || now.failures >= limit || now.held.as_ref().is_some_and(too_late)
        })
        .await
        .map_err(|_| Error::new(Code::Cancelled, "the rotation was abandoned"))?;
    if let Some(end) = &told.end {
        return end.clone();
    }
    if let Some(held) = &told.early {
        return Ok((End::Fresh, Some(held.clone())));
    }
    if let Some(held) = &told.held {
        return Err(held.error.clone());
    }
    Err(told.error.clone().unwrap_or_else(|| Error::new(Code::IdentityUnavailable, "the rotation failed")))
}

/// Why a grant is dead and how to bring the connection back.
pub(crate) fn dead(row: &GrantRow) -> Error {
    let reason = row.death.as_ref().map_or("revoked", |death| death.reason.as_str());
    let why = match reason {
        "inactive" => "its refresh token was not used for 90 days",
        "lost_rotation" => "an earlier rotation was interrupted and could not be recovered",
        _ => "the user revoked the app, or changed the password, or the token was spent elsewhere",
    };
    Error::new(
        Code::ReauthorizationRequired,
        format!("Atlassian no longer accepts this grant: probably {why}"),
    )
    .with("reason", reason)
    .with("grant_id", row.id.clone())
}

fn credentials() -> Error {
    let message = "the token endpoint refused the app's client id or secret (401 access_denied)";
    Error::new(Code::ClientCredentialsRejected, message).with_status(401)
}

fn disconnected() -> Error {
    Error::new(Code::ConnectionNotFound, "the connection's grant is no longer in the store")
}

fn waited_too_long() -> Error {
    Error::new(Code::Timeout, "the rotation took longer than this call may wait")
}
