//! The clocks. Wall time decides when tokens expire, because it goes on while a laptop sleeps. Leases in SQLite are
//! stamped with the boot clock as well, which no administrator can set back.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

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
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds * 1000 + nanos / 1_000_000
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
        Self { boot: boot_id(), boot_ms: boot_ms(), wall_ms: wall_ms() }
    }

    /// Whether `span_ms` have passed from this stamp to `now`. Between boots only wall time is left, and there the
    /// span is doubled, because that clock may have been set.
    #[must_use]
    pub fn passed(&self, now: &Stamp, span_ms: u64) -> bool {
        self.left(now, span_ms) == 0
    }

    /// Milliseconds of `span_ms` left at `now`, doubled between boots as in [`Stamp::passed`].
    #[must_use]
    pub fn left(&self, now: &Stamp, span_ms: u64) -> u64 {
        if self.boot.is_some() && self.boot == now.boot {
            (self.boot_ms + span_ms).saturating_sub(now.boot_ms)
        } else {
            // A wall clock set far back must not make a lease eternal.
            (self.wall_ms + 2 * span_ms).saturating_sub(now.wall_ms).min(2 * span_ms)
        }
    }
}

fn boot_id() -> Option<String> {
    static ID: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    ID.get_or_init(|| {
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned())
    })
    .clone()
}
