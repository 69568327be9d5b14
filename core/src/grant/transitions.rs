//! The changes a rotation makes to a stored grant, as pure functions: the row as it is goes in, the row as it is to
//! be comes out, or nothing when the change may not be made. The store then writes it only if the row is still the
//! one that went in.

use std::time::Duration;

use super::protocol::{LeaseView, View};
use super::spares;
use crate::clock::Stamp;
use crate::store::{Born, Death, GrantRow, Intent, Lease, Sealed, Spare};
use crate::timings::Timings;

/// Who acts: one worker's random name.
pub(crate) type Holder = str;

/// A success of the identity provider, ready to be stored.
#[derive(Clone, Debug)]
pub(crate) struct NewPair {
    pub(crate) pair: Sealed,
    pub(crate) generation: u64,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) born: Option<Born>,
    pub(crate) scopes: Option<Vec<String>>,
}

/// The row as the protocol sees it, for a worker that has seen these spares `refused`.
pub(crate) fn view(row: &GrantRow, refused: &[Sealed], me: &Holder, now: &Stamp, timings: &Timings) -> View {
    let window = millis(timings.reuse_window);
    View {
        generation: row.generation,
        dead: row.death.is_some(),
        lease: lease_view(row, me, now, timings),
        spare: spares::next(&row.spares, refused).is_some(),
        doubtful: row.intent.as_ref().is_some_and(|intent| intent.generation == row.generation),
        overdue: row.intent.as_ref().is_some_and(|intent| {
            intent.generation == row.generation && now.wall_ms.saturating_sub(intent.since) >= window
        }),
        unsettled: row.intent.as_ref().is_some_and(|intent| {
            intent.generation < row.generation && now.wall_ms.abs_diff(intent.last) < window
        }),
    }
}

/// The row's lease as this worker sees it.
pub(crate) fn lease_view(row: &GrantRow, me: &Holder, now: &Stamp, timings: &Timings) -> LeaseView {
    match &row.lease {
        None => LeaseView::Free,
        Some(lease) if lease.holder == me => LeaseView::Mine,
        Some(lease) => match lease_left(lease, now, timings) {
            0 => LeaseView::Free,
            left_ms => LeaseView::Other { left_ms },
        },
    }
}

/// Milliseconds until a lease lapses, on the clock it was stamped with.
pub(crate) fn lease_left(lease: &Lease, now: &Stamp, timings: &Timings) -> u64 {
    lease.at.left(now, millis(timings.lease))
}

/// Takes the lease and notes the intent.
pub(crate) fn take(
    row: &GrantRow,
    generation: u64,
    me: &Holder,
    now: &Stamp,
    timings: &Timings,
) -> Option<GrantRow> {
    let free = !matches!(lease_view(row, me, now, timings), LeaseView::Other { .. });
    if row.generation != generation || !free {
        return None;
    }
    let fence = row.fence + 1;
    let since = match &row.intent {
        Some(intent) if intent.generation == generation => intent.since,
        _ => now.wall_ms,
    };
    Some(GrantRow {
        lease: Some(Lease { holder: me.to_owned(), fence, at: now.clone() }),
        fence,
        intent: Some(Intent { generation, since, last: now.wall_ms }),
        ..row.clone()
    })
}

/// Whether another worker began to spend the newest token and left without a word of what came of it.
pub(crate) fn left_behind(row: &GrantRow, me: &Holder) -> bool {
    let mine = row.lease.as_ref().is_some_and(|lease| lease.holder == me);
    !mine && row.intent.as_ref().is_some_and(|intent| intent.generation == row.generation)
}

/// Renews a lease that is still this worker's, and notes that another attempt may follow.
pub(crate) fn renew(row: &GrantRow, me: &Holder, now: &Stamp) -> Option<GrantRow> {
    let lease = row.lease.as_ref().filter(|lease| lease.holder == me)?;
    let lease = Lease { at: now.clone(), ..lease.clone() };
    let intent = row.intent.clone().map(|intent| Intent { last: now.wall_ms, ..intent });
    Some(GrantRow { lease: Some(lease), intent, ..row.clone() })
}

/// Stamps a lease anew whose stamp lies in the future, because the clock of leases has been set back: it would not lapse
/// before the clock has come that far again. `now` must have been read after the row, so that the lease is made longer
/// by this and never shorter.
pub(crate) fn restamp(row: &GrantRow, now: &Stamp) -> Option<GrantRow> {
    let lease = row.lease.as_ref().filter(|lease| lease.at.is_ahead(now))?;
    Some(GrantRow { lease: Some(Lease { at: now.clone(), ..lease.clone() }), ..row.clone() })
}

/// Whether a request may still leave so long after its lease was taken or renewed. It is over, answered or given up, when
/// the lease may be taken away: an attempt has that whole time and no more, however late it began, and a request that
/// leaves in the last quarter of it would hardly be answered.
pub(crate) fn may_send(leased_for: Duration, timings: &Timings) -> bool {
    leased_for < timings.attempt_timeout * 3 / 4
}

/// Takes the lease away from a holder whose process seems to have ended, once an attempt begun under it can no longer be
/// under way (see [`may_send`]), for which it makes no difference whether the holder lives after all: overtaken by the next holder's, its request would be a breach, or end the pair that is stored
/// (F3.5). Its intent stays: what it sent may have been acted on.
pub(crate) fn evict(row: &GrantRow, gone: &Holder, now: &Stamp, timings: &Timings) -> Option<GrantRow> {
    let lease = row.lease.as_ref().filter(|lease| lease.holder == gone)?;
    lease.at.passed(now, millis(timings.attempt_timeout)).then(|| GrantRow { lease: None, ..row.clone() })
}

/// Whether `known` is a newer pair of the grant than the row's. A consent since the store was set back begins anew: its
/// pair is the newer one although it counts fewer generations.
pub(crate) fn is_newer(known: &GrantRow, row: &GrantRow) -> bool {
    known.generation > row.generation && known.consented_at >= row.consented_at
}

/// Writes back a newer generation that this worker still knows, over a row from a restored backup: the older token has
/// been spent long ago, and spending it again would end the grant (F3.4).
pub(crate) fn write_back(row: &GrantRow, known: &GrantRow) -> Option<GrantRow> {
    is_newer(known, row).then(|| GrantRow { lease: None, fence: row.fence.max(known.fence), ..known.clone() })
}

/// Gives the lease back. A settled worker also takes its intent along.
pub(crate) fn release(row: &GrantRow, me: &Holder, settled: bool) -> Option<GrantRow> {
    row.lease.as_ref().filter(|lease| lease.holder == me)?;
    let intent = row.intent.clone().filter(|intent| !settled || intent.generation != row.generation);
    Some(GrantRow { lease: None, intent, ..row.clone() })
}

/// Writes a success over the generation it replaces, whoever holds the lease by now: whoever does finds the
/// generation moved before anything is sent.
///
/// A lease that is another worker's by now stays, and so does its intent: its request may be on its way, and whoever
/// spent the new token meanwhile would make that request a breach (F3.5).
pub(crate) fn commit(
    row: &GrantRow,
    from: u64,
    new: &NewPair,
    me: &Holder,
    doubtful: bool,
) -> Option<GrantRow> {
    if row.generation != from || new.generation != from + 1 {
        return None;
    }
    let lease = row.lease.clone().filter(|lease| lease.holder != me);
    let intent = row.intent.clone().filter(|_| doubtful || lease.is_some());
    Some(GrantRow {
        generation: new.generation,
        pair: new.pair.clone(),
        // Pairs that were kept aside have been spent or outlived by this success.
        spares: Vec::new(),
        death: None,
        scopes: new.scopes.clone().unwrap_or_else(|| row.scopes.clone()),
        expires_at: new.expires_at,
        rotated_at: new.issued_at,
        born: new.born.clone(),
        lease,
        intent,
        ..row.clone()
    })
}

/// Keeps a success that lost the race to be the newest pair; a grant found dead lives again with it. Once the winner
/// was itself followed by a newer generation, this one is of no more use and could only be spent too late. So could
/// spares of earlier generations: what was spent for this one is among them if a consent displaced it meanwhile.
pub(crate) fn keep_spare(row: &GrantRow, new: &NewPair, now: &Stamp) -> Option<GrantRow> {
    if row.generation > new.generation || row.pair == new.pair {
        return None;
    }
    let spare = Spare {
        pair: new.pair.clone(),
        generation: new.generation,
        issued_at: new.issued_at,
        kept_at: now.wall_ms,
    };
    let beside = row.spares.iter().filter(|other| other.generation >= new.generation);
    let spares = spares::with(&beside.cloned().collect::<Vec<_>>(), [spare]);
    Some(GrantRow { spares, death: None, ..row.clone() })
}

/// Marks a grant dead: same generation, the lease is this worker's, and there is no spare that it has not seen refused.
pub(crate) fn bury(
    row: &GrantRow,
    generation: u64,
    me: &Holder,
    refused: &[Sealed],
    lost: bool,
    now: &Stamp,
    inactive_ms: u64,
) -> Option<GrantRow> {
    row.lease.as_ref().filter(|lease| lease.holder == me)?;
    if row.generation != generation || spares::next(&row.spares, refused).is_some() {
        return None;
    }
    let reason = if lost {
        "lost_rotation"
    } else if now.wall_ms.saturating_sub(row.rotated_at) >= inactive_ms {
        "inactive"
    } else {
        "revoked"
    };
    // A second refusal tells nothing new about why the first one came.
    let death = row.death.clone().unwrap_or(Death { reason: reason.to_owned(), at: now.wall_ms });
    Some(GrantRow { death: Some(death), spares: Vec::new(), lease: None, intent: None, ..row.clone() })
}

pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Ledger;

    fn leased(at: Stamp) -> GrantRow {
        GrantRow {
            id: "g".into(),
            auth_host: String::new(),
            client_id: String::new(),
            account_id: None,
            generation: 1,
            pair: Sealed(vec![]),
            spares: vec![],
            death: None,
            scopes: vec![],
            sites: vec![],
            expires_at: 0,
            rotated_at: 0,
            born: None,
            first_consented_at: 0,
            consented_at: 0,
            lease: Some(Lease { holder: "gone/1".into(), fence: 1, at }),
            fence: 1,
            intent: None,
            ledger: Ledger::default(),
            seq: 0,
        }
    }

    #[test]
    fn no_request_leaves_that_could_be_on_its_way_when_its_lease_may_be_taken_away() {
        let timings = Timings::default();
        let at = |boot_ms| Stamp { boot: Some("b".into()), boot_ms, wall_ms: boot_ms };
        let mut evicted_from = None;
        for leased_for in (0..=millis(timings.lease)).step_by(500) {
            let evicts = evict(&leased(at(1_000)), "gone/1", &at(1_000 + leased_for), &timings).is_some();
            let sends = may_send(Duration::from_millis(leased_for), &timings);
            assert!(!(evicts && sends), "after {leased_for} ms");
            evicted_from = evicted_from.or(evicts.then_some(leased_for));
        }
        assert_eq!(evicted_from, Some(millis(timings.attempt_timeout)));
        assert!(
            may_send(timings.connect_timeout * 2, &timings),
            "a slow store and a slow connection are no hindrance"
        );
    }
}
