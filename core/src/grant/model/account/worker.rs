//! A rotation's hands, coarser than the parent's: a look at the store, a change of the row, a request and its answer
//! are one step each.

use std::hash::{Hash, Hasher};

use super::jobs::change;
use super::rows::{Descent, newest, open, seal};
use super::setup::Setup;
use super::state::{State, WINDOW};
use crate::grant::model::setup::timings;
use crate::grant::model::state::{NOW, stamp};
use crate::grant::protocol::{Answer, End, Goal, Heard, Rotation, Step, Which};
use crate::grant::transitions::{self, NewPair};
use crate::store::{GrantRow, Sealed, Spare};

/// What it keeps of the row it last read.
#[derive(Clone, Debug, PartialEq, Hash)]
struct Seen {
    generation: u64,
    newest: Option<Descent>,
    /// With what they are sealed in.
    spares: Vec<(Descent, Sealed)>,
}

/// One worker.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Worker {
    pub(super) name: String,
    grant: String,
    /// It belongs to this process.
    here: bool,
    rotation: Rotation,
    pub(super) step: Step,
    /// It renewed its lease and is about to read the row once more.
    rereading: bool,
    seen: Option<Seen>,
    /// Its lease has time left, by its own clock.
    pub(super) leased: bool,
    /// The answer that is on its way back.
    reply: Option<(Answer, Option<Descent>)>,
    fresh: Option<(Descent, u64)>,
    /// Spares it has seen refused.
    refused: Vec<Sealed>,
    /// The row as it was last read or written, for this process's memory.
    row: Option<GrantRow>,
}

impl Hash for Worker {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.name, &self.grant, self.rotation, self.step, self.rereading).hash(state);
        (&self.seen, self.leased, &self.reply, self.fresh, &self.refused).hash(state);
        if let Some(row) = self.row.as_ref().filter(|_| self.here) {
            super::rows::grant(row, state);
        }
    }
}

impl Worker {
    /// Starts for the generation that is not enough.
    pub(super) fn start(state: &mut State, connection: &str, here: bool, who: usize) -> Option<Self> {
        let rows = &state.rows.0;
        let stored = rows.grants.get(&rows.connections.get(connection)?.grant_id)?.clone();
        let grant = stored.id.clone();
        let held = if here { keep(state, stored) } else { stored };
        let goal = Goal { newer_than: held.generation, voluntary: false, revive: false };
        let (rotation, step) = Rotation::new(goal);
        Some(Self {
            name: format!("w{who}"),
            grant,
            here,
            rotation,
            step,
            rereading: false,
            seen: None,
            leased: false,
            reply: None,
            fresh: None,
            refused: Vec::new(),
            row: None,
        })
    }

    /// What it rotates.
    pub(super) fn grant(&self) -> &str {
        &self.grant
    }

    /// Whether a request of its is about to leave.
    pub(super) fn sends(&self) -> bool {
        matches!(self.step, Step::Exchange(_)) && self.reply.is_none() && self.leased
    }

    /// Takes a step; answers itself unless it is over.
    pub(super) fn step(mut self, setup: &Setup, state: &mut State) -> Option<Self> {
        let heard = self.act(setup, state)?;
        self.go_on(state, heard)
    }

    /// The provider acts or does not, and its answer is lost.
    pub(super) fn unclear(mut self, setup: &Setup, state: &mut State, acted: bool) -> Self {
        if acted && let Some(token) = self.token() {
            state.exchange(setup, token);
        }
        self.reply = Some((Answer::Failed { maybe_spent: true }, None));
        self
    }

    fn go_on(mut self, state: &mut State, heard: Option<Heard>) -> Option<Self> {
        let Some(heard) = heard else { return Some(self) };
        self.step = match self.rotation.next(heard) {
            Step::Finish(end) => {
                if self.here {
                    self.remember(state, end);
                }
                return None;
            }
            // How long it may wait at most, and how often it failed, make no difference here.
            Step::Wait { .. } => Step::Wait { at_most_ms: 0 },
            Step::Pause { .. } => Step::Pause { failures: 0 },
            step => step,
        };
        Some(self)
    }

    fn remember(&mut self, state: &mut State, end: End) {
        match self.row.take() {
            Some(row) if end != End::Gone => drop(keep(state, row)),
            _ => drop(state.memory.0.remove(&self.grant)),
        }
    }

    /// `Some(None)` when there is nothing to hear yet.
    fn act(&mut self, setup: &Setup, state: &mut State) -> Option<Option<Heard>> {
        let (me, grant, now) = (self.name.clone(), self.grant.clone(), stamp(0));
        let timings = timings(WINDOW);
        Some(Some(match self.step {
            Step::Finish(_) => return None,
            Step::Read => self.look(state),
            Step::Renew if self.rereading => {
                self.rereading = false;
                self.look(state)
            }
            Step::Renew => {
                self.leased |= change(state, &grant, |row| transitions::renew(row, &me, &now)) == Some(true);
                self.rereading = true;
                return Some(None);
            }
            Step::Wait { .. } => Heard::Waited,
            Step::Pause { .. } => Heard::Paused,
            Step::Take { generation } => {
                let taken =
                    change(state, &grant, |row| transitions::take(row, generation, &me, &now, &timings))
                        == Some(true);
                if taken {
                    self.leased = true;
                    self.see(state);
                }
                Heard::Took(taken)
            }
            Step::Exchange(_) => return Some(self.exchange(setup, state)),
            Step::Commit { generation } => {
                let (new, doubtful) = (self.new_pair()?, self.rotation.doubtful());
                let commit = |row: &GrantRow| transitions::commit(row, generation, &new, &me, doubtful);
                let written = change(state, &grant, commit) == Some(true);
                if written {
                    self.fresh = None;
                    self.see(state);
                }
                Heard::Committed(written)
            }
            Step::KeepSpare => {
                let new = self.new_pair()?;
                change(state, &grant, |row| transitions::keep_spare(row, &new, &now));
                self.fresh = None;
                Heard::Kept
            }
            Step::Bury { generation, lost } => {
                let refused = &self.refused;
                let bury =
                    |row: &GrantRow| transitions::bury(row, generation, &me, refused, lost, &now, u64::MAX);
                Heard::Buried(change(state, &grant, bury) == Some(true))
            }
            Step::Release { settled } => {
                change(state, &grant, |row| transitions::release(row, &me, settled));
                Heard::Released
            }
        }))
    }

    fn look(&mut self, state: &mut State) -> Heard {
        if self.here
            && let Some(known) = state.memory.0.get(&self.grant).cloned()
        {
            change(state, &self.grant.clone(), |row| transitions::write_back(row, &known));
        }
        self.see(state);
        let view = |row| transitions::view(row, &self.refused, &self.name, &stamp(0), &timings(WINDOW));
        Heard::Row(state.rows.0.grants.get(&self.grant).map(view))
    }

    fn see(&mut self, state: &State) {
        let Some(row) = state.rows.0.grants.get(&self.grant) else {
            self.row = None;
            return;
        };
        let opened = |spare: &Spare| {
            open(&spare.pair, &row.id, spare.generation).map(|token| (token, spare.pair.clone()))
        };
        let spares = row.spares.iter().filter_map(opened).collect();
        self.seen = Some(Seen { generation: row.generation, newest: newest(row), spares });
        self.row = self.here.then(|| GrantRow { seq: 0, ..row.clone() });
    }

    /// The spare it is about to spend or has just spent.
    fn spare(&self) -> Option<&(Descent, Sealed)> {
        let mut untried = self.seen.as_ref()?.spares.iter().filter(|(_, pair)| !self.refused.contains(pair));
        untried.next().filter(|_| self.step == Step::Exchange(Which::Spare))
    }

    fn token(&self) -> Option<Descent> {
        self.spare().map(|(token, _)| *token).or(self.seen.as_ref()?.newest)
    }

    fn exchange(&mut self, setup: &Setup, state: &mut State) -> Option<Heard> {
        if let Some((answer, token)) = self.reply.take() {
            let generation = self.seen.as_ref()?.generation + 1;
            self.fresh = token.map(|token| (token, generation));
            if answer == Answer::Refused {
                let spent = self.spare().map(|(_, pair)| pair.clone());
                self.refused.extend(spent);
            }
            return Some(Heard::Answered(answer));
        }
        if !self.leased {
            return Some(Heard::Answered(Answer::TooLate));
        }
        let token = self.token()?;
        self.reply = Some(match state.exchange(setup, token) {
            Some(token) => (Answer::Rotated, Some(token)),
            None => (Answer::Refused, None),
        });
        None
    }

    fn new_pair(&self) -> Option<NewPair> {
        self.fresh.map(|(token, generation)| NewPair {
            pair: seal(token, &self.grant, generation),
            generation,
            issued_at: NOW,
            expires_at: NOW,
            born: None,
            scopes: None,
        })
    }
}

/// Remembers a grant unless a newer one of it is remembered, and answers which is.
fn keep(state: &mut State, row: GrantRow) -> GrantRow {
    let row = GrantRow { seq: 0, ..row };
    let known = state.memory.0.get(&row.id).filter(|known| transitions::is_newer(known, &row));
    let kept = known.cloned().unwrap_or(row);
    state.memory.0.insert(kept.id.clone(), kept.clone());
    debug_assert!(open(&kept.pair, &kept.id, kept.generation).is_some());
    kept
}
