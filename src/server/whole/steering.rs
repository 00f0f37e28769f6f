//! Health, sessions asked for, reload, drain.

use std::io::{Read as _, Write as _};

use portcullis_model::Level;
use portcullis_model::session::{End, EndReason, Ide, State, Step};
use portcullis_wire::launcher::OpenError;
use portcullis_wire::{ToLauncher, ToServer};

use crate::generation::tests::configuration;
use crate::whole::launcher::{Launcher, person, session_of};

fn opened(message: ToLauncher) -> Option<u64> {
    match message {
        ToLauncher::OpenSession { request, ide: Ide::Jupyter, .. } => Some(request),
        _ => None,
    }
}

#[test]
fn a_session_is_asked_for_watched_and_stopped() {
    let alice = person("alice", 1);
    let launcher = Launcher::serving(&[], &[&alice], &[]);
    let browser = launcher.browser_of(&alice);
    let session = session_of("alice", 7, State::Launching(Step::Port));
    let mut events = browser.connect();
    let cookie = &browser.cookies[0];
    write!(events, "GET /events HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n").expect("sent");

    std::thread::scope(|scope| {
        let answer = scope.spawn(|| browser.submit("/sessions", "ide=jupyter"));
        let request = launcher.expect("open", opened);
        launcher.send(ToServer::Session(Box::new(session.clone())));
        launcher.send(ToServer::Opened { request, result: Ok(session.id) });
        let answer = answer.join().expect("answered");
        assert_eq!(answer.header("location"), format!("/sessions/{}", session.id));
    });
    assert_eq!(browser.open(&format!("/sessions/{}", session.id)).status, 200);
    let mut seen = String::new();
    let mut buffer = [0; 4096];
    while !seen.contains("launching") {
        let length = events.read(&mut buffer).expect("an event");
        assert_ne!(length, 0, "{seen}");
        seen.push_str(std::str::from_utf8(&buffer[..length]).expect("text"));
    }
    assert!(seen.contains("text/event-stream") && seen.contains(&session.id.to_string()));

    let stop = format!("/sessions/{}/stop", session.id);
    let stopped = |message| {
        matches!(message, ToLauncher::StopSession { session: asked, .. } if asked == session.id).then_some(())
    };
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| browser.submit(&stop, ""));
        launcher.expect("stop", stopped);
        // What the launcher has not confirmed, its owner is not told to be done.
        assert!(!answer.is_finished());
        launcher.send(ToServer::Session(Box::new(session_of("alice", 7, State::Ending))));
        let answer = answer.join().expect("answered");
        assert_eq!((answer.status, answer.header("location")), (303, "/"));
    });
}

#[test]
fn an_end_that_is_not_confirmed_is_not_told_to_be_done() {
    let alice = person("alice", 1);
    let session = session_of("alice", 7, State::Running);
    let launcher = Launcher::serving(&[], &[&alice], &[&session]);
    let browser = launcher.browser_of(&alice);
    let answer = browser.submit(&format!("/sessions/{}/stop", session.id), "");
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("does not confirm that the session ends"), "{}", answer.body);
}

#[test]
fn a_session_that_is_not_opened_says_why() {
    let alice = person("alice", 1);
    let launcher = Launcher::serving(&[], &[&alice], &[]);
    let browser = launcher.browser_of(&alice);
    for (error, status, text) in [
        (OpenError::PortsExhausted { range: "5000-5001".into() }, 503, "5000-5001"),
        (OpenError::TooMany { limit: 3 }, 409, "session-limit"),
        (OpenError::NotInstalled { program: "/opt/<jupyter>".into() }, 503, "not installed"),
        (OpenError::System { id: "abc123".into() }, 500, "abc123"),
        (
            OpenError::Level {
                flag: "allow-shell".into(),
                wanted: Level::Kernel,
                got: Level::Proxy,
                reason: "the <jupyter> has no more".into(),
            },
            403,
            "minimum-level",
        ),
        (
            OpenError::NotConfined {
                rule: "session-sandbox=required (portcullis.conf:1)".into(),
                why: "Landlock: this <jupyter> kernel hasn't got it".into(),
            },
            503,
            "session-sandbox=required",
        ),
    ] {
        std::thread::scope(|scope| {
            let answer = scope.spawn(|| browser.submit("/sessions", "ide=jupyter"));
            let request = launcher.expect("open", opened);
            launcher.send(ToServer::Opened { request, result: Err(error) });
            let answer = answer.join().expect("answered");
            assert_eq!(answer.status, status);
            assert!(answer.body.contains(text) && !answer.body.contains("<jupyter>"), "{}", answer.body);
        });
    }
    // A name that nobody declared is as one that is closed to this person; what is no name is no request of our page.
    assert_eq!(browser.submit("/sessions", "ide=emacs").status, 403);
    assert_eq!(browser.submit("/sessions", "ide=E%2Fmacs").status, 400);
}

#[test]
fn a_good_reload_takes_force_and_a_bad_one_changes_nothing() {
    let alice = person("alice", 1);
    let launcher = Launcher::serving(&[("portcullis.conf", "")], &[&alice], &[]);
    let browser = launcher.browser_of(&alice);
    let bad = configuration(2, &[("rserver.conf", "www-root-path=/new\nnonsense=1\n")]);
    launcher.send(ToServer::Configuration(Box::new(bad)));
    let why = launcher.expect("refused", |message| match message {
        ToLauncher::ConfigurationRefused { generation: 2, why } => Some(why),
        _ => None,
    });
    assert!(why.contains("rserver.conf:2"), "{why}");
    assert_eq!(browser.open("/").status, 200);
    let tls =
        configuration(3, &[("rserver.conf", "ssl-enabled=1\nssl-certificate=/c\nssl-certificate-key=/k\n")]);
    launcher.send(ToServer::Configuration(Box::new(tls)));
    launcher.expect("refused", |message| {
        matches!(message, ToLauncher::ConfigurationRefused { generation: 3, .. }).then_some(())
    });

    let good = configuration(4, &[("rserver.conf", "www-root-path=/new\n")]);
    launcher.send(ToServer::Configuration(Box::new(good)));
    while browser.open("/new/").status != 200 {
        std::thread::yield_now();
    }
    assert_eq!(browser.open("/").status, 404);
}

#[test]
fn health_and_odd_requests() {
    let launcher = Launcher::serving(&[("ip-rules", "allow all\n")], &[], &[]);
    let browser = launcher.browser();
    assert_eq!(browser.fetch("/healthz").status, 200);
    assert_eq!(browser.ask("POST", "/healthz", "", "").status, 405);
    assert_eq!(browser.fetch("/nothing").status, 404);
    assert_eq!(browser.fetch("/%zz").status, 400);
    assert_eq!(browser.raw("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").status, 400);
    assert_eq!(browser.raw("GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n").status, 400);
    let page = browser.open("/auth-sign-in");
    let (_, rest) = page.body.split_once("/static/").expect("a stylesheet");
    let name: String = rest.chars().take_while(|c| *c != '"').collect();
    let file = browser.fetch(&format!("/static/{name}"));
    assert_eq!((file.status, file.header("cache-control")), (200, "public, max-age=31536000, immutable"));
    assert_eq!(browser.fetch("/static/../lib.rs").status, 404);
    for double in ["portcullis=a; portcullis=b", "portcullis=v1.x.y.z"] {
        assert_eq!(
            browser.ask("GET", "/", &format!("Cookie: {double}\r\nAccept: text/html\r\n"), "").status,
            303
        );
    }
}

#[test]
fn addresses_that_are_denied_see_nothing() {
    let launcher = Launcher::serving(&[("ip-rules", "deny 127.0.0.0/8\n")], &[], &[]);
    assert_eq!(launcher.browser().fetch("/healthz").status, 403);
}

#[test]
fn the_server_ends_in_order_when_asked() {
    let mut launcher = Launcher::serving(&[], &[], &[]);
    launcher.send(ToServer::Drain { within: 1 });
    assert!(launcher.ended().is_ok());
}

#[test]
fn a_wrong_first_configuration_is_refused() {
    let mut launcher = Launcher::start(&[("rserver.conf", "nonsense=1\n")]);
    launcher.expect("refused", |message| {
        matches!(message, ToLauncher::ConfigurationRefused { generation: 1, .. }).then_some(())
    });
    assert!(launcher.ended().is_err());
}

#[test]
fn the_page_of_a_start_waits_for_the_reason_of_its_failure() {
    let alice = person("alice", 1);
    let mut session = session_of("alice", 7, State::Ending);
    let launcher = Launcher::serving(&[], &[&alice], &[&session]);
    let browser = launcher.browser_of(&alice);
    let (page, watching) = (format!("/sessions/{}", session.id), format!("/sessions/{}?live=1", session.id));
    // A script that renews its page takes a redirect for the way on.
    assert_eq!(browser.open(&watching).status, 200);
    assert_eq!(browser.open(&page).header("location"), "/");
    let why = EndReason::StartFailed("no configuration".into());
    let output = vec!["last".into()];
    session.state = State::Ended(End { why, step: Some(Step::Answer), output, at: 200, suspended: false });
    launcher.send(ToServer::Session(Box::new(session)));
    let told = (0..1000).any(|_| browser.open(&watching).body.contains("o configuration"));
    assert!(told, "{}", browser.open(&watching).body);
}
