//! A worker's steps at the store: read, then write if nothing has changed meanwhile, as `change.rs` has it.

use super::setup::{HEARTBEAT, Mutant, Setup, timings};
use super::state::{Hand, NOW, Seen, State, Worker, seal, stamp};
use crate::grant::protocol::{Heard, Step};
use crate::grant::transitions::{self, NewPair};
use crate::store::GrantRow;

/// The first half of a step at the store.
pub(super) fn look(setup: &Setup, state: &State, worker: &mut Worker, late: bool) -> Option<Heard> {
    let (Hand::Reading { now, .. } | Hand::Rereading { now }) = worker.hand else { return None };
    let now = if late { 0 } else { now };
    let view = |worker: &mut Worker| {
        worker.seen = Some(Seen::of(&state.row.0));
        let (row, refused) = (&state.row.0, worker.refused.pairs());
        let view = transitions::view(row, &refused, &worker.name, &stamp(now), &timings(setup.window));
        Some(Heard::Row(Some(view)))
    };
    let Hand::Reading { since, .. } = worker.hand else { return view(worker) };
    if worker.step == Step::Read {
        return view(worker);
    }
    if changed_row(setup, state, worker, now).is_some() {
        worker.hand = Hand::Writing { since, now, changed: false };
        return None;
    }
    match worker.step {
        Step::Take { .. } => Some(Heard::Took(false)),
        Step::Commit { .. } => {
            // Written before by a try that was told of an error.
            let mine = worker.fresh.is_some_and(|(token, _)| seal(token) == state.row.0.pair);
            if mine {
                worker.fresh = None;
                worker.seen = Some(Seen::of(&state.row.0));
            }
            Some(Heard::Committed(mine))
        }
        Step::Bury { .. } => Some(Heard::Buried(false)),
        Step::KeepSpare => {
            worker.fresh = None;
            Some(Heard::Kept)
        }
        Step::Release { .. } => Some(Heard::Released),
        _ => {
            worker.hand = Hand::Rereading { now: 0 };
            None
        }
    }
}

/// The second half: writes if nothing has changed, else begins anew.
pub(super) fn write(setup: &Setup, state: &mut State, worker: &mut Worker) -> Option<Heard> {
    let (since, now) = match worker.hand {
        Hand::Beating { age, changed: true, .. } => {
            worker.hand = Hand::Resting { age, beat: HEARTBEAT };
            return None;
        }
        Hand::Beating { age, now, .. } => {
            state.put(transitions::renew(&state.row.0, &worker.name, &stamp(now))?);
            worker.hand = Hand::Resting { age, beat: now.min(HEARTBEAT) };
            return None;
        }
        Hand::Evicting { changed, living } => {
            if let Some(row) = evicted(setup, state, living).filter(|_| !changed) {
                state.put(row);
            }
            return Some(Heard::Waited);
        }
        Hand::Writing { since, changed: true, .. } => {
            worker.hand = Hand::Reading { since, now: 0 };
            return None;
        }
        Hand::Writing { since, now, .. } => (since, now),
        _ => return None,
    };
    state.put(changed_row(setup, state, worker, now)?);
    if !matches!(worker.step, Step::KeepSpare) {
        worker.seen = Some(Seen::of(&state.row.0));
    }
    match worker.step {
        Step::Take { .. } => {
            worker.leased = since;
            Some(Heard::Took(true))
        }
        Step::Renew => {
            worker.leased = since;
            worker.hand = Hand::Rereading { now: 0 };
            None
        }
        Step::Commit { .. } => {
            worker.fresh = None;
            Some(Heard::Committed(true))
        }
        Step::KeepSpare => {
            worker.fresh = None;
            Some(Heard::Kept)
        }
        Step::Bury { .. } => Some(Heard::Buried(true)),
        _ => Some(Heard::Released),
    }
}

/// The row a step makes of the row as it is, or nothing when it may not.
fn changed_row(setup: &Setup, state: &State, worker: &Worker, now: u8) -> Option<GrantRow> {
    let (row, me, now) = (&*state.row.0, worker.name.as_str(), stamp(now));
    let new = new_pair(worker);
    match worker.step {
        Step::Take { generation } => transitions::take(row, generation, me, &now, &timings(setup.window)),
        Step::Renew => transitions::renew(row, me, &now),
        Step::Commit { generation } => commit(setup, row, generation, &new?, worker),
        Step::KeepSpare => {
            let mut row = transitions::keep_spare(row, &new?, &now)?;
            if setup.mutant == Some(Mutant::KeepsOneSpare) {
                row.spares.drain(..row.spares.len() - 1);
            }
            Some(row)
        }
        Step::Bury { generation, lost } => {
            let unread = setup.mutant == Some(Mutant::BuriesUnread);
            let all = || row.spares.iter().map(|spare| spare.pair.clone()).collect();
            let refused = if unread { all() } else { worker.refused.pairs() };
            transitions::bury(row, generation, me, &refused, lost, &now, u64::MAX)
        }
        Step::Release { settled } => transitions::release(row, me, settled),
        _ => None,
    }
}

/// The row without the lease of a holder that is gone, or `living` and taken for gone.
pub(super) fn evicted(setup: &Setup, state: &State, living: bool) -> Option<GrantRow> {
    let timings = timings(setup.window);
    if living {
        let holder = state.row.0.lease.as_ref()?.holder.clone();
        return transitions::evict(&state.row.0, &holder, &stamp(0), &timings);
    }
    if setup.mutant == Some(Mutant::EvictsAtOnce) {
        return state.gone().map(|_| GrantRow { lease: None, ..(*state.row.0).clone() });
    }
    transitions::evict(&state.row.0, state.gone()?, &stamp(0), &timings)
}

fn commit(setup: &Setup, row: &GrantRow, from: u64, new: &NewPair, worker: &Worker) -> Option<GrantRow> {
    let (me, doubtful) = (worker.name.as_str(), worker.rotation.doubtful());
    match setup.mutant {
        Some(Mutant::CommitsOverAnything) => {
            transitions::commit(&GrantRow { generation: from, ..row.clone() }, from, new, me, doubtful)
        }
        Some(Mutant::ForgetsDoubt) => transitions::commit(row, from, new, me, false),
        Some(Mutant::FreesOthersLease) => {
            let row = transitions::commit(row, from, new, me, doubtful)?;
            Some(GrantRow { lease: None, ..row })
        }
        _ => transitions::commit(row, from, new, me, doubtful),
    }
}

fn new_pair(worker: &Worker) -> Option<NewPair> {
    worker.fresh.map(|(token, generation)| NewPair {
        pair: seal(token),
        generation,
        issued_at: NOW,
        expires_at: NOW,
        born: None,
        scopes: None,
    })
}

/// Begins to renew the lease while resting.
pub(super) fn beat(state: &State, worker: &mut Worker) -> Option<Heard> {
    let Hand::Resting { age, .. } = worker.hand else { return None };
    if transitions::renew(&state.row.0, &worker.name, &stamp(0)).is_none() {
        return Some(Heard::Paused);
    }
    worker.hand = Hand::Beating { age, now: 0, changed: false };
    None
}
