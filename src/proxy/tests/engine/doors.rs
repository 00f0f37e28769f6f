//! Requests that are ambiguous: refused, the connection closed, the session untouched.
//! The numbers are those of the attack catalogue (S: framing, F: hosts, W: upgrades).

use crate::origin::{HELLO, fixed};
use crate::proxy::{Raw, once, proxy, run};

const CANARY: &str = "GET /canary HTTP/1.1\r\nHost: h\r\n\r\n";

/// Sends each request with a canary behind it, whole and byte by byte: 4xx or a plain close, nothing else.
async fn all_refused(cases: &[&str]) {
    let origin = fixed(HELLO).await;
    let proxy = proxy(origin.addr).await;
    for case in cases {
        let text = once(proxy.addr, format!("{case}{CANARY}")).await;
        let refused = text.is_empty() || text.starts_with("HTTP/1.1 4") || text.starts_with("HTTP/1.1 505");
        assert!(refused && text.matches("HTTP/1.").count() <= 1, "{case:?} got {text:?}");
        let mut raw = Raw::connect(proxy.addr).await;
        raw.stream.set_nodelay(true).expect("nodelay");
        for byte in format!("{case}{CANARY}").bytes() {
            use tokio::io::AsyncWriteExt as _;
            // Refused half way: the rest finds a closed door.
            if raw.stream.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let text = raw.rest().await;
        let refused = text.is_empty() || text.starts_with("HTTP/1.1 4") || text.starts_with("HTTP/1.1 505");
        assert!(refused && text.matches("HTTP/1.").count() <= 1, "{case:?} byte by byte got {text:?}");
    }
    assert_eq!(origin.seen.text(), "", "the session must not see any of it");
}

#[test]
fn s01_to_s06_lengths_and_encodings() {
    run(all_refused(&[
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nX",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\x00\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0, 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length\r\n : 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5_0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551621\r\n\r\n",
    ]));
}

#[test]
fn s09_to_s16_lines_names_and_versions() {
    run(all_refused(&[
        "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\rY: b\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nFoo\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.10\r\nHost: h\r\n\r\n",
        "GET / http/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    ]));
}

#[test]
fn f01_hosts_and_w18_targets() {
    run(all_refused(&[
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: a\r\n\r\n",
    ]));
}

const ASK: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[test]
fn w07_w09_handshakes_that_are_none() {
    let ask = format!("Host: h\r\n{ASK}");
    let owned = [
        format!("GET / HTTP/1.1\r\n{ask}Sec-WebSocket-Version: 777\r\n{KEY}\r\n"),
        format!("GET / HTTP/1.1\r\n{ask}{KEY}\r\n"),
        format!("GET / HTTP/1.1\r\n{ask}Sec-WebSocket-Version: 13\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{ask}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: 777\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{ask}Sec-WebSocket-Version: 13\r\n{KEY}{KEY}\r\n"),
        format!("POST / HTTP/1.1\r\n{ask}Sec-WebSocket-Version: 13\r\n{KEY}\r\n"),
        format!("GET / HTTP/1.1\r\n{ask}Sec-WebSocket-Version: 13\r\n{KEY}Content-Length: 5\r\n\r\nhello"),
    ];
    let cases: Vec<&str> = owned.iter().map(String::as_str).collect();
    run(async move { all_refused(&cases).await });
}

#[test]
fn odd_but_clear_requests_are_served() {
    run(async {
        let origin = fixed(HELLO).await;
        let proxy = proxy(origin.addr).await;
        for (fine, seen) in [
            (
                "GET http://H/x?y=%2e%2E HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
                "GET /x?y=%2e%2E HTTP/1.1\r\n",
            ),
            (
                "GET //evil/..%2f/a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n".to_owned(),
                "GET //evil/..%2f/a HTTP/1.1\r\n",
            ),
            // An upgrade over HTTP/1.0, to something else, or not meant: a plain request.
            (format!("GET /0 HTTP/1.0\r\nHost: h\r\n{ASK}\r\n"), "GET /0 HTTP/1.1\r\n"),
            ("GET /1 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n".to_owned(), "GET /1 HTTP/1.1\r\n"),
            (
                "GET /2 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n".to_owned(),
                "GET /2 HTTP/1.1\r\n",
            ),
            ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), "OPTIONS * HTTP/1.1\r\n"),
        ] {
            let mut raw = Raw::connect(proxy.addr).await;
            raw.send(&fine).await;
            assert_eq!(raw.answer().await.1, "hello", "{fine}");
            assert!(origin.seen.text().contains(seen), "{seen} not in {}", origin.seen.text());
        }
        assert!(!origin.seen.text().to_ascii_lowercase().contains("upgrade"));
    });
}

#[test]
fn s20_s24_a_body_nobody_reads_is_never_a_request() {
    run(async {
        let origin = fixed(HELLO).await;
        let proxy = proxy(origin.addr).await;
        let text = once(
            proxy.addr,
            format!("POST /denied HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n{CANARY}{CANARY}"),
        )
        .await;
        assert!(text.starts_with("HTTP/1.1 403") && text.matches("HTTP/1.1").count() == 1, "{text}");
        assert_eq!(origin.seen.text(), "");
        // A body that came whole may be skipped: what follows it is a request.
        let mut raw = Raw::connect(proxy.addr).await;
        let body = CANARY.len();
        raw.send(format!(
            "POST /denied HTTP/1.1\r\nHost: h\r\nContent-Length: {body}\r\n\r\n{CANARY}GET /next HTTP/1.1\r\nHost: h\r\n\r\n"
        ))
        .await;
        assert!(raw.answer().await.0.starts_with("http/1.1 403"));
        assert_eq!(raw.answer().await.1, "hello");
        assert!(origin.seen.text().starts_with("GET /next") && !origin.seen.text().contains("canary"));
    });
}

#[test]
fn s26_pipelined_requests_are_decided_apart() {
    run(async {
        let origin = fixed(HELLO).await;
        let proxy = proxy(origin.addr).await;
        let mut raw = Raw::connect(proxy.addr).await;
        raw.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /denied HTTP/1.1\r\nHost: h\r\n\r\nGET /3 HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(raw.answer().await.1, "hello");
        assert_eq!(raw.answer().await.1, "no");
        assert_eq!(raw.answer().await.1, "hello");
        assert!(!origin.seen.text().contains("denied"));
    });
}

#[test]
fn chunks_that_are_none_break_the_upload() {
    run(async {
        let origin = fixed(HELLO).await;
        let proxy = proxy(origin.addr).await;
        for bad in ["0x5\r\nhello\r\n", "+5\r\nhello\r\n", "5\r\nhelloX", "ffffffffffffffff1\r\n", "5_0\r\n"]
        {
            let head = "POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
            let text = once(proxy.addr, format!("{head}{bad}0\r\n\r\n{CANARY}")).await;
            assert!(text.matches("HTTP/1.1").count() <= 1, "{bad:?} got {text}");
        }
        assert!(!origin.seen.text().contains("canary"));
    });
}
