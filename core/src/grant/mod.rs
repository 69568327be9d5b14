//! Grants: their tokens and the rotation that keeps them alive.

pub(crate) mod age;
mod attempt;
pub(crate) mod cache;
pub(crate) mod change;
pub(crate) mod endpoint;
mod flight;
pub(crate) mod health;
pub(crate) mod keeper;
pub(crate) mod ledger;
#[cfg(test)]
mod model;
pub mod protocol;
mod runner;
pub(crate) mod tokens;
pub(crate) mod transitions;

pub use crate::timings::Timings;
pub(crate) use flight::{after_fork, before_fork};
pub(crate) use runner::Shared;
pub use tokens::Access;
