//! What is promised of an account as a whole, over all reachable states of a number of configurations. What holds
//! always is in `setup::ALWAYS`; each configuration adds what its faults leave possible.

use super::setup::Consents::{Apart, LastRotated, NewestOnly};
use super::setup::{
    ACME, BOTH, Faults, IMPORTED, NONE, Promise, Setup, Task, UNKNOWN, ZETA, here, reaching, setup, there,
};
use super::system::holds;

const EVERY: [super::setup::Consents; 3] = [Apart, NewestOnly, LastRotated];

#[test]
fn a_reconnect_while_a_rotation_is_in_flight_costs_nothing() {
    for consents in EVERY {
        let base = setup("reconnect, rotation, stall", consents);
        let it = Setup {
            given: vec![ACME],
            origins: vec![reaching("user-1", &["acme"])],
            tasks: vec![Task::Consent(0), there("user-1")],
            faults: Faults { stall: 1, ..NONE },
            ..base
        };
        holds(&it.and(&[Promise::NotLost]));
    }
}

#[test]
fn a_reconnect_in_the_window_of_a_crash_costs_nothing() {
    for consents in [Apart, NewestOnly] {
        let base = setup("reconnect, rotation, crash, unclear", consents);
        let it = Setup {
            given: vec![ACME],
            origins: vec![reaching("user-1", &["acme"])],
            tasks: vec![Task::Consent(0), Task::Resume("user-1"), there("user-1")],
            faults: Faults { crash: 1, unclear: 1, ..NONE },
            ..base
        };
        holds(&it.and(&[Promise::NotLost]));
    }
}

#[test]
fn two_consents_of_one_account_at_once_both_stand() {
    for consents in EVERY {
        let base = setup("two consents", consents);
        let it = Setup {
            given: vec![ACME],
            origins: vec![reaching("user-2", &["acme", "zeta"]), reaching("user-3", &["acme", "zeta"])],
            tasks: vec![Task::Consent(0), Task::Consent(1)],
            ..base
        };
        holds(&it.and(&[Promise::NotLost]));
    }
}

#[test]
fn a_consent_finished_late_displaces_nothing_that_came_after_it() {
    for consents in EVERY {
        let base = setup("two consents, crash", consents);
        let it = Setup {
            origins: vec![reaching("user-1", &["acme"]), reaching("user-2", &["acme"])],
            tasks: vec![Task::Consent(0), Task::Consent(1), Task::Resume("user-1")],
            faults: Faults { crash: 1, ..NONE },
            ..base
        };
        holds(&it.and(&[Promise::NotLost]));
    }
}

#[test]
fn a_rotation_brings_nothing_back_that_was_disconnected_and_costs_nobody_else() {
    let base = setup("two disconnects, rotation", Apart);
    let it = Setup {
        given: vec![BOTH],
        tasks: vec![Task::Part("user-1"), Task::Part("user-2"), there("user-1")],
        faults: Faults { crash: 1, ..NONE },
        ..base
    };
    holds(&it.and(&[Promise::NotLost]));
}

#[test]
fn a_disconnect_while_a_consent_is_placed_leaves_all_or_nothing() {
    for consents in EVERY {
        let base = setup("disconnect, reconnect", consents);
        let it = Setup {
            given: vec![BOTH],
            origins: vec![reaching("user-1", &["acme", "zeta"])],
            tasks: vec![Task::Part("user-1"), Task::Part("user-2"), Task::Consent(0)],
            ..base
        };
        holds(&it.and(&[Promise::NotLost]));
    }
}

#[test]
fn a_consent_that_reaches_less_leaves_the_others_where_they_are() {
    let base = setup("resource level", Apart);
    let it = Setup {
        given: vec![BOTH],
        origins: vec![reaching("user-3", &["zeta"])],
        tasks: vec![Task::Part("user-1"), Task::Part("user-2"), Task::Consent(0), there("user-1")],
        ..base
    };
    holds(&it.and(&[Promise::NotLost]));
}

#[test]
fn two_grants_become_one_whatever_is_under_way_on_them() {
    for consents in [Apart, NewestOnly] {
        let base = setup("two grants become one", consents);
        let it = Setup {
            given: vec![ACME, ZETA],
            origins: vec![reaching("user-3", &["acme", "zeta"])],
            tasks: vec![there("user-2"), Task::Part("user-2"), Task::Consent(0)],
            ..base
        };
        holds(&it.and(&[Promise::NotLost]));
    }
}

#[test]
fn an_import_that_joins_its_account_while_it_is_rotated_costs_nothing() {
    for consents in EVERY {
        let base = setup("import", consents);
        let it = Setup {
            given: vec![ACME, IMPORTED],
            tasks: vec![there("user-3"), Task::Resume("user-3"), Task::Resume("user-3")],
            ..base
        };
        holds(&it);
    }
}

#[test]
fn an_account_learnt_late_makes_one_grant_of_two_whatever_is_under_way_on_them() {
    for (consents, rotated) in [(Apart, "user-1"), (Apart, "user-2"), (LastRotated, "user-2")] {
        let base = setup("account learnt late", consents);
        let tasks = vec![Task::Learn("user-2"), there(rotated), Task::Part("user-1")];
        holds(&Setup { given: vec![ACME, UNKNOWN], tasks, ..base });
    }
}

#[test]
fn an_account_learnt_late_takes_nothing_from_an_import_that_is_still_made() {
    let base = setup("account of an import learnt late", Apart);
    let tasks = vec![Task::Learn("user-3"), Task::Resume("user-3"), there("user-1")];
    holds(&Setup { given: vec![IMPORTED, ACME], tasks, ..base }.and(&[Promise::NotLost]));
}

#[test]
fn a_process_that_knows_more_than_a_restored_backup_mends_it() {
    for consents in EVERY {
        let base = setup("backup", consents);
        let it = Setup {
            given: vec![ACME],
            origins: vec![reaching("user-1", &["acme"])],
            tasks: vec![here("user-1"), here("user-1"), Task::Consent(0)],
            restored: true,
            ..base
        };
        holds(&it.and(&[Promise::NotLost]));
    }
}
