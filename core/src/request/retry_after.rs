//! When the server wants to be asked again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

/// The wait an answer asks for: `Retry-After` in seconds or as a date, else, on a 429, the reset time (F7.4, F7.5).
/// Dates are read against the answer's own `Date` where it has one, so that a wrong clock here does no harm.
pub(super) fn wait(status: u16, headers: &HeaderMap, wall_ms: u64) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let now = text(DATE.as_str()).and_then(http_date).unwrap_or(wall_ms);
    let until = |moment: u64| Duration::from_millis(moment.saturating_sub(now));
    if let Some(asked) = text(RETRY_AFTER.as_str()) {
        if let Some(seconds) = asked.parse::<f64>().ok().filter(|seconds| *seconds >= 0.0) {
            return Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        }
        if let Some(moment) = http_date(asked) {
            return Some(until(moment));
        }
    }
    if status != 429 {
        return None;
    }
    text("x-ratelimit-reset").and_then(iso_8601).map(until)
}

fn http_date(text: &str) -> Option<u64> {
    millis(httpdate::parse_http_date(text).ok()?)
}

fn millis(moment: SystemTime) -> Option<u64> {
    u64::try_from(moment.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

/// `2026-10-04T22:00:00Z`; seconds, their fraction and the offset can be missing (F7.4).
fn iso_8601(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', ' '])?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let (clock, offset) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at_checked(at)?,
        None => (time, "Z"),
    };
    let mut parts = clock.splitn(3, ':');
    let hour: i64 = parts.next()?.parse().ok()?;
    let minute: i64 = parts.next()?.parse().ok()?;
    let second: i64 = parts.next().unwrap_or("0").split('.').next()?.parse().ok()?;
    let offset = match offset.split_at_checked(1)? {
        ("Z", _) => 0,
        (sign, digits) => {
            let digits = digits.replace(':', "");
            let (hours, minutes) = digits.split_at_checked(2)?;
            let minutes: i64 = if minutes.is_empty() { 0 } else { minutes.parse().ok()? };
            let minutes = (0..60).contains(&minutes).then_some(minutes)?;
            let seconds = (hours.parse::<i64>().ok()? * 60 + minutes) * 60;
            if sign == "-" { -seconds } else { seconds }
        }
    };
    let sane = (1970..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !sane {
        return None;
    }
    // Days since the epoch by the civil calendar, with years that begin in March so that leap days come last.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    u64::try_from((days * 86_400 + hour * 3600 + minute * 60 + second - offset) * 1000).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const NOW: u64 = 1_790_000_000_000;

    fn asked(status: u16, headers: &[(&'static str, &str)]) -> Option<u64> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        wait(status, &map, NOW).map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(asked(503, &[("retry-after", "7")]), Some(7000));
        assert_eq!(asked(503, &[("retry-after", " 0.5 ")]), Some(500));
        assert_eq!(asked(503, &[("retry-after", "1e300")]), Some(u64::MAX));
        assert_eq!(asked(503, &[]), None);
        for broken in ["", "-1", "soon", "NaN", "2026-10-04"] {
            assert_eq!(asked(503, &[("retry-after", broken)]), None, "{broken}");
        }
        let date = |ms: u64| httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(ms));
        assert_eq!(asked(429, &[("retry-after", &date(NOW + 9000))]), Some(9000));
        assert_eq!(asked(429, &[("retry-after", &date(NOW - 9000))]), Some(0));
        let wrong_clock = [("retry-after", &*date(9000)), ("date", &*date(2000))];
        assert_eq!(asked(429, &wrong_clock), Some(7000));
    }

    #[test]
    fn the_reset_time_stands_in_on_a_429_only() {
        let reset = [("x-ratelimit-reset", "2026-10-04T22:00Z"), ("date", "Sun, 04 Oct 2026 21:59:30 GMT")];
        assert_eq!(asked(429, &reset), Some(30_000));
        assert_eq!(asked(503, &reset), None);
        let both = [("retry-after", "2"), ("x-ratelimit-reset", "2026-10-04T22:00Z")];
        assert_eq!(asked(429, &both), Some(2000));
    }

    #[test]
    fn iso_dates_of_every_spelling() {
        for (text, expected) in [
            ("1970-01-01T00:00Z", Some(0)),
            ("2024-02-29T12:30:15Z", Some(1_709_209_815_000)),
            ("2024-02-29T12:30:15.750+0000", Some(1_709_209_815_000)),
            ("2024-02-29T14:30:15+02:00", Some(1_709_209_815_000)),
            ("2024-02-29T07:00:15-05:30", Some(1_709_209_815_000)),
            ("2000-03-01T00:00:00Z", Some(951_868_800_000)),
            ("1791151200", None),
            ("2024-13-01T00:00Z", None),
            ("2024-01-01T", None),
            ("99999999999999999999-01-01T00:00Z", None),
            ("2024-01-01T00:00+é", None),
            ("2024-01-01T00:00+00:60", None),
            ("2024-01-01T00:00+009223372036854775807", None),
        ] {
            assert_eq!(iso_8601(text), expected, "{text}");
        }
    }
}
