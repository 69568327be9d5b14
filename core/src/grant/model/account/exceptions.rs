//! What is not promised, each shown by the shortest way there, so that it is known exactly and not guessed. A change
//! of the rules that makes one of these impossible is welcome, and moves it to `promises`.

use super::setup::Consents::{Apart, LastRotated, NewestOnly};
use super::setup::{
    ACME, BOTH, Faults, IMPORTED, NONE, Origin, Promise, Setup, Task, UNKNOWN, ZETA, here, reaching, setup,
    there,
};
use super::system::{Action, find, holds};
use crate::grant::model::provider::Siblings;

fn breaks(setup: &Setup, promise: Promise) -> Vec<Action> {
    find(setup, promise).unwrap_or_else(|| panic!("{}: {promise:?} holds after all", setup.name))
}

/// Chapter 10: the code is spent, its pair is in no store, and where a new consent ends the earlier ones there is
/// nothing else. The callback answers `state_invalid` and the user starts again.
#[test]
fn a_process_that_dies_with_a_new_pair_in_its_hands_can_lose_the_connection() {
    let base = setup("crash before the pair is stored", NewestOnly);
    let it = Setup {
        given: vec![ACME],
        origins: vec![reaching("user-1", &["acme"])],
        tasks: vec![Task::Consent(0)],
        faults: Faults { crash: 1, ..NONE },
        unstored: true,
        ..base
    };
    assert_eq!(breaks(&it, Promise::NotLost), [Action::Begin(0), Action::Crash(0)]);
}

/// Rule 8: only a process that remembers the newer pair can mend a store that was set back. One that does not has no
/// way to know, and spends the old token.
#[test]
fn a_process_that_knows_no_more_than_a_restored_backup_spends_an_old_token() {
    let base = setup("backup, another process", NewestOnly);
    let it = Setup { given: vec![ACME], tasks: vec![there("user-1")], restored: true, ..base };
    breaks(&it, Promise::NotLost);
}

/// The one pair that lives was given to a worker whose grant has become part of another one meanwhile. That the token
/// was spent is known, but spending it again brings no pair that lives.
#[test]
fn where_only_the_first_sibling_lives_an_import_that_joins_its_account_in_mid_rotation_can_be_lost() {
    for consents in [Apart, NewestOnly, LastRotated] {
        let it = Setup {
            siblings: Siblings::FirstOnly,
            given: vec![ACME, IMPORTED],
            tasks: vec![there("user-3"), Task::Resume("user-3")],
            ..setup("import, first sibling", consents)
        };
        breaks(&it, Promise::NotStuck);
        holds(&Setup { patient: true, ..it });
    }
}

/// The same of a grant that a consent makes superfluous, with all its connections.
#[test]
fn where_the_last_rotation_ends_other_consents_one_that_outruns_a_rotation_can_lose_what_that_was_given() {
    let it = Setup {
        given: vec![ACME, ZETA],
        origins: vec![reaching("user-3", &["acme", "zeta"])],
        tasks: vec![there("user-2"), Task::Consent(0)],
        ..setup("two grants become one, outrun", LastRotated)
    };
    breaks(&it, Promise::NotStuck);
    holds(&Setup { patient: true, ..it });
}

/// F1.7 and F3.7 together: what the new consent does not reach has nothing that lives.
#[test]
fn where_the_newest_consent_ends_the_others_one_that_reaches_less_takes_the_rest_along() {
    let it = Setup {
        given: vec![BOTH],
        origins: vec![reaching("user-3", &["zeta"])],
        tasks: vec![Task::Consent(0)],
        ..setup("resource level, newest only", NewestOnly)
    };
    assert!(
        breaks(&it, Promise::NotLost)
            .iter()
            .all(|action| matches!(action, Action::Begin(0) | Action::Step(0)))
    );
}

/// Grants of one account that have to stand apart, or do so until the account is learnt, take turns in living.
#[test]
fn where_the_last_rotation_ends_other_consents_two_grants_of_an_account_end_each_other() {
    for given in [vec![ACME, ZETA], vec![ACME, UNKNOWN]] {
        let it =
            Setup { given, tasks: vec![there("user-2")], ..setup("two grants, a rotation", LastRotated) };
        assert!(
            breaks(&it, Promise::NotLost)
                .iter()
                .all(|action| matches!(action, Action::Begin(0) | Action::Step(0)))
        );
    }
}

/// A consent that lost its patience was placed over the generation of a worker that had yet to send, and whose request
/// then ended the new pair. Its crash leaves the displaced token spent, and nothing says that this has to be settled.
#[test]
fn where_the_last_rotation_ends_other_consents_a_reconnect_and_a_crash_can_lose_the_connection() {
    let it = Setup {
        given: vec![ACME],
        origins: vec![reaching("user-1", &["acme"])],
        tasks: vec![Task::Consent(0), there("user-1")],
        ..setup("reconnect, rotation, crash", LastRotated)
    };
    let crash = Setup { faults: Faults { crash: 1, ..NONE }, ..it.clone() };
    assert_eq!(breaks(&crash, Promise::NotStuck).last(), Some(&Action::Crash(1)));
    let unclear = Setup { faults: Faults { unclear: 1, ..NONE }, ..it };
    assert!(breaks(&unclear, Promise::NotStuck).contains(&Action::Unclear(1, true)));
}

/// Two rotations of a store that was set back, each begun with what the other had not stored yet, and a consent that
/// lost its patience with both.
#[test]
fn where_the_first_sibling_and_the_last_rotation_alone_live_a_restored_backup_and_a_reconnect_can_lose() {
    let it = Setup {
        siblings: Siblings::FirstOnly,
        given: vec![ACME],
        origins: vec![reaching("user-1", &["acme"])],
        tasks: vec![here("user-1"), here("user-1"), Task::Consent(0)],
        restored: true,
        ..setup("backup, reconnect", LastRotated)
    };
    breaks(&it, Promise::NotLost);
}

/// Two consents at once, neither of whose tokens names its account: each learns it without seeing the other, and both
/// get a grant of their own. It takes a third consent, or the account learnt late, to make them one.
#[test]
fn two_consents_at_once_that_do_not_know_their_account_stand_apart() {
    let base = setup("two consents, account unknown", NewestOnly);
    let unknown = |connection| Origin { unknown: true, ..reaching(connection, &["acme"]) };
    let it = Setup {
        origins: vec![unknown("user-1"), unknown("user-2")],
        tasks: vec![Task::Consent(0), Task::Consent(1)],
        ..base
    };
    breaks(&it, Promise::NotLost);
}
