//! What listens in sessions of other users.

use super::*;

/// Listens in a group by TCP and by UDP, which it answers.
pub(super) fn listening(inside: &Inside, port: u16) -> stage::Served {
    let bind = move || {
        let streams = TcpListener::bind(at("::", port)).expect("a port");
        (streams, UdpSocket::bind(at("0.0.0.0", port)).expect("a port"))
    };
    inside.serve(bind, |(streams, datagrams)| {
        let echo = std::thread::spawn(move || {
            let mut text = [0; 16];
            while let Ok((length, from)) = datagrams.recv_from(&mut text) {
                let _ = datagrams.send_to(&text[..length], from);
            }
        });
        for _ in streams.incoming() {}
        let _ = echo.join();
    })
}

#[test]
fn sessions_of_other_users_are_closed_and_everything_else_is_open() {
    own_network(&[]);
    let (theirs, mine, again) = (Inside::of(20_002), Inside::of(20_001), Inside::of(20_001));
    // A service of the machine in a group of its own, beside the folder of all sessions.
    let elsewhere =
        mine.path().ancestors().nth(3).expect("four levels").join(format!("service-{}", std::process::id()));
    std::fs::create_dir(&elsewhere).expect("a group");
    let _service = stage::serve(
        || std::fs::write(elsewhere.join("cgroup.procs"), "0").expect("into the group"),
        || TcpListener::bind(at("::", 7013)).expect("a port"),
        |streams| streams.incoming().for_each(drop),
    );
    let (outer, _streams, _datagrams) = servers();
    let _servers = [listening(&theirs, 7010), listening(&mine, 7011), listening(&again, 7012)];
    let tcp = |address: &'static str, port| mine.attempt(|| connect(libc::SOCK_STREAM, 0, at(address, port)));
    let udp = |port| {
        mine.attempt(|| {
            let failed = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(0));
            let socket = UdpSocket::bind("0.0.0.0:0").map_err(failed)?;
            socket.send_to(b"ping", at("127.0.0.1", port)).map(drop).map_err(failed)
        })
    };
    assert_eq!(tcp("127.0.0.1", 7010), DONE, "without rules");
    mine.rule(&Rules { neighbours: true, ..Rules::default() });
    for address in ["127.0.0.1", "::1"] {
        assert_eq!(tcp(address, 7013), DONE, "a service of the machine");
    }
    for (port, open, whose) in [
        (7010, false, "another user's"),
        (7011, true, "its own"),
        (7012, true, "the same user's"),
        (outer, true, "the machine's"),
    ] {
        for address in ["127.0.0.1", "::1"] {
            assert_eq!(tcp(address, port) == DONE, open, "TCP to {whose} at {address}");
        }
        assert_eq!(udp(port) == DONE, open, "UDP to {whose}");
    }
    drop(_service);
    std::fs::remove_dir(&elsewhere).expect("empty");
}
