//! The port: who is served, and what becomes of the bytes.

use nix::sys::signal::Signal;
use portcullis_wire::Report;

use crate::Test;
use crate::world::{OTHER, PROXY, USER, World, eventually, setting};

pub(crate) const TESTS: &[Test] = &[
    ("the_proxy_is_served_and_nobody_else", the_proxy_is_served_and_nobody_else),
    ("much_goes_both_ways_with_flat_memory", much_goes_both_ways_with_flat_memory),
    ("a_reader_that_pauses_does_not_fill_memory", a_reader_that_pauses_does_not_fill_memory),
    ("an_answer_before_the_end_of_the_body_arrives", an_answer_before_the_end_of_the_body_arrives),
    ("abandoned_connections_are_closed_at_both_ends", abandoned_connections_are_closed_at_both_ends),
    ("an_ide_with_a_full_queue_is_waited_for", an_ide_with_a_full_queue_is_waited_for),
    ("idle_connections_cost_little", idle_connections_cost_little),
];

fn the_proxy_is_served_and_nobody_else() {
    let world = setting("http").running();
    let fetch = |uid| world.play(uid, &["fetch", &world.port, "/api"]);
    assert!(fetch(PROXY).ends_with("\r\n\r\nok"));
    for uid in [OTHER, USER, 0] {
        assert_eq!(fetch(uid), "", "{uid} is refused");
        let refused = Report::PeerRefused { peer: i64::from(uid), count: 1 };
        assert_eq!(world.until(|_| true), [refused]);
    }
    // Ten more of one peer are one report, or two over the edge of a second.
    for _ in 0..10 {
        fetch(OTHER);
    }
    let mut counted = 0;
    while counted < 10 {
        for report in world.until(|_| true) {
            let Report::PeerRefused { peer, count } = report else { panic!("{report:?}") };
            assert_eq!(peer, i64::from(OTHER));
            counted += count;
        }
    }
    assert_eq!(counted, 10);
    assert!(fetch(PROXY).ends_with("\r\n\r\nok"));
}

fn much_goes_both_ways_with_flat_memory() {
    const MUCH: u64 = 300 << 20;
    let world = setting("http").running();
    world.play(PROXY, &["fetch", &world.port, "/big/1000000"]);
    let before = world.memory("Anonymous");
    let start = std::time::Instant::now();
    let down = world.play(PROXY, &["fetch", &world.port, &format!("/big/{MUCH}")]);
    assert_eq!(down, format!("{MUCH} of {MUCH}"));
    let middle = start.elapsed();
    let up = world.play(PROXY, &["upload", &world.port, &MUCH.to_string()]);
    assert!(up.ends_with(&format!("\r\n\r\n{MUCH}")), "half-closed, then answered: {up}");
    let up_time = start.elapsed() - middle;
    let after = world.memory("Anonymous");
    note(&format!(
        "300 MiB down in {middle:?}, up in {up_time:?}; private memory {before} kB before, {after} kB after"
    ));
    assert!(after <= before + 512, "{before} kB before, {after} kB after");
}

fn a_reader_that_pauses_does_not_fill_memory() {
    let world = setting("http").running();
    let mut reader = world.part(PROXY, &["slow", &world.port, "/big/50000000"]);
    reader.hear("asked\n".len());
    // The IDE writes until every buffer on the way is full.
    let stalled = || {
        let work = || (world.proc("io"), world.ticks());
        let before = work();
        std::thread::park_timeout(std::time::Duration::from_millis(100));
        before == work()
    };
    eventually("the session neither reads nor turns idly", stalled);
    let memory = world.memory("Anonymous");
    assert!(memory < 2048, "{memory} kB");
    assert!(
        world.play(PROXY, &["fetch", &world.port, "/api"]).ends_with("ok"),
        "others are served meanwhile"
    );
    reader.go_on();
    assert_eq!(reader.rest(), "50000038");
}

fn an_answer_before_the_end_of_the_body_arrives() {
    let world = setting("http").running();
    assert_eq!(world.play(PROXY, &["early", &world.port, "/refuse"]), "100038");
}

fn fds(world: &World) -> u64 {
    let path = format!("/proc/{}/fd", world.session.pid());
    u64::try_from(std::fs::read_dir(path).expect("root may").count()).expect("few")
}

fn abandoned_connections_are_closed_at_both_ends() {
    let world = setting("http").running();
    eventually("the question whether it answers is over", || fds(&world) < 12);
    let few = fds(&world);
    let mut readers: Vec<_> =
        (0..5).map(|_| world.part(PROXY, &["slow", &world.port, "/big/50000000"])).collect();
    readers.iter_mut().for_each(|reader| drop(reader.hear("asked\n".len())));
    assert_eq!(fds(&world), few + 10);
    for reader in &readers {
        reader.process.signal(Signal::SIGKILL).expect("it lives");
    }
    eventually("all are closed", || fds(&world) == few);
    assert!(world.play(PROXY, &["fetch", &world.port, "/api"]).ends_with("ok"));
}

fn an_ide_with_a_full_queue_is_waited_for() {
    let world = setting("busy").running();
    let _long = world.part(PROXY, &["fetch", &world.port, "/long"]);
    let mut others: Vec<_> = (0..8).map(|_| world.part(PROXY, &["fetch", &world.port, "/api"])).collect();
    let mut doors: Vec<_> =
        (0..4).map(|_| world.part(PROXY, &["door-connect", &world.door, "/api"])).collect();
    for part in others.iter_mut().chain(&mut doors) {
        let answer = part.rest();
        assert!(answer.ends_with("ok"), "{answer}");
    }
}

fn idle_connections_cost_little() {
    const COUNT: u64 = 500;
    let mut setting = setting("http");
    setting.ide_of_its_own();
    let world = setting.running();
    world.play(PROXY, &["fetch", &world.port, "/api"]);
    eventually("the first is closed", || fds(&world) < 12);
    let (few, pss, private) = (fds(&world), world.memory("Pss"), world.memory("Anonymous"));
    let mut clients = world.part(PROXY, &["idle", &world.port, &COUNT.to_string()]);
    clients.hear("connected\n".len());
    eventually("all are relayed", || fds(&world) == few + 2 * COUNT);
    let (pss_then, private_then) = (world.memory("Pss"), world.memory("Anonymous"));
    note(&format!(
        "unoptimised test program, idle: PSS {pss} kB, private {private} kB; with {COUNT} idle connections PSS {pss_then} kB, private {private_then} kB"
    ));
    assert!(private_then < 2048 && private_then <= private + 512, "{private} kB, then {private_then} kB");
    clients.go_on();
    eventually("all are closed", || fds(&world) == few);
}

/// A measurement, for whoever reads the test's output.
fn note(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "note: {text}");
}
