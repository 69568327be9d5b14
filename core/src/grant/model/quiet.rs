//! What becomes of a grant left to itself: one more worker, no more faults.

use super::hands;
use super::setup::{Faults, LEASE, NEED, Setup};
use super::state::{Hand, Slot, State};
use super::system::{pass, start};
use crate::grant::protocol::End;

/// More moves than any worker without faults needs.
const MANY: usize = 200;

/// Whether a worker that starts once every lease has lapsed ends fresh, if the provider takes a token of the store.
pub(super) fn recovers(setup: &Setup, state: &State) -> bool {
    let setup = Setup { mutant: None, ..setup.clone() };
    let mut state = state.clone();
    for _ in 0..=LEASE + setup.faults.stall {
        pass(&setup, &mut state);
    }
    let taken = state.held().any(|token| state.family.takes(token, setup.window));
    !taken || alone(&setup, state) == Some(End::Fresh)
}

fn alone(setup: &Setup, mut state: State) -> Option<End> {
    state.faults = Faults::default();
    state.slots = vec![Slot { lives: 100, worker: None }];
    start(&mut state, 0, NEED);
    let mut moves = Vec::new();
    for _ in 0..MANY {
        let hand = state.slots[0].worker.as_ref()?.hand;
        if hand == Hand::Waiting {
            pass(setup, &mut state);
        }
        moves.clear();
        hands::moves(setup, &state, 0, &mut moves);
        // The first move is always the one without a fault.
        if let Some(end) = hands::make(setup, &mut state, 0, *moves.first()?) {
            return Some(end);
        }
    }
    None
}
