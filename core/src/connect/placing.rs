//! A consent at the store: reads what is there, has [`super::decide`] say where the new pair goes, and writes that in
//! one batch, which goes through only if everything it rests on is still so. Neither network nor clock nor keys are
//! used here, so that the model checker can run this very code (`grant/model/account`).

use super::decide::{Decision, Facts, Home, Relative, decide, is_outdated};
use super::pairs::left_by;
use super::session::Asked;
use crate::config::SitePolicy;
use crate::error::{Code, Error, Result};
use crate::grant::ledger::{Outcome, noted};
use crate::grant::spares;
use crate::records::{Site, SiteChoice};
use crate::store::{
    AccountKey, ConnectionRow, Expect, GrantRow, Intent, Sealed, SessionRow, Spare, Store, Write,
};

/// A consent whose pair is stored, and what has been learnt with it.
pub(crate) struct Learnt<'a> {
    pub(crate) session: &'a SessionRow,
    pub(crate) asked: &'a Asked,
    /// The grant that was made for its pair.
    pub(crate) grant_id: &'a str,
    pub(crate) listed: &'a [Site],
    pub(crate) account: Option<&'a str>,
    pub(crate) policy: SitePolicy,
}

/// Everything one try of placing a consent has read and decided.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The grant that was made for the new pair, with what has been learnt.
    pub(crate) new: GrantRow,
    pub(crate) existing: Option<(ConnectionRow, GrantRow)>,
    pub(crate) relatives: Vec<Relative>,
    /// Grants of the account that other consents are still making. They are left alone, and looked at again once those
    /// consents are placed: both would stand apart otherwise.
    pub(crate) in_the_making: Vec<GrantRow>,
    pub(crate) decision: Decision,
}

impl Plan {
    /// The older grant the new pair goes into, if it does.
    pub(crate) fn elder(&self) -> Option<&GrantRow> {
        let Home::Merged(id) = &self.decision.home else { return None };
        self.relatives.iter().map(|relative| &relative.grant).find(|grant| grant.id == *id)
    }

    /// The account's grants that end with this, beside the one that was made for the new pair.
    fn ended(&self) -> impl Iterator<Item = &GrantRow> {
        let grants = self.relatives.iter().map(|relative| &relative.grant);
        grants.filter(|grant| self.decision.obsolete.contains(&grant.id))
    }

    /// The grants whose workers should be through before this is written: what they are given has no place afterwards,
    /// or only that of the spare.
    pub(crate) fn disturbed(&self) -> impl Iterator<Item = &GrantRow> {
        let merged = self.elder().into_iter().flat_map(|elder| [elder, &self.new]);
        merged.chain(self.ended()).filter(|grant| grant.lease.is_some())
    }

    /// The grants that lose a connection to the home of the new pair and are kept.
    fn left_behind<'p>(&'p self, home: &'p str) -> impl Iterator<Item = &'p GrantRow> {
        let own = self.existing.as_ref().filter(|_| self.decision.place.is_some()).map(|(_, grant)| grant);
        let own_id = own.map(|grant| grant.id.as_str());
        let moves = move |relative: &&Relative| {
            Some(relative.grant.id.as_str()) != own_id
                && relative.connections.iter().any(|row| self.decision.moves.contains(&row.id))
        };
        let others = self.relatives.iter().filter(moves).map(|relative| &relative.grant);
        own.into_iter().chain(others).filter(move |grant| {
            grant.id != home && grant.id != self.new.id && !self.decision.obsolete.contains(&grant.id)
        })
    }
}

/// Reads and decides.
pub(crate) async fn plan(store: &dyn Store, learnt: &Learnt<'_>) -> Result<Plan> {
    let connection_id = &learnt.session.connection_id;
    let stored = store.grant(learnt.grant_id).await?.ok_or_else(gone)?;
    let account_id = stored.account_id.clone().or_else(|| learnt.account.map(str::to_owned));
    let new = GrantRow { account_id, sites: learnt.listed.to_vec(), ..stored };
    let existing = store.resolve(connection_id).await?;
    let all = relatives(store, &new, existing.as_ref().map(|(_, grant)| grant)).await?;
    let (relatives, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| !one.in_the_making());
    let in_the_making = rest.into_iter().map(|relative| relative.grant).collect();
    let before = existing.as_ref().filter(|(row, grant)| grant.id != new.id || row.site.is_some());
    let alone = match before {
        Some((_, grant)) => store.connections_of(&grant.id).await?.len() <= 1,
        None => true,
    };
    let decision = decide(&Facts {
        new: &new,
        connection_id,
        named: learnt.asked.site.as_deref(),
        allow_account_change: learnt.asked.allow_account_change,
        policy: learnt.policy,
        existing: before.map(|(row, grant)| (row, grant)),
        alone,
        relatives: &relatives,
    });
    Ok(Plan { new, existing, relatives, in_the_making, decision })
}

/// The account's other grants; where an account is not known, the connection's own grant is taken for its.
async fn relatives(store: &dyn Store, new: &GrantRow, own: Option<&GrantRow>) -> Result<Vec<Relative>> {
    let mut grants = match account_key(new) {
        Some(key) => store.grants_of(&key).await?,
        None => Vec::new(),
    };
    if let Some(own) = own
        && (own.account_id.is_none() || new.account_id.is_none())
        && !grants.iter().any(|grant| grant.id == own.id)
    {
        grants.push(own.clone());
    }
    let mut relatives = Vec::new();
    for grant in grants.into_iter().filter(|grant| grant.id != new.id) {
        let connections = store.connections_of(&grant.id).await?;
        relatives.push(Relative { grant, connections });
    }
    Ok(relatives)
}

/// Writes it, if nothing it rests on has changed: the new pair's home as it is now, or nothing. `now` is in wall
/// milliseconds; `reseal` seals the pair of a grant for a generation of another one.
pub(crate) async fn write(
    store: &dyn Store,
    learnt: &Learnt<'_>,
    plan: &Plan,
    now: u64,
    reseal: impl Fn(&GrantRow, &str, u64) -> Result<Sealed>,
) -> Result<Option<GrantRow>> {
    let home = match plan.elder() {
        Some(elder) => {
            let left = left_by(&plan.new, &elder.id, elder.generation + 1, now, &reseal)?;
            let told = match learnt.asked.imported() {
                _ if is_outdated(&plan.new, elder) => Outcome::SpareKept,
                true => Outcome::Imported,
                false => Outcome::Reconnected,
            };
            noted(merged(elder, &plan.new, left, now), elder.generation + 1, told, now)
        }
        None => plan.new.clone(),
    };
    let home = endowed(home, plan, now, reseal)?;
    let session = learnt.session;
    let mut expect = vec![
        Expect::Session(session.state_hash.clone(), Some(session.seq)),
        Expect::Grant(plan.new.id.clone(), Some(plan.new.seq)),
        Expect::Connection(session.connection_id.clone(), plan.existing.as_ref().map(|(row, _)| row.seq)),
    ];
    let mut writes = vec![Write::DeleteSession(session.state_hash.clone())];
    let relatives = plan.relatives.iter().map(|relative| &relative.grant);
    for grant in relatives.chain(&plan.in_the_making) {
        expect.push(Expect::Grant(grant.id.clone(), Some(grant.seq)));
    }
    if let Some((_, own)) = &plan.existing
        && !expect.iter().any(|known| matches!(known, Expect::Grant(id, _) if *id == own.id))
    {
        expect.push(Expect::Grant(own.id.clone(), Some(own.seq)));
    }
    for row in plan.relatives.iter().flat_map(|relative| &relative.connections) {
        if plan.decision.moves.contains(&row.id) {
            expect.push(Expect::Connection(row.id.clone(), Some(row.seq)));
            let grant_id = home.id.clone();
            writes.push(Write::PutConnection(ConnectionRow { grant_id, ..row.clone() }));
        }
    }
    if let Some(place) = &plan.decision.place {
        writes.push(Write::PutConnection(connection(learnt, plan, &home.id, now, place.as_ref())));
    }
    writes.extend(plan.decision.obsolete.iter().cloned().map(Write::DeleteGrant));
    // Written as they are, so that who takes away another of their connections meanwhile has to count again, and who
    // is making one of them has to look again who else is there.
    let beside = plan.left_behind(&home.id).chain(&plan.in_the_making);
    writes.extend(beside.cloned().map(Write::PutGrant));
    if plan.decision.home != Home::Dropped {
        writes.push(Write::PutGrant(home.clone()));
    }
    Ok(store.write(expect, writes).await?.map(|seq| GrantRow { seq, ..home }))
}

/// The older grant with the new pair as its next generation. The pair that is displaced is kept as a spare, in case
/// the provider thinks otherwise about which of the two lives (F3.7). So is the new one if its consent is the older of
/// the two. `left` are the new grant's pairs, sealed for that next generation.
fn merged(elder: &GrantRow, new: &GrantRow, left: Vec<Spare>, now: u64) -> GrantRow {
    let generation = elder.generation + 1;
    let account_id = new.account_id.clone().or_else(|| elder.account_id.clone());
    let (newest, siblings) = match left.split_first() {
        Some(split) if !is_outdated(new, elder) => split,
        _ => return GrantRow { account_id, spares: spares::with(&elder.spares, left), ..elder.clone() },
    };
    let displaced = Spare {
        pair: elder.pair.clone(),
        generation: elder.generation,
        issued_at: elder.rotated_at,
        kept_at: now,
    };
    let older = elder.spares.iter().cloned();
    // Whoever was rotating the new pair finds its grant gone, and what it was given is lost with it. That the pair may
    // have been spent goes along, so that it is spent again while that can be done (F3.6).
    let doubt = new.intent.as_ref().filter(|intent| intent.generation == new.generation);
    let intent = doubt.map(|intent| Intent { generation, ..intent.clone() }).or_else(|| elder.intent.clone());
    GrantRow {
        account_id,
        generation,
        pair: newest.pair.clone(),
        spares: spares::with(siblings, elder.death.is_none().then_some(displaced).into_iter().chain(older)),
        death: None,
        scopes: new.scopes.clone(),
        sites: new.sites.clone(),
        expires_at: new.expires_at,
        rotated_at: new.rotated_at,
        born: new.born.clone(),
        first_consented_at: new.first_consented_at,
        consented_at: new.consented_at.max(elder.consented_at),
        lease: None,
        intent,
        ..elder.clone()
    }
}

/// The home with the pairs of the account's grants that end with this. Whichever of them was rotated last may have ended
/// all others, the new one with them (F3.7).
fn endowed(
    home: GrantRow,
    plan: &Plan,
    now: u64,
    reseal: impl Fn(&GrantRow, &str, u64) -> Result<Sealed>,
) -> Result<GrantRow> {
    let generation = plan.elder().map_or(home.generation, |elder| elder.generation + 1);
    let mut home = home;
    for grant in plan.ended().filter(|grant| grant.death.is_none()) {
        let left = left_by(grant, &home.id, generation, now, &reseal)?;
        home = GrantRow { spares: spares::with(&home.spares, left), death: None, ..home };
    }
    Ok(home)
}

/// The connection as it is to be at its new home.
fn connection(
    learnt: &Learnt<'_>,
    plan: &Plan,
    grant_id: &str,
    now: u64,
    place: Option<&(Site, SiteChoice)>,
) -> ConnectionRow {
    let before = plan.existing.as_ref().map(|(row, _)| row);
    let asked = learnt.asked;
    let (tags, metadata) = (asked.tags.clone(), asked.metadata.clone());
    ConnectionRow {
        id: learnt.session.connection_id.clone(),
        grant_id: grant_id.to_owned(),
        site: place.map(|(site, _)| site.clone()),
        site_choice: place.map(|(_, choice)| *choice),
        tags: tags.or_else(|| before.map(|row| row.tags.clone())).unwrap_or_default(),
        metadata: metadata.or_else(|| before.map(|row| row.metadata.clone())).unwrap_or_default(),
        created_at: before.map_or(now, |row| row.created_at),
        seq: 0,
    }
}

/// The pair's grant is no longer there.
pub(super) fn gone() -> Error {
    Error::new(Code::StateInvalid, "this consent was finished or given up elsewhere")
}

/// Whose grant it is, where the account is known.
pub(crate) fn account_key(grant: &GrantRow) -> Option<AccountKey> {
    Some(AccountKey {
        auth_host: grant.auth_host.clone(),
        client_id: grant.client_id.clone(),
        account_id: grant.account_id.clone()?,
    })
}

#[cfg(test)]
#[path = "placing_tests.rs"]
mod tests;
