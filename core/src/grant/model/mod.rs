//! The rotation under a model checker (DESIGN §3): a few workers, one grant, a strict provider, and every order in
//! which their steps and a bounded number of faults can fall.
//!
//! What is checked is what runs: a worker's steps come from [`super::protocol`], its writes from
//! [`super::transitions`]; `hands` carries them out as `runner` does, one look, write or leg of an exchange at a time.
//! `promises` says what must hold, `exceptions` shows that what is not promised cannot be, and `mutants` that a wrong
//! rule is found out.

mod account;
mod at_store;
mod check;
mod exceptions;
mod exchange;
mod flaws;
mod hands;
mod mutants;
mod promises;
mod provider;
mod quiet;
mod setup;
mod state;
mod system;

pub(crate) use state::first_row;
