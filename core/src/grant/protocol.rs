//! The rotation protocol as pure logic (DESIGN §3): what a worker saw goes in, what it is to do next comes out. No
//! clock, no store, no network, no secret. [`super::runner`] carries the steps out; the same code can be driven by
//! simulated time or a model checker.
//!
//! One [`Rotation`] is one worker's way from "this generation's access token is not enough" to a newer generation
//! in the store, or to the reason why there is none.

/// What a worker wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Goal {
    /// Any generation above this one will do, whoever made it.
    pub newer_than: u64,
    /// Nothing needs it yet; rotating later is as good.
    pub voluntary: bool,
    /// Try even a grant found dead: staff reported waves of refusals that passed (F3.12), and a password change can
    /// be undone (F3.9).
    pub revive: bool,
}

/// A grant's lease as one worker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LeaseView {
    /// Nobody holds it, or it has lapsed.
    Free,
    /// This worker holds it.
    Mine,
    /// Another worker does, for at most this long if it does not renew.
    Other {
        /// Milliseconds.
        left_ms: u64,
    },
}

/// A grant as one worker sees it at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct View {
    /// Which pair is the newest.
    pub generation: u64,
    /// Its refresh token was refused.
    pub dead: bool,
    /// Who may rotate.
    pub lease: LeaseView,
    /// A spare is kept that this worker has not seen refused.
    pub spare: bool,
    /// An attempt to spend this generation's token is on record whose outcome nobody knows.
    pub doubtful: bool,
    /// That attempt began so long ago that, if it did spend the token, spending it again would be a breach.
    pub overdue: bool,
    /// An unclear attempt of an earlier generation is so recent that its request may still arrive.
    pub unsettled: bool,
}

/// Which refresh token to spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Which {
    /// That of the newest generation.
    Newest,
    /// That of the first spare not seen refused.
    Spare,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    /// A new pair.
    Rotated,
    /// `invalid_grant` or `unauthorized_client` (F3.8).
    Refused,
    /// The app's own credentials were refused (F2.7): no fault of the grant.
    Credentials,
    /// No clear answer. `maybe_spent` unless the token certainly was not spent.
    Failed {
        /// The token may have been spent.
        maybe_spent: bool,
    },
    /// The lease had too little time left once the connection stood, so nothing was sent.
    TooLate,
}

/// How a rotation ends for its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    /// The store holds a newer generation.
    Fresh,
    /// The identity provider refuses this grant.
    Dead,
    /// The grant is no longer in the store.
    Gone,
    /// The app's credentials were refused.
    Credentials,
    /// A voluntary rotation was put off until an unclear attempt is settled.
    PutOff,
    /// The worker was told to stop while waiting for better weather.
    Stopped,
}

/// What the worker is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Read the grant; answer with [`Heard::Row`].
    Read,
    /// Let another worker go on, for at most this long; answer with [`Heard::Waited`].
    Wait {
        /// Milliseconds.
        at_most_ms: u64,
    },
    /// Take the lease and note the intent, if the generation is still this one; answer with [`Heard::Took`].
    Take {
        /// The expected generation.
        generation: u64,
    },
    /// Renew the lease if it is still this worker's, and read the grant; answer with [`Heard::Row`].
    Renew,
    /// Spend a refresh token; answer with [`Heard::Answered`].
    Exchange(Which),
    /// Write the new pair over this generation; answer with [`Heard::Committed`].
    Commit {
        /// The expected generation.
        generation: u64,
    },
    /// The generation moved: keep the new pair as a spare; answer with [`Heard::Kept`].
    KeepSpare,
    /// Mark the grant dead; answer with [`Heard::Buried`].
    Bury {
        /// The expected generation.
        generation: u64,
        /// An unclear attempt came before, so the rotation was probably lost.
        lost: bool,
    },
    /// Wait for better weather, renewing the lease; answer with [`Heard::Paused`] or [`Heard::Stop`].
    Pause {
        /// Attempts that failed so far.
        failures: u32,
    },
    /// Give the lease back; answer with [`Heard::Released`].
    Release {
        /// Every attempt's outcome is known, so the intent can be forgotten.
        settled: bool,
    },
    /// Nothing more.
    Finish(End),
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Heard {
    /// The grant, if it is there.
    Row(Option<View>),
    /// The wait is over.
    Waited,
    /// Whether the lease was taken.
    Took(bool),
    /// How the exchange ended.
    Answered(Answer),
    /// Whether the pair was written.
    Committed(bool),
    /// The spare was kept, or there is nothing it could be of use for.
    Kept,
    /// Whether the grant was marked dead.
    Buried(bool),
    /// The pause is over.
    Paused,
    /// The worker is to end, instead of pausing.
    Stop,
    /// The lease was given back, or was not this worker's any more.
    Released,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Phase {
    /// Not holding the lease.
    Outside,
    /// Holding it, between attempts.
    Retrying,
    /// Holding it, the identity provider having refused.
    Refused,
    /// Giving it back on the way to an end.
    Leaving(End),
}

/// One worker's rotation of one grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rotation {
    goal: Goal,
    phase: Phase,
    generation: u64,
    which: Which,
    newest_refused: bool,
    failures: u32,
    /// An attempt under this lease, or one on record when it was taken, may have spent the token.
    doubtful: bool,
}

impl Rotation {
    /// A worker that has done nothing yet; its first step is to read.
    #[must_use]
    pub fn new(goal: Goal) -> (Self, Step) {
        let generation = goal.newer_than;
        let phase = Phase::Outside;
        let which = Which::Newest;
        (
            Self { goal, phase, generation, which, newest_refused: false, failures: 0, doubtful: false },
            Step::Read,
        )
    }

    /// The next step after what was heard of the last one.
    pub fn next(&mut self, heard: Heard) -> Step {
        match heard {
            Heard::Row(None) => Step::Finish(End::Gone),
            Heard::Row(Some(view)) => self.look(view),
            Heard::Waited => Step::Read,
            Heard::Took(false) | Heard::Buried(false) => self.outside(),
            Heard::Took(true) => Step::Exchange(self.which),
            Heard::Answered(answer) => self.answered(answer),
            Heard::Committed(true) => Step::Finish(End::Fresh),
            // Somebody wrote a newer pair meanwhile; a success is never thrown away all the same.
            Heard::Committed(false) => Step::KeepSpare,
            Heard::Kept => self.outside(),
            Heard::Buried(true) => Step::Finish(End::Dead),
            Heard::Paused => {
                self.phase = Phase::Retrying;
                Step::Renew
            }
            Heard::Stop => self.leave(End::Stopped),
            Heard::Released => match self.phase {
                Phase::Leaving(end) => Step::Finish(end),
                _ => Step::Read,
            },
        }
    }

    fn outside(&mut self) -> Step {
        self.phase = Phase::Outside;
        Step::Read
    }

    fn leave(&mut self, end: End) -> Step {
        self.phase = Phase::Leaving(end);
        Step::Release { settled: !self.doubtful }
    }

    fn look(&mut self, view: View) -> Step {
        // Never spend a token of an older generation than the newest one known.
        if view.generation > self.goal.newer_than {
            return if view.lease == LeaseView::Mine {
                self.leave(End::Fresh)
            } else {
                Step::Finish(End::Fresh)
            };
        }
        let held = view.lease == LeaseView::Mine && view.generation == self.generation;
        match self.phase {
            Phase::Retrying if held => {
                self.prefer(view);
                Step::Exchange(self.which)
            }
            Phase::Refused if held => self.refused(view),
            _ => self.approach(view),
        }
    }

    fn approach(&mut self, view: View) -> Step {
        self.phase = Phase::Outside;
        if view.dead && !self.goal.revive {
            return Step::Finish(End::Dead);
        }
        if self.goal.voluntary && view.unsettled && !view.doubtful {
            return Step::Finish(End::PutOff);
        }
        if let LeaseView::Other { left_ms } = view.lease {
            return Step::Wait { at_most_ms: left_ms };
        }
        self.generation = view.generation;
        self.which = Which::Newest;
        self.newest_refused = false;
        self.prefer(view);
        self.doubtful |= view.doubtful;
        Step::Take { generation: view.generation }
    }

    /// Spending a newest token that may have been spent too long ago could kill the family and the spares with it
    /// (F3.4), so they come first then.
    fn prefer(&mut self, view: View) {
        if view.overdue && view.spare {
            self.which = Which::Spare;
        }
    }

    /// A refusal is believed only after the store was read again, and after every other token was tried.
    fn refused(&mut self, view: View) -> Step {
        self.newest_refused |= self.which == Which::Newest;
        if view.spare {
            self.which = Which::Spare;
            return Step::Exchange(Which::Spare);
        }
        if !self.newest_refused {
            self.which = Which::Newest;
            return Step::Exchange(Which::Newest);
        }
        Step::Bury { generation: view.generation, lost: self.doubtful }
    }

    fn answered(&mut self, answer: Answer) -> Step {
        match answer {
            Answer::Rotated => Step::Commit { generation: self.generation },
            Answer::Refused => {
                self.phase = Phase::Refused;
                Step::Renew
            }
            Answer::Credentials => self.leave(End::Credentials),
            Answer::Failed { maybe_spent } => {
                self.failures += 1;
                self.doubtful |= maybe_spent;
                Step::Pause { failures: self.failures }
            }
            Answer::TooLate => self.outside(),
        }
    }

    /// Whether a step that the store failed is to be made again, for as long as it takes. Who holds the lease keeps
    /// everybody else from rotating, and who is in doubt may be the only one who knows that the token has to be spent
    /// again within the window (rule 5).
    #[must_use]
    pub fn insists(&self) -> bool {
        self.doubtful || self.phase != Phase::Outside
    }

    /// Whether an attempt may have spent the token without our knowing what came of it.
    #[must_use]
    pub fn doubtful(&self) -> bool {
        self.doubtful
    }
}
