//! Who is cut when, and who sees whose session; the people and sessions that other tests use.

use std::net::IpAddr;

use portcullis_model::account::Role;
use portcullis_model::load::Load;
use portcullis_model::session::{End, EndReason, Ide, Step, Transport};
use portcullis_model::sign_in::Principal;
use portcullis_model::{Gid, Port, Secret, Uid};
use portcullis_wire::ToServer;

use super::*;
use crate::standing::tests::exemption;

pub(crate) fn sign_in(user: &str, number: u8) -> SignIn {
    let principal = Principal {
        user: user.parse().expect("a name"),
        uid: Uid(1000 + u32::from(number)),
        gid: Gid(1000),
        groups: vec!["users".into()],
        home: format!("/home/{user}"),
        shell: "/bin/sh".into(),
    };
    let id = SignInId::from_bytes([number; 16]);
    SignIn::of(id, principal, IpAddr::from([127, 0, 0, 1]), (100, 3700))
}

pub(crate) fn session(user: &str, number: u8) -> Session {
    Session {
        id: SessionId::from_bytes([number; 8]),
        user: user.parse().expect("a name"),
        ide: Ide::Jupyter,
        state: State::Launching(Step::Port),
        transport: Transport::Tcp(Port(1)),
        token: Secret::from("T".to_owned()),
        started: 100,
        last_activity: 100,
        load: Load::default(),
        warning: None,
        unheld: Vec::new(),
    }
}

fn table() -> Table {
    Table::new(Arc::new(Generation::for_tests(&[])))
}

#[test]
fn an_exemption_holds_at_once_and_ends_what_hangs_on_it() {
    let table = Table::new(Arc::new(Generation::for_tests(&[("rsession.conf", "allow-shell=0\n")])));
    table.sign_in(sign_in("alice", 1));
    table.sign_in(sign_in("bob", 2));
    let of = |number| table.load().people[&SignInId::from_bytes([number; 16])].clone();
    let shell = |number| of(number).standing.flags.shell.value;
    let (alice, bob) = (of(1), of(2));
    let exemption = exemption("alice", "allow-shell", None);
    let epochs = |number| table.load().epochs(&SignInId::from_bytes([number; 16]));
    let (hers, his) = (epochs(1), epochs(2));
    table.exempt(exemption.clone());
    assert!(shell(1) && !shell(2) && epochs(1) != hers && epochs(2) == his);
    assert_eq!(alice.presence.cut.reason(), Some(Reason::Revoked));
    assert_eq!(bob.presence.cut.reason(), None);
    table.configure(Arc::new(Generation::for_tests(&[("rsession.conf", "allow-shell=0\nallow-vcs=0\n")])));
    assert!(shell(1), "a reload leaves it");
    table.sign_in(sign_in("alice", 3));
    assert!(shell(3), "another sign-in of the same person has it");
    let open = of(1);
    table.exemption_ended(exemption.id);
    assert!(!shell(1) && !shell(3));
    assert_eq!(open.presence.cut.reason(), Some(Reason::Revoked));
    assert!(table.load().exemptions.is_empty());
    table.exemption_ended(exemption.id);
}

#[test]
fn foreign_sessions_are_as_unknown() {
    let table = table();
    table.sign_in(sign_in("alice", 1));
    table.sign_in(sign_in("bob", 2));
    table.session(session("alice", 7));
    let snapshot = table.load();
    let person = |number| &snapshot.people[&SignInId::from_bytes([number; 16])];
    let id = SessionId::from_bytes([7; 8]);
    assert!(snapshot.session_of(person(1), id).is_some());
    assert!(snapshot.session_of(person(2), id).is_none());
    assert_eq!(snapshot.sessions_of(person(2)).count(), 0);
}

#[test]
fn a_sign_in_that_ended_is_cut_and_voids_memories() {
    let table = table();
    table.sign_in(sign_in("alice", 1));
    let before = table.load();
    let person = before.people[&SignInId::from_bytes([1; 16])].clone();
    table.sign_in_ended(person.sign_in.id);
    assert_eq!(person.presence.cut.reason(), Some(Reason::Revoked));
    assert!(table.load().people.is_empty());
    assert_ne!(table.load().epochs(&person.sign_in.id), before.epochs(&person.sign_in.id));
}

#[test]
fn an_ended_session_is_cut_and_told_acts_are_throttled() {
    let table = table();
    table.session(session("alice", 7));
    let id = SessionId::from_bytes([7; 8]);
    let live = table.load().sessions[&id].clone();
    assert!(!live.acted(129) && live.acted(130) && !live.acted(159) && live.acted(160));
    assert_eq!(live.last_activity(), 160);
    let end = End { why: EndReason::Stopped, step: None, output: vec![], at: 200, suspended: false };
    table.session(Session { state: State::Ended(end), ..session("alice", 7) });
    assert_eq!(live.way.cut.reason(), Some(Reason::GoingAway));
    assert!(live.way.upstream.is_closed());
}

#[test]
fn touching_moves_the_end_at_most_once_a_minute() {
    let table = table();
    table.sign_in(sign_in("alice", 1));
    let person = table.load().people[&SignInId::from_bytes([1; 16])].clone();
    assert!(!person.touch(3759) && person.touch(3760) && !person.touch(3800));
    assert_eq!(person.until(), 3760);
}

#[test]
fn new_flags_end_streams_of_those_they_concern() {
    let table = table();
    table.sign_in(sign_in("alice", 1));
    let id = SignInId::from_bytes([1; 16]);
    let person = table.load().people[&id].clone();
    table.configure(Arc::new(Generation::for_tests(&[])));
    assert_eq!(person.presence.cut.reason(), None);
    table.configure(Arc::new(Generation::for_tests(&[("rsession.conf", "allow-shell=0\n")])));
    assert_eq!(person.presence.cut.reason(), Some(Reason::Revoked));
    assert_eq!(table.load().people[&id].presence.cut.reason(), None);
    assert!(!table.load().people[&id].standing.flags.shell.value);
}

/// So many sign-ins of so many people.
fn crowd(sign_ins: u32, people: u32) -> Vec<SignIn> {
    let one = |number: u32| {
        let person = number % people;
        let mut one = sign_in(&format!("user{person}"), 1);
        one.principal.uid = Uid(10_000 + person);
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        SignIn { id: SignInId::from_bytes(id), ..one }
    };
    (0..sign_ins).map(one).collect()
}

/// How often the snapshot was replaced by this.
fn changes(table: &Table, work: impl FnOnce()) -> u64 {
    let before = *table.changes().borrow();
    work();
    *table.changes().borrow() - before
}

#[test]
fn a_hundred_thousand_sign_ins_are_one_change_also_to_a_server_that_comes_back() {
    let table = table();
    let all = crowd(100_000, 10_000);
    let tell = |sign_ins: &[SignIn]| {
        let mut told = Told::default();
        for batch in sign_ins.chunks(500) {
            assert!(told.hear(ToServer::SignIns(batch.to_vec())).is_none());
        }
        told
    };
    let told = tell(&all);
    assert!(table.load().people.is_empty(), "nothing is in force before the end");
    assert_eq!(changes(&table, || assert_eq!(table.caught(told), 0)), 1);
    let snapshot = table.load();
    assert_eq!(snapshot.people.len(), 100_000);
    let flags: std::collections::HashSet<_> =
        snapshot.people.values().map(|person| Arc::as_ptr(&person.standing.flags)).collect();
    assert_eq!(flags.len(), 10_000, "what people may do is worked out once for each");
    // The next launcher has ended every tenth meanwhile.
    let (over, rest): (Vec<SignIn>, Vec<SignIn>) =
        all.into_iter().partition(|one| one.id.as_bytes()[0] % 10 == 0);
    let told = tell(&rest);
    assert_eq!(changes(&table, || assert_eq!(table.caught(told), over.len())), 1);
    let after = table.load();
    assert_eq!(after.people.len(), rest.len());
    assert!(over.iter().all(|one| snapshot.people[&one.id].presence.cut.reason() == Some(Reason::Revoked)));
    let kept =
        |one: &SignIn| Arc::ptr_eq(&snapshot.people[&one.id].presence, &after.people[&one.id].presence);
    assert!(rest.iter().all(kept), "what hangs on the others goes on");
}

#[test]
fn a_revocation_of_4096_sign_ins_is_one_change_and_their_ends_are_none() {
    let table = table();
    let all = crowd(8192, 2);
    table.sign_ins(all.clone());
    let hers: Vec<SignInId> =
        all.iter().filter(|one| one.principal.uid == Uid(10_000)).map(|one| one.id).collect();
    assert_eq!(hers.len(), portcullis_wire::launcher::SIGN_INS_AT_ONCE);
    let mut gone = Vec::new();
    assert_eq!(changes(&table, || gone = table.revoke(&hers, &[])), 1);
    assert_eq!((gone.len(), table.load().people.len()), (4096, 4096));
    assert_eq!(changes(&table, || hers.iter().for_each(|id| table.sign_in_ended(*id))), 0);
    assert!(table.load().people.values().all(|person| person.user() == "user1"));
}

#[test]
fn other_groups_and_another_role_cut_what_would_be_decided_otherwise() {
    let profile = "[*]\n[@interns]\nallow-shell=0\n";
    let table = Table::new(Arc::new(Generation::for_tests(&[("profiles", profile)])));
    table.sign_in(sign_in("alice", 1));
    table.sign_in(sign_in("bob", 2));
    let id = SignInId::from_bytes([1; 16]);
    let alice = || table.load().people[&id].clone();
    let epochs = || table.load().epochs(&id);
    let told = |groups: &[&str], role| {
        let mut again = sign_in("alice", 1);
        again.principal.groups = groups.iter().map(|&group| group.to_owned()).collect();
        again.role = role;
        let before = alice();
        table.sign_in(again);
        before
    };
    // Told once more as it was: nothing is cut, nothing is void.
    let (before, remembered) = (alice(), epochs());
    table.sign_in(sign_in("alice", 1));
    assert!(before.presence.cut.reason().is_none() && epochs() == remembered);
    // A group that no rule knows: the open page stays, what was remembered doesn't.
    let before = told(&["users", "chess"], Role::Viewer);
    assert!(before.presence.cut.reason().is_none() && epochs() != remembered);
    assert_eq!(alice().sign_in.principal.groups, ["users", "chess"]);
    // One that takes the shell, and its loss.
    assert!(alice().standing.flags.shell.value);
    let before = told(&["users", "interns"], Role::Viewer);
    assert_eq!(before.presence.cut.reason(), Some(Reason::Revoked));
    assert!(!alice().standing.flags.shell.value && alice().presence.cut.reason().is_none());
    let before = told(&["users"], Role::Viewer);
    assert_eq!(before.presence.cut.reason(), Some(Reason::Revoked));
    assert!(alice().standing.flags.shell.value);
    let before = told(&["users"], Role::Publisher);
    assert_eq!(before.presence.cut.reason(), Some(Reason::Revoked));
    // The end that a person's acts moved to is kept, and nobody else noticed anything.
    let before = alice();
    assert!(before.touch(before.until() + 120));
    told(&["users", "interns"], Role::Publisher);
    assert_eq!(alice().until(), before.until());
    let bob = table.load().people[&SignInId::from_bytes([2; 16])].clone();
    assert_eq!(bob.presence.cut.reason(), None);
}
