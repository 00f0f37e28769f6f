//! Who is cut when, and who sees whose session; the people and sessions that other tests use.

use std::net::IpAddr;

use portcullis_model::load::Load;
use portcullis_model::session::{End, EndReason, Ide, Step, Transport};
use portcullis_model::sign_in::Principal;
use portcullis_model::{Gid, Port, Secret, Uid};

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
    SignIn { id, principal, remote: IpAddr::from([127, 0, 0, 1]), since: 100, until: 3700 }
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
    let epoch = table.load().epoch;
    table.exempt(exemption.clone());
    assert!(shell(1) && !shell(2) && table.load().epoch > epoch);
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
    assert!(table.load().epoch > before.epoch);
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
