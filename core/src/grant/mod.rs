//! Grants: their tokens and the rotation that keeps them alive.

pub(crate) mod age;
mod attempt;
mod breaker;
pub(crate) mod cache;
pub(crate) mod change;
pub(crate) mod doubts;
pub(crate) mod endpoint;
mod flight;
pub(crate) mod gate;
pub(crate) mod health;
pub(crate) mod keeper;
pub(crate) mod ledger;
#[cfg(test)]
pub(crate) mod model;
pub mod protocol;
pub(crate) mod rekey;
mod runner;
pub(crate) mod spares;
mod storing;
pub(crate) mod tokens;
pub(crate) mod transitions;
mod turns;

pub use crate::timings::Timings;
pub(crate) use runner::Shared;
pub use tokens::Access;

/// Keeps what is shared by all threads whole while this thread forks.
pub(crate) fn before_fork() {
    flight::before_fork();
    gate::before_fork();
}
