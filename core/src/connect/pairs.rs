//! What a grant leaves to another one that takes its place: all its pairs, because any of them may be the one that
//! lives.

use crate::error::Result;
use crate::store::{GrantRow, Sealed, Spare};

/// All pairs of a grant, the newest first, as spares of the grant `id`. `reseal` seals the pair of a grant for a
/// generation of another one; `now` is in wall milliseconds.
pub(super) fn left_by(
    row: &GrantRow,
    id: &str,
    generation: u64,
    now: u64,
    reseal: impl Fn(&GrantRow, &str, u64) -> Result<Sealed>,
) -> Result<Vec<Spare>> {
    let moved = |row: &GrantRow, issued_at, kept_at| {
        Ok(Spare { pair: reseal(row, id, generation)?, generation, issued_at, kept_at })
    };
    let mut pairs = vec![moved(row, row.rotated_at, now)?];
    for spare in &row.spares {
        let held = GrantRow { pair: spare.pair.clone(), generation: spare.generation, ..row.clone() };
        pairs.push(moved(&held, spare.issued_at, spare.kept_at)?);
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::model::first_row;

    fn reseal(row: &GrantRow, id: &str, generation: u64) -> Result<Sealed> {
        Ok(Sealed(format!("{}.{} for {id}.{generation}", row.pair.0[0], row.generation).into_bytes()))
    }

    #[test]
    fn every_pair_comes_along_opened_as_what_it_was_sealed_for() {
        let spares = vec![Spare { pair: Sealed(vec![7]), generation: 2, issued_at: 5, kept_at: 6 }];
        let row = GrantRow { pair: Sealed(vec![8]), generation: 3, rotated_at: 9, spares, ..first_row() };
        let left = left_by(&row, "other", 4, 10, reseal).unwrap();
        let spare = |pair: &str, issued_at, kept_at| Spare {
            pair: Sealed(pair.as_bytes().to_vec()),
            generation: 4,
            issued_at,
            kept_at,
        };
        assert_eq!(left, [spare("8.3 for other.4", 9, 10), spare("7.2 for other.4", 5, 6)]);
    }
}
