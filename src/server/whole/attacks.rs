//! What somebody with a browser, or without one, tries beyond what a person does.

use std::net::TcpListener;

use portcullis_model::Uid;
use portcullis_model::audit::Event;
use portcullis_model::session::State;
use portcullis_wire::{ToLauncher, ToServer};

use crate::whole::browser::Browser;
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

#[test]
fn the_address_a_form_leaves_behind_leads_on() {
    let alice = person("alice", 1);
    let launcher = Launcher::serving(&[("rserver.conf", "www-root-path=/ide\n")], &[&alice], &[]);
    let (stranger, signed_in) = (launcher.browser(), launcher.browser_of(&alice));
    for (path, place) in [
        ("/ide/auth-do-sign-in", "/ide/auth-sign-in"),
        ("/ide/auth-continue", "/ide/auth-sign-in"),
        ("/ide/auth-sign-out", "/ide/"),
        ("/ide/sessions", "/ide/"),
        ("/ide/sessions/0707070707070707/stop", "/ide/"),
    ] {
        for browser in [&stranger, &signed_in] {
            let answer = browser.open(path);
            assert_eq!((answer.status, answer.header("location")), (303, place), "{path}");
        }
        let origin = format!("Origin: {}\r\n", stranger.origin());
        assert_eq!(stranger.ask("DELETE", path, &origin, "").status, 405, "{path}");
    }
    assert_eq!(signed_in.open("/ide/").status, 200, "nothing was done");
}

#[test]
fn strangers_do_not_fill_the_audit_log() {
    let launcher = Launcher::serving(&[], &[], &[]);
    let browser = launcher.browser();
    for number in 0..200 {
        assert_eq!(browser.ask("POST", &format!("/x{number}"), "", "").status, 403);
    }
    let alice = person("alice", 1);
    launcher.send(ToServer::SignIn(Box::new(alice.clone())));
    let refused = |browser: &Browser| browser.ask("POST", "/last", "Origin: http://evil.test\r\n", "").status;
    // Told in order: the sign-in is there once the server answers for it.
    let hers = launcher.browser_of(&alice);
    while hers.open("/").status != 200 {}
    assert_eq!(refused(&hers), 403);
    let mut strangers = 0;
    launcher.expect("alice's refusal", |message| match message {
        ToLauncher::Audit(Event::Refused { user, .. }) if user == "alice" => Some(()),
        ToLauncher::Audit(Event::Refused { .. }) => {
            strangers += 1;
            None
        }
        _ => None,
    });
    assert!(strangers < 60, "{strangers} records of one stranger");
}
