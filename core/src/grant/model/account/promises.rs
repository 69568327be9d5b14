//! What is promised of an account as a whole, over all reachable states of a number of configurations. What holds
//! always is in `setup::ALWAYS`; each configuration adds what its faults leave possible.

use super::setup::Consents::{self, Apart, LastRotated, NewestOnly};
use super::setup::{
    ACME, BOTH, Faults, IMPORTED, NONE, Promise, Setup, Task, UNKNOWN, ZETA, here, reaching, setup, there,
};
use super::system::holds;
use crate::grant::model::provider::Siblings::{self, All, FirstOnly, LastOnly};

const EVERY: [Consents; 3] = [Apart, NewestOnly, LastRotated];
const EACH: [Siblings; 3] = [All, LastOnly, FirstOnly];

/// Checks it for these answers to what F3.7 and F3.5 leave open.
fn hold(it: &Setup, consents: &[Consents], siblings: &[Siblings]) {
    for consents in consents {
        for siblings in siblings {
            holds(&Setup { consents: *consents, siblings: *siblings, ..it.clone() });
        }
    }
}

fn lossless(it: Setup) -> Setup {
    it.and(&[Promise::NotLost])
}

#[test]
fn a_reconnect_while_a_rotation_is_in_flight_costs_nothing() {
    let it = Setup {
        given: vec![ACME],
        origins: vec![reaching("user-1", &["acme"])],
        tasks: vec![Task::Consent(0), there("user-1")],
        faults: Faults { stall: 1, ..NONE },
        ..setup("reconnect, rotation, stall", Apart)
    };
    hold(&lossless(it), &EVERY, &EACH);
}

#[test]
fn a_reconnect_in_the_window_of_a_crash_costs_nothing() {
    let it = Setup {
        given: vec![ACME],
        origins: vec![reaching("user-1", &["acme"])],
        tasks: vec![Task::Consent(0), Task::Resume("user-1"), there("user-1")],
        faults: Faults { crash: 1, unclear: 1, ..NONE },
        ..setup("reconnect, rotation, crash, unclear", Apart)
    };
    hold(&lossless(it), &[Apart, NewestOnly], &[All]);
}

#[test]
fn a_reconnect_in_the_window_of_a_crash_costs_nothing_where_only_the_last_sibling_lives() {
    for faults in [Faults { crash: 1, ..NONE }, Faults { unclear: 1, ..NONE }] {
        let it = Setup {
            given: vec![ACME],
            origins: vec![reaching("user-1", &["acme"])],
            tasks: vec![Task::Consent(0), there("user-1")],
            faults,
            ..setup("reconnect, rotation, one fault", Apart)
        };
        hold(&lossless(it), &[Apart, NewestOnly], &[LastOnly]);
    }
}

#[test]
fn two_consents_of_one_account_at_once_both_stand() {
    let it = Setup {
        given: vec![ACME],
        origins: vec![reaching("user-2", &["acme", "zeta"]), reaching("user-3", &["acme", "zeta"])],
        tasks: vec![Task::Consent(0), Task::Consent(1)],
        ..setup("two consents", Apart)
    };
    hold(&lossless(it), &EVERY, &EACH);
}

#[test]
fn a_consent_finished_late_displaces_nothing_that_came_after_it() {
    let it = Setup {
        origins: vec![reaching("user-1", &["acme"]), reaching("user-2", &["acme"])],
        tasks: vec![Task::Consent(0), Task::Consent(1), Task::Resume("user-1")],
        faults: Faults { crash: 1, ..NONE },
        ..setup("two consents, crash", Apart)
    };
    hold(&lossless(it), &EVERY, &[All]);
}

#[test]
fn a_rotation_brings_nothing_back_that_was_disconnected_and_costs_nobody_else() {
    let it = Setup {
        given: vec![BOTH],
        tasks: vec![Task::Part("user-1"), Task::Part("user-2"), there("user-1")],
        faults: Faults { crash: 1, ..NONE },
        ..setup("two disconnects, rotation", Apart)
    };
    let it = lossless(it);
    hold(&it, &EVERY, &[All, LastOnly]);
    hold(&Setup { faults: NONE, ..it }, &EVERY, &[FirstOnly]);
}

#[test]
fn a_disconnect_while_a_consent_is_placed_leaves_all_or_nothing() {
    let it = Setup {
        given: vec![BOTH],
        origins: vec![reaching("user-1", &["acme", "zeta"])],
        tasks: vec![Task::Part("user-1"), Task::Part("user-2"), Task::Consent(0)],
        ..setup("disconnect, reconnect", Apart)
    };
    hold(&lossless(it), &EVERY, &[All]);
}

#[test]
fn a_disconnect_a_reconnect_and_a_rotation_at_once_cost_nothing() {
    let it = Setup {
        given: vec![BOTH],
        origins: vec![reaching("user-1", &["acme", "zeta"])],
        tasks: vec![Task::Part("user-2"), Task::Consent(0), there("user-1")],
        ..setup("disconnect, reconnect, rotation", Apart)
    };
    hold(&lossless(it), &EVERY, &EACH);
}

#[test]
fn a_consent_that_reaches_less_leaves_the_others_where_they_are() {
    let it = Setup {
        given: vec![BOTH],
        origins: vec![reaching("user-3", &["zeta"])],
        tasks: vec![Task::Part("user-1"), Task::Part("user-2"), Task::Consent(0), there("user-1")],
        ..setup("resource level", Apart)
    };
    hold(&lossless(it), &[Apart], &[All]);
}

/// Where consents end each other, those that reach different sites cannot all live; one of them does.
#[test]
fn of_consents_that_reach_different_sites_one_lives_whatever_they_do_to_each_other() {
    let it = Setup {
        given: vec![BOTH],
        origins: vec![reaching("user-3", &["zeta"])],
        tasks: vec![Task::Part("user-2"), Task::Consent(0), there("user-1")],
        ..setup("resource level, siblings", Apart)
    };
    hold(&it.clone().and(&[Promise::NotLost]), &[Apart], &EACH);
    hold(&it.and(&[Promise::OneLives]), &[NewestOnly, LastRotated], &EACH);
}

#[test]
fn two_grants_become_one_whatever_is_under_way_on_them() {
    let it = Setup {
        given: vec![ACME, ZETA],
        origins: vec![reaching("user-3", &["acme", "zeta"])],
        tasks: vec![there("user-2"), Task::Part("user-2"), Task::Consent(0)],
        ..setup("two grants become one", Apart)
    };
    hold(&it.clone().and(&[Promise::NotLost]), &[Apart, NewestOnly], &EACH);
    // Who takes away the connection of the one that lives takes the other's life along.
    let it = Setup { tasks: vec![there("user-2"), Task::Consent(0)], patient: true, ..it };
    hold(&it.and(&[Promise::OneLives]), &[LastRotated], &EACH);
}

#[test]
fn an_import_that_joins_its_account_while_it_is_rotated_costs_nothing() {
    let it = Setup {
        given: vec![ACME, IMPORTED],
        tasks: vec![there("user-3"), Task::Resume("user-3"), Task::Resume("user-3")],
        ..setup("import", Apart)
    };
    let it = lossless(it);
    hold(&it, &EVERY, &[All, LastOnly]);
    hold(&Setup { patient: true, ..it }, &EVERY, &[FirstOnly]);
}

/// Until it is learnt, two grants of one account end each other where the last rotation does.
fn learnt_late(rotated: &'static str) {
    let it = Setup {
        given: vec![ACME, UNKNOWN],
        tasks: vec![Task::Learn("user-2"), there(rotated), Task::Part("user-1")],
        ..setup("account learnt late", Apart)
    };
    hold(&it.clone().and(&[Promise::NotLost]), &[Apart], &[All]);
    hold(&it, &[LastRotated], &[All]);
    let it = Setup { tasks: vec![Task::Learn("user-2"), there(rotated)], ..it };
    hold(&it.and(&[Promise::OneLives]), &[LastRotated], &EACH);
}

#[test]
fn an_account_learnt_late_makes_one_grant_of_two_whatever_the_first_is_doing() {
    learnt_late("user-1");
}

#[test]
fn an_account_learnt_late_makes_one_grant_of_two_whatever_the_second_is_doing() {
    learnt_late("user-2");
}

#[test]
fn an_account_learnt_late_takes_nothing_from_an_import_that_is_still_made() {
    let it = Setup {
        given: vec![IMPORTED, ACME],
        tasks: vec![Task::Learn("user-3"), Task::Resume("user-3"), there("user-1")],
        ..setup("account of an import learnt late", Apart)
    };
    hold(&lossless(it), &EVERY, &EACH);
}

#[test]
fn a_store_that_fails_while_a_consent_is_stored_and_placed_costs_nothing() {
    let it = Setup {
        given: vec![ACME],
        origins: vec![reaching("user-1", &["acme"])],
        tasks: vec![Task::Consent(0), Task::Resume("user-1"), there("user-1")],
        faults: Faults { store: 1, ..NONE },
        ..setup("reconnect, rotation, store", Apart)
    };
    hold(&lossless(it), &EVERY, &[All]);
}

#[test]
fn a_store_that_fails_in_a_merge_costs_nothing() {
    let it = Setup {
        given: vec![ACME, ZETA],
        origins: vec![reaching("user-3", &["acme", "zeta"])],
        tasks: vec![Task::Consent(0), Task::Resume("user-3"), there("user-2")],
        faults: Faults { store: 1, ..NONE },
        ..setup("two grants become one, store", Apart)
    };
    hold(&it.and(&[Promise::NotLost]), &[Apart, NewestOnly], &[All]);
    let it = Setup {
        given: vec![ACME, UNKNOWN],
        tasks: vec![Task::Learn("user-2"), there("user-1")],
        faults: Faults { store: 1, ..NONE },
        ..setup("account learnt late, store", Apart)
    };
    hold(&it.clone().and(&[Promise::NotLost]), &[Apart, NewestOnly], &[All]);
    hold(&it.and(&[Promise::OneLives]), &[LastRotated], &[All]);
}

#[test]
fn a_store_that_fails_in_a_disconnect_leaves_all_or_nothing() {
    let it = Setup {
        given: vec![BOTH],
        origins: vec![reaching("user-1", &["acme", "zeta"])],
        tasks: vec![Task::Part("user-1"), Task::Part("user-2"), Task::Consent(0)],
        faults: Faults { store: 1, ..NONE },
        ..setup("disconnect, reconnect, store", Apart)
    };
    hold(&lossless(it), &[Apart, NewestOnly], &[All]);
}

#[test]
fn a_process_that_knows_more_than_a_restored_backup_mends_it() {
    let it = Setup {
        given: vec![ACME],
        origins: vec![reaching("user-1", &["acme"])],
        tasks: vec![here("user-1"), here("user-1"), Task::Consent(0)],
        restored: true,
        ..setup("backup", Apart)
    };
    let it = lossless(it);
    hold(&it, &EVERY, &[All]);
    hold(&it, &[LastRotated], &[LastOnly]);
    hold(&it, &[Apart], &[FirstOnly]);
    hold(&Setup { patient: true, ..it }, &[LastRotated], &[FirstOnly]);
}
