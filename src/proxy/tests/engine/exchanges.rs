//! Requests and answers: reuse, retry, streaming, framing, what is removed.

use std::time::Duration;

use portcullis_proxy::{Cut, Cuts, ForwardError, ForwardOptions, Reason, Stream, Upload, Upstream, forward};
use tokio::net::TcpStream;

use crate::origin::{HELLO, fixed, origin};
use crate::proxy::{Raw, once, proxy, run};

const GET: &str = "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn connections_are_kept_on_both_sides() {
    run(async {
        let origin = fixed(HELLO).await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        for _ in 0..10 {
            raw.send(GET).await;
            let (head, body) = raw.answer().await;
            assert!(head.starts_with("http/1.1 200"), "{head}");
            assert_eq!(body, "hello");
        }
        assert_eq!(origin.seen.connections.get(), 1);
        assert_eq!(origin.seen.text().matches("GET /a?b=c HTTP/1.1\r\n").count(), 10);
        raw.send("GET /memo HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(raw.answer().await.1, "11");
        assert_eq!((proxy.gauges.connections(), proxy.gauges.requests()), (1, 11));
        assert_eq!(proxy.gauges.answers(), [0, 11, 0, 0, 0]);
        let (received, sent) = (proxy.gauges.received(), proxy.gauges.sent());
        assert!(received >= 10 * 30 && sent >= 10 * 5, "{received} bytes came, {sent} went");
        let done = proxy.events.transfers.borrow();
        assert!(done.iter().all(|sum| sum.complete && sum.down == 5 && sum.up == 0));
        assert_eq!(done.len(), 10);
    });
}

#[test]
fn a_kept_connection_that_the_session_closed_is_replaced() {
    run(async {
        // Closes each connection with its second request in hand, or, on odd ones, right after the first.
        let origin = origin(|mut conn| async move {
            let _ = conn.head().await;
            conn.say(HELLO).await;
            if conn.number % 2 == 0 {
                let _ = conn.head().await;
            }
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        for _ in 0..6 {
            raw.send(GET).await;
            assert_eq!(raw.answer().await.1, "hello");
        }
        assert!(proxy.events.errors.borrow().is_empty());
    });
}

#[test]
fn what_may_not_be_done_twice_is_not() {
    run(async {
        let origin = origin(|mut conn| async move {
            let _ = conn.head().await;
            conn.say(HELLO).await;
            let _ = conn.head().await; // takes the second request and hangs up
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(GET).await;
        raw.answer().await;
        raw.send("POST /pay HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi").await;
        assert!(raw.answer().await.0.starts_with("http/1.1 502"));
        assert_eq!(origin.seen.text().matches("POST").count(), 1);
        assert_eq!(
            *proxy.events.errors.borrow(),
            ["Session the session closed the connection before it answered"]
        );
    });
}

#[test]
fn fields_of_one_hop_stay_on_their_hop() {
    run(async {
        let origin = fixed(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, X-Secret\r\nX-Secret: 1\r\n\
             Keep-Alive: timeout=9\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Kept: 1\r\n\r\nok",
        )
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: X-Own, x-gone, cookie, Host, upgrade, HTTP2-Settings\r\n\
             X-Own: theirs\r\nX-Gone: 1\r\nCookie: a=b\r\nTE: trailers\r\nUpgrade: h2c\r\n\
             HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nProxy-Authorization: x\r\nProxy-Connection: x\r\n\
             Keep-Alive: 1\r\nX_Own: theirs\r\nX-Kept: 1\r\n\r\n",
        )
        .await;
        let (head, body) = raw.answer().await;
        assert_eq!(body, "ok");
        for gone in ["x-secret", "timeout", "proxy-", "upgrade"] {
            assert!(!head.contains(gone), "{gone} in {head}");
        }
        assert!(head.contains("x-kept: 1"));
        let seen = origin.seen.text();
        for gone in
            ["x-gone", "te:", "upgrade", "http2-", "proxy-", "keep-alive", "theirs", "x_own", "connection"]
        {
            assert!(!seen.to_ascii_lowercase().contains(gone), "{gone} in {seen}");
        }
        assert_eq!(seen.matches("x-own: ours").count(), 1);
        assert!(
            seen.contains("cookie: a=b\r\n") && seen.contains("host: h\r\n") && seen.contains("x-kept: 1")
        );
    });
}

#[test]
fn bodies_go_both_ways_in_every_framing() {
    run(async {
        let origin = origin(|mut conn| async move {
            while let Some(head) = conn.head().await {
                let head = head.to_ascii_lowercase();
                let body = if head.contains("transfer-encoding: chunked") {
                    let mut body = Vec::new();
                    loop {
                        let mut line = Vec::new();
                        while !line.ends_with(b"\r\n") {
                            line.extend(conn.body(1).await);
                        }
                        let text = String::from_utf8(line).expect("ascii");
                        let size = usize::from_str_radix(text.trim_end(), 16).expect("a size");
                        body.extend(conn.body(size).await);
                        assert_eq!(conn.body(2).await, b"\r\n");
                        if size == 0 {
                            break body;
                        }
                    }
                } else {
                    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
                    conn.body(length.map_or(0, |length| length.parse().expect("a number"))).await
                };
                conn.say(
                    "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                )
                .await;
                for part in body.chunks(3) {
                    conn.say(format!("{:x};x=y\r\n", part.len())).await;
                    conn.say(part).await;
                    conn.say("\r\n").await;
                }
                conn.say("0\r\n\r\n").await;
            }
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send("POST /l HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234").await;
        raw.send("56789").await;
        let whole = raw.until("0\r\n\r\n").await;
        assert!(whole.contains("3\r\n012\r\n3\r\n345\r\n3\r\n678\r\n1\r\n9\r\n0\r\n\r\n"), "{whole}");
        raw.send("POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n").await;
        raw.send("2;x=y\r\nef\r\n0\r\nHost: evil\r\nX-Own: theirs\r\n\r\n").await;
        let whole = raw.until("0\r\n\r\n").await;
        assert!(whole.contains("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"), "{whole}");
        assert!(!origin.seen.text().contains("evil") && !origin.seen.text().contains("theirs"));
        // Expect: answered by us, not passed on; no body is sent before the answer.
        raw.send("PUT /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").await;
        raw.until("HTTP/1.1 100 Continue\r\n\r\n").await;
        raw.send("ok").await;
        assert!(raw.until("0\r\n\r\n").await.contains("2\r\nok\r\n"));
        assert!(!origin.seen.text().to_ascii_lowercase().contains("expect"));
        assert_eq!(origin.seen.connections.get(), 1);
        let sums: Vec<u64> = proxy.events.transfers.borrow().iter().map(|sum| sum.up).collect();
        assert_eq!(sums, [10, 6, 2]);
    });
}

#[test]
fn answers_without_bodies_and_old_clients() {
    run(async {
        let head = fixed("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await;
        let proxy_head = proxy(head.addr).await;
        let mut raw = Raw::connect(proxy_head.addr).await;
        for _ in 0..2 {
            raw.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").await;
            assert!(raw.until("\r\n\r\n").await.to_ascii_lowercase().contains("content-length: 1234"));
        }
        assert_eq!(head.seen.connections.get(), 1);

        let none = fixed("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: x\r\n\r\n").await;
        let proxy_none = proxy(none.addr).await;
        let mut raw = Raw::connect(proxy_none.addr).await;
        for _ in 0..2 {
            raw.send(GET).await;
            assert!(raw.until("\r\n\r\n").await.starts_with("HTTP/1.1 304"));
        }

        let old = fixed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n").await;
        let proxy_old = proxy(old.addr).await;
        let text = once(proxy_old.addr, "GET / HTTP/1.0\r\n\r\n").await;
        assert!(text.ends_with("\r\n\r\nhello"), "{text}");
        assert!(old.seen.text().contains("\r\nhost: localhost\r\n"));

        let closing = origin(|mut conn| async move {
            let _ = conn.head().await;
            conn.say("HTTP/1.0 200 OK\r\n\r\nuntil the end").await;
        })
        .await;
        let proxy_closing = proxy(closing.addr).await;
        let mut raw = Raw::connect(proxy_closing.addr).await;
        raw.send(GET).await;
        assert!(raw.until("0\r\n\r\n").await.contains("until the end"));
    });
}

#[test]
fn trailers_of_answers_are_passed_on_without_what_frames_or_identifies() {
    run(async {
        let origin = fixed(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Server-Timing, Set-Cookie\r\n\r\n\
             2\r\nok\r\n0\r\nServer-Timing: x\r\nSet-Cookie: a=b\r\nContent-Length: 3\r\n\r\n",
        )
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n").await;
        let text = raw.rest().await.to_ascii_lowercase();
        assert!(text.ends_with("2\r\nok\r\n0\r\nserver-timing: x\r\n\r\n"), "{text}");
    });
}

#[test]
fn sessions_that_break_http_are_refused_and_dropped() {
    run(async {
        for bad in [
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "garbage\r\n\r\n",
            "HTTP/1.1 999999 X\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        ] {
            let origin = fixed(bad).await;
            let proxy = proxy(origin.addr).await;
            let mut raw = Raw::connect(proxy.addr).await;
            for _ in 0..2 {
                raw.send(GET).await;
                assert!(raw.answer().await.0.starts_with("http/1.1 502"), "{bad:?}");
            }
            assert_eq!(origin.seen.connections.get(), 2, "{bad:?}");
            assert!(proxy.events.errors.borrow().iter().all(|error| error.starts_with("Session")));
        }
        let flood = origin(|mut conn| async move {
            let _ = conn.head().await;
            for _ in 0..1000 {
                conn.say("HTTP/1.1 102 Processing\r\n\r\n").await;
            }
        })
        .await;
        let proxy_flood = proxy(flood.addr).await;
        let mut raw = Raw::connect(proxy_flood.addr).await;
        raw.send(GET).await;
        assert!(raw.answer().await.0.starts_with("http/1.1 502"));
    });
}

#[test]
fn an_answer_with_more_than_it_said_poisons_nobody() {
    run(async {
        let origin = fixed(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        )
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        for _ in 0..3 {
            raw.send(GET).await;
            assert_eq!(raw.answer().await.1, "ok");
        }
        assert_eq!(origin.seen.connections.get(), 3);
    });
}

#[test]
fn a_session_may_answer_before_it_has_read_everything() {
    run(async {
        let origin = origin(|mut conn| async move {
            let _ = conn.head().await;
            conn.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno").await;
        })
        .await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nGET /canary HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let text = raw.rest().await;
        assert!(text.starts_with("HTTP/1.1 403") && text.matches("HTTP/1.1").count() == 1, "{text}");
        assert!(!proxy.events.transfers.borrow()[0].complete);
    });
}

#[test]
fn ended_sessions_and_cut_sign_ins_get_nothing_new() {
    run(async {
        let origin = fixed(HELLO).await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send(GET).await;
        raw.answer().await;
        proxy.sign_in.cut(portcullis_proxy::Reason::Revoked);
        raw.send(GET).await;
        assert!(raw.answer().await.1.starts_with("ended on purpose"));
        proxy.upstream.close();
        raw.send(GET).await;
        assert_eq!(raw.answer().await.1, "the session has ended");
        assert!(proxy.events.errors.borrow().iter().all(|error| error.starts_with("Ours")));
    });
}

#[test]
fn what_is_cut_while_it_connects_is_not_sent() {
    run(async {
        let origin = fixed(HELLO).await;
        let cut = Cut::new();
        let mut request = http::Request::post("/").header("host", "h").body(()).expect("a request");
        let options = ForwardOptions { cuts: Cuts::one(&cut), ..ForwardOptions::default() };
        let connect = async || {
            let stream = TcpStream::connect(origin.addr).await;
            cut.cut(Reason::Revoked);
            stream.map(Stream::from)
        };
        let answer = forward(&Upstream::default(), &mut request, Upload::Empty, options, connect).await;
        assert!(matches!(answer, Err(ForwardError::Cut(Reason::Revoked))), "{answer:?}");
        // Time for bytes that must not come.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!((origin.seen.connections.get(), origin.seen.text()), (1, String::new()));
    });
}

#[test]
fn a_line_feed_alone_ends_no_trailers() {
    run(async {
        let origin = fixed(HELLO).await;
        let proxy = proxy(origin.addr).await;
        for end in ["0\r\n\n", "0\r\nA: b\n\n", "1\r\r\nx\r\n0\r\n\r\n"] {
            let mut raw = Raw::connect(proxy.addr).await;
            raw.send(format!("POST /judge HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{end}"))
                .await;
            raw.send("GET /memo HTTP/1.1\r\nHost: h\r\n\r\n").await;
            let text = raw.rest().await;
            assert!(text.contains("not valid HTTP") || text.contains("broke off"), "{end:?}: {text}");
            assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{end:?}: {text}");
        }
    });
}
