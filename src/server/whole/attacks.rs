//! What somebody with a browser, or without one, tries beyond what a person does.

use std::net::TcpListener;

use portcullis_model::Uid;
use portcullis_model::session::State;

use crate::whole::launcher::{Launcher, person, session_of};
use crate::whole::session::FakeSession;

#[test]
fn a_port_is_reached_only_where_ones_own_program_listens() {
    let alice = person("alice", 1);
    let mut bob = person("bob", 2);
    // To bob, what this test listens on is another account's.
    bob.principal.uid = Uid(alice.principal.uid.0 + 1);
    let (hers, his) = (session_of("alice", 7, State::Running), session_of("bob", 8, State::Running));
    let launcher = Launcher::serving(&[], &[&alice, &bob], &[&hers, &his]);
    let (fake, foreign) = (FakeSession::start(&launcher, hers.id), FakeSession::start(&launcher, his.id));
    let (one, other) = (launcher.browser_of(&alice), launcher.browser_of(&bob));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = listener.local_addr().expect("bound").port();
    for path in [format!("/proxy/{port}/a"), format!("/proxy/absolute/{port}/a")] {
        assert_eq!(one.open(&format!("/s/{}{path}", hers.id)).status, 200);
        assert!(fake.head().contains(&path));
        let refused = other.fetch(&format!("/s/{}{path}", his.id));
        assert_eq!(refused.status, 403, "{refused:?}");
        assert!(refused.body.contains("another account"), "{refused:?}");
        assert!(other.socket(&format!("/s/{}{path}", his.id), &other.origin()).is_err());
    }
    drop(listener);
    assert_eq!(one.open(&format!("/s/{}/proxy/{port}/", hers.id)).status, 502);
    assert!(!foreign.was_asked() && !fake.was_asked());
}
