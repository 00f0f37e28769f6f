//! The rows that concern people, groups and keys, against each actor, as a table.

use super::*;
use Role::{Administrator, Publisher, Viewer};

const ME: AccountId = AccountId::from_bytes([1; 16]);
const OTHER: AccountId = AccountId::from_bytes([2; 16]);

const CLOSED: Rules = Rules {
    see_themselves_only: true,
    publishers_own_groups: false,
    publishers_create_users: false,
    edit_own_profile: false,
    api_keys: true,
};
const OPEN: Rules = Rules {
    see_themselves_only: false,
    publishers_own_groups: true,
    publishers_create_users: true,
    edit_own_profile: true,
    api_keys: true,
};

fn actor(role: Role) -> Actor {
    let with = With::SignIn { limited: false, fresh: true };
    Actor { account: Some(ME), role, locked: false, with }
}

fn of(account: AccountId) -> Target {
    Target { account: Some(account), ..Target::default() }
}

fn keyed(role: Role, scopes: &str) -> Actor {
    Actor { with: With::Key(scopes.parse().expect("scopes")), ..actor(role) }
}

const COMMAND: Actor =
    Actor { account: None, role: Viewer, locked: false, with: With::Command { force: false } };
const FORCED: Actor = Actor { with: With::Command { force: true }, ..COMMAND };

/// A row: the act, the target, and for viewer, publisher, administrator whether they may, with options closed and open.
/// `y` yes, `n` no, `o` with open options only.
#[test]
fn the_table_of_people_groups_and_keys() {
    let mine = Target { group_owner: Some(ME), ..Target::default() };
    let theirs = Target { group_owner: Some(OTHER), ..Target::default() };
    let governed = Target { group_governed: true, ..mine };
    for (act, target, wanted) in [
        (Act::SignIn, of(ME), "yyy"),
        (Act::LookAtSelf, of(ME), "yyy"),
        (Act::LookAtSelf, of(OTHER), "nnn"),
        (Act::ListPeople, Target::default(), "oyy"),
        (Act::ListGroups, Target::default(), "oyy"),
        (Act::SeeGroup, theirs, "oyy"),
        (Act::SeePerson, of(ME), "yyy"),
        (Act::SeePerson, of(OTHER), "oyy"),
        (Act::CreatePerson { role: Viewer }, Target::default(), "noy"),
        (Act::CreatePerson { role: Publisher }, Target::default(), "noy"),
        (Act::CreatePerson { role: Administrator }, Target::default(), "nny"),
        (Act::CreateGroup, Target::default(), "noy"),
        (Act::EditGroup, mine, "yyy"),
        (Act::EditGroup, theirs, "nny"),
        (Act::EditGroup, governed, "nnn"),
        (Act::RemoveGroup, mine, "yyy"),
        (Act::RemoveGroup, theirs, "nny"),
        (Act::AddMember, Target { account: Some(ME), ..theirs }, "nny"),
        (Act::AddMember, mine, "yyy"),
        (Act::RemoveMember, Target { account: Some(ME), ..theirs }, "yyy"),
        (Act::RemoveMember, Target { account: Some(OTHER), ..theirs }, "nny"),
        (Act::RemoveMember, Target { account: Some(ME), ..governed }, "nnn"),
        (Act::ChangeRole { to: Viewer }, of(OTHER), "nny"),
        (Act::ChangeRole { to: Administrator }, of(OTHER), "nny"),
        (Act::ChangeRole { to: Viewer }, of(ME), "yyy"),
        (Act::ChangeRole { to: Publisher }, of(ME), "nyy"),
        (Act::ChangeRole { to: Administrator }, of(ME), "nny"),
        (Act::ChangeRole { to: Viewer }, Target { role_governed: true, ..of(OTHER) }, "nnn"),
        (Act::ChangeRole { to: Viewer }, Target { last_administrator: true, ..of(ME) }, "nnn"),
        (Act::ChangeRole { to: Administrator }, Target { last_administrator: true, ..of(ME) }, "nny"),
        (Act::Rename, of(OTHER), "nny"),
        (Act::Rename, of(ME), "nny"),
        (Act::Rename, Target { name_governed: true, ..of(OTHER) }, "nnn"),
        (Act::EditProfile, of(ME), "ooy"),
        (Act::EditProfile, of(OTHER), "nny"),
        (Act::EditProfile, Target { profile_governed: true, ..of(ME) }, "nnn"),
        (Act::Lock, of(OTHER), "nny"),
        (Act::Lock, of(ME), "yyy"),
        (Act::Lock, Target { last_administrator: true, ..of(ME) }, "nnn"),
        (Act::Unlock, of(OTHER), "nny"),
        (Act::Remove, of(OTHER), "nnn"),
        (Act::Remove, of(ME), "nnn"),
        (Act::Transfer, of(OTHER), "nnn"),
        (Act::EndSignIns, of(ME), "yyy"),
        (Act::EndSignIns, of(OTHER), "nny"),
        (Act::ReadAudit, Target::default(), "nny"),
        (Act::CreateKey { role: Viewer }, of(ME), "yyy"),
        (Act::CreateKey { role: Publisher }, of(ME), "nyy"),
        (Act::CreateKey { role: Administrator }, of(ME), "nny"),
        (Act::CreateKey { role: Viewer }, of(OTHER), "nnn"),
        (Act::ListKeys, of(ME), "yyy"),
        (Act::ListKeys, of(OTHER), "nny"),
        (Act::EndKey, of(ME), "yyy"),
        (Act::EndKey, of(OTHER), "nny"),
        (Act::AddFactor, of(ME), "yyy"),
        (Act::AddFactor, of(OTHER), "nnn"),
        (Act::EndFactor, of(ME), "yyy"),
        (Act::EndFactor, of(OTHER), "nny"),
    ] {
        for (role, wanted) in Role::ALL.into_iter().zip(wanted.chars()) {
            for (rules, open) in [(&CLOSED, false), (&OPEN, true)] {
                let expected = wanted == 'y' || wanted == 'o' && open;
                let found = may(&actor(role), act, &target, rules);
                assert_eq!(found.is_ok(), expected, "{act:?} {target:?} as {role}, open={open}: {found:?}");
                // Strangers and the locked may nothing, whatever the table says.
                let stranger = Actor { account: None, with: With::Nothing, ..actor(role) };
                assert_eq!(may(&stranger, act, &target, rules), Err(Rule::SignInFirst.into()), "{act:?}");
                let locked = Actor { locked: true, ..actor(role) };
                assert_eq!(may(&locked, act, &target, rules), Err(Rule::Locked.into()), "{act:?}");
                // A key of all scopes never may more than its owner.
                let all: Scopes = Scope::ALL.into_iter().collect();
                let key = Actor { with: With::Key(all), ..actor(role) };
                let by_key = may(&key, act, &target, rules);
                assert!(by_key.is_err() || found.is_ok(), "{act:?} as {role} by key");
                assert_eq!(
                    may(&key, act, &target, &Rules { api_keys: false, ..*rules }),
                    Err(Rule::KeysOff.into())
                );
            }
        }
    }
}

#[test]
fn a_key_needs_the_scope_and_never_touches_keys_factors_and_sign_ins() {
    for (scopes, act, target, wanted) in [
        ("account:read", Act::LookAtSelf, of(ME), Ok(())),
        ("account:read", Act::SeePerson, of(ME), Ok(())),
        ("account:read", Act::SeePerson, of(OTHER), Err(Rule::Scope)),
        ("users:write", Act::ListPeople, Target::default(), Err(Rule::Scope)),
        ("users:read", Act::Lock, of(OTHER), Err(Rule::Scope)),
        ("users:write", Act::Lock, of(OTHER), Ok(())),
        ("sessions ide", Act::ReadAudit, Target::default(), Err(Rule::Scope)),
        ("audit:read", Act::ReadAudit, Target::default(), Ok(())),
        ("users:write", Act::CreateKey { role: Viewer }, of(ME), Err(Rule::NeverByKey)),
        ("users:write", Act::EndKey, of(ME), Err(Rule::NeverByKey)),
        ("users:write", Act::EndSignIns, of(ME), Err(Rule::NeverByKey)),
        ("users:write", Act::AddFactor, of(ME), Err(Rule::NeverByKey)),
        ("users:write", Act::EndFactor, of(OTHER), Err(Rule::NeverByKey)),
        ("users:write", Act::Remove, of(OTHER), Err(Rule::NeverByKey)),
    ] {
        let found = may(&keyed(Administrator, scopes), act, &target, &OPEN);
        assert_eq!(found, wanted.map_err(Refused::from), "{scopes} {act:?}");
    }
    // The role of a key is the caller's to cap; with a viewer's role an administrator's scope is worth nothing.
    assert_eq!(
        may(&keyed(Viewer, "users:write"), Act::Lock, &of(OTHER), &OPEN),
        Err(Rule::MayNotLock.into())
    );
}

#[test]
fn what_lasts_needs_a_recent_proof_and_what_ends_ones_own_does_not() {
    let stale = Actor { with: With::SignIn { limited: false, fresh: false }, ..actor(Administrator) };
    for (act, target, wanted) in [
        (Act::CreateKey { role: Viewer }, of(ME), Err(Rule::Renew)),
        (Act::AddFactor, of(ME), Err(Rule::Renew)),
        (Act::EndFactor, of(ME), Err(Rule::Renew)),
        (Act::Lock, of(OTHER), Err(Rule::Renew)),
        (Act::ChangeRole { to: Viewer }, of(OTHER), Err(Rule::Renew)),
        (Act::EndKey, of(ME), Ok(())),
        (Act::EndSignIns, of(ME), Ok(())),
        (Act::Lock, of(ME), Ok(())),
        (Act::ListPeople, Target::default(), Ok(())),
        // Refused anyway: nobody is asked for a proof first.
        (Act::Remove, of(OTHER), Err(Rule::CommandOnly)),
    ] {
        assert_eq!(may(&stale, act, &target, &OPEN), wanted.map_err(Refused::from), "{act:?}");
    }
}

#[test]
fn a_limited_sign_in_is_for_the_own_account_only() {
    let limited = Actor { with: With::SignIn { limited: true, fresh: true }, ..actor(Administrator) };
    for (act, target, wanted) in [
        (Act::LookAtSelf, of(ME), true),
        (Act::AddFactor, of(ME), true),
        (Act::EndSignIns, of(ME), true),
        (Act::EndSignIns, of(OTHER), false),
        (Act::ListPeople, Target::default(), false),
        (Act::Lock, of(OTHER), false),
        (Act::CreateKey { role: Viewer }, of(ME), false),
        (Act::EndFactor, of(ME), false),
    ] {
        assert_eq!(may(&limited, act, &target, &OPEN).is_ok(), wanted, "{act:?}");
    }
}

#[test]
fn the_command_line_may_all_but_what_needs_force() {
    let last = Target { last_administrator: true, ..of(OTHER) };
    let mapped = Target { role_governed: true, ..of(OTHER) };
    for (act, target, plain) in [
        (Act::Remove, of(OTHER), Ok(())),
        (Act::Transfer, of(OTHER), Ok(())),
        (Act::Lock, last, Ok(())),
        (Act::ChangeRole { to: Viewer }, last, Err(Rule::LastAdministrator)),
        (Act::ChangeRole { to: Viewer }, mapped, Err(Rule::RoleGoverned)),
        (Act::Remove, last, Err(Rule::LastAdministrator)),
        (Act::CreatePerson { role: Administrator }, Target::default(), Ok(())),
    ] {
        assert_eq!(may(&COMMAND, act, &target, &CLOSED), plain.map_err(Refused::from), "{act:?}");
        assert_eq!(may(&FORCED, act, &target, &CLOSED), Ok(()), "{act:?} --force");
    }
}

#[test]
fn a_refusal_has_its_code() {
    assert_eq!(Refused::from(Rule::LastAdministrator), Refused { rule: Rule::LastAdministrator, code: 61 });
    assert_eq!((Rule::Renew.code(), Rule::Renew.status()), (99, 401));
    assert_eq!((Rule::MayNot.code(), Rule::MayNot.status()), (22, 403));
}
