//! How much a store remembers of what was removed, the same for all stores.

/// Removals are remembered this long, in milliseconds.
pub(super) const REMOVALS_KEPT_MS: u64 = 24 * 60 * 60 * 1000;

/// At most this many removals are remembered.
pub(super) const REMOVALS_KEPT: usize = 10_000;

/// Beyond this many ids [`super::Changes`] says `everything` instead of listing them.
pub(super) const CHANGES_LISTED: usize = 10_000;

/// How long after its expiry a session whose exchange never came to an end is kept, in milliseconds. An exchange that
/// began in the last moment must still find its session, and none lasts this long.
pub(super) const ABANDONED_AFTER_MS: u64 = 60 * 60 * 1000;
