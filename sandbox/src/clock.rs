//! The sandbox's own clock: real time, or a time at which it stands, plus an offset that tests move.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
pub(crate) type Millis = i64;

/// One second.
pub(crate) const SECOND: Millis = 1000;
/// One day.
pub(crate) const DAY: Millis = 24 * 60 * 60 * SECOND;

/// Real time, or a time at which it stands, plus an offset.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Clock {
    stopped_at: Option<Millis>,
    offset: Millis,
}

impl Clock {
    /// A clock that goes with the machine's, or stands at this second.
    #[must_use]
    pub(crate) fn new(stopped_at: Option<i64>) -> Self {
        Self { stopped_at: stopped_at.map(|second| second.saturating_mul(SECOND)), offset: 0 }
    }

    /// The time of the sandbox.
    #[must_use]
    pub(crate) fn now(&self) -> Millis {
        self.stopped_at.unwrap_or_else(real_now).saturating_add(self.offset)
    }

    /// Moves the clock; a negative number moves it back.
    pub(crate) fn advance(&mut self, by: Millis) {
        self.offset = self.offset.saturating_add(by);
    }

    /// How far the clock stands from real time.
    #[must_use]
    pub(crate) fn offset(&self) -> Millis {
        self.offset
    }
}

/// The time of the machine.
#[must_use]
pub(crate) fn real_now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

/// Unix seconds with three decimals, for JSON.
#[must_use]
pub(crate) fn seconds(at: Millis) -> f64 {
    at as f64 / SECOND as f64
}

/// `2026-11-23T21:44:00.000+0000`, the form Jira uses.
#[must_use]
pub(crate) fn jira_date(at: Millis) -> String {
    let (days, of_day) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (hours, minutes) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (secs, millis) = (of_day / SECOND % 60, of_day % SECOND);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{secs:02}.{millis:03}+0000")
}

/// Days since 1970-01-01 as a date of the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The beginning of a day in UTC; `None`: there is no such day.
#[must_use]
pub(crate) fn midnight(year: i64, month: i64, day: i64) -> Option<Millis> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let shifted_month = (month + 9) % 12;
    let of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let days =
        365 * shifted_year + shifted_year / 4 - shifted_year / 100 + shifted_year / 400 + of_year - 719_468;
    (civil(days) == (year, month, day)).then_some(days * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_the_way_jira_writes_them() {
        assert_eq!(jira_date(0), "1970-01-01T00:00:00.000+0000");
        assert_eq!(jira_date(1_709_210_096_789), "2024-02-29T12:34:56.789+0000");
    }

    #[test]
    fn days_are_found_where_they_are_and_only_those_there_are() {
        assert_eq!(midnight(1970, 1, 1), Some(0));
        assert_eq!(midnight(2024, 2, 29), Some(1_709_210_096_789 / DAY * DAY));
        assert_eq!(midnight(2023, 2, 29), None);
        assert_eq!(midnight(2024, 13, 1), None);
    }
}
