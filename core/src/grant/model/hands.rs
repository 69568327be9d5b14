//! A worker's hands, as `runner.rs` has them: each look at the store, each write, each leg of an exchange is a move of
//! its own, and anything may happen in between.

use super::at_store::{beat, evicted, look, write};
use super::exchange::{exchange, stray};
use super::flaws::Flaw;
use super::setup::{ATTEMPT, HEARTBEAT, Mutant, REST, Setup};
use super::state::{Hand, Mail, State, Worker};
use crate::grant::protocol::{Answer, End, Heard, Step, Which};

/// What one worker does, or what happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Move {
    /// Reads the row, with the time as it was when the step began.
    Look,
    /// The same, with the time as it is now.
    LookAfterStall,
    /// Writes the row if it has not changed.
    Write,
    /// The store fails instead, with or without having written.
    StoreFails { wrote: bool },
    /// The wait is over.
    Again,
    /// Finds the holder's process ended and reads the row to take its lease away.
    Evict,
    /// The same, with a holder that lives.
    EvictLiving,
    /// The connection stands; looks at the time.
    Clear,
    /// The request leaves.
    Send,
    /// The request certainly does not leave.
    NotSent,
    /// The request arrives and is answered.
    Arrive,
    /// The request arrives, or does not, and no clear answer comes back.
    Unclear { acted: bool },
    /// The request arrives and is turned away: 429, or the app's credentials.
    TurnedAway { credentials: bool },
    /// The request will arrive later than it should.
    Delay,
    /// The reply arrives.
    Hear,
    /// No answer in time.
    GiveUp,
    /// The rest is over.
    Rested,
    /// Renews the lease while resting.
    Beat,
    /// Is told to end.
    Close,
    /// Ends without another word.
    Crash,
}

/// The moves worker `who` has.
pub(super) fn moves(setup: &Setup, state: &State, who: usize, add: &mut Vec<Move>) {
    let Some(worker) = &state.slots[who].worker else { return };
    let faults = &state.faults;
    let stores = matches!(worker.step, Step::Commit { .. } | Step::KeepSpare);
    let blips = faults.blip > 0 && !stores && worker.rotation.insists();
    match worker.hand {
        Hand::Reading { now, .. } | Hand::Rereading { now } => {
            add.push(Move::Look);
            if now > 0 {
                add.push(Move::LookAfterStall);
            }
            if blips {
                add.push(Move::StoreFails { wrote: false });
            }
        }
        Hand::Writing { changed, .. } => {
            add.push(Move::Write);
            if blips || (stores && faults.store > 0) {
                add.push(Move::StoreFails { wrote: false });
                if !changed {
                    add.push(Move::StoreFails { wrote: true });
                }
            }
        }
        Hand::Beating { .. } | Hand::Evicting { .. } => add.push(Move::Write),
        Hand::StoreAway => add.push(Move::Again),
        Hand::Waiting => {
            add.push(Move::Again);
            if evicted(setup, state, false).is_some() {
                add.push(Move::Evict);
            } else if faults.cut > 0 && evicted(setup, state, true).is_some() {
                add.push(Move::EvictLiving);
            }
        }
        Hand::Connecting { age } => {
            add.push(Move::Clear);
            if age >= ATTEMPT || faults.clear > 0 {
                add.push(Move::NotSent);
            }
        }
        Hand::Cleared { age } => {
            add.push(Move::Send);
            if age >= ATTEMPT {
                add.push(Move::GiveUp);
            }
        }
        Hand::Sent { age, mail: Mail::OnWay(request) } => {
            add.push(Move::Arrive);
            if faults.unclear > 0 {
                add.extend([Move::Unclear { acted: false }, Move::Unclear { acted: true }]);
            }
            if faults.clear > 0 {
                add.extend([Move::TurnedAway { credentials: false }, Move::TurnedAway { credentials: true }]);
            }
            if faults.delay > 0 && !request.delayed {
                add.push(Move::Delay);
            }
            if age >= ATTEMPT && request.delayed {
                add.push(Move::GiveUp);
            }
        }
        Hand::Sent { age, mail: Mail::Reply(..) } => {
            add.push(Move::Hear);
            if age >= ATTEMPT && faults.unclear > 0 {
                add.push(Move::GiveUp);
            }
        }
        Hand::Resting { beat, .. } => {
            add.push(Move::Rested);
            if beat >= HEARTBEAT {
                add.push(Move::Beat);
            }
            if setup.closing {
                add.push(Move::Close);
            }
        }
    }
    // A worker that holds nothing and only looks on is as good as one that never began.
    if faults.crash > 0 && !matches!(worker.step, Step::Read | Step::Wait { .. }) {
        add.push(Move::Crash);
    }
}

/// Whether a worker lets time pass only by being held up.
pub(super) fn urgent(hand: Hand) -> bool {
    match hand {
        Hand::Waiting | Hand::StoreAway => false,
        Hand::Sent { age, .. } => age >= ATTEMPT,
        Hand::Resting { age, beat } => age >= REST || beat >= HEARTBEAT,
        _ => true,
    }
}

/// Makes worker `who` make a move. Answers how its rotation ended, if it did.
pub(super) fn make(setup: &Setup, state: &mut State, who: usize, what: Move) -> Option<End> {
    let mut worker = state.slots[who].worker.take().expect("a worker that moves");
    let heard = match what {
        Move::Crash => {
            state.faults.crash -= 1;
            stray(state, worker.hand);
            return None;
        }
        Move::Look | Move::LookAfterStall => look(setup, state, &mut worker, what == Move::LookAfterStall),
        Move::Write => write(setup, state, &mut worker),
        Move::StoreFails { wrote } => {
            let stores = matches!(worker.step, Step::Commit { .. } | Step::KeepSpare);
            *if stores { &mut state.faults.store } else { &mut state.faults.blip } -= 1;
            if wrote {
                write(setup, state, &mut worker.clone());
            }
            worker.hand = Hand::StoreAway;
            None
        }
        Move::Again if worker.hand == Hand::StoreAway => {
            worker.hand = Hand::Reading { since: 0, now: 0 };
            None
        }
        Move::Again => Some(Heard::Waited),
        Move::Evict | Move::EvictLiving => {
            let living = what == Move::EvictLiving;
            state.faults.cut -= u8::from(living);
            worker.hand = Hand::Evicting { changed: false, living };
            None
        }
        Move::Rested => Some(Heard::Paused),
        Move::Close => Some(Heard::Stop),
        Move::Beat => beat(state, &mut worker),
        _ => exchange(setup, state, &mut worker, what).map(Heard::Answered),
    };
    let end = heard.and_then(|heard| go_on(setup, state, &mut worker, heard));
    if end.is_none() {
        state.slots[who].worker = Some(worker);
    }
    end
}

/// Hears of a step and begins the next.
fn go_on(setup: &Setup, state: &mut State, worker: &mut Worker, heard: Heard) -> Option<End> {
    let mut step = worker.rotation.next(heard);
    match (setup.mutant, step) {
        (Some(Mutant::SpendsUnread), Step::Renew) if heard == Heard::Paused => {
            step = Step::Exchange(Which::Newest);
            worker.leased = 0;
        }
        (Some(Mutant::BuriesUnread), Step::Renew) if heard == Heard::Answered(Answer::Refused) => {
            let generation = worker.seen.map_or(0, |seen| seen.generation);
            step = Step::Bury { generation, lost: false };
        }
        (Some(Mutant::ForgetsDoubt), Step::Release { .. }) => step = Step::Release { settled: true },
        _ => {}
    }
    worker.hand = match step {
        Step::Finish(end) => return Some(end),
        Step::Wait { .. } => Hand::Waiting,
        Step::Pause { .. } => Hand::Resting { age: 0, beat: 0 },
        Step::Exchange(_) => {
            if worker.seen.is_some_and(|seen| seen.generation < state.row.0.generation) {
                state.flaws.note(Flaw::SpentBehindLook);
            }
            Hand::Connecting { age: 0 }
        }
        _ => Hand::Reading { since: 0, now: 0 },
    };
    // How long it may wait at most makes no difference here.
    worker.step = if worker.hand == Hand::Waiting { Step::Wait { at_most_ms: 0 } } else { step };
    None
}
