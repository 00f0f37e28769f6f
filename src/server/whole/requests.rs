//! Requests to sessions: what reaches the IDE, and what doesn't.

use portcullis_model::audit::Event;
use portcullis_model::session::{End, EndReason, Session, State, Step};
use portcullis_wire::{ToLauncher, ToServer};

use crate::whole::browser::Browser;
use crate::whole::launcher::{Launcher, person, session_of};
use crate::whole::session::FakeSession;

/// A server with alice and bob signed in and a running session of alice's.
fn world(files: &[(&str, &str)]) -> (Launcher, Browser, Browser, Session, FakeSession) {
    let (alice, bob) = (person("alice", 1), person("bob", 2));
    let session = session_of("alice", 7, State::Running);
    let launcher = Launcher::serving(files, &[&alice, &bob], &[&session]);
    let fake = FakeSession::start(&launcher, session.id);
    let (one, other) = (launcher.browser_of(&alice), launcher.browser_of(&bob));
    (launcher, one, other, session, fake)
}

fn audited(launcher: &Launcher) -> Event {
    launcher.expect("an audit record", |message| match message {
        ToLauncher::Audit(event) => Some(event),
        _ => None,
    })
}

#[test]
fn headers_are_edited_both_ways_and_the_path_is_not() {
    let (_launcher, mut alice, _, session, fake) = world(&[]);
    alice.cookies.push("_xsrf=2|abc".into());
    let path = format!("/s/{}/api/contents/a%20b.txt?type=file&x=%2F", session.id);
    let answer = alice.ask(
        "GET",
        &path,
        "X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_User: bob\r\nAuthorization: Bearer stolen\r\nX-RStudio-UserIdentity: bob\r\n\
         Connection: x-keep, Authorization, Host\r\nX-Keep: 1\r\nX-XSRFToken: 2|abc\r\n",
        "",
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    let head = fake.head();
    assert!(head.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{head}");
    let lower = head.to_ascii_lowercase();
    for there in [
        "authorization: token t0ken",
        "x-forwarded-for: 127.0.0.1",
        "cookie: _xsrf=2|abc\r",
        "x-xsrftoken: 2|abc",
        "x-forwarded-proto: http\r",
        "host: 127.0.0.1:",
    ] {
        assert!(lower.contains(there), "{there} in {head}");
    }
    for gone in ["6.6.6.6", "bob", "stolen", "portcullis", "x-keep"] {
        assert!(!lower.contains(gone), "{gone} in {head}");
    }
    assert_eq!(answer.all("set-cookie"), ["_xsrf=1; Path=/s/"]);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.all("server").is_empty() && answer.all("access-control-allow-origin").is_empty());
}

#[test]
fn sessions_of_others_are_as_unknown() {
    let (launcher, alice, bob, session, fake) = world(&[]);
    let unknown = "0909090909090909";
    for (path, missing) in [
        (format!("/s/{}/lab", session.id), format!("/s/{unknown}/lab")),
        (format!("/s/{}", session.id), format!("/s/{unknown}")),
        (format!("/sessions/{}", session.id), format!("/sessions/{unknown}")),
    ] {
        let (foreign, none) = (bob.open(&path), bob.open(&missing));
        assert_eq!((foreign.status, none.status), (404, 404), "{path}");
        assert_eq!(foreign.body.len(), none.body.len());
        assert_eq!(launcher.browser().open(&path).status, 303);
        assert_eq!(
            launcher.browser().ask("GET", &path, "Accept: */*\r\n", "").status,
            if path.starts_with("/s/") { 401 } else { 303 }
        );
    }
    assert_eq!(bob.submit(&format!("/sessions/{}/stop", session.id), "").status, 404);
    let path = format!("/s/{}/api/kernels/01234567-89ab-cdef-0123-456789abcdef/channels", session.id);
    assert!(bob.socket(&path, &bob.origin()).is_err());
    assert!(!fake.was_asked());
    assert_eq!(
        alice.open(&format!("/sessions/{}", session.id)).header("location"),
        format!("/s/{}/", session.id)
    );
}

#[test]
fn a_flag_refuses_at_the_door_in_the_ides_own_words() {
    let (launcher, alice, _, session, fake) = world(&[("rsession.conf", "# first\nallow-shell=0\n")]);
    let origin = format!("Origin: {}\r\n", alice.origin());
    let path = format!("/s/{}/api/terminals", session.id);
    let refused = alice.ask("POST", &path, &origin, "{}");
    assert_eq!((refused.status, refused.header("content-type")), (403, "application/json"));
    assert!(
        refused.body.contains("allow-shell=0") && refused.body.contains("rsession.conf:2"),
        "{}",
        refused.body
    );
    let Event::Refused {
        user,
        session: at,
        capability,
        what,
        rule,
        id,
        count,
        ide,
        method,
        path: below,
        effect,
        ..
    } = audited(&launcher)
    else {
        panic!("another event");
    };
    assert_eq!(
        (user.as_str(), at, capability.as_str(), count),
        ("alice", session.id.to_string(), "shell", 1)
    );
    assert_eq!(what, format!("POST {path}"));
    assert_eq!(
        [ide.as_str(), method.as_str(), below.as_str(), effect.as_str()],
        ["jupyter", "POST", "/api/terminals", "block"]
    );
    assert!(rule.contains("rsession.conf:2") && refused.body.contains(&id));
    let again = alice.ask("POST", &path, &origin, "{}");
    assert!(again.body.contains(&id), "alike refusals carry one id");
    let page = alice.open(&path);
    assert!(page.status == 403 && page.header("content-type").starts_with("text/html"));
    assert!(alice.socket(&format!("/s/{}/terminals/websocket/1", session.id), &alice.origin()).is_err());
    for odd in [
        "//api/terminals",
        "/./api/terminals",
        "/%2e/api/terminals",
        "/x/../api/terminals",
        "/api%2fterminals",
        "/api\\terminals",
    ] {
        let answer = alice.fetch(&format!("/s/{}{odd}", session.id));
        assert!((400..500).contains(&answer.status), "{odd}: {}", answer.status);
    }
    assert!(!fake.was_asked());
    assert_eq!(alice.fetch(&format!("/s/{}/api/status", session.id)).status, 200);
}

fn hex(bytes: &[u8]) -> String {
    let mut digest = portcullis_policy::Digest::new();
    digest.update(bytes);
    digest.finish().hex()
}

#[test]
fn files_that_go_out_and_in_are_recorded() {
    let (launcher, alice, _, session, _fake) = world(&[]);
    let transferred = || {
        launcher.expect("a transfer", |message| match message {
            ToLauncher::Audit(Event::Transfer {
                user,
                direction,
                path,
                bytes,
                complete,
                sha256,
                hashed,
                range,
                ..
            }) => {
                assert_eq!((hashed.as_str(), range.as_str()), ("file", ""));
                Some((user, direction, path, bytes, complete, sha256))
            }
            _ => None,
        })
    };
    let answer = alice.fetch(&format!("/s/{}/files/a%20b.txt", session.id));
    assert!(answer.status == 200 && answer.header("content-security-policy").contains("sandbox"));
    let length = u64::try_from(answer.body.len()).expect("small");
    let hash = hex(answer.body.as_bytes());
    assert_eq!(transferred(), ("alice".into(), "download".into(), "a b.txt".into(), length, true, hash));
    let body = r#"{"type":"file","format":"base64","name":"up.txt","content":"aGVsbG8=","path":"up.txt"}"#;
    let headers = format!("Origin: {}\r\nContent-Type: application/json\r\n", alice.origin());
    assert_eq!(
        alice.ask("PUT", &format!("/s/{}/api/contents/up.txt", session.id), &headers, body).status,
        200
    );
    assert_eq!(transferred(), ("alice".into(), "upload".into(), "up.txt".into(), 5, true, hex(b"hello")));
    let piece = |number: i32, content: &str| {
        let body = format!(r#"{{"format":"base64","content":"{content}","chunk":{number}}}"#);
        let path = format!("/s/{}/api/contents/big", session.id);
        assert_eq!(alice.ask("PUT", &path, &headers, &body).status, 200);
    };
    [(1, "aGVsbG8="), (2, "IA=="), (-1, "d29ybGQ=")]
        .into_iter()
        .for_each(|(number, text)| piece(number, text));
    let hash = hex(b"hello world");
    assert_eq!(transferred(), ("alice".into(), "upload".into(), "big".into(), 11, true, hash));
}

#[test]
fn a_path_is_followed_before_it_is_allowed() {
    let (_launcher, alice, _, session, fake) =
        world(&[("rsession.conf", "restrict-directory-view=1\ndirectory-view-allow-list=/data\n")]);
    let contents =
        |path: &str| alice.fetch(&format!("/s/{}/api/contents/{path}?content=1", session.id)).status;
    assert_eq!(contents("notes.txt"), 200);
    assert!(fake.head().contains("/api/contents/notes.txt?content=1"));
    for outside in ["link/passwd", "nowhere/x"] {
        assert_eq!(contents(outside), 403, "{outside}");
    }
    assert!(!fake.was_asked());
}

#[test]
fn what_cannot_be_followed_is_refused_and_where_paths_are_only_recorded_it_is_recorded() {
    let strict = ("rsession.conf", "restrict-directory-view=1\n");
    let (_launcher, alice, _, session, fake) = world(&[strict]);
    let path = format!("/s/{}/api/contents/stuck?content=1", session.id);
    assert_eq!(alice.fetch(&path).status, 502);
    assert!(!fake.was_asked());

    let recorded = ("portcullis.conf", "audit-only=restrict-directory-view\n");
    let (launcher, alice, _, session, fake) = world(&[strict, recorded]);
    let path = format!("/s/{}/api/contents/stuck?content=1", session.id);
    assert_eq!(alice.fetch(&path).status, 200);
    assert!(fake.was_asked());
    let Event::Refused { rule, effect, .. } = audited(&launcher) else { panic!("another event") };
    assert_eq!(effect, "audit");
    assert!(rule.contains("restrict-directory-view=1") && rule.contains("`stuck`"), "{rule}");
    assert!(rule.contains("no such luck"), "{rule}");
}

#[test]
fn cross_site_requests_never_reach_a_session() {
    let (_launcher, alice, _, session, fake) = world(&[]);
    let path = format!("/s/{}/api/status", session.id);
    for headers in [
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n",
        "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n",
    ] {
        assert_eq!(alice.ask("GET", &path, headers, "").status, 403);
    }
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(alice.ask(method, &path, "", "{}").status, 403, "{method}");
    }
    assert_eq!(alice.ask("TRACE", &path, "", "").status, 405);
    assert!(!fake.was_asked());
}

#[test]
fn bodies_over_the_limit_are_refused_by_length_and_by_count() {
    let (_launcher, alice, _, session, _fake) = world(&[("portcullis.conf", "request-body-max-mb=1\n")]);
    let path = format!("/s/{}/api/contents/a.txt", session.id);
    let origin = format!("Origin: {}\r\n", alice.origin());
    let announced = alice.raw(&format!(
        "PUT {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n{origin}Content-Length: 2000000\r\n\r\n",
        &alice.origin()[7..],
        alice.cookies.join("; ")
    ));
    assert_eq!(announced.status, 413);
    assert!(announced.body.contains("request-body-max-mb=1"), "{announced:?}");
    // Nothing announced: 200 pieces of 16 KiB, counted as they pass.
    let piece = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let counted = alice.raw(&format!(
        "POST /s/{}/api/kernels HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n{origin}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{}0\r\n\r\n",
        session.id,
        &alice.origin()[7..],
        alice.cookies.join("; "),
        piece.repeat(200)
    ));
    assert_eq!(counted.status, 413, "{counted:?}");
}

#[test]
fn a_session_that_does_not_run_says_so() {
    let alice = person("alice", 1);
    let session = session_of("alice", 7, State::Launching(Step::StartIde));
    let launcher = Launcher::serving(&[], &[&alice], &[&session]);
    let browser = launcher.browser_of(&alice);
    let (path, status) = (format!("/s/{}/lab", session.id), format!("/sessions/{}", session.id));
    assert_eq!(browser.open(&status).status, 200);
    assert_eq!(browser.open(&path).header("location"), status);
    assert_eq!(browser.fetch(&path).status, 503);
    let end = End {
        why: EndReason::IdeExited("exit status 3".into()),
        step: None,
        output: vec!["boom <x>".into()],
        at: 5,
        suspended: false,
    };
    launcher.send(ToServer::Session(Box::new(Session { state: State::Ended(end), ..session })));
    while browser.fetch(&path).status == 503 {
        std::thread::yield_now();
    }
    assert_eq!(browser.fetch(&path).status, 410);
    let page = browser.open(&status);
    assert!(page.status == 200 && page.body.contains("exit status 3") && !page.body.contains("<x>"));
}

#[test]
fn a_dead_session_is_a_clear_error() {
    let alice = person("alice", 1);
    let session = session_of("alice", 7, State::Running);
    let launcher = Launcher::serving(&[], &[&alice], &[&session]);
    let browser = launcher.browser_of(&alice);
    let path = format!("/s/{}/api/status", session.id);
    let answer = browser.fetch(&path);
    assert_eq!(answer.status, 502);
    assert!(answer.body.contains("\"id\""));
    assert!(
        !answer.body.contains("socket") && !answer.body.contains("control/"),
        "the cause is for the log: {}",
        answer.body
    );
}
