//! What is typed and run on a WebSocket, as the launcher hears of it.

use portcullis_model::audit::Event;
use portcullis_model::session::State;
use portcullis_wire::ToLauncher;
use tungstenite::Message;

use crate::whole::browser::Browser;
use crate::whole::launcher::{Launcher, person, session_of};
use crate::whole::session::FakeSession;

type Socket = tungstenite::WebSocket<std::net::TcpStream>;

const KERNEL: &str = "/api/kernels/01234567-89ab-cdef-0123-456789abcdef/channels";

fn world(files: &[(&str, &str)]) -> (Launcher, Browser, FakeSession, String) {
    let alice = person("alice", 1);
    let session = session_of("alice", 7, State::Running);
    let launcher = Launcher::serving(files, &[&alice], &[&session]);
    let fake = FakeSession::start(&launcher, session.id);
    let browser = launcher.browser_of(&alice);
    (launcher, browser, fake, format!("/s/{}", session.id))
}

fn run(socket: &mut Socket, code: &str) {
    let code = serde_json::to_string(code).expect("text");
    let message = format!(
        "{{\"header\":{{\"msg_type\":\"execute_request\"}},\"content\":{{\"code\":{code}}},\"channel\":\"shell\"}}"
    );
    socket.send(Message::text(message)).expect("sent");
}

fn audited(launcher: &Launcher) -> Event {
    launcher.expect("an audit record", |message| match message {
        ToLauncher::Audit(event) => Some(event),
        _ => None,
    })
}

#[test]
fn what_is_run_is_recorded_and_counts_as_an_act() {
    let (launcher, browser, _fake, base) = world(&[("rserver.conf", "audit-r-console=input\n")]);
    let mut socket = browser.socket(&format!("{base}{KERNEL}"), &browser.origin()).expect("opened");
    run(&mut socket, "1+1");
    socket.read().expect("it went on");
    launcher.expect("an act", |message| matches!(message, ToLauncher::Activity { .. }).then_some(()));
    let event = audited(&launcher);
    let Event::Console { user, ide, path, channel, direction, text, cut, .. } = event else {
        panic!("{event:?}")
    };
    assert_eq!((user.as_str(), ide.as_str(), path.as_str()), ("alice", "jupyter", KERNEL));
    assert_eq!((channel.as_str(), direction.as_str()), ("shell execute_request", "input"));
    assert_eq!((text.as_str(), cut), ("1+1", false));

    run(&mut socket, &"x".repeat(100_000));
    let Event::Console { text, cut: true, .. } = audited(&launcher) else { panic!("it is cut") };
    assert_eq!(text.len(), 64 * 1024);

    // What can't be read ends it, and that is recorded too.
    socket.send(Message::text("[]")).expect("sent");
    let Event::Refused { method, rule, effect, .. } = audited(&launcher) else { panic!("refused") };
    assert_eq!((method.as_str(), effect.as_str()), ("MESSAGE", "block"));
    assert!(rule.contains("can't read"), "{rule}");
    let close = loop {
        if let Message::Close(frame) = socket.read().expect("a goodbye") {
            break frame.expect("a reason");
        }
    };
    assert_eq!(u16::from(close.code), 1007);
    assert!(close.reason.contains("Portcullis"), "{}", close.reason);
}

#[test]
fn a_share_of_the_day_is_used_up_once() {
    let conf = "audit-r-console=input\naudit-r-console-user-limit-mb=1\n";
    let (launcher, browser, _fake, base) = world(&[("rserver.conf", conf)]);
    let mut socket = browser.socket(&format!("{base}{KERNEL}"), &browser.origin()).expect("opened");
    for _ in 0..20 {
        run(&mut socket, &"x".repeat(64 * 1024));
        socket.read().expect("it goes on all the same");
    }
    for _ in 0..16 {
        assert!(matches!(audited(&launcher), Event::Console { .. }));
    }
    assert!(matches!(audited(&launcher), Event::ConsoleLimit { megabytes: 1, .. }));
}

/// More than the way to the launcher holds: nothing is lost, who types waits.
#[test]
fn records_wait_for_a_slow_launcher_and_none_is_lost() {
    const MANY: usize = 700;
    let conf = "audit-r-console=input\naudit-r-console-user-limit-mb=0\n";
    let (launcher, browser, _fake, base) = world(&[("rserver.conf", conf)]);
    let mut socket = browser.socket(&format!("{base}{KERNEL}"), &browser.origin()).expect("opened");
    let sender = std::thread::spawn(move || {
        for number in 0..MANY {
            run(&mut socket, &format!("{number} {}", "x".repeat(30_000)));
            socket.read().expect("it went on");
        }
        socket
    });
    for number in 0..MANY {
        let event = audited(&launcher);
        let Event::Console { text, .. } = &event else { panic!("{event:?}") };
        assert!(text.starts_with(&format!("{number} ")), "in order, none missing");
    }
    drop(sender.join().expect("sent"));
}

#[test]
fn nothing_is_recorded_when_nobody_asked_for_it() {
    let (launcher, browser, _fake, base) = world(&[]);
    let mut socket = browser.socket(&format!("{base}{KERNEL}"), &browser.origin()).expect("opened");
    run(&mut socket, "1+1");
    socket.send(Message::text("[]")).expect("sent");
    socket.read().expect("it went on");
    socket.read().expect("this too");
    launcher.expect("nothing but an act", |message| match message {
        ToLauncher::Activity { .. } => Some(()),
        ToLauncher::Audit(event) => panic!("{event:?}"),
        _ => None,
    });
}
