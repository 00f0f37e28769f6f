//! WebSockets over HTTP/1.1 and HTTP/2.

use std::time::Duration;

use portcullis_proxy::{Reason, TunnelEnd};

use crate::origin::{Conn, HELLO, Origin, fixed, origin};
use crate::proxy::{Raw, proxy, run, run_paused};

pub(crate) const ASK: &str = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: a, b\r\n\r\n";
pub(crate) const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// A masked text frame with an all-zero key.
pub(crate) fn text(payload: &str) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("short");
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend(payload.bytes());
    frame
}

/// Accepts, says hello in the same packet as the 101, echoes.
async fn echo(mut conn: Conn) {
    let _ = conn.head().await;
    let mut first = format!("{ACCEPT}Sec-WebSocket-Protocol: b\r\n\r\n").into_bytes();
    first.extend(b"\x81\x05first");
    conn.say(first).await;
    loop {
        let bytes = conn.body(1).await;
        if bytes.is_empty() {
            return;
        }
        conn.say(bytes).await;
    }
}

async fn echoing() -> Origin {
    origin(echo).await
}

#[test]
fn tunnels_over_http1_and_loses_nothing_around_the_101() {
    run(async {
        let origin = echoing().await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        // The client does not wait for the 101.
        let mut early = ASK.as_bytes().to_vec();
        early.extend(text("early"));
        raw.send(early).await;
        let head = raw.until("\r\n\r\n").await.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101") && head.contains("sec-websocket-protocol: b"), "{head}");
        assert!(head.contains("connection: upgrade") && head.contains("upgrade: websocket"), "{head}");
        assert_eq!(raw.exactly(7).await, b"\x81\x05first");
        assert_eq!(raw.exactly(11).await, text("early"));
        raw.send(text("later")).await;
        assert_eq!(raw.exactly(11).await, text("later"));
        let seen = origin.seen.text();
        assert!(!seen.to_ascii_lowercase().contains("extensions"), "{seen}");
        assert!(seen.contains("connection: Upgrade\r\nupgrade: websocket\r\n"), "{seen}");
        assert_eq!(proxy.gauges.tunnels(), 1);
        assert_eq!(*proxy.events.messages.borrow(), [(1, b"early".to_vec()), (1, b"later".to_vec())]);
        drop(raw);
        while proxy.gauges.tunnels() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(*proxy.events.tunnels.borrow(), [TunnelEnd { up: 22, down: 29, cut: None }]);
    });
}

#[test]
fn nothing_reaches_a_session_before_its_101() {
    run(async {
        let (go, wait) = tokio::sync::watch::channel(false);
        let origin = origin(move |mut conn| {
            let mut wait = wait.clone();
            async move {
                let _ = conn.head().await;
                let _ = wait.wait_for(|go| *go).await;
                assert!(conn.stream.try_read(&mut [0]).is_err(), "bytes before the 101");
                echo_rest(conn).await;
            }
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(ASK).await;
        raw.send(text("early")).await;
        while !origin.seen.text().contains("\r\n\r\n") {
            tokio::task::yield_now().await;
        }
        go.send(true).expect("origin waits");
        raw.until("\r\n\r\n").await;
        assert_eq!(raw.exactly(11).await, text("early"));
    });
}

async fn echo_rest(mut conn: Conn) {
    conn.say(format!("{ACCEPT}\r\n")).await;
    loop {
        let bytes = conn.body(1).await;
        if bytes.is_empty() {
            return;
        }
        conn.say(bytes).await;
    }
}

#[test]
fn other_answers_are_answers_and_no_tunnels() {
    run(async {
        for status in ["200 OK", "426 Upgrade Required", "400 Bad Request", "403 Forbidden"] {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nhello");
            let origin = fixed(answer.leak()).await;
            let proxy = proxy(origin.addr).await;
            let mut raw = Raw::connect(proxy.addr).await;
            raw.send(ASK).await;
            let (head, body) = raw.answer().await;
            assert!(head.starts_with(&format!("http/1.1 {status}").to_ascii_lowercase()) && body == "hello");
            // What follows is HTTP again, decided like anything else.
            raw.send("GET /denied HTTP/1.1\r\nHost: h\r\n\r\n").await;
            assert_eq!(raw.answer().await.1, "no");
            assert!(!origin.seen.text().contains("denied"));
            assert_eq!(proxy.gauges.tunnels(), 0);
        }
    });
}

#[test]
fn answers_that_only_look_like_a_101_are_refused() {
    run(async {
        for bad in [
            "HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned(),
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n".to_owned(),
            ACCEPT.replace("s3pP", "xxxx") + "\r\n",
            format!("{ACCEPT}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
            format!("{ACCEPT}Sec-WebSocket-Protocol: other\r\n\r\n"),
        ] {
            let origin = fixed(bad.clone().leak()).await;
            let proxy = proxy(origin.addr).await;
            let mut raw = Raw::connect(proxy.addr).await;
            raw.send(ASK).await;
            assert!(raw.answer().await.0.starts_with("http/1.1 502"), "{bad}");
            assert_eq!(proxy.gauges.tunnels(), 0);
        }
        // A 101 to a plain request.
        let origin = fixed(Box::leak(format!("{ACCEPT}\r\n").into_boxed_str())).await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert!(raw.answer().await.0.starts_with("http/1.1 502"));
    });
}

#[test]
fn a_cut_says_goodbye_to_both_sides() {
    run(async {
        let origin = echoing().await;
        let proxy = proxy(origin.addr).await;
        let mut open = Vec::new();
        for _ in 0..3 {
            let mut raw = Raw::connect(proxy.addr).await;
            raw.send(ASK).await;
            raw.until("first").await;
            open.push(raw);
        }
        proxy.sign_in.cut(Reason::Revoked);
        for mut raw in open {
            assert_eq!(raw.exactly(4).await, [0x88, 2, 0x03, 0xf0]);
            assert_eq!(raw.rest().await, "");
        }
        while proxy.gauges.tunnels() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(proxy.events.tunnels.borrow().iter().all(|end| end.cut == Some(Reason::Revoked)));
        // The session's side hears it too, masked as a client's must be.
        let goodbye = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xf0];
        while origin.seen.bytes.borrow().windows(8).filter(|part| *part == goodbye).count() < 3 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_cut_within_a_frame_adds_nothing_to_it() {
    run(async {
        let origin = origin(|mut conn| async move {
            let _ = conn.head().await;
            conn.say(format!("{ACCEPT}\r\n")).await;
            conn.say(b"\x82\x7e\xff\xffpart").await;
            let _ = conn.body(1).await;
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(ASK).await;
        raw.until("part").await;
        proxy.session.cut(Reason::GoingAway);
        assert_eq!(raw.rest().await, "");
    });
}

#[test]
fn a_drain_counts_tunnels_and_ends_them_at_its_deadline() {
    run_paused(async {
        let origin = echoing().await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(ASK).await;
        raw.until("first").await;
        let start = tokio::time::Instant::now();
        proxy.drain.start(Duration::from_secs(20));
        assert_eq!(raw.exactly(4).await, [0x88, 2, 0x03, 0xe9]);
        assert!(start.elapsed() >= Duration::from_secs(20));
        proxy.served.await.expect("ends");
    });
}

#[test]
fn big_messages_pass_through_a_slow_reader() {
    run(async {
        let origin = origin(|mut conn| async move {
            let _ = conn.head().await;
            conn.say(format!("{ACCEPT}\r\n")).await;
            let mut frame = vec![0x82, 127];
            frame.extend((8_u64 << 20).to_be_bytes());
            conn.say(&frame).await;
            conn.say(vec![9; 8 << 20]).await;
            let _ = conn.body(1).await;
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(ASK).await;
        raw.until("\r\n\r\n").await;
        for _ in 0..1000 {
            tokio::task::yield_now().await; // let it back up
        }
        let all = raw.exactly((8 << 20) + 10).await;
        assert!(all[10..].iter().all(|byte| *byte == 9));
    });
}

#[test]
fn a_session_that_hangs_up_ends_the_tunnel() {
    run(async {
        let origin = origin(|mut conn| async move {
            let _ = conn.head().await;
            conn.say(format!("{ACCEPT}\r\n")).await;
            conn.say(b"\x88\x02\x03\xe8").await;
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(ASK).await;
        raw.until("\r\n\r\n").await;
        raw.rest().await;
        drop(raw);
        while proxy.gauges.tunnels() > 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_session_that_is_not_there_is_an_error() {
    run(async {
        let origin = fixed(HELLO).await;
        let nobody = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
            listener.local_addr().expect("address")
        };
        drop(origin);
        let proxy = proxy(nobody).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(ASK).await;
        assert!(raw.answer().await.0.starts_with("http/1.1 502"));
        assert_eq!(*proxy.events.errors.borrow(), ["Session cannot connect to the session"]);
    });
}
