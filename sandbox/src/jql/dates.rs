//! Dates in JQL: absolute ones, and periods such as `-7d`.

use crate::clock::{DAY, Millis, SECOND, midnight};

const MINUTE: Millis = 60 * SECOND;

/// A date in UTC, or a period beside now: `2026-11-23`, `2026/11/23 10:30`, `-90d`, `-1w 2d`.
pub(super) fn read(text: &str, now: Millis) -> Option<Millis> {
    absolute(text.trim()).or_else(|| Some(now.saturating_add(period(text.trim())?)))
}

fn absolute(text: &str) -> Option<Millis> {
    let (date, time) = text.split_once(' ').unwrap_or((text, "00:00"));
    let mut parts = date.split(if date.contains('/') { '/' } else { '-' });
    let mut part =
        || parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok();
    let (year, month, day) = (part()?, part()?, part()?);
    let (hours, minutes) = time.trim().split_once(':')?;
    let (hours, minutes): (Millis, Millis) = (hours.parse().ok()?, minutes.parse().ok()?);
    if parts.next().is_some() || !(0..24).contains(&hours) || !(0..60).contains(&minutes) {
        return None;
    }
    Some(midnight(year, month, day)? + (hours * 60 + minutes) * MINUTE)
}

fn period(text: &str) -> Option<Millis> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut sum: Millis = 0;
    for part in text.split_whitespace() {
        let unit = match part.chars().last()? {
            'w' => 7 * DAY,
            'd' => DAY,
            'h' => 60 * MINUTE,
            'm' => MINUTE,
            _ => return None,
        };
        let number: u32 = part.get(..part.len() - 1)?.parse().ok()?;
        sum = sum.checked_add(unit.checked_mul(number.into())?)?;
    }
    (!text.trim().is_empty()).then_some(sign * sum)
}
