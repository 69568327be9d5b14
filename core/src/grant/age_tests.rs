use proptest::prelude::*;

use super::*;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const NOW: u64 = 20_000 * DAY;

/// A wall clock that is off by as much.
fn off() -> impl Strategy<Value = i64> {
    -8 * HOUR as i64..=8 * HOUR as i64
}

/// What a machine that is off by `off` learns from an answer dated `at`, in true time.
fn learnt(at: u64, off: i64, took: u64) -> i64 {
    let wall = |moment: u64| moment.saturating_add_signed(off);
    skew(at / 1000 * 1000, wall(at.saturating_sub(took)), wall(at))
}

proptest! {
    #[test]
    fn where_it_was_asked_for_a_token_lives_as_long_as_the_boot_clock_says(
        life in 0..2 * DAY, age in 0..2 * DAY, boot in 0..1000 * DAY,
        at_birth in off(), now in off(), skew_then in any::<i64>(), skew_now in any::<i64>(),
    ) {
        let issued_at = NOW.saturating_add_signed(at_birth).saturating_add_signed(skew_then);
        let born = Born { clock: "here".into(), at: boot };
        let times = Times { issued_at, expires_at: issued_at.saturating_add(life), born: Some(&born) };
        let life = times.expires_at - times.issued_at;
        let wall_ms = (NOW + age).saturating_add_signed(now);
        let here = Here { clock: "here", boot_ms: boot + age, wall_ms, skew_ms: skew_now };
        prop_assert_eq!(judge(times, here), Age { age, left: life.saturating_sub(age) });
    }

    #[test]
    fn what_a_machine_asked_for_itself_is_not_expired_at_the_next_call(
        off_then in off(), jump in off(), took in 0..20_000_u64,
    ) {
        let skew_ms = learnt(NOW, off_then, took);
        let issued_at = (NOW - took).saturating_add_signed(off_then).saturating_add_signed(skew_ms);
        let born = Born { clock: "here".into(), at: 5 * DAY };
        let times = Times { issued_at, expires_at: issued_at + HOUR, born: Some(&born) };
        let wall_ms = NOW.saturating_add_signed(off_then).saturating_add_signed(jump);
        let here = Here { clock: "here", boot_ms: 5 * DAY + took, wall_ms, skew_ms };
        prop_assert_eq!(judge(times, here).left, HOUR - took);
    }

    #[test]
    fn machines_with_different_clocks_agree_once_they_have_heard_the_date(
        theirs in off(), ours in off(), took in 0..1_500_u64, age in 0..2 * HOUR,
    ) {
        let issued_at = (NOW - took).saturating_add_signed(theirs).saturating_add_signed(learnt(NOW, theirs, took));
        let born = Born { clock: "there".into(), at: 7 };
        let times = Times { issued_at, expires_at: issued_at + HOUR, born: Some(&born) };
        let here = Here {
            clock: "here",
            boot_ms: 1,
            wall_ms: (NOW + age).saturating_add_signed(ours),
            skew_ms: learnt(NOW + age, ours, took),
        };
        let told = judge(times, here).age;
        prop_assert!(told.abs_diff(age) <= 10_000, "{told} for {age}");
    }

    #[test]
    fn a_life_is_never_longer_than_it_was_given(
        life in 0..DAY, wall_ms in any::<u64>(), skew_ms in any::<i64>(), boot_ms in any::<u64>(), at in any::<u64>(),
        clock in prop::sample::select(vec!["here", "there"]),
    ) {
        let born = Born { clock: clock.into(), at };
        for born in [None, Some(&born)] {
            let times = Times { issued_at: NOW, expires_at: NOW + life, born };
            let left = judge(times, Here { clock: "here", boot_ms, wall_ms, skew_ms }).left;
            prop_assert!(left <= life, "{left} of {life}");
        }
    }

    #[test]
    fn what_is_learnt_is_bounded(date in any::<u64>(), began in any::<u64>(), ended in any::<u64>()) {
        prop_assert!(skew(date, began, ended).abs() <= LARGEST_SKEW_MS);
    }
}

#[test]
fn a_right_clock_learns_nothing_from_slow_answers() {
    for took in [0, 500, 5_000, 20_000] {
        assert_eq!(learnt(NOW + 999, 0, took), 0, "{took}");
        assert_eq!(learnt(NOW, 0, took), 0, "{took}");
    }
}

#[test]
fn a_clock_that_is_hours_off_is_noticed() {
    for hours in [-8_i64, -1, 1, 8] {
        let off = hours * HOUR as i64;
        let found = learnt(NOW, off, 200);
        assert!((found + off).abs() < 3_000, "{hours} h: {found}");
    }
}
