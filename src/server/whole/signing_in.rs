//! Sign-in, cookie, sign-out.

use std::time::{Duration, Instant};

use portcullis_model::proof::Evidence;
use portcullis_model::session::State;
use portcullis_model::sign_in::{Denied, SignInEnd};
use portcullis_wire::{Prompt, PromptStyle, ToLauncher, ToServer};

use crate::whole::launcher::{Launcher, person, session_of};
use crate::whole::session::FakeSession;

fn started(message: ToLauncher) -> Option<(u64, String, String)> {
    match message {
        ToLauncher::SignInStart { conversation, evidence: Evidence::Form { user, password }, .. } => {
            Some((conversation, user, String::from_utf8(password.expose().to_vec()).expect("text")))
        }
        _ => None,
    }
}

#[test]
fn every_prompt_is_asked_and_a_cookie_comes_at_the_end() {
    let launcher = Launcher::serving(&[("rserver.conf", "www-root-path=/ide\n")], &[], &[]);
    let mut browser = launcher.browser();
    let first = browser.open("/ide/s/0707070707070707/lab?x=1");
    assert_eq!(first.status, 303);
    let place = first.header("location").to_owned();
    assert_eq!(place, "/ide/auth-sign-in?appUri=/ide/s/0707070707070707/lab?x%3D1");
    let page = browser.open(&place);
    assert_eq!(page.status, 200);
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert!(page.body.contains("/ide/s/0707070707070707/lab?x=1"), "{}", page.body);

    let cookies = std::thread::scope(|scope| {
        let form = "username=alice&password=p%26q&staySignedIn=1&appUri=/ide/s/0707070707070707/lab?x%3D1";
        let answer = scope.spawn(|| browser.submit("/ide/auth-do-sign-in", form));
        let (conversation, user, password) = launcher.expect("start", started);
        assert_eq!((user.as_str(), password.as_str()), ("alice", "p&q"));
        let prompt = |style, text: &str| Prompt { style, text: text.into() };
        let told = vec![prompt(PromptStyle::Info, "Look at your <phone>")];
        launcher.send(ToServer::Prompts { conversation, prompts: told });
        let asked = vec![prompt(PromptStyle::Hidden, "Code:")];
        launcher.send(ToServer::Prompts { conversation, prompts: asked });
        let page = answer.join().expect("answered");
        assert_eq!(page.status, 200);
        assert!(
            page.body.contains("Look at your &#60;phone&#62;")
                || page.body.contains("Look at your &lt;phone&gt;")
        );
        assert!(!page.body.contains("p&q") && !page.body.contains("p&amp;q"));
        let (_, rest) = page.body.split_once("name=\"conversation\" value=\"").expect("the field");
        let key: String = rest.chars().take_while(|c| *c != '"').collect();

        let form = format!("conversation={key}&answer=123456");
        let (browser, sent) = (&browser, form.clone());
        let answer = scope.spawn(move || browser.submit("/ide/auth-continue", &sent));
        let answers = launcher.expect("answer", |message| match message {
            ToLauncher::SignInAnswer { answers, .. } => Some(answers),
            _ => None,
        });
        assert_eq!(answers.iter().map(|answer| answer.expose().to_vec()).collect::<Vec<_>>(), [b"123456"]);
        let alice = person("alice", 1);
        launcher.send(ToServer::SignIn(Box::new(alice.clone())));
        launcher.send(ToServer::SignedIn { conversation, sign_in: alice.id });
        let signed = answer.join().expect("answered");
        assert_eq!((signed.status, signed.header("location")), (303, "/ide/s/0707070707070707/lab?x=1"));
        let set = signed.all("set-cookie");
        assert_eq!(set.len(), 2);
        assert!(
            set[0].starts_with("portcullis=v1.")
                && set[0].contains("; Path=/ide; HttpOnly; SameSite=Lax; Max-Age=")
        );
        assert!(set[1].starts_with("portcullis-stay=1; Path=/ide; HttpOnly; SameSite=Lax; Max-Age="));
        let again = browser.submit("/ide/auth-continue", &form);
        assert!(again.status == 200 && again.all("set-cookie").is_empty(), "an answer counts once");
        set.iter().map(|value| value.split(';').next().expect("a pair").to_owned()).collect()
    });
    browser.cookies = cookies;
    assert_eq!(browser.open("/ide/").status, 200);
}

#[test]
fn failures_look_alike_and_set_nothing() {
    let launcher = Launcher::serving(&[], &[], &[]);
    let browser = launcher.browser();
    let mut pages = Vec::new();
    for reason in [Denied::Credentials, Denied::Account, Denied::NotPermitted, Denied::BadName] {
        std::thread::scope(|scope| {
            let answer = scope
                .spawn(|| browser.submit("/auth-do-sign-in", "username=alice&password=x&appUri=//evil.test"));
            let (conversation, ..) = launcher.expect("start", started);
            launcher.send(ToServer::Denied { conversation, reason, id: "abc123".into() });
            let page = answer.join().expect("answered");
            assert_eq!(page.status, 401);
            assert!(
                page.all("set-cookie").is_empty()
                    && page.body.contains("abc123")
                    && !page.body.contains("evil")
            );
            pages.push(page.body);
        });
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
    for form in [
        "username=alice&password=",
        "username=&password=x",
        &format!("username=a&password={}", "x".repeat(513)),
    ] {
        let page = browser.submit("/auth-do-sign-in", form);
        assert_eq!(page.status, 401, "{form}");
    }
    let large = browser.submit("/auth-do-sign-in", &format!("username=a&password={}", "x".repeat(64 * 1024)));
    assert_eq!(large.status, 413);
    let plain = format!("Origin: {}\r\nContent-Type: text/plain\r\n", browser.origin());
    assert_eq!(browser.ask("POST", "/auth-do-sign-in", &plain, "username=a&password=b").status, 415);
}

#[test]
fn signing_in_is_for_our_own_pages_only() {
    let launcher = Launcher::serving(&[], &[], &[]);
    let browser = launcher.browser();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for origin in ["", "Origin: null\r\n", "Origin: http://evil.test\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        let answer =
            browser.ask("POST", "/auth-do-sign-in", &format!("{form}{origin}"), "username=a&password=b");
        assert_eq!(answer.status, 403, "{origin}");
    }
    launcher.expect("an audit record", |message| matches!(message, ToLauncher::Audit(_)).then_some(()));
}

#[test]
fn signing_out_cuts_a_websocket_within_a_second_and_the_cookie_opens_nothing() {
    let alice = person("alice", 1);
    let session = session_of("alice", 7, State::Running);
    let launcher = Launcher::serving(&[], &[&alice], &[&session]);
    let fake = FakeSession::start(&launcher, session.id);
    let browser = launcher.browser_of(&alice);
    let path = format!("/s/{}/api/kernels/01234567-89ab-cdef-0123-456789abcdef/channels", session.id);
    assert!(browser.socket(&path, "http://evil.test").is_err());
    assert!(launcher.browser().socket(&path, &browser.origin()).is_err());
    assert!(!fake.was_asked(), "nothing refused reaches the IDE");

    let mut socket = browser.socket(&path, &browser.origin()).expect("opened");
    let head = fake.head();
    assert!(head.contains("token T0KEN") && !head.contains("portcullis="), "{head}");
    socket.send("hello".into()).expect("sent");
    assert_eq!(socket.read().expect("echoed").into_text().expect("text").as_str(), "hello");

    let begun = std::thread::scope(|scope| {
        let answer = scope.spawn(|| browser.submit("/auth-sign-out", ""));
        launcher.expect("sign-out", |message| {
            matches!(message, ToLauncher::SignOut { sign_in } if sign_in == alice.id).then_some(())
        });
        let begun = Instant::now();
        launcher.send(ToServer::SignInEnded { sign_in: alice.id, why: SignInEnd::SignedOut });
        let page = answer.join().expect("answered");
        assert_eq!(page.status, 200);
        assert!(page.all("set-cookie").iter().all(|value| value.contains("Max-Age=0")));
        begun
    });
    while socket.read().is_ok_and(|message| !message.is_close()) {}
    // At once; on a machine that is busy with other tests that may be a while.
    assert!(begun.elapsed() < Duration::from_secs(10), "cut after {:?}", begun.elapsed());
    assert_eq!(browser.fetch(&format!("/s/{}/api/status", session.id)).status, 401);
    assert_eq!(browser.open("/").status, 303);
    assert!(!fake.was_asked());
}

#[test]
fn polls_do_not_move_the_end_and_acts_do_once() {
    let mut alice = person("alice", 1);
    alice.until -= 1800;
    let launcher = Launcher::serving(&[], &[&alice], &[]);
    let browser = launcher.browser_of(&alice);
    assert!(browser.open("/?live=1").all("set-cookie").is_empty());
    let page = browser.open("/");
    assert_eq!(page.status, 200);
    let until = launcher.expect("touch", |message| match message {
        ToLauncher::Touch { sign_in, until } if sign_in == alice.id => Some(until),
        _ => None,
    });
    assert!(until >= alice.until + 1700);
    browser.open("/");
    browser.open("/");
    // Anything that comes next proves that no second touch was sent before it.
    let bad = browser.ask("POST", "/sessions", "Origin: http://evil.test\r\n", "ide=jupyter");
    assert_eq!(bad.status, 403);
    launcher.expect("an audit record", |message| match message {
        ToLauncher::Touch { .. } => panic!("touched twice within a minute"),
        ToLauncher::Audit(_) => Some(()),
        _ => None,
    });
}
