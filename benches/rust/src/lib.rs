//! What the benchmark's server and its Rust clients share: the answers, and how a client is driven.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

pub mod answers;
pub mod drive;
