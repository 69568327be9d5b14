//! Wrong rules. The checker must find each of them out where the right one holds.

use super::setup::Consents::{Apart, LastRotated, NewestOnly};
use super::setup::{
    ACME, BOTH, Faults, IMPORTED, Mutant, NONE, Promise, Setup, Task, ZETA, reaching, setup, there,
};
use super::system::{find, holds};
use crate::grant::model::flaws::Flaw;

/// The mutant breaks what is promised in the very same configuration.
fn caught(base: Setup, mutant: Mutant, promise: Promise) {
    let base = Setup { promises: vec![promise], ..base };
    let found = find(&Setup { mutant: Some(mutant), ..base.clone() }, promise);
    assert!(found.is_some(), "{mutant:?} was not found out");
    holds(&base);
}

#[test]
fn a_consent_that_drops_the_pair_it_displaces_is_found_out() {
    let base = setup("mutant: drops the displaced", LastRotated);
    let base = Setup {
        given: vec![ACME],
        origins: vec![reaching("user-1", &["acme"])],
        tasks: vec![Task::Consent(0), there("user-1")],
        ..base
    };
    caught(base, Mutant::DropsTheDisplaced, Promise::NotLost);
}

#[test]
fn a_disconnect_that_takes_anothers_grant_along_is_found_out() {
    let base = setup("mutant: parts blindly", Apart);
    let tasks = vec![Task::Part("user-1"), Task::Part("user-2"), there("user-2")];
    let base = Setup { given: vec![BOTH], tasks, ..base };
    caught(base, Mutant::PartsBlindly, Promise::NothingDangles);
}

#[test]
fn a_merge_in_which_the_older_consent_leads_is_found_out() {
    let base = setup("mutant: the older leads", NewestOnly);
    let base = Setup {
        given: vec![ACME],
        origins: vec![reaching("user-2", &["acme"])],
        tasks: vec![Task::Consent(0), there("user-1")],
        ..base
    };
    caught(base, Mutant::OlderLeads, Promise::NewestLeads);
}

#[test]
fn a_consent_placed_over_whatever_came_meanwhile_is_found_out() {
    let base = setup("mutant: places blindly", Apart);
    let base = Setup {
        given: vec![ACME],
        origins: vec![reaching("user-2", &["acme"])],
        tasks: vec![Task::Consent(0), there("user-1")],
        ..base
    };
    caught(base, Mutant::PlacesBlindly, Promise::Never(Flaw::Overwrote));
}

#[test]
fn a_merge_that_forgets_what_was_in_doubt_is_found_out() {
    let base = setup("mutant: forgets doubt", LastRotated);
    let tasks = vec![there("user-3"), Task::Resume("user-3")];
    let base = Setup { given: vec![ACME, IMPORTED], tasks, ..base };
    caught(base, Mutant::ForgetsDoubt, Promise::NotStuck);
}

#[test]
fn a_consent_that_drops_the_pair_of_a_third_grant_is_found_out() {
    let base = setup("mutant: drops the third", LastRotated);
    let base = Setup {
        given: vec![ACME, ZETA],
        origins: vec![reaching("user-3", &["acme", "zeta"])],
        tasks: vec![there("user-2"), Task::Consent(0)],
        patient: true,
        ..base
    };
    caught(base, Mutant::DropsTheThird, Promise::OneLives);
}

#[test]
fn a_consent_stored_again_after_it_was_taken_away_is_found_out() {
    let base = setup("mutant: stores blindly", Apart);
    let base = Setup {
        given: vec![BOTH],
        origins: vec![reaching("user-1", &["acme", "zeta"])],
        tasks: vec![Task::Consent(0), Task::Part("user-1")],
        faults: Faults { store: 1, ..NONE },
        ..base
    };
    caught(base, Mutant::StoresBlindly, Promise::GoneIsGone);
}
