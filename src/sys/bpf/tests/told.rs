//! What was refused is told, each destination once a second, and nothing else is.

use super::neighbours::listening;
use super::*;

fn denials(ring: &Denials) -> Vec<String> {
    let mut found = Vec::new();
    ring.take(|denial| {
        found.push(format!("{}{}", denial.target, if denial.packet { " packet" } else { "" }))
    });
    found
}

#[test]
fn refusals_are_told_and_repetitions_are_not() {
    own_network(&[]);
    let (port, _streams, _datagrams) = servers();
    let inside = Inside::of(20_001);
    let rules = Rules {
        refused: vec![to("127.0.0.9", None), to("fd00::9", None)],
        neighbours: true,
        ..Rules::default()
    };
    let ring = Denials::open(inside.rule_and_tell(&rules)).expect("mapped");
    assert_eq!(denials(&ring), Vec::<String>::new());
    let tried = inside.attempt(|| {
        for _ in 0..50 {
            let _ = connect(libc::SOCK_STREAM, 0, at("127.0.0.9", 443));
            let _ = connect(libc::SOCK_DGRAM, 0, at("127.0.0.1", port));
        }
        let _ = connect(libc::SOCK_STREAM, 0, mapped(at("127.0.0.9", 80)));
        let _ = connect(libc::SOCK_DGRAM, 0, at("fd00::9", 53));
        connect(libc::SOCK_STREAM, 0, at("127.0.0.1", port))
    });
    assert_eq!(tried, DONE);
    assert_eq!(denials(&ring), ["127.0.0.9:443", "127.0.0.9:80", "[fd00::9]:53"]);
    assert_eq!(denials(&ring), Vec::<String>::new(), "read once");

    let theirs = Inside::of(20_002);
    let _server = listening(&theirs, 7020);
    let tried = inside.attempt(|| connect(libc::SOCK_STREAM, 0, at("127.0.0.1", 7020)));
    assert_ne!(tried, DONE);
    // The kernel knocks again while nobody answers: after a second that is told again.
    let mut told = denials(&ring);
    told.dedup();
    assert_eq!(told, ["127.0.0.1:7020 packet"]);
}

#[test]
fn a_ring_that_is_full_loses_what_is_new_and_goes_on() {
    own_network(&[]);
    let inside = Inside::of(20_001);
    let rules = Rules { allowed: Some(Vec::new()), ..Rules::default() };
    let ring = Denials::open(inside.rule_and_tell(&rules)).expect("mapped");
    let knock = |first: u16| {
        inside.attempt(|| {
            for port in first..first + 1000 {
                let _ = connect(libc::SOCK_DGRAM, 0, at("192.0.2.1", port));
            }
            Ok(())
        })
    };
    for first in [1000, 3000, 5000] {
        assert_eq!(knock(first), DONE);
        let told = denials(&ring);
        assert!((300..1000).contains(&told.len()), "{} told", told.len());
        assert_eq!(told[0], format!("192.0.2.1:{first}"));
    }
}
