//! A clock of this process alone, for Windows, which tells its boots apart to nobody. Its name is random, so that stamps
//! of another process are read by wall time and their leases last one lease longer (DESIGN rule 10).

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// What it shows at first. A clock that began at nothing would make what was never done look as if it had been done just
/// now.
const START: Duration = Duration::from_secs(24 * 3600);

/// On Windows [`Instant`] goes on during suspend
/// (<https://learn.microsoft.com/windows/win32/sysinfo/acquiring-high-resolution-time-stamps>).
pub(super) fn boot_ms() -> u64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from((START + BEGAN.elapsed()).as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn boot_id() -> Option<String> {
    static ID: LazyLock<String> = LazyLock::new(crate::random::id);
    Some(ID.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_a_day_in_and_only_runs_forward() {
        let before = boot_ms();
        assert!(before >= 24 * 3600 * 1000);
        assert!(boot_ms() >= before);
    }

    #[test]
    fn it_has_one_name_in_a_process() {
        assert_eq!(boot_id(), boot_id());
        assert_eq!(boot_id().unwrap().len(), 32);
    }
}
