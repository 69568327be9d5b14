//! What the verbs show of the rows.

use crate::clock::wall_ms;
use crate::grant::cache::Held;
use crate::grant::health::{Health, health};
use crate::records::{Connection, Site};
use crate::store::{ConnectionRow, GrantRow};

/// A connection as a listing returns it, without its ledger. `held` says whether somebody is rotating its grant.
pub(super) fn connection(row: &ConnectionRow, grant: &GrantRow, held: bool) -> Connection {
    let Health { status, reason, reconnect_by } = health(grant, wall_ms(), held);
    Connection {
        id: row.id.clone(),
        grant_id: grant.id.clone(),
        account_id: grant.account_id.clone(),
        site: site(row, grant).cloned(),
        site_choice: row.site_choice,
        scopes: grant.scopes.clone(),
        tags: row.tags.clone(),
        metadata: row.metadata.clone(),
        health: status,
        health_reason: reason,
        reconnect_by,
        generation: grant.generation,
        created_at: row.created_at,
        consented_at: grant.consented_at,
        refreshed_at: grant.rotated_at,
        access_expires_at: grant.expires_at,
        ledger: None,
    }
}

/// A connection's site, as it was last listed.
pub(super) fn site<'a>(row: &'a ConnectionRow, grant: &'a GrantRow) -> Option<&'a Site> {
    let chosen = row.site.as_ref()?;
    Some(grant.sites.iter().find(|listed| listed.cloud_id == chosen.cloud_id).unwrap_or(chosen))
}

/// A connection as the other verbs return it.
pub(super) fn resolved(
    (row, Held { row: grant, .. }): &(std::sync::Arc<ConnectionRow>, Held),
    held: bool,
) -> Connection {
    Connection { ledger: Some(grant.ledger.entries()), ..connection(row, grant, held) }
}
