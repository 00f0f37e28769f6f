//! Long and endless bodies: unbuffered, cut, abandoned, at flat memory.

use std::time::Duration;

use portcullis_proxy::{Open, Reason};

use crate::origin::{HELLO, origin};
use crate::proxy::{Raw, proxy, run};

const GET: &str = "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn events_are_passed_on_at_once_and_end_with_a_cut() {
    run(async {
        let (tx, rx) = tokio::sync::watch::channel("");
        let origin = origin(move |mut conn| {
            let mut rx = rx.clone();
            async move {
                let _ = conn.head().await;
                conn.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").await;
                while rx.changed().await.is_ok() {
                    let event = *rx.borrow_and_update();
                    conn.say(event).await;
                }
            }
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(GET).await;
        raw.until("\r\n\r\n").await;
        for event in ["data: one\n\n", "data: two\n\n"] {
            tx.send(event).expect("origin listens");
            raw.until(event).await; // the next is only sent when this one has come through
        }
        proxy.session.cut(Reason::Revoked);
        let rest = raw.rest().await;
        assert!(!rest.ends_with("0\r\n\r\n"), "a cut stream must not look complete: {rest:?}");
        assert!(!proxy.events.transfers.borrow()[0].complete);
    });
}

#[test]
fn a_cut_ends_a_download_that_always_flows() {
    run(async {
        let origin = origin(|mut conn| async move {
            let _ = conn.head().await;
            conn.say("HTTP/1.1 200 OK\r\n\r\n").await;
            let block = vec![7; 1 << 16];
            use tokio::io::AsyncWriteExt as _;
            while conn.stream.write_all(&block).await.is_ok() {}
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(GET).await;
        raw.exactly(1 << 20).await;
        proxy.sign_in.cut(Reason::Revoked);
        raw.rest().await;
        assert!(!proxy.events.transfers.borrow()[0].complete);
    });
}

#[test]
fn a_cut_ends_a_download_whose_client_takes_nothing() {
    run(async {
        let origin = origin(|mut conn| async move {
            let _ = conn.head().await;
            conn.say("HTTP/1.1 200 OK\r\n\r\n").await;
            let block = vec![7; 1 << 16];
            use tokio::io::AsyncWriteExt as _;
            while conn.stream.write_all(&block).await.is_ok() {}
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(GET).await;
        raw.exactly(1 << 16).await;
        assert_eq!(proxy.sign_in.open(), Open { websockets: 0, transfers: 1 });
        // From here on nothing is read, until every buffer on the way is full.
        tokio::time::sleep(Duration::from_millis(300)).await;
        proxy.sign_in.cut(Reason::Revoked);
        let gone = async {
            while proxy.sign_in.open() != Open::default() || proxy.session.open() != Open::default() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), gone).await.expect("it hangs on nothing");
        assert!(!proxy.events.transfers.borrow()[0].complete);
    });
}

#[test]
fn a_client_that_leaves_takes_its_request_along() {
    run(async {
        let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
        let origin = origin(move |mut conn| {
            let tx = tx.clone();
            async move {
                let _ = conn.head().await;
                tx.send("asked").expect("test listens");
                assert!(conn.head().await.is_none(), "closed");
                tx.send("left").expect("test listens");
            }
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(GET).await;
        assert_eq!(rx.recv().await, Some("asked"));
        drop(raw);
        assert_eq!(rx.recv().await, Some("left"));
    });
}

/// Resident memory of this process, bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("proc");
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}

#[test]
fn long_bodies_pass_at_flat_memory() {
    const TOTAL: usize = 256 << 20;
    const STEP: usize = 1 << 20;
    run(async {
        let origin = origin(|mut conn| async move {
            let head = conn.head().await.expect("a request");
            if head.starts_with("POST") {
                let mut left = TOTAL - conn.buffered();
                let mut sink = vec![0; STEP];
                while left > 0 {
                    use tokio::io::AsyncReadExt as _;
                    let n = conn.stream.read(&mut sink).await.expect("read");
                    assert!(n > 0, "closed early");
                    left -= n;
                }
                conn.say(HELLO).await;
            } else {
                conn.say(format!("HTTP/1.1 200 OK\r\nContent-Length: {TOTAL}\r\n\r\n")).await;
                let block = vec![7; STEP];
                for _ in 0..TOTAL / STEP {
                    conn.say(&block).await;
                }
            }
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let before = resident();
        let mut most = 0;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
        raw.until("\r\n\r\n").await;
        let mut got = std::mem::take(&mut raw.buf).len();
        let mut sink = vec![0; STEP];
        while got < TOTAL {
            use tokio::io::AsyncReadExt as _;
            got += raw.stream.read(&mut sink).await.expect("read");
            most = most.max(resident());
        }
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {TOTAL}\r\n\r\n")).await;
        let block = vec![7; STEP];
        for _ in 0..TOTAL / STEP {
            raw.send(&block).await;
            most = most.max(resident());
        }
        assert_eq!(raw.answer().await.1, "hello");
        let grown = most.saturating_sub(before);
        assert!(grown < 24 << 20, "grew by {grown} bytes");
        let sums = proxy.events.transfers.borrow();
        let sums: Vec<(u64, u64)> = sums.iter().map(|sum| (sum.up, sum.down)).collect();
        assert_eq!(sums, [(0, TOTAL as u64), (TOTAL as u64, 5)]);
    });
}
