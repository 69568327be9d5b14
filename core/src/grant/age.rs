//! How old a token is and how long it lives, on clocks that may be wrong (DESIGN §3, rule 10). Pure: the clocks go in.
//!
//! On the machine that asked for a token its boot clock counts, which nobody sets and which goes on during suspend.
//! Elsewhere, and after a reboot, the wall clock does, mended by what the token endpoint's `Date` told of it.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::{boot_ms, boot_name, wall_ms};
use crate::store::{Born, GrantRow};

/// The largest error of a wall clock that is believed. A clock in the wrong time zone is off by 14 hours at most; more
/// is as likely a fault of the answer.
const LARGEST_SKEW_MS: i64 = 24 * 3600 * 1000;

/// A `Date` this close to the wall clock tells nothing: it has whole seconds, and answers take their time.
const UNNOTICED_MS: i64 = 2_000;

/// What is to be added to this machine's wall clock, as the token endpoint told last.
#[derive(Debug, Default)]
pub(crate) struct Skew(AtomicI64);

impl Skew {
    /// Learns from the `Date` of an answer to a request between two moments of the wall clock.
    pub(crate) fn learn(&self, date_ms: u64, began: u64, ended: u64) {
        self.0.store(skew(date_ms, began, ended), Ordering::Relaxed);
    }

    pub(crate) fn ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Wall time as the token endpoint has it.
    pub(crate) fn mend(&self, wall_ms: u64) -> u64 {
        wall_ms.saturating_add_signed(self.ms())
    }
}

/// The correction: none where none is needed to explain the date, given whole seconds and the time the answer took;
/// otherwise the middle of what would.
fn skew(date_ms: u64, began: u64, ended: u64) -> i64 {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let least = signed(date_ms).saturating_sub(signed(ended.max(began))).saturating_sub(UNNOTICED_MS);
    let most =
        signed(date_ms).saturating_add(1_000).saturating_sub(signed(began)).saturating_add(UNNOTICED_MS);
    if least <= 0 && most >= 0 {
        return 0;
    }
    (least / 2 + most / 2).clamp(-LARGEST_SKEW_MS, LARGEST_SKEW_MS)
}

/// This machine's clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here<'a> {
    /// The name of its boot clock.
    pub(crate) clock: &'a str,
    pub(crate) boot_ms: u64,
    pub(crate) wall_ms: u64,
    /// As [`Skew::ms`].
    pub(crate) skew_ms: i64,
}

impl Here<'static> {
    pub(crate) fn now(skew: &Skew) -> Self {
        Self { clock: boot_name(), boot_ms: boot_ms(), wall_ms: wall_ms(), skew_ms: skew.ms() }
    }
}

/// What is known of a token's time, as the store keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times<'a> {
    /// Start of its request, in wall time as the token endpoint has it.
    pub(crate) issued_at: u64,
    /// Its end, in the same.
    pub(crate) expires_at: u64,
    /// Where and when it was asked for.
    pub(crate) born: Option<&'a Born>,
}

impl GrantRow {
    /// The time of the newest pair.
    pub(crate) fn times(&self) -> Times<'_> {
        Times { issued_at: self.rotated_at, expires_at: self.expires_at, born: self.born.as_ref() }
    }
}

/// A token's age and what is left of its life, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age {
    pub(crate) age: u64,
    pub(crate) left: u64,
}

/// Judges. What is left is never more than the whole life, however far a clock is behind.
pub(crate) fn judge(times: Times<'_>, here: Here<'_>) -> Age {
    let life = times.expires_at.saturating_sub(times.issued_at);
    let age = match times.born.filter(|born| born.clock == here.clock) {
        Some(born) => here.boot_ms.saturating_sub(born.at),
        None => here.wall_ms.saturating_add_signed(here.skew_ms).saturating_sub(times.issued_at),
    };
    Age { age, left: life.saturating_sub(age) }
}

#[cfg(test)]
#[path = "age_tests.rs"]
mod tests;
