//! One account under a model checker: its grants, its connections, its consents, and what may happen to all of them
//! at the same time. Where the parent's model takes one grant apart down to the legs of an exchange, this one asks
//! what becomes of whole grants: a consent that is placed while a rotation is in flight, a disconnect in between, two
//! grants that become one, consents that reach different sites, a store set back to a backup.
//!
//! What is checked is what runs. [`crate::connect::placing`] and [`crate::connect::parting`] themselves are run, one
//! call to the store at a time (`replay`), against the rows of the real memory store; rotations take their steps from
//! [`crate::grant::protocol`] and their writes from [`crate::grant::transitions`]. Time is left out: a lease lapses
//! whenever its holder is gone, or is held up; patience for it may end at any moment.

mod exceptions;
mod jobs;
mod mutants;
mod promises;
mod quiet;
mod replay;
mod rows;
mod setup;
mod state;
mod system;
mod worker;
