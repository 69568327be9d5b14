//! The clocks. Wall time decides when tokens expire, because it goes on while a laptop sleeps. Leases in SQLite are
//! stamped with the boot clock as well, which no administrator can set back.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

#[cfg(unix)]
mod of_boot;
#[cfg(any(windows, test))]
mod of_process;

#[cfg(unix)]
use of_boot as boot;
#[cfg(windows)]
use of_process as boot;

/// Milliseconds since the epoch.
#[must_use]
pub fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Milliseconds on a clock that only runs forward and counts time spent in suspend, from an arbitrary start.
#[must_use]
pub fn boot_ms() -> u64 {
    boot::boot_ms()
}

/// A moment as a lease stamps it: the boot it was taken in, that boot's clock, and wall time for readers in another
/// boot (DESIGN rule 10). A store with a clock of its own, one for all machines,
/// names that clock instead of a boot and reads it for both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Names the boot, or the store's own clock; `None` where the system does not tell.
    pub boot: Option<String>,
    /// The boot's clock, in milliseconds.
    pub boot_ms: u64,
    /// Wall time, in milliseconds since the epoch.
    pub wall_ms: u64,
}

impl Stamp {
    /// This process's own clocks.
    #[must_use]
    pub fn now() -> Self {
        Self { boot: boot::boot_id(), boot_ms: boot_ms(), wall_ms: wall_ms() }
    }

    /// Whether `span_ms` have passed from this stamp to `now`. Between boots only wall time is left, and there the
    /// span is doubled, because that clock may have been set.
    #[must_use]
    pub fn passed(&self, now: &Stamp, span_ms: u64) -> bool {
        self.left(now, span_ms) == 0
    }

    /// Milliseconds of `span_ms` left at `now`, doubled between boots as in [`Stamp::passed`]. Never more than the
    /// whole: a clock can have been set back, and a store's own clock is a wall clock.
    #[must_use]
    pub fn left(&self, now: &Stamp, span_ms: u64) -> u64 {
        if self.of_one_clock(now) {
            self.boot_ms.saturating_add(span_ms).saturating_sub(now.boot_ms).min(span_ms)
        } else {
            let span_ms = span_ms.saturating_mul(2);
            self.wall_ms.saturating_add(span_ms).saturating_sub(now.wall_ms).min(span_ms)
        }
    }

    /// Whether it lies in the future of `now`. If `now` was read later, the clock has been set back meanwhile.
    #[must_use]
    pub fn is_ahead(&self, now: &Stamp) -> bool {
        if self.of_one_clock(now) { self.boot_ms > now.boot_ms } else { self.wall_ms > now.wall_ms }
    }

    fn of_one_clock(&self, other: &Stamp) -> bool {
        self.boot.is_some() && self.boot == other.boot
    }
}

/// A name for the clock [`boot_ms`] reads. Where the system does not tell boots apart it is this process's own.
pub(crate) fn boot_name() -> &'static str {
    static NAME: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    NAME.get_or_init(|| boot::boot_id().unwrap_or_else(crate::random::id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp() -> impl Strategy<Value = Stamp> {
        (prop::option::of(prop::sample::select(vec!["a", "b"])), any::<u64>(), any::<u64>())
            .prop_map(|(boot, boot_ms, wall_ms)| Stamp { boot: boot.map(str::to_owned), boot_ms, wall_ms })
    }

    #[test]
    fn a_lease_of_another_clock_lasts_one_lease_longer_by_wall_time() {
        let here = |boot: &str, boot_ms, wall_ms| Stamp { boot: Some(boot.to_owned()), boot_ms, wall_ms };
        let taken = here("a", 500_000, 1_000_000);
        assert_eq!(taken.left(&here("a", 560_000, 9_000_000), 60_000), 0, "its own clock alone counts");
        assert_eq!(taken.left(&here("b", 900_000, 1_060_000), 60_000), 60_000);
        assert!(!taken.passed(&here("b", 900_000, 1_119_999), 60_000));
        assert!(taken.passed(&here("b", 0, 1_120_000), 60_000));
    }

    proptest! {
        #[test]
        fn no_clock_makes_a_span_longer_than_twice_itself(at in stamp(), now in stamp(), span in any::<u64>()) {
            let whole = if at.of_one_clock(&now) { span } else { span.saturating_mul(2) };
            prop_assert!(at.left(&now, span) <= whole);
            prop_assert_eq!(at.is_ahead(&now) && now.is_ahead(&at), false);
        }
    }
}
