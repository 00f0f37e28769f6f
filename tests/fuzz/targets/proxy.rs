//! What the proxy reads: WebSocket frames, the heads of requests and answers, chunks.

use portcullis_proxy::fuzz;

use crate::Target;

/// WebSocket frames taken apart and put together.
pub(super) const FRAMES: Target = Target {
    name: "frames",
    run: fuzz::frames,
    seeds: frames,
    words: &["\u{1}\u{2}ab", "\0", "\u{8}", "\u{9}", "~", "\u{7f}"],
};

/// The head of a session's answer.
pub(super) const ANSWER: Target = Target {
    name: "answer",
    run: fuzz::answer,
    seeds: answers,
    words: &[
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 ",
        " 101 ",
        " 204 ",
        "\r\n",
        "\r\n\r\n",
        "\n\n",
        "Content-Length: ",
        "Transfer-Encoding: ",
        "chunked",
        "identity",
        "Connection: ",
        "close",
        "keep-alive",
        "Upgrade",
        ", ",
        "Keep-Alive: timeout=",
        "0",
        "5",
    ],
};

/// The head of a client's request.
pub(super) const REQUEST: Target = Target {
    name: "request",
    run: fuzz::request,
    seeds: requests,
    words: &[
        "GET / HTTP/1.1\r\n",
        "POST ",
        " HTTP/1.0\r\n",
        "Host: a\r\n",
        "Content-Length: ",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close, x\r\n",
        "Upgrade: websocket\r\n",
        "\r\n",
        "\r\n\r\n",
        "\n\n",
        "\r\n ",
        ": ",
        " :",
        "\t",
        "\0",
        "http://a/",
        "*",
        "5",
        "+5",
    ],
};

/// Chunks.
pub(super) const CHUNKS: Target = Target {
    name: "chunks",
    run: fuzz::chunks,
    seeds: chunks,
    words: &[
        "0\r\n\r\n",
        "\r\n",
        "5\r\nhello\r\n",
        ";a=b",
        "ffffffffffffffff",
        "-1",
        "+5",
        "0x5",
        "A: b\r\n",
    ],
};

fn frames() -> Vec<Vec<u8>> {
    vec![
        vec![0, 0x81, 2, b'h', b'i'],
        vec![0, 1, 1, b'h', 0x89, 1, b'p', 0x80, 1, b'i', 0x88, 2, 3, 0xe8],
        vec![1, 0x82, 0x82, 1, 2, 3, 4, 5, 6],
        [&[0, 0x82, 126, 0, 126][..], &[7; 126]].concat(),
    ]
}

fn answers() -> Vec<Vec<u8>> {
    let texts = [
        "\0HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "\0HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "\u{1}HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "\0HTTP/1.0 200 OK\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\n\r\n",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn requests() -> Vec<Vec<u8>> {
    let texts = [
        "GET /s/0/api?x=1 HTTP/1.1\r\nHost: a.test:8787\r\nCookie: a=b\r\nConnection: keep-alive, x-own\r\nX-Own: 1\r\n\r\n",
        "\r\nPOST / HTTP/1.1\r\nhost: a\r\nContent-Length: 5\r\n\r\nhello",
        "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n0\r\n\r\n",
        "GET http://a/ HTTP/1.0\r\n\r\n",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn chunks() -> Vec<Vec<u8>> {
    let texts =
        ["5\r\nhello\r\n0\r\n\r\n", "1;a=b\r\nx\r\n0\r\nTrailer: x\r\n\r\nnext", "A\r\n0123456789\r\n"];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
