//! Evasions that no table has: what other proxies fell to, by flag. None may pass while the flag is off.

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
const PACKAGES: &str = "allow-package-installation";
const FILE: &str = "/api/contents/u.bin";
const UPLOAD: &str = r#"{"type":"file","format":"base64","name":"u.bin","content":"AAEC"}"#;

/// All of them.
pub(crate) const ALL: &[Evasion] = &[
    // The method in a header or in the query instead of in the request line.
    with(of(SHELL, "GET", "/api/terminals/1", ""), &[("x-http-method-override", "POST")]),
    with(of(SHELL, "POST", "/api/terminals", ""), &[("x-http-method-override", "GET")]),
    of(SHELL, "POST", "/api/terminals?_method=GET", ""),
    of(SHELL, "OPTIONS", "/api/terminals", ""),
    of(SHELL, "PATCH", "/api/terminals/1", ""),
    of(SHELL, "TRACE", "/api/terminals", ""),
    of(SHELL, "PROPFIND", "/api/terminals", ""),
    of(SHELL, "post", "/api/terminals", ""),
    // Another address in a header.
    with(of(SHELL, "GET", "/api/terminals", ""), &[("x-original-url", "/lab"), ("x-rewrite-url", "/lab")]),
    with(
        of(SHELL, "POST", "/api/terminals", ""),
        &[("x-forwarded-prefix", "/"), ("x-forwarded-path", "/lab")],
    ),
    // Identity and internal headers open nothing.
    with(
        of(SHELL, "POST", "/api/terminals", ""),
        &[("x-rstudio-admin-loginasuser", "root"), ("authorization", "token x")],
    ),
    with(of(SHELL, "POST", "/api/terminals", ""), &[("x-forwarded-user", "root"), ("remote-user", "root")]),
    of(SHELL, "POST", "/api/terminals?token=x", ""),
    // Fragments, blanks, a second line.
    of(SHELL, "GET", "/api/terminals#/../lab", ""),
    of(SHELL, "GET", "/api/terminals%23/../lab", ""),
    of(SHELL, "GET", "/api/terminals?/../lab", ""),
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
    of(DOWNLOADS, "GET", "/api/contents/a?format=base64", ""),
    of(DOWNLOADS, "GET", "/api/contents/a?format=%62ase64", ""),
    of(DOWNLOADS, "GET", "/api/contents/a?%66ormat=base64", ""),
    of(DOWNLOADS, "GET", "/api/contents/a?format=text&format=base64", ""),
    of(DOWNLOADS, "GET", "/api/contents/a?format=base64&format=text", ""),
    of(DOWNLOADS, "GET", "/api/contents/a?type=file;format=base64", ""),
    of(DOWNLOADS, "GET", "/api/contents/a?format=", ""),
    of(DOWNLOADS, "GET", "/files/a?download=0", ""),
    with(of(DOWNLOADS, "GET", "/files/a", ""), &[("range", "bytes=0-0")]),
    with(of(DOWNLOADS, "GET", "/files/a", ""), &[("if-none-match", "*")]),
    of(DOWNLOADS, "GET", "/nbconvert/script/a.ipynb?download=false", ""),
    of(DOWNLOADS, "GET", "/proxy/8123/files/a", ""),
    of(DOWNLOADS, "GET", "/proxy/absolute/8123/files/a", ""),
    of(DOWNLOADS, "GET", "/proxy/127.0.0.1:8123/files/a", ""),
    of(DOWNLOADS, "GET", "/absproxy/8123/files/a", ""),
    // Bodies that two programs read in two ways.
    of(UPLOADS, "PUT", FILE, UPLOAD),
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
    with(of(UPLOADS, "PUT", FILE, UPLOAD), &[("content-type", "text/plain")]),
    with(of(UPLOADS, "PUT", FILE, UPLOAD), &[("content-encoding", "gzip")]),
    with(of(UPLOADS, "PUT", FILE, UPLOAD), &[("content-encoding", "identity, br")]),
    with(of(UPLOADS, "POST", FILE, UPLOAD), &[("x-http-method-override", "PUT")]),
    of(UPLOADS, "POST", "/api/contents/d", UPLOAD),
    of(UPLOADS, "POST", "/git/clone", "{}"),
    of(PACKAGES, "POST", "/lab/api/extensions", "{}"),
    with(of(PACKAGES, "POST", "/lab/api/extensions", "{}"), &[("content-type", "text/plain")]),
];
