//! The legs of an exchange, as `endpoint.rs` makes them, and what its request does at the provider.

use std::time::Duration;

use super::flaws::Flaw;
use super::hands::Move;
use super::provider::{Standing, Verdict};
use super::setup::{ATTEMPT, LEASE, Mutant, Setup, timings};
use super::state::{Hand, Mail, Request, State, Worker};
use crate::grant::protocol::Answer;
use crate::grant::transitions;

/// Makes the next of them; answers how the exchange ended, if it did.
pub(super) fn exchange(setup: &Setup, state: &mut State, worker: &mut Worker, what: Move) -> Option<Answer> {
    let seen = worker.seen?;
    let behind = seen.generation < state.row.0.generation;
    match (worker.hand, what) {
        (Hand::Connecting { age }, Move::Clear) => {
            let late = worker.leased + ATTEMPT <= LEASE && setup.mutant == Some(Mutant::SendsLate);
            let leased_for = Duration::from_millis(worker.leased.into());
            if !late && !transitions::may_send(leased_for, &timings(setup.window)) {
                return Some(Answer::TooLate);
            }
            if behind {
                state.flaws.note(Flaw::PassedBehind);
            }
            worker.hand = Hand::Cleared { age };
        }
        (Hand::Connecting { age }, _) => {
            state.faults.clear -= u8::from(age < ATTEMPT);
            return Some(Answer::Failed { maybe_spent: false });
        }
        (Hand::Cleared { age }, Move::Send) => {
            if behind {
                state.flaws.note(Flaw::SentBehind);
            }
            let token = worker.spare().unwrap_or(seen.newest);
            let request = Request { token, age: 0, delayed: false };
            worker.hand = Hand::Sent { age, mail: Mail::OnWay(request) };
        }
        (Hand::Sent { age, mail: Mail::OnWay(mut request) }, what) => {
            let unclear = Mail::Reply(Answer::Failed { maybe_spent: true }, None);
            let mail = match what {
                Move::GiveUp => {
                    stray(state, worker.hand);
                    return Some(Answer::Failed { maybe_spent: true });
                }
                Move::Delay => {
                    state.faults.delay -= 1;
                    request.delayed = true;
                    Mail::OnWay(request)
                }
                Move::Unclear { acted } => {
                    state.faults.unclear -= 1;
                    if acted {
                        arrive(setup, state, request);
                    }
                    unclear
                }
                Move::TurnedAway { credentials } => {
                    state.faults.clear -= 1;
                    let answer =
                        if credentials { Answer::Credentials } else { Answer::Failed { maybe_spent: false } };
                    Mail::Reply(answer, None)
                }
                _ => match arrive(setup, state, request) {
                    Verdict::Issued(token) => Mail::Reply(Answer::Rotated, Some(token)),
                    Verdict::Refused => Mail::Reply(Answer::Refused, None),
                },
            };
            worker.hand = Hand::Sent { age, mail };
        }
        (Hand::Sent { mail: Mail::Reply(answer, token), .. }, Move::Hear) => {
            worker.fresh = token.map(|token| (token, seen.generation + 1));
            if answer == Answer::Refused {
                worker.refused.add(worker.spare());
            }
            return Some(answer);
        }
        (hand, _) => {
            state.faults.unclear -= u8::from(matches!(hand, Hand::Sent { .. }));
            return Some(Answer::Failed { maybe_spent: true });
        }
    }
    None
}

/// A request whose worker is gone stays on its way.
pub(super) fn stray(state: &mut State, hand: Hand) {
    if let Hand::Sent { mail: Mail::OnWay(request), .. } = hand {
        state.strays.push(request);
        state.strays.sort_unstable();
    }
}

/// A request arrives at the provider.
pub(super) fn arrive(setup: &Setup, state: &mut State, request: Request) -> Verdict {
    let lived = state.lives(setup.window);
    let standing = state.family.standing(request.token, setup.window);
    match standing {
        Standing::Replayable => state.flaws.note(Flaw::Replayed),
        Standing::Outrun => state.flaws.note(Flaw::BreachOutrun),
        Standing::Late => state.flaws.note(Flaw::BreachLate),
        _ => {}
    }
    let breach = matches!(standing, Standing::Outrun | Standing::Late);
    if lived && (breach || (setup.theft && standing == Standing::Lost)) {
        state.flaws.note(Flaw::BreachHurt);
    }
    state.family.exchange(request.token, setup.window, setup.siblings, setup.theft)
}
