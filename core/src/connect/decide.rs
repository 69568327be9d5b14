//! Where a new consent's pair of tokens goes, as pure logic (DESIGN §3, rule 11). One account has one grant for an
//! app (F1.9), so the new pair replaces the old one, unless it reaches fewer sites than are in use (F1.7).

use super::sites::{self, Choice};
use crate::config::SitePolicy;
use crate::error::{Code, Error};
use crate::records::{Site, SiteChoice};
use crate::store::{ConnectionRow, GrantRow};

/// Another grant of the same account, with the connections that use it.
#[derive(Clone, Debug)]
pub(crate) struct Relative {
    pub(crate) grant: GrantRow,
    pub(crate) connections: Vec<ConnectionRow>,
}

impl Relative {
    /// Its sites have never been listed: another consent or an import made it just now and will say where it belongs.
    pub(crate) fn in_the_making(&self) -> bool {
        self.grant.sites.is_empty() && self.connections.iter().all(|row| row.site.is_none())
    }
}

/// Whether the pair of `new` comes of an earlier consent than that of `elder`, as when it was finished late. A dead
/// grant is renewed by any.
pub(crate) fn is_outdated(new: &GrantRow, elder: &GrantRow) -> bool {
    elder.consented_at > new.consented_at && elder.death.is_none()
}

/// What is known when a consent has been exchanged and its sites are listed.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// The grant made for the new pair.
    pub(crate) new: &'a GrantRow,
    /// Whose connection it is for.
    pub(crate) connection_id: &'a str,
    /// The site `connect` named.
    pub(crate) named: Option<&'a str>,
    pub(crate) allow_account_change: bool,
    pub(crate) policy: SitePolicy,
    /// The connection as it is, with its grant; absent when it is new, or already on the new grant without a site.
    pub(crate) existing: Option<(&'a ConnectionRow, &'a GrantRow)>,
    /// No other connection uses the existing one's grant.
    pub(crate) alone: bool,
    /// The account's other grants, oldest consent first.
    pub(crate) relatives: &'a [Relative],
}

/// Where the new pair lives from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In this older grant of the account, over its pair.
    Merged(String),
    /// In the grant that was made for it.
    Own,
    /// Nowhere: the account is not the one it should be, and nothing else uses it.
    Dropped,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) home: Home,
    /// Connections that move to the new home, apart from the one that was connected.
    pub(crate) moves: Vec<String>,
    /// Grants nothing uses any more.
    pub(crate) obsolete: Vec<String>,
    /// The site of the connection at its new home; `None` leaves the connection as and where it is.
    pub(crate) place: Option<Option<(Site, SiteChoice)>>,
    /// What the caller is told although the above is done.
    pub(crate) error: Option<Error>,
}

/// Decides.
pub(crate) fn decide(facts: &Facts<'_>) -> Decision {
    let covered = |site: &Option<Site>| {
        site.as_ref().is_none_or(|site| facts.new.sites.iter().any(|new| new.cloud_id == site.cloud_id))
    };
    let others = |relative: &Relative| -> Vec<ConnectionRow> {
        relative.connections.iter().filter(|row| row.id != facts.connection_id).cloned().collect()
    };
    let covers_all = facts.relatives.iter().flat_map(others).all(|row| covered(&row.site));
    let mismatch = mismatch(facts);

    let jira = sites::jira(&facts.new.sites);
    let stored = facts.existing.and_then(|(row, _)| row.site.as_ref().map(|site| (site, row.site_choice)));
    let known =
        |id: &str| facts.relatives.iter().any(|r| r.grant.sites.iter().any(|site| site.cloud_id == id));
    let choice = sites::choose(facts.named, stored, &jira, known, facts.policy);

    // A reconnect that does not reach the stored site must not break what still works.
    let elsewhere = matches!(choice, Choice::Missing(_))
        && facts.existing.is_some_and(|(row, grant)| grant.death.is_none() && !covered(&row.site));
    let stays = mismatch || elsewhere;

    let own_grant = facts.existing.map(|(_, grant)| grant.id.as_str());
    // A consent that is finished late displaces nothing that came after it: it joins that, where that reaches its site.
    let later = facts.relatives.iter().rev().find(|relative| is_outdated(facts.new, &relative.grant));
    let own_relative = facts.relatives.iter().find(|r| Some(r.grant.id.as_str()) == own_grant);
    let elder = later.or(own_relative).or(facts.relatives.first());
    let reached = |elder: &Relative| match &choice {
        Choice::Take(site, _) => elder.grant.sites.iter().any(|other| other.cloud_id == site.cloud_id),
        Choice::Missing(_) | Choice::Open => true,
    };
    let fits = |elder: &Relative| if later.is_some() { reached(elder) } else { covers_all };
    let home = match elder {
        Some(elder) if fits(elder) && !elsewhere => Home::Merged(elder.grant.id.clone()),
        None if mismatch => Home::Dropped,
        _ => Home::Own,
    };
    let home_id = match &home {
        Home::Merged(id) => id.as_str(),
        Home::Own | Home::Dropped => facts.new.id.as_str(),
    };

    let mut moves = Vec::new();
    let mut obsolete = Vec::new();
    if home != Home::Own {
        obsolete.push(facts.new.id.clone());
    }
    let leaves_behind =
        |grant: &GrantRow| facts.existing.is_some_and(|(_, own)| own.id == grant.id) && !stays;
    for relative in facts.relatives.iter().filter(|relative| relative.grant.id != home_id) {
        let (going, staying): (Vec<_>, Vec<_>) =
            others(relative).into_iter().partition(|row| later.is_none() && covered(&row.site));
        moves.extend(going.into_iter().map(|row| row.id));
        let has_ours = relative.connections.iter().any(|row| row.id == facts.connection_id);
        let needed = !staying.is_empty() || is_outdated(facts.new, &relative.grant);
        if !needed && (!has_ours || leaves_behind(&relative.grant)) {
            obsolete.push(relative.grant.id.clone());
        }
    }

    let own_is_relative = own_relative.is_some();
    if let (Some(own), false, false, true) = (own_grant, own_is_relative, stays, facts.alone) {
        obsolete.push(own.to_owned());
    }

    let error = if mismatch { Some(mismatch_error(facts)) } else { missing(&choice, &jira) };
    let place = (!stays).then_some(match choice {
        Choice::Take(site, how) => Some((site, how)),
        // Named and absent: what the connection had stays, where the new grant reaches it.
        Choice::Missing(_) => stored
            .filter(|(site, _)| covered(&Some((*site).clone())))
            .map(|(site, how)| (site.clone(), how.unwrap_or(SiteChoice::Selected))),
        Choice::Open => None,
    });
    Decision { home, moves, obsolete, place, error }
}

fn missing(choice: &Choice, jira: &[Site]) -> Option<Error> {
    match choice {
        Choice::Missing(named) => Some(sites::not_found(named, jira)),
        _ => None,
    }
}

/// Two known accounts that differ. One that is not known cannot be told apart and is taken for the same.
fn mismatch(facts: &Facts<'_>) -> bool {
    let before = facts.existing.and_then(|(_, grant)| grant.account_id.as_deref());
    let now = facts.new.account_id.as_deref();
    !facts.allow_account_change && before.is_some() && now.is_some() && before != now
}

fn mismatch_error(facts: &Facts<'_>) -> Error {
    let message = format!(
        "connection {:?} belongs to another Atlassian account than the one that consented; it was left as it was",
        facts.connection_id
    );
    Error::new(Code::AccountMismatch, message)
        .with("expected_account_id", facts.existing.and_then(|(_, grant)| grant.account_id.clone()))
        .with("account_id", facts.new.account_id.clone())
}

#[cfg(test)]
#[path = "decide_tests.rs"]
pub(crate) mod tests;
