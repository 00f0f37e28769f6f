//! A server outlives its launcher: it knocks at the next one's door, and what is over by then ends.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use portcullis_model::session::State;
use portcullis_model::sign_in::SignInEnd;
use portcullis_wire::{Let, ToLauncher, ToServer, versions};

use crate::generation::tests::configuration;
use crate::whole::launcher::{Launcher, PATIENCE, person, session_of};

#[test]
fn it_comes_back_with_its_sockets_and_ends_what_is_over() {
    let (mut alice, bob) = (person("alice", 1), person("bob", 2));
    alice.until -= 600;
    let session = session_of("bob", 7, State::Running);
    let mut launcher = Launcher::serving(&[], &[&alice, &bob], &[&session]);
    let hers = launcher.browser_of(&alice);
    let his = launcher.browser_of(&bob);
    assert_eq!((hers.open("/").status, his.open("/").status), (200, 200));
    launcher.dies();
    // Nobody is there: those who are signed in are served on.
    assert_eq!(hers.open("/").status, 200);
    let door = launcher.door();
    let (channel, knock, sockets) = Launcher::comes_back(&door);
    assert_eq!((knock.version, knock.mains, knock.draining), (versions::SERVER, 1, false));
    let bound: Vec<_> =
        sockets.into_iter().filter_map(|fd| TcpListener::from(fd).local_addr().ok()).collect();
    assert_eq!(bound, [launcher.address]);
    launcher.takes_over(channel);
    launcher.send(ToServer::Configuration(Box::new(configuration(1, &[]))));
    launcher.send(ToServer::SignIn(Box::new(alice.clone())));
    launcher.send(ToServer::Caught);
    // In whatever order; what she did is said again, for the next launcher may not have heard of it.
    let (mut in_force, mut touched) = (false, false);
    launcher.expect("the configuration and the touch", |message| {
        match message {
            ToLauncher::ConfigurationInForce { .. } => in_force = true,
            ToLauncher::Touch { sign_in, until } => touched |= sign_in == alice.id && until > alice.until,
            _ => {}
        }
        (in_force && touched).then_some(())
    });
    let until = Instant::now() + PATIENCE;
    while his.open("/").status == 200 {
        assert!(Instant::now() < until, "what was signed out meanwhile is signed in");
    }
    assert_eq!(hers.open("/").status, 200);
    // As alive as ever: it signs out, and hears of it.
    let signing_out = std::thread::spawn(move || hers.submit("/auth-sign-out", "").status);
    launcher.expect("the sign-out", |message| {
        matches!(message, ToLauncher::SignOut { sign_in } if sign_in == alice.id).then_some(())
    });
    launcher.send(ToServer::SignInEnded { sign_in: alice.id, why: SignInEnd::SignedOut });
    assert_eq!(signing_out.join().expect("no panic"), 200);
    launcher.send(ToServer::Drain { within: 0 });
    assert!(launcher.ended().is_ok());
}

#[test]
fn what_the_killed_launcher_did_not_confirm_is_said_to_the_next() {
    let alice = person("alice", 1);
    let mut launcher = Launcher::serving(&[], &[&alice], &[]);
    let hers = launcher.browser_of(&alice);
    let signing_out = std::thread::spawn(move || hers.submit("/auth-sign-out", "").status);
    launcher.expect("the sign-out", |message| matches!(message, ToLauncher::SignOut { .. }).then_some(()));
    launcher.dies();
    let door = launcher.door();
    let (channel, _, _) = Launcher::comes_back(&door);
    launcher.takes_over(channel);
    launcher.send(ToServer::SignIn(Box::new(alice.clone())));
    launcher.send(ToServer::Caught);
    launcher.expect("the sign-out again", |message| {
        matches!(message, ToLauncher::SignOut { sign_in } if sign_in == alice.id).then_some(())
    });
    launcher.send(ToServer::SignInEnded { sign_in: alice.id, why: SignInEnd::SignedOut });
    assert_eq!(signing_out.join().expect("no panic"), 200);
    launcher.send(ToServer::Drain { within: 0 });
    assert!(launcher.ended().is_ok());
}

#[test]
fn a_replaced_server_leaves_a_silent_connection_its_next_request() {
    use std::io::{Read as _, Write as _};
    let mut launcher = Launcher::serving(&[], &[], &[]);
    let mut ask = {
        let mut stream = TcpStream::connect(launcher.address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        move || {
            write!(stream, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
            let mut answer = Vec::new();
            while !answer.ends_with(b"ok\n") {
                let mut piece = [0; 512];
                let length = stream.read(&mut piece).expect("an answer");
                assert_ne!(length, 0, "closed: {}", String::from_utf8_lossy(&answer));
                answer.extend_from_slice(&piece[..length]);
            }
            String::from_utf8_lossy(&answer).to_lowercase()
        }
    };
    assert!(!ask().contains("connection: close"));
    launcher.send(ToServer::Replaced { within: 60 });
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(launcher.address).is_ok() {
        assert!(Instant::now() < until, "it listens on");
        std::thread::yield_now();
    }
    assert!(ask().contains("connection: close"), "the last answer says so");
    assert!(launcher.ended().is_ok());
}

#[test]
fn one_that_is_not_let_in_ends_what_hangs_on_it() {
    for other_version in [true, false] {
        let alice = person("alice", 1);
        let mut launcher = Launcher::serving(&[], &[&alice], &[]);
        let open = TcpStream::connect(launcher.address).expect("connected");
        launcher.dies();
        let door = launcher.door();
        let began = Instant::now();
        if other_version {
            let (channel, _, _) = Launcher::comes_back(&door);
            Let::OtherVersion.send(&channel).expect("sent");
        } else {
            for _ in 0..3 {
                drop(Launcher::comes_back(&door));
            }
        }
        assert!(launcher.ended().is_ok());
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        drop(open);
    }
}
