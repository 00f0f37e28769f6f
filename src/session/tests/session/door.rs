//! The control socket.

use std::os::fd::AsFd;
use std::os::unix::fs::{chown, symlink};

use portcullis_model::session::Step;
use portcullis_sys::process::Ended;
use portcullis_wire::{Order, Report, WireError};

use crate::Test;
use crate::world::{OTHER, PROXY, USER, eventually, report, setting, until};

pub(crate) const TESTS: &[Test] = &[
    ("a_connection_is_handed_to_the_server", a_connection_is_handed_to_the_server),
    ("paths_are_resolved_as_the_user", paths_are_resolved_as_the_user),
    ("others_are_refused_at_the_door", others_are_refused_at_the_door),
    ("a_new_launcher_replaces_the_old", a_new_launcher_replaces_the_old),
    ("reports_wait_for_a_launcher", reports_wait_for_a_launcher),
    ("a_malformed_order_loses_the_channel_only", a_malformed_order_loses_the_channel_only),
];

fn a_connection_is_handed_to_the_server() {
    let mut setting = setting("http");
    setting.spec.transport = portcullis_model::session::Transport::Unix;
    let world = setting.running();
    let text = world.play(PROXY, &["door-connect", &world.door, "/facts"]);
    assert!(text.contains(&format!("Uid:\t{USER}")), "{text}");
    world.launcher.send(&Order::End, &[]).expect("sent");
    assert_eq!(world.ended().0, Ended::Exited(0));
}

fn paths_are_resolved_as_the_user() {
    let world = setting("http").running();
    let private = world.private.to_str().expect("plain");
    symlink("/etc", world.private.join("out")).expect("a link");
    let locked = world.dir.path().join("locked");
    std::fs::create_dir(&locked).expect("a directory");
    chown(&locked, Some(OTHER), Some(OTHER)).expect("root");
    std::fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("root");
    let ask = |path: &str| world.play(PROXY, &["door-resolve", &world.door, path]);
    for (path, wanted) in [
        (format!("{private}/out/passwd"), Some("/etc/passwd".to_owned())),
        (format!("{private}/out/../x"), Some("/x".to_owned())),
        (format!("{private}/conf/../new"), Some(format!("{private}/new"))),
        (format!("{}/secret", locked.display()), None),
        ("relative".to_owned(), None),
    ] {
        let answer = format!("Ok((Resolved {{ paths: [{wanted:?}] }}, []))");
        assert_eq!(ask(&path), answer, "{path}");
    }
    let many = ["/"; 17];
    let answer = world.play(PROXY, &[&["door-resolve", world.door.as_str()][..], &many].concat());
    assert_eq!(answer, r#"Ok((Failed { why: "more than 16 paths in one question" }, []))"#);
}

fn others_are_refused_at_the_door() {
    let world = setting("http").running();
    for uid in [OTHER, USER] {
        let answer = world.play(uid, &["door-connect", &world.door, "/api"]);
        assert!(answer.starts_with("Err("), "{answer}");
        assert_eq!(report(&world.launcher), Report::PeerRefused { peer: i64::from(uid), count: 1 });
    }
}

fn a_new_launcher_replaces_the_old() {
    let world = setting("http").running();
    let second = world.new_launcher();
    second.send(&Order::Status, &[]).expect("sent");
    assert_eq!(report(&second), Report::Running);
    assert!(matches!(world.launcher.receive::<Report>(), Err(WireError::Closed)));
    let third = world.new_launcher();
    third.send(&Order::Status, &[]).expect("sent");
    assert_eq!(report(&third), Report::Running);
    third.send(&Order::End, &[]).expect("sent");
    until(&third, |report| matches!(report, Report::Ended { left_over: 0 }));
    assert_eq!(world.session.wait(), Ok(Ended::Exited(0)));
}

fn reports_wait_for_a_launcher() {
    let mut setting = setting("http");
    setting.with_launcher = false;
    let world = setting.start();
    // It listens, so reports were made; the launcher comes now.
    eventually("the IDE listens", || world.private.join("ide.sock").exists());
    let launcher = world.new_launcher();
    let reports = until(&launcher, |report| matches!(report, Report::Running));
    let [Report::Proof(_), rest @ ..] = reports.as_slice() else { panic!("{reports:?}") };
    assert_eq!(rest, [Report::Step(Step::StartIde), Report::Step(Step::Answer), Report::Running]);
}

fn a_malformed_order_loses_the_channel_only() {
    let mut world = setting("http").running();
    world.expected.push("the launcher's order can't be read");
    let second = world.new_launcher();
    portcullis_sys::fd::send(second.as_fd(), b"\xff\xff", &[]).expect("sent");
    assert!(matches!(second.receive::<Report>(), Err(WireError::Closed)));
    let third = world.new_launcher();
    third.send(&Order::Status, &[]).expect("sent");
    assert_eq!(report(&third), Report::Running);
}
