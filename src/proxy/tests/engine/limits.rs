//! Every limit has its test: sizes, times, numbers, and the drain.

use std::time::Duration;

use portcullis_proxy::Limits;

use crate::origin::{HELLO, fixed, origin};
use crate::proxy::{Raw, Setup, once, proxy, proxy_with, run, run_paused};

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn long_heads_get_431() {
    run(async {
        let origin = fixed(HELLO).await;
        let proxy = proxy(origin.addr).await;
        let long = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "x".repeat(100 << 10));
        assert!(once(proxy.addr, long).await.starts_with("HTTP/1.1 431"));
        let long = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "x".repeat(60 << 10));
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(long).await;
        assert_eq!(raw.answer().await.1, "hello");
        let many = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(200));
        assert!(once(proxy.addr, many).await.starts_with("HTTP/1.1 431"));
        let huge = format!("GET /{} HTTP/1.1\r\nHost: h\r\nX: {}", "y".repeat(1000), "x".repeat(1 << 20));
        assert!(once(proxy.addr, huge).await.starts_with("HTTP/1.1 431"));
        assert_eq!(origin.seen.text().matches("GET ").count(), 1);
    });
}

#[test]
fn bodies_over_the_limit_get_413_by_length_and_by_count() {
    run(async {
        let origin = origin(|mut conn| async move {
            let _ = conn.head().await;
            let _ = conn.body(usize::MAX).await;
        })
        .await;
        let proxy = proxy_with(origin.addr, Setup { body_limit: Some(100_000), ..Setup::default() }).await;
        // By length: refused before the session hears of it, and the answer survives the upload behind it.
        let body = vec![b'x'; 4 << 20];
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\n\r\n").await;
        raw.send(&body).await;
        let text = raw.rest().await;
        assert!(text.starts_with("HTTP/1.1 413"), "{text}");
        assert_eq!(origin.seen.connections.get(), 0);
        // By count.
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        for _ in 0..30 {
            raw.send("1000\r\n").await;
            raw.send(&body[..0x1000]).await;
            raw.send("\r\n").await;
        }
        assert!(raw.rest().await.starts_with("HTTP/1.1 413"));
        assert!(origin.seen.bytes.borrow().len() < 110_000);
        assert!(proxy.events.errors.borrow().iter().all(|error| error.starts_with("Client")));
    });
}

#[test]
fn slow_heads_and_silent_connections_are_closed() {
    run_paused(async {
        let origin = fixed(HELLO).await;
        let proxy = proxy(origin.addr).await;
        let start = tokio::time::Instant::now();
        let mut silent = Raw::connect(proxy.addr).await;
        assert_eq!(silent.rest().await, "");
        let took = start.elapsed();
        assert!((30..34).contains(&took.as_secs()), "{took:?}");
        let mut slow = Raw::connect(proxy.addr).await;
        slow.send("GET / HTTP/1.1\r\nHost: h").await;
        let text = slow.rest().await;
        assert!(text.starts_with("HTTP/1.1 408"), "{text}");
        let start = tokio::time::Instant::now();
        let mut idle = Raw::connect(proxy.addr).await;
        idle.send(GET).await;
        assert_eq!(idle.answer().await.1, "hello");
        assert_eq!(idle.rest().await, "");
        assert!(start.elapsed() >= Duration::from_secs(75));
    });
}

#[test]
fn slow_uploads_are_given_up() {
    run_paused(async {
        let origin = origin(|mut conn| async move {
            let _ = conn.head().await;
            let _ = conn.body(10).await;
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf").await;
        let text = raw.rest().await;
        assert!(text.contains("the client sent nothing of its body for 60s"), "{text}");
        assert!(proxy.events.errors.borrow()[0].starts_with("Client"));
    });
}

#[test]
fn clients_that_do_not_read_are_closed() {
    run_paused(async {
        let origin = origin(|mut conn| async move {
            let _ = conn.head().await;
            conn.say("HTTP/1.1 200 OK\r\n\r\n").await;
            let block = vec![7; 1 << 20];
            for _ in 0..64 {
                conn.say(&block).await;
            }
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(GET).await;
        raw.until("\r\n\r\n").await;
        while proxy.gauges.connections() > 0 {
            tokio::time::sleep(Duration::from_secs(10)).await; // virtual time
        }
        assert!(!proxy.events.transfers.borrow()[0].complete);
    });
}

#[test]
fn too_many_connections_at_work_are_turned_away() {
    run(async {
        let origin = origin(|mut conn| async move {
            if conn.head().await.is_some_and(|head| head.starts_with("GET /wait")) {
                std::future::pending::<()>().await;
            }
            conn.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
        })
        .await;
        let limits = Limits { connections: 2, ..Limits::default() };
        let proxy = proxy_with(origin.addr, Setup { limits, ..Setup::default() }).await;
        let wait = "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n";
        let mut first = Raw::connect(proxy.addr).await;
        first.send(wait).await;
        let mut second = Raw::connect(proxy.addr).await;
        second.send(wait).await;
        while proxy.gauges.requests() < 2 {
            tokio::task::yield_now().await;
        }
        let mut third = Raw::connect(proxy.addr).await;
        assert!(third.rest().await.starts_with("HTTP/1.1 503"));
        assert_eq!((proxy.gauges.connections(), proxy.gauges.refused()), (2, 1));
        drop(first);
        while proxy.gauges.connections() > 1 {
            tokio::task::yield_now().await;
        }
        let mut fourth = Raw::connect(proxy.addr).await;
        fourth.send(GET).await;
        assert_eq!(fourth.answer().await.1, "hello");
    });
}

#[test]
fn silent_connections_keep_nobody_out() {
    run(async {
        let origin = fixed(HELLO).await;
        let limits = Limits { connections: 8, ..Limits::default() };
        let proxy = proxy_with(origin.addr, Setup { limits, ..Setup::default() }).await;
        let mut idle = Raw::connect(proxy.addr).await;
        idle.send(GET).await;
        idle.answer().await;
        let mut held = Vec::new();
        for part in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: h\r\n"] {
            for _ in 0..8 {
                let mut silent = Raw::connect(proxy.addr).await;
                silent.send(part).await;
                held.push(silent);
            }
        }
        let mut person = Raw::connect(proxy.addr).await;
        person.send(GET).await;
        assert_eq!(person.answer().await.1, "hello");
        assert_eq!(idle.rest().await, "", "the one that was silent longest is gone");
        assert_eq!(proxy.gauges.refused(), 0);
        assert!(proxy.gauges.connections() <= 8);
    });
}

#[test]
fn a_drain_finishes_what_is_in_progress() {
    run(async {
        let (go, wait) = tokio::sync::watch::channel(false);
        let (asked, mut hears) = tokio::sync::mpsc::unbounded_channel();
        let origin = origin(move |mut conn| {
            let (mut wait, asked) = (wait.clone(), asked.clone());
            async move {
                while conn.head().await.is_some() {
                    asked.send(()).expect("test listens");
                    let _ = wait.wait_for(|go| *go).await;
                    conn.say(HELLO).await;
                }
            }
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut busy = Raw::connect(proxy.addr).await;
        busy.send(GET).await;
        hears.recv().await;
        let mut fresh = Raw::connect(proxy.addr).await;
        while proxy.gauges.connections() < 2 {
            tokio::task::yield_now().await;
        }
        proxy.drain.start(Duration::from_secs(30));
        assert_eq!(fresh.rest().await, "", "a connection without a request is closed at once");
        assert!(!proxy.served.is_finished());
        while tokio::net::TcpStream::connect(proxy.addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
        go.send(true).expect("origin waits");
        let (head, body) = busy.answer().await;
        assert!(head.contains("connection: close") && body == "hello", "{head}");
        drop(busy);
        proxy.served.await.expect("ends by itself");
    });
}

#[test]
fn a_drain_has_a_deadline() {
    run_paused(async {
        let origin = origin(|mut conn| async move {
            let _ = conn.head().await;
            let _ = conn.head().await; // never answers
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut busy = Raw::connect(proxy.addr).await;
        busy.send(GET).await;
        while proxy.gauges.requests() < 1 {
            tokio::task::yield_now().await;
        }
        let start = tokio::time::Instant::now();
        proxy.drain.start(Duration::from_secs(5));
        proxy.served.await.expect("ends");
        assert!((5..20).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    });
}

#[test]
fn idle_connections_to_sessions_are_closed_by_age_and_by_end() {
    run_paused(async {
        let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
        let origin = origin(move |mut conn| {
            let tx = tx.clone();
            async move {
                let _ = conn.head().await;
                let keep = if conn.number == 0 { "Keep-Alive: timeout=5\r\n" } else { "" };
                conn.say(format!("HTTP/1.1 200 OK\r\n{keep}Content-Length: 0\r\n\r\n")).await;
                assert!(conn.head().await.is_none());
                tx.send(tokio::time::Instant::now()).expect("test listens");
            }
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut ages = Vec::new();
        for _ in 0..2 {
            let mut raw = Raw::connect(proxy.addr).await;
            raw.send(GET).await;
            raw.answer().await;
            let start = tokio::time::Instant::now();
            ages.push((rx.recv().await.expect("closed") - start).as_secs());
        }
        assert!((2..5).contains(&ages[0]), "as the session said: {ages:?}");
        assert!((49..53).contains(&ages[1]), "as we keep them: {ages:?}");
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(GET).await;
        raw.answer().await;
        proxy.upstream.close();
        let start = tokio::time::Instant::now();
        assert!((rx.recv().await.expect("closed") - start).as_secs() <= 2);
    });
}

#[test]
fn a_body_for_judging_is_read_whole_and_no_longer() {
    run(async {
        let origin = fixed(HELLO).await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send("POST /judge HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234").await;
        raw.send("56789").await;
        assert_eq!(raw.answer().await.1, "0123456789");
        raw.send("POST /judge HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n6\r\n567890\r\n0\r\n\r\n").await;
        assert_eq!(raw.answer().await.1, "the request's body is longer than 10 bytes");
    });
}
