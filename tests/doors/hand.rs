//! Evasions that belong to one door each: bodies, queries and messages that two programs read in two ways. What fits any door is tried
//! at all of them ([`spellings`](crate::spellings)). None may pass while the flag is off.

use portcullis_testing::editor::{Arg, called};

/// A request that must not pass.
pub(crate) struct Evasion {
    pub(crate) ide: &'static str,
    pub(crate) flag: &'static str,
    pub(crate) method: &'static str,
    /// Below the session, with its query.
    pub(crate) target: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: &'static str,
}

const fn of(flag: &'static str, method: &'static str, target: &'static str, body: &'static str) -> Evasion {
    Evasion { ide: "jupyter", flag, method, target, headers: &[], body }
}

const fn with(mut evasion: Evasion, headers: &'static [(&'static str, &'static str)]) -> Evasion {
    evasion.headers = headers;
    evasion
}

const SHELL: &str = "allow-shell";
const UPLOADS: &str = "allow-file-uploads";
const DOWNLOADS: &str = "allow-file-downloads";
const FILE: &str = "/api/contents/u.bin";
const UPLOAD: &str = r#"{"type":"file","format":"base64","name":"u.bin","content":"AAEC"}"#;

/// All of them.
pub(crate) const ALL: &[Evasion] = &[
    // Fragments, blanks, a second line.
    of(SHELL, "GET", "/api/terminals#/../lab", ""),
    of(SHELL, "GET", "/api/terminals%23/../lab", ""),
    // Upgrades where there is no socket, or of something else.
    with(
        of(SHELL, "POST", "/api/terminals", ""),
        &[("upgrade", "websocket"), ("sec-websocket-version", "13")],
    ),
    with(
        of(SHELL, "GET", "/terminals/websocket/1", ""),
        &[("upgrade", "h2c"), ("http2-settings", "AAMAAABkAAQAAP__")],
    ),
    with(
        of(SHELL, "GET", "/terminals/websocket/1", ""),
        &[("upgrade", "WebSocket"), ("sec-websocket-version", "777")],
    ),
    // The format of a file, said twice, encoded, in another separator, in another case.
    of(DOWNLOADS, "GET", "/api/contents/a?format=%62ase64", ""),
    of(DOWNLOADS, "GET", "/api/contents/a?%66ormat=base64", ""),
    of(DOWNLOADS, "GET", "/api/contents/a?format=text&format=base64", ""),
    of(DOWNLOADS, "GET", "/api/contents/a?format=base64&format=text", ""),
    of(DOWNLOADS, "GET", "/api/contents/a?type=file;format=base64", ""),
    of(DOWNLOADS, "GET", "/api/contents/a?format=", ""),
    of(DOWNLOADS, "GET", "/nbconvert/script/a.ipynb?download=false", ""),
    of(DOWNLOADS, "GET", "/proxy/absolute/8123/files/a", ""),
    of(DOWNLOADS, "GET", "/proxy/127.0.0.1:8123/files/a", ""),
    // Bodies that two programs read in two ways.
    of(UPLOADS, "PUT", FILE, r#"{"type":"file","format":"base64","content":"AAEC","chunk":-1}"#),
    of(UPLOADS, "PUT", FILE, r#"{"format":"text","format":"base64","content":"AAEC"}"#),
    of(UPLOADS, "PUT", FILE, r#"{"format":"base64","form\u0061t":"text","content":"AAEC"}"#),
    of(UPLOADS, "PUT", FILE, r#"{"form\u0061t":"base64","content":"AAEC"}"#),
    of(UPLOADS, "PUT", FILE, r#"{"Format":"text","content":"AAEC"}"#),
    of(UPLOADS, "PUT", FILE, "\u{feff}{\"format\":\"text\",\"content\":\"x\"}"),
    of(UPLOADS, "PUT", FILE, r#"{"format":"text","content":"x",}"#),
    of(UPLOADS, "PUT", FILE, r#"{"format":"text","content":"x"}{"format":"base64"}"#),
    of(UPLOADS, "PUT", FILE, r#"{"format":"text","content":["x"]}"#),
    of(UPLOADS, "PUT", FILE, r#"{"format":"text","content":"x","name":"u"}"#),
    of(UPLOADS, "PUT", FILE, "{\"format\":\"text\"/**/,\"content\":\"x\"}"),
    of(UPLOADS, "PUT", FILE, "x"),
    with(of(UPLOADS, "PUT", FILE, UPLOAD), &[("content-encoding", "identity, br")]),
    with(of(UPLOADS, "POST", FILE, UPLOAD), &[("x-http-method-override", "PUT")]),
    of(UPLOADS, "POST", "/api/contents/d", UPLOAD),
];

/// Messages to a kernel that somebody could read as another, by the raw text. None reaches the kernel while anything is taken away.
pub(crate) const KERNEL: &[&str] = &[
    // Said twice, and which of the two counts depends on the reader.
    r#"{"channel":"shell","header":{"msg_id":"h","msg_type":"kernel_info_request","msg_type":"apply_request"},"parent_header":{},"metadata":{},"content":{}}"#,
    r#"{"channel":"shell","channel":"iopub","header":{"msg_id":"h","msg_type":"kernel_info_request"},"parent_header":{},"metadata":{},"content":{}}"#,
    r#"{"channel":"shell","header":{"msg_id":"h","msg_type":"kernel_info_request"},"header":{"msg_id":"h","msg_type":"apply_request"},"parent_header":{},"metadata":{},"content":{}}"#,
    // Another name, another kind, a blank, a zero byte.
    r#"{"channel":"shell","header":{"msg_id":"h","Msg_type":"kernel_info_request"},"parent_header":{},"metadata":{},"content":{}}"#,
    r#"{"channel":"shell","header":{"msg_id":"h","msg_type":["kernel_info_request"]},"parent_header":{},"metadata":{},"content":{}}"#,
    r#"{"channel":"shell","header":{"msg_id":"h","msg_type":"kernel_info_request "},"parent_header":{},"metadata":{},"content":{}}"#,
    r#"{"channel":"shell","header":{"msg_id":"h","msg_type":"kernel_info_request\u0000"},"parent_header":{},"metadata":{},"content":{}}"#,
    r#"{"channel":"Shell","header":{"msg_id":"h","msg_type":"kernel_info_request"},"parent_header":{},"metadata":{},"content":{}}"#,
    r#"{"channel":"sh\u0065ll","header":{"msg_id":"h","msg_type":"kernel_info_request"},"parent_header":{},"metadata":{},"content":{}}"#,
    // Code that isn't where it is read.
    r#"{"channel":"shell","header":{"msg_id":"h","msg_type":"execute_request"},"parent_header":{},"metadata":{},"content":{"Code":"1"}}"#,
    r#"{"channel":"shell","header":{"msg_id":"h","msg_type":"execute_request"},"parent_header":{},"metadata":{},"content":["1"]}"#,
    r#"{"channel":"shell","header":{"msg_id":"h","msg_type":"execute_request"},"parent_header":{},"metadata":{},"content":{"code":"1","code":"2"}}"#,
    // No message at all.
    r#"[{"channel":"shell","header":{"msg_id":"h","msg_type":"kernel_info_request"}}]"#,
    r#"{"channel":"shell","parent_header":{},"metadata":{},"content":{}}"#,
    r#"{"channel":"shell","header":{"msg_id":"h","msg_type":"kernel_info_request"},"content":{}"#,
    "x",
];

/// Calls of the editor's that can be read in another way, or in none.
pub(crate) fn calls() -> Vec<Vec<u8>> {
    let plain = |channel: &str, name: &str| called(100, 9, channel, name, &[], true);
    let head = |bytes: &[u8]| {
        let mut body = bytes.to_vec();
        body.extend_from_slice(&plain("logger", "getRegisteredLoggers")[2..]);
        body
    };
    vec![
        // Channels and commands are compared as they are.
        plain("Remoteterminal", "$createProcess"),
        plain("remoteterminal ", "$createProcess"),
        plain("remoteterminal", "$CreateProcess"),
        plain("remoteterminal\0", "$createProcess"),
        plain(&"x".repeat(300), "y"),
        // The head as JSON, of five members, of an unknown kind, as a text.
        called(100, 9, "logger", "x", &[Arg::Json(serde_json::json!([100, 9, "logger", "x"]))], false)[2..]
            .to_vec(),
        head(&[4, 5]),
        called(99, 9, "logger", "getRegisteredLoggers", &[], true),
        head(&[1, 4]),
        // A length that lies, a value of no kind.
        vec![4, 4, 6, 100, 6, 9, 1, 0xff, 0xff, 0xff, 0xff, 0x0f],
        vec![9, 9, 9, 9],
    ]
}
