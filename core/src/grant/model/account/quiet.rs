//! What becomes of everything left to itself: open consents are finished, leases lapse, and nothing fails any more.

use super::jobs::{self, Job};
use super::rows::{Log, newest, spares};
use super::setup::{Faults, Promise, Setup};
use super::state::{Slot, State, WINDOW};
use super::worker::Worker;
use crate::grant::protocol::Step;
use crate::grant::transitions;
use crate::store::GrantRow;

/// More steps than anything undisturbed needs.
const MANY: usize = 300;

/// The same with every open consent finished and every lease lapsed.
fn settled(setup: &Setup, state: &State) -> State {
    let setup = Setup { mutant: None, ..setup.clone() };
    let mut state = State { faults: Faults::default(), ..state.clone() };
    let open: Vec<_> = state.rows.0.sessions.values().cloned().collect();
    for session in open {
        let mut job = Some(Job::Placing(session, Log::default()));
        for _ in 0..MANY {
            job = job.and_then(|job| jobs::step(&setup, &mut state, job));
        }
    }
    let grants: Vec<_> = state.rows.0.grants.keys().cloned().collect();
    grants.iter().for_each(|id| state.lapse(id));
    state
}

/// Each connection with its grant, when all is settled.
fn connections(state: &State) -> impl Iterator<Item = (&str, &GrantRow)> {
    let rows = &state.rows.0;
    rows.connections.values().filter_map(|row| Some((row.id.as_str(), rows.grants.get(&row.grant_id)?)))
}

/// The promises about quiet states that this one breaks.
pub(super) fn broken(setup: &Setup, state: &State) -> Vec<Promise> {
    let state = settled(setup, state);
    let holds = |promise: &Promise| match promise {
        Promise::NotLost => connections(&state).all(|(_, grant)| usable(&state, grant)),
        Promise::OneLives => one_lives(&state),
        Promise::NotStuck => not_stuck(setup, &state),
        Promise::NewestLeads => newest_leads(&state),
        Promise::GoneIsGone => gone_is_gone(&state),
        Promise::Never(_) | Promise::NothingDangles => true,
    };
    setup.promises.iter().filter(|promise| !holds(promise)).copied().collect()
}

/// Whether the store, or this process's memory, holds a token of it that the provider takes.
fn usable(state: &State, grant: &GrantRow) -> bool {
    let known = state.memory.0.get(&grant.id).filter(|known| transitions::write_back(grant, known).is_some());
    state.taken(grant) || known.is_some_and(|known| state.taken(known))
}

/// Whether the provider takes any token of a consent's.
fn lives(state: &State, number: u8) -> bool {
    let family = &state.lines[usize::from(number)].family;
    (0..u8::MAX).map_while(|token| family.has(token).then(|| family.takes(token, WINDOW))).any(|it| it)
}

fn one_lives(state: &State) -> bool {
    let any = (0..state.lines.len() as u8).any(|number| lives(state, number));
    !any || connections(state).next().is_none() || connections(state).any(|(_, grant)| usable(state, grant))
}

fn not_stuck(setup: &Setup, state: &State) -> bool {
    connections(state).filter(|(_, grant)| usable(state, grant)).all(|(id, grant)| {
        let doubtful = grant.intent.as_ref().is_some_and(|intent| intent.generation == grant.generation);
        rotates(setup, state, id) && (doubtful || rotates(setup, &after_the_window(state), id))
    })
}

fn after_the_window(state: &State) -> State {
    let mut later = state.clone();
    later.lines.iter_mut().for_each(|line| line.family.age(WINDOW));
    later
}

/// Whether a worker that meets no fault leaves a newer generation there, and one that can be rotated again.
fn rotates(setup: &Setup, state: &State, connection: &str) -> bool {
    let setup = Setup { mutant: None, ..setup.clone() };
    let mut state = State { slots: vec![Slot { begun: true, job: None }], ..state.clone() };
    let generation = |state: &State| {
        connections(state).find(|(id, _)| *id == connection).map(|(_, grant)| grant.generation)
    };
    let before = generation(&state);
    let mut job = Worker::start(&mut state, connection, setup.restored, usize::from(u8::MAX))
        .map(Box::new)
        .map(Job::Rotating);
    for _ in 0..MANY {
        job = job.and_then(|job| jobs::step(&setup, &mut state, job));
    }
    let lives = connections(&state).any(|(id, grant)| id == connection && state.taken(grant));
    job.is_none() && generation(&state) > before && lives
}

fn newest_leads(state: &State) -> bool {
    let lives = |number| lives(state, number);
    let leads = connections(state).all(|(id, grant)| {
        let own = state.lines.iter().zip(0..).filter(|(line, _)| line.placed && line.origin.connection == id);
        let last = own.map(|(_, number)| number).max();
        let held = newest(grant).into_iter().chain(spares(grant)).map(|(family, _)| family).max();
        last.is_none_or(|last| held >= Some(last) || !lives(last))
    });
    let order = state.rows.0.grants.values().all(|grant| {
        let mut kept = spares(grant).map(|(family, _)| family);
        let placed = |number: u8| state.lines[usize::from(number)].placed;
        let leads = |kept| newest(grant).is_some_and(|(family, _)| family >= kept);
        kept.all(|kept| leads(kept) || !lives(kept) || !placed(kept))
    });
    leads && order
}

fn gone_is_gone(state: &State) -> bool {
    let rows = &state.rows.0;
    let back = state.parted.iter().any(|id| rows.connections.contains_key(*id));
    !back && (!rows.connections.is_empty() || rows.grants.is_empty())
}

pub(super) fn nothing_dangles(state: &State) -> bool {
    let rows = &state.rows.0;
    let opened = |number: u8| super::rows::grant_id(number);
    rows.connections.values().all(|row| rows.grants.contains_key(&row.grant_id))
        && rows.sessions.values().all(|row| rows.grants.contains_key(&opened(row.state_hash[0])))
}

/// A worker that waits for another one, which goes on.
pub(super) fn waits(state: &State, worker: &Worker) -> bool {
    matches!(worker.step, Step::Wait { .. })
        && state.leased(worker.grant()).is_some_and(|by| by != worker.name)
}
