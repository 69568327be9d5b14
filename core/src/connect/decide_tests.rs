use super::super::sites::tests::site;
use super::*;
use crate::store::{Death, Ledger, Sealed};

pub(crate) fn grant(id: &str, account: Option<&str>, sites: &[&str]) -> GrantRow {
    GrantRow {
        id: id.into(),
        auth_host: "auth.atlassian.com".into(),
        client_id: "app".into(),
        account_id: account.map(str::to_owned),
        generation: 1,
        pair: Sealed(vec![]),
        spares: vec![],
        death: None,
        scopes: vec![],
        sites: sites.iter().map(|name| site(name)).collect(),
        expires_at: 0,
        rotated_at: 0,
        born: None,
        first_consented_at: 0,
        consented_at: 0,
        lease: None,
        fence: 0,
        intent: None,
        ledger: Ledger::default(),
        seq: 1,
    }
}

pub(crate) fn row(id: &str, grant_id: &str, on: Option<&str>) -> ConnectionRow {
    ConnectionRow {
        id: id.into(),
        grant_id: grant_id.into(),
        site: on.map(site),
        site_choice: on.map(|_| SiteChoice::Named),
        tags: Default::default(),
        metadata: Default::default(),
        created_at: 0,
        seq: 1,
    }
}

struct Case {
    new: GrantRow,
    named: Option<&'static str>,
    allow_account_change: bool,
    existing: Option<(ConnectionRow, GrantRow)>,
    alone: bool,
    relatives: Vec<Relative>,
}

impl Case {
    /// ada consents for `user-1`, reaching `sites`; nothing else is there.
    fn new(sites: &[&str]) -> Self {
        let new = grant("new", Some("ada"), sites);
        Self { new, named: None, allow_account_change: false, existing: None, alone: true, relatives: vec![] }
    }

    fn relative(mut self, grant: GrantRow, connections: &[(&str, Option<&str>)]) -> Self {
        let connections = connections.iter().map(|(id, on)| row(id, &grant.id, *on)).collect();
        self.relatives.push(Relative { grant, connections });
        self
    }

    fn existing(mut self, grant: GrantRow, on: Option<&str>) -> Self {
        self.existing = Some((row("user-1", &grant.id, on), grant));
        self
    }

    fn decide(&self) -> Decision {
        decide(&Facts {
            new: &self.new,
            connection_id: "user-1",
            named: self.named,
            allow_account_change: self.allow_account_change,
            policy: SitePolicy::First,
            existing: self.existing.as_ref().map(|(row, grant)| (row, grant)),
            alone: self.alone,
            relatives: &self.relatives,
        })
    }
}

fn placed(decision: &Decision) -> Option<Option<&str>> {
    decision.place.as_ref().map(|place| place.as_ref().map(|(site, _)| site.name.as_str()))
}

#[test]
fn a_first_consent_keeps_its_own_grant() {
    let decision = Case::new(&["acme"]).decide();
    assert_eq!(decision.home, Home::Own);
    assert_eq!(placed(&decision), Some(Some("ACME")));
    assert!(decision.moves.is_empty() && decision.obsolete.is_empty() && decision.error.is_none());
}

#[test]
fn a_second_connection_of_an_account_shares_its_grant() {
    let old = grant("old", Some("ada"), &["acme"]);
    let decision = Case::new(&["acme", "zeta"]).relative(old, &[("user-2", Some("acme"))]).decide();
    assert_eq!(decision.home, Home::Merged("old".into()));
    assert_eq!(decision.obsolete, ["new"]);
    assert_eq!(placed(&decision), Some(Some("ZETA")), "the one new site is the consented one");
}

#[test]
fn a_consent_that_reaches_less_than_is_in_use_gets_a_grant_of_its_own() {
    let old = grant("old", Some("ada"), &["acme", "zeta"]);
    let in_use = [("user-2", Some("acme")), ("user-3", Some("zeta"))];
    let decision = Case::new(&["zeta"]).relative(old, &in_use).decide();
    assert_eq!(decision.home, Home::Own);
    assert_eq!(decision.moves, ["user-3"], "only the covered connection moves");
    assert!(decision.obsolete.is_empty());
}

#[test]
fn all_grants_of_an_account_become_one_when_a_consent_reaches_everything() {
    let first = grant("first", Some("ada"), &["acme"]);
    let second = grant("second", Some("ada"), &["zeta"]);
    let decision = Case::new(&["acme", "zeta"])
        .relative(first, &[("user-2", Some("acme"))])
        .relative(second, &[("user-3", Some("zeta"))])
        .decide();
    assert_eq!(decision.home, Home::Merged("first".into()));
    assert_eq!(decision.moves, ["user-3"]);
    assert_eq!(decision.obsolete, ["new", "second"]);
}

#[test]
fn a_reconnect_renews_the_connections_own_grant_and_keeps_its_site() {
    let own = grant("own", Some("ada"), &["zeta", "acme"]);
    let decision = Case::new(&["zeta", "acme"])
        .relative(grant("elder", Some("ada"), &[]), &[])
        .relative(own.clone(), &[("user-1", Some("acme"))])
        .existing(own, Some("acme"))
        .decide();
    assert_eq!(decision.home, Home::Merged("own".into()));
    assert_eq!(placed(&decision), Some(Some("ACME")));
    assert_eq!(decision.obsolete, ["new", "elder"]);
}

#[test]
fn a_reconnect_that_misses_the_stored_site_leaves_a_working_connection_alone() {
    let own = grant("own", Some("ada"), &["acme"]);
    let case =
        Case::new(&["zeta"]).relative(own.clone(), &[("user-1", Some("acme"))]).existing(own, Some("acme"));
    let decision = case.decide();
    assert_eq!(decision.home, Home::Own, "the new grant is kept, so that select_site needs no new consent");
    assert_eq!(placed(&decision), None);
    assert!(decision.obsolete.is_empty());
    assert_eq!(decision.error.unwrap().code(), Code::SiteNotFound);
}

#[test]
fn a_reconnect_that_misses_the_stored_site_replaces_a_dead_grant_without_a_site() {
    let mut own = grant("own", Some("ada"), &["acme"]);
    own.death = Some(Death { reason: "revoked".into(), at: 0 });
    let case =
        Case::new(&["zeta"]).relative(own.clone(), &[("user-1", Some("acme"))]).existing(own, Some("acme"));
    let decision = case.decide();
    assert_eq!(placed(&decision), Some(None));
    assert_eq!(decision.error.unwrap().code(), Code::SiteNotFound);
}

#[test]
fn naming_another_site_moves_the_connection_there() {
    let own = grant("own", Some("ada"), &["acme"]);
    let mut case =
        Case::new(&["zeta"]).relative(own.clone(), &[("user-1", Some("acme"))]).existing(own, Some("acme"));
    case.named = Some("zeta");
    let decision = case.decide();
    assert_eq!(decision.home, Home::Merged("own".into()), "nobody else uses acme");
    assert_eq!(placed(&decision), Some(Some("ZETA")));
}

#[test]
fn another_account_changes_nothing_of_the_connection() {
    let own = grant("own", Some("grace"), &["acme"]);
    let decision = Case::new(&["acme"]).existing(own, Some("acme")).decide();
    assert_eq!((decision.home.clone(), placed(&decision)), (Home::Dropped, None));
    assert_eq!(decision.obsolete, ["new"]);
    assert_eq!(decision.error.unwrap().code(), Code::AccountMismatch);
}

#[test]
fn another_accounts_own_connections_get_the_pair_that_displaced_theirs() {
    let own = grant("own", Some("grace"), &["acme"]);
    let adas = grant("adas", Some("ada"), &["acme"]);
    let decision =
        Case::new(&["acme"]).existing(own, Some("acme")).relative(adas, &[("user-2", Some("acme"))]).decide();
    assert_eq!((decision.home.clone(), placed(&decision)), (Home::Merged("adas".into()), None));
    assert_eq!(decision.error.unwrap().code(), Code::AccountMismatch);
}

#[test]
fn an_allowed_change_of_account_leaves_the_old_grant_to_those_who_use_it() {
    for (alone, obsolete) in [(true, vec!["own"]), (false, vec![])] {
        let own = grant("own", Some("grace"), &["acme"]);
        let mut case = Case::new(&["acme"]).existing(own, Some("acme"));
        (case.allow_account_change, case.alone) = (true, alone);
        let decision = case.decide();
        assert_eq!((decision.home.clone(), placed(&decision)), (Home::Own, Some(Some("ACME"))));
        assert_eq!(decision.obsolete, obsolete);
        assert!(decision.error.is_none());
    }
}

#[test]
fn an_account_nobody_knows_is_taken_for_the_connections_own() {
    let own = grant("own", None, &["acme"]);
    let mut case =
        Case::new(&["acme"]).relative(own.clone(), &[("user-1", Some("acme"))]).existing(own, Some("acme"));
    case.new.account_id = None;
    assert_eq!(case.decide().home, Home::Merged("own".into()));
}

#[test]
fn a_named_site_that_is_absent_keeps_the_connection_without_one() {
    let mut case = Case::new(&["zeta", "umbrella"]);
    case.named = Some("acme");
    let decision = case.decide();
    assert_eq!((decision.home.clone(), placed(&decision)), (Home::Own, Some(None)));
    let error = decision.error.unwrap();
    assert_eq!(error.code(), Code::SiteNotFound);
    assert_eq!(error.context()["sites"].as_array().unwrap().len(), 2);
}

#[test]
fn a_consent_finished_late_joins_the_later_one_and_moves_nobody() {
    let mut later = grant("later", Some("ada"), &["acme", "zeta"]);
    later.consented_at = 1;
    let older = grant("older", Some("ada"), &["acme"]);
    let case = Case::new(&["acme"])
        .relative(older, &[("user-2", Some("acme"))])
        .relative(later, &[("user-3", Some("zeta"))]);
    let decision = case.decide();
    assert_eq!(decision.home, Home::Merged("later".into()));
    assert_eq!((decision.moves.len(), decision.obsolete), (0, vec!["new".to_owned()]));
}

#[test]
fn a_consent_finished_late_that_the_later_one_does_not_reach_keeps_its_own_grant() {
    let mut later = grant("later", Some("ada"), &["zeta"]);
    later.consented_at = 1;
    let decision = Case::new(&["acme"]).relative(later, &[]).decide();
    assert_eq!(
        (decision.home, decision.obsolete),
        (Home::Own, vec![]),
        "the later pair may be the one that lives"
    );
}

#[test]
fn a_dead_grant_is_renewed_by_any_consent() {
    let mut dead = grant("dead", Some("ada"), &["acme"]);
    (dead.consented_at, dead.death) = (1, Some(Death { reason: "revoked".into(), at: 0 }));
    let decision = Case::new(&["acme"]).relative(dead.clone(), &[]).decide();
    assert_eq!(decision.home, Home::Merged("dead".into()));
    assert!(!is_outdated(&grant("new", Some("ada"), &["acme"]), &dead));
}
