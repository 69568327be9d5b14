//! How a grant is doing: whether calls can work, and until when they will if nobody does anything (F3.3).

use crate::atlassian::token_endpoint::{ABSOLUTE_MS, INACTIVE_MS};
use crate::records::ConnectionStatus;
use crate::store::GrantRow;

/// Attention is due this long before a grant may end.
pub(crate) const NOTICE_MS: u64 = 30 * 24 * 3600 * 1000;

/// A grant's health, the reason where it is not good, and when it may end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    pub(crate) status: ConnectionStatus,
    pub(crate) reason: Option<String>,
    pub(crate) reconnect_by: Option<u64>,
}

/// Judges a grant at `now`, in wall milliseconds; what is said of an unclear rotation depends on whether somebody is
/// still at it.
pub(crate) fn health(grant: &GrantRow, now: u64, held: bool) -> Health {
    if let Some(death) = &grant.death {
        let status = ConnectionStatus::ReauthorizationRequired;
        return Health { status, reason: Some(death.reason.clone()), reconnect_by: None };
    }
    let ends = [
        ("inactive", grant.rotated_at.saturating_add(INACTIVE_MS)),
        ("old_consent", grant.first_consented_at.saturating_add(ABSOLUTE_MS)),
    ];
    let near =
        ends.into_iter().filter(|(_, end)| *end <= now.saturating_add(NOTICE_MS)).min_by_key(|(_, end)| *end);
    let (reason, reconnect_by) = match near {
        Some((reason, end)) => (Some(reason.to_owned()), Some(end)),
        // An attempt under way looks the same; so short a doubt is not worth a word.
        None if grant.doubt().is_some() && !held => (Some("unclear_rotation".to_owned()), None),
        None => (None, None),
    };
    let status = if reason.is_some() { ConnectionStatus::Attention } else { ConnectionStatus::Active };
    Health { status, reason, reconnect_by }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Death, Intent, Ledger, Sealed};

    const DAY: u64 = 24 * 3600 * 1000;
    const NOW: u64 = 1_000 * DAY;

    fn grant() -> GrantRow {
        GrantRow {
            id: "g".into(),
            auth_host: String::new(),
            client_id: String::new(),
            account_id: None,
            generation: 3,
            pair: Sealed(vec![]),
            spares: vec![],
            death: None,
            scopes: vec![],
            sites: vec![],
            expires_at: 0,
            rotated_at: NOW - DAY,
            born: None,
            first_consented_at: NOW - DAY,
            consented_at: NOW - DAY,
            lease: None,
            fence: 0,
            intent: None,
            ledger: Ledger::default(),
            seq: 0,
        }
    }

    fn judged(grant: &GrantRow) -> (ConnectionStatus, Option<String>, Option<u64>) {
        let Health { status, reason, reconnect_by } = health(grant, NOW, false);
        (status, reason, reconnect_by)
    }

    #[test]
    fn a_grant_in_use_is_active() {
        assert_eq!(judged(&grant()), (ConnectionStatus::Active, None, None));
    }

    #[test]
    fn what_ends_first_is_named_with_its_day() {
        let idle = GrantRow { rotated_at: NOW - 61 * DAY, first_consented_at: NOW - 340 * DAY, ..grant() };
        assert_eq!(
            judged(&idle),
            (ConnectionStatus::Attention, Some("old_consent".into()), Some(NOW + 25 * DAY))
        );
        let idle = GrantRow { rotated_at: NOW - 70 * DAY, ..grant() };
        assert_eq!(
            judged(&idle),
            (ConnectionStatus::Attention, Some("inactive".into()), Some(NOW + 20 * DAY))
        );
    }

    #[test]
    fn a_grant_past_its_year_is_warned_of_and_not_given_up() {
        let old = GrantRow { first_consented_at: NOW - 400 * DAY, ..grant() };
        assert_eq!(judged(&old).0, ConnectionStatus::Attention);
    }

    #[test]
    fn a_dead_grant_says_why() {
        let dead = GrantRow { death: Some(Death { reason: "revoked".into(), at: 1 }), ..grant() };
        assert_eq!(judged(&dead), (ConnectionStatus::ReauthorizationRequired, Some("revoked".into()), None));
    }

    #[test]
    fn a_rotation_left_in_doubt_is_told() {
        let doubt = GrantRow { intent: Some(Intent { generation: 3, since: 1, last: 1 }), ..grant() };
        assert_eq!(judged(&doubt).1.as_deref(), Some("unclear_rotation"));
        assert_eq!(health(&doubt, NOW, true).reason, None, "somebody is at it");
        let settled = GrantRow { intent: Some(Intent { generation: 2, since: 1, last: 1 }), ..grant() };
        assert_eq!(judged(&settled).1, None);
    }
}
