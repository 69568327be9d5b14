//! The pairs that are kept beside the newest one. Nobody can tell which of several pairs from one token live (F3.5), or
//! which of two consents' (F3.7), so none of them is thrown away before a newer success or a refusal says so.

use crate::store::{Sealed, Spare};

/// So many are kept. Each of several pairs from one token was asked for under a lease of its own, within the reuse
/// window: more leases do not lapse in it.
pub(crate) const KEPT: usize = 10;

/// The spares with more of them. If that is more than are kept, the first and the last that were issued stay: where one
/// of many siblings lives, it is one of these.
pub(crate) fn with(spares: &[Spare], more: impl IntoIterator<Item = Spare>) -> Vec<Spare> {
    let mut all = spares.to_vec();
    for spare in more {
        if all.iter().all(|known| known.pair != spare.pair) {
            all.push(spare);
        }
    }
    while all.len() > KEPT {
        let ends =
            [all.iter().map(|spare| spare.issued_at).min(), all.iter().map(|spare| spare.issued_at).max()];
        let between = all.iter().position(|spare| !ends.contains(&Some(spare.issued_at))).unwrap_or(1);
        all.remove(between);
    }
    all
}

/// The one to try next, where these were `refused`.
pub(crate) fn next<'s>(spares: &'s [Spare], refused: &[Sealed]) -> Option<&'s Spare> {
    spares.iter().find(|spare| !refused.contains(&spare.pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spare(name: u8, issued_at: u64) -> Spare {
        Spare { pair: Sealed(vec![name]), generation: 3, issued_at, kept_at: 100 }
    }

    fn names(spares: &[Spare]) -> Vec<u8> {
        spares.iter().map(|spare| spare.pair.0[0]).collect()
    }

    #[test]
    fn as_many_are_kept_as_leases_can_lapse_in_a_reuse_window() {
        let timings = crate::timings::Timings::default();
        assert_eq!(KEPT as u128, timings.reuse_window.as_millis() / timings.lease.as_millis());
    }

    #[test]
    fn what_is_kept_twice_is_there_once() {
        let once = with(&[], [spare(1, 5)]);
        assert_eq!(with(&once, [spare(1, 5), spare(2, 6)]), [spare(1, 5), spare(2, 6)]);
    }

    #[test]
    fn the_first_and_the_last_that_were_issued_outlast_all_others() {
        let issued = [50, 10, 90, 20, 30, 40, 60, 70, 80, 55, 65, 75];
        let all = issued.into_iter().zip(1..).fold(vec![], |all, (at, name)| with(&all, [spare(name, at)]));
        assert_eq!(names(&all), [2, 3, 5, 6, 7, 8, 9, 10, 11, 12]);
        let same = (1..=15).fold(vec![], |all, name| with(&all, [spare(name, 7)]));
        assert_eq!(names(&same), [1, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    }

    #[test]
    fn each_is_tried_once() {
        let all = [spare(1, 5), spare(2, 6)];
        let refused = |names: &[u8]| names.iter().map(|name| Sealed(vec![*name])).collect::<Vec<_>>();
        assert_eq!(next(&all, &[]), Some(&all[0]));
        assert_eq!(next(&all, &refused(&[1])), Some(&all[1]));
        assert_eq!(next(&all, &refused(&[2, 1])), None);
    }
}
