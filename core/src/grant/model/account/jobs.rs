//! Whoever is at a task, and what one step of it does.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::replay::{Replay, StoreFault, turn};
use super::rows::{Log, Shelf, newest, noted, seal, session as hash_session};
use super::setup::{Origin, Setup, Task};
use super::state::{State, WINDOW, new_grant, session, sites};
use super::worker::Worker;
use crate::config::SitePolicy;
use crate::connect::parting::{Parting, part};
use crate::connect::placing::{self, Learnt};
use crate::connect::session::Asked;
use crate::connect::storing;
use crate::connect::uniting::{Late, settle};
use crate::error::{Code, Error, Result};
use crate::grant::model::setup::timings;
use crate::grant::model::state::{NOW, stamp};
use crate::grant::transitions::lease_left;
use crate::store::{GrantRow, Sealed, SessionRow, TokenHashRow};

/// Somebody at work. All of it is lost in a crash.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Job {
    /// A consent's code has been exchanged, and its pair is nowhere else.
    Issued(u8, Log),
    /// A consent or an import is being placed.
    Placing(SessionRow, Log),
    /// A connection is being taken away.
    Parting(&'static str, Log),
    /// A grant's account has been learnt late, and its sites with it.
    Settling(String, Log),
    /// A grant is being rotated.
    Rotating(Box<Worker>),
}

impl Hash for Job {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Issued(number, log) => (number, log).hash(state),
            Self::Placing(session, log) => {
                hash_session(session, state);
                log.hash(state);
            }
            Self::Parting(id, log) => (id, log).hash(state),
            Self::Settling(id, log) => (id, log).hash(state),
            Self::Rotating(worker) => worker.hash(state),
        }
    }
}

impl Job {
    pub(super) fn worker(&self) -> Option<&Worker> {
        match self {
            Self::Rotating(worker) => Some(worker),
            _ => None,
        }
    }

    pub(super) fn worker_mut(&mut self) -> Option<&mut Worker> {
        match self {
            Self::Rotating(worker) => Some(worker),
            _ => None,
        }
    }

    pub(super) fn seqs(&self) -> Vec<u64> {
        match self {
            Self::Placing(session, log) => log.seqs().chain([session.seq]).collect(),
            Self::Issued(_, log) | Self::Parting(_, log) | Self::Settling(_, log) => log.seqs().collect(),
            Self::Rotating(_) => Vec::new(),
        }
    }

    pub(super) fn renumber(&mut self, rank: &impl Fn(u64) -> u64) {
        match self {
            Self::Placing(session, log) => {
                session.seq = rank(session.seq);
                log.renumber(rank);
            }
            Self::Issued(_, log) | Self::Parting(_, log) | Self::Settling(_, log) => log.renumber(rank),
            Self::Rotating(_) => {}
        }
    }
}

/// Begins a task, if it can be begun.
pub(super) fn begin(setup: &Setup, state: &mut State, task: Task, who: usize) -> Option<Job> {
    match task {
        Task::Consent(origin) => {
            Some(Job::Issued(state.consent(setup, setup.origins[origin]), Log::default()))
        }
        Task::Resume(id) => {
            let open = state.rows.0.sessions.values().filter(|session| session.connection_id == id);
            Some(Job::Placing(open.max_by_key(|session| session.seq)?.clone(), Log::default()))
        }
        Task::Part(id) => {
            let there = state.rows.0.connections.contains_key(id);
            there.then(|| {
                state.parted.push(id);
                Job::Parting(id, Log::default())
            })
        }
        Task::Learn(id) => {
            let rows = &state.rows.0;
            let grant = rows.grants.get(&rows.connections.get(id)?.grant_id)?;
            grant.account_id.is_none().then(|| Job::Settling(grant.id.clone(), Log::default()))
        }
        Task::Rotate { connection, here } => {
            Worker::start(state, connection, here, who).map(Box::new).map(Job::Rotating)
        }
    }
}

/// Takes one step; answers the job as it goes on, or nothing when it is over.
pub(super) fn step(setup: &Setup, state: &mut State, job: Job) -> Option<Job> {
    step_at(setup, state, job, &mut None)
}

/// The same with a write that fails, if the step is one.
pub(super) fn step_at(setup: &Setup, state: &mut State, job: Job, fault: &mut StoreFault) -> Option<Job> {
    match job {
        Job::Issued(number, log) => store(setup, state, number, log, fault),
        Job::Placing(session, log) => place(setup, state, session, log, fault),
        Job::Parting(id, log) => take_away(setup, state, id, log, fault),
        Job::Settling(id, log) => unite(setup, state, id, log, fault),
        Job::Rotating(worker) => worker.step(setup, state).map(Box::new).map(Job::Rotating),
    }
}

/// Runs code for one turn against the rows; answers its result when it is through, and what it has heard.
fn run<T>(
    setup: &Setup,
    state: &mut State,
    log: Log,
    fault: &mut StoreFault,
    work: impl AsyncFnOnce(&Replay) -> Result<T>,
) -> (Option<Result<T>>, Log) {
    let rows = Arc::unwrap_or_clone(std::mem::take(&mut state.rows.0));
    let turn = turn(rows, Arc::unwrap_or_clone(log.0), setup.mutant, fault, work);
    state.rows = Shelf(Arc::new(turn.rows));
    state.flaws = state.flaws.and(turn.flaws);
    (turn.end, Log(Arc::new(turn.log)))
}

/// Insists, as the process does.
fn store(setup: &Setup, state: &mut State, number: u8, log: Log, fault: &mut StoreFault) -> Option<Job> {
    let Origin { connection, unknown, .. } = state.lines[usize::from(number)].origin;
    let mut grant = new_grant(number, 0);
    grant.account_id = grant.account_id.filter(|_| !unknown);
    let hash = TokenHashRow { hash: vec![number], grant_id: grant.id.clone(), generation: 1 };
    let before = state.rows.0.hashes.len();
    let (end, log) = run(setup, state, log, fault, async |store| {
        storing::store(store, session(number, connection, 0), grant, hash).await
    });
    if state.rows.0.hashes.len() > before {
        state.parted.retain(|id| *id != connection);
    }
    Some(match end {
        None => Job::Issued(number, log),
        Some(Ok(session)) => Job::Placing(session, Log::default()),
        Some(Err(_)) => Job::Issued(number, Log::default()),
    })
}

/// The grant a session's pair was stored in first.
fn place(
    setup: &Setup,
    state: &mut State,
    session: SessionRow,
    log: Log,
    fault: &mut StoreFault,
) -> Option<Job> {
    let number = session.state_hash[0];
    let origin = state.lines[usize::from(number)].origin;
    let asked = Asked {
        site: None,
        tags: None,
        metadata: None,
        allow_account_change: false,
        verifier: Some(String::new()),
        binding: None,
    };
    let (listed, grant_id) = (sites(origin.sites), super::rows::grant_id(number));
    let learnt = Learnt {
        session: &session,
        asked: &asked,
        grant_id: &grant_id,
        listed: &listed,
        account: Some("ada"),
        policy: SitePolicy::First,
    };
    let (before, placed) = (state.rows.0.seq, Cell::new(false));
    let (end, log) = run(setup, state, log, fault, async |store| {
        let plan = placing::plan(store, &learnt).await?;
        let held = |lease| lease_left(lease, &stamp(0), &timings(WINDOW)) > 0;
        if setup.patient && plan.disturbed().filter_map(|grant| grant.lease.as_ref()).any(held) {
            return Ok(None);
        }
        placed.set(plan.decision.place.is_some());
        placing::write(store, &learnt, &plan, NOW, reseal).await
    });
    // Also if it was told of an error.
    if state.rows.0.seq > before {
        state.lines[usize::from(number)].placed = placed.get();
    }
    match end {
        None => Some(Job::Placing(session, log)),
        // It waits, or others were quicker; unless one of them finished this very consent, it is tried again.
        Some(Ok(None)) if state.rows.0.sessions.contains_key(&session.state_hash) => {
            Some(Job::Placing(session, Log::default()))
        }
        Some(_) => None,
    }
}

fn reseal(row: &GrantRow, id: &str, generation: u64) -> Result<Sealed> {
    let unreadable = || Error::new(Code::DecryptionFailed, "sealed for another grant or generation");
    newest(row).map(|token| seal(token, id, generation)).ok_or_else(unreadable)
}

fn take_away(
    setup: &Setup,
    state: &mut State,
    id: &'static str,
    log: Log,
    fault: &mut StoreFault,
) -> Option<Job> {
    let (end, log) = run(setup, state, log, fault, async |store| part(store, id, reseal).await);
    match end {
        None => Some(Job::Parting(id, log)),
        Some(Ok(Parting::Outrun)) => Some(Job::Parting(id, Log::default())),
        Some(Ok(_)) => None,
        Some(Err(_)) => {
            // Whoever asked for it was told that it failed.
            let there = state.rows.0.connections.contains_key(id);
            state.parted.retain(|parted| !there || *parted != id);
            None
        }
    }
}

fn unite(setup: &Setup, state: &mut State, id: String, log: Log, fault: &mut StoreFault) -> Option<Job> {
    let number = state.rows.0.grants.get(&id).and_then(newest).map_or(0, |(family, _)| family);
    let listed = sites(state.lines[usize::from(number)].origin.sites);
    let (end, log) = run(setup, state, log, fault, async |store| {
        let late = Late { grant_id: &id, account_id: "ada", listed: &listed };
        settle(store, &late, &timings(WINDOW), reseal).await
    });
    // Later is another occasion's.
    end.is_none().then_some(Job::Settling(id, log))
}

/// Puts a changed row of a grant, as a rotation does: read and written at one moment, because what came in between
/// would have made it read again.
pub(super) fn change(
    state: &mut State,
    id: &str,
    transition: impl FnOnce(&GrantRow) -> Option<GrantRow>,
) -> Option<bool> {
    let row = state.rows.0.grants.get(id)?;
    let Some(new) = transition(row) else { return Some(false) };
    let mut rows = (*state.rows.0).clone();
    rows.seq += 1;
    rows.grants.insert(id.to_owned(), GrantRow { seq: rows.seq, ..new });
    noted(&state.rows.0, &rows, &mut state.flaws);
    state.rows = Shelf(Arc::new(rows));
    Some(true)
}
