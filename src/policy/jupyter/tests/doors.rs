//! Every flag's doors, in every spelling.

use portcullis_model::session::Ide;

use super::*;
use crate::{Denial, refusal_body};

/// Flag, requests it shuts, requests beside them that stay open.
const DOORS: &[(&str, Change, &[&str], &[&str])] = &[
    (
        "allow-shell",
        SHELL,
        &[
            "GET /api/terminals",
            "POST /api/terminals",
            "HEAD /api/terminals",
            "OPTIONS /api/terminals",
            "POST /api/terminals/",
            "DELETE /api/terminals/1",
            "PATCH /api/terminals/1",
            "WS /terminals/websocket/1",
            "GET /terminals/websocket/1",
            "OPTIONS /terminals/websocket/1",
            "GET /terminals/1",
            "WS /lsp/ws/pylsp",
            "GET /lsp/status",
        ],
        &[
            "POST /api/kernels",
            "WS /api/kernels/0-1-2-3-4/channels",
            "GET /lab",
            "GET /files/a",
            "PUT /api/contents/a",
        ],
    ),
    (
        "allow-file-uploads",
        UPLOADS,
        &["POST /git/clone", "POST /git/a/b/clone", "POST /git/a/pull", "POST /git/a/remote/fetch"],
        &["PUT /api/contents/a", "POST /api/contents/a/checkpoints", "GET /files/a", "POST /git/a/commit"],
    ),
    (
        "allow-file-downloads",
        DOWNLOADS,
        &[
            "GET /files/a",
            "GET /files/a?download=1",
            "GET /files/",
            "HEAD /files/a",
            "OPTIONS /files/a",
            "GET /files/%61",
            "GET /files/a/../b",
            "GET /nbconvert/html/a.ipynb",
            "GET /nbconvert/html/a.ipynb?download=true",
            "POST /nbconvert/html",
            "OPTIONS /nbconvert/html",
            "GET /view/a",
            "GET /proxy/8080/a",
            "GET /proxy/absolute/8080/a",
            "GET /proxy/localhost:8080/a",
            "WS /proxy/8080/a",
            "POST /git/a/content",
            "POST /git/diffnotebook",
            "POST /git/a/diff",
            "POST /nbdime/api/diff",
            "POST /nbdime/api/gitdiff",
            "GET /nbdime/difftool",
            "GET /api/contents/a?format=base64",
            "GET /api/contents/a?type=file&format=base64&content=1",
            "HEAD /api/contents/a?format=base64",
            "GET /api/contents/a?format=%62ase64",
            "GET /api/contents/a?%66ormat=base64",
            "GET /api/contents/a?format=text&format=base64",
            "GET /api/contents/a?format=base64&format=text",
            "GET /api/contents/a?format=text;format=base64",
            "GET /api/contents/a?format=base64+",
            "GET /api/contents/a?format=",
            "GET /api/contents/a?content=1&content=0&format=base64",
            "GET /kernelspecs/python3/secret.bin",
            "GET /api/contents//a?format=base64",
        ],
        &[
            "GET /api/contents",
            "GET /api/contents?content=1&hash=0",
            "GET /api/contents/a?type=file&content=1&format=text",
            "GET /api/contents/a?content=0&hash=1",
            "GET /api/contents/a.ipynb?type=notebook&content=1",
            "GET /kernelspecs/python3/logo-svg.svg",
            "GET /static/lab/main.js",
            "POST /git/a/commit",
        ],
    ),
    (
        "allow-package-installation",
        PACKAGES,
        &[
            "GET /lab/api/extensions",
            "POST /lab/api/extensions",
            "OPTIONS /lab/api/extensions",
            "POST /lab/api/plugins",
            "POST /lab/api/build",
            "DELETE /lab/api/build",
            "POST /lab/api/extensions/",
        ],
        &["GET /lab/extensions/x/static/a.js", "GET /lab/api/build", "POST /api/terminals"],
    ),
    (
        "allow-publish",
        PUBLISH,
        &["POST /git/a/push", "POST /git/push", "POST /git/a/remote/add"],
        &["POST /git/a/commit", "GET /files/a", "GET /nbconvert/html/a.ipynb"],
    ),
    (
        "allow-external-publish",
        EXTERNAL,
        &["POST /git/a/push", "POST /git/a/remote/add"],
        &["POST /git/a/pull"],
    ),
    (
        "allow-vcs",
        VCS,
        &[
            "POST /git/status",
            "POST /git/a/status",
            "GET /git/settings",
            "DELETE /git/a/remote/origin",
            "POST /git/a/new_thing",
            "GET /nbdime/anything",
            "POST /nbdime/api/isgit",
            "OPTIONS /git/a/push",
        ],
        &["GET /files/a", "POST /api/terminals"],
    ),
    (
        "restrict-directory-view",
        FOLDERS,
        &["GET /api/resolvePath?path=/etc", "POST /git/a/content", "POST /nbdime/api/diff"],
        &["GET /api/contents/a", "GET /files/a", "POST /git/a/status"],
    ),
    (
        "limit-file-upload-size-mb",
        LIMIT,
        &["GET /proxy/8080/"],
        &["PUT /api/contents/a", "GET /files/a", "POST /git/clone"],
    ),
];

#[test]
fn each_flag_shuts_its_doors_and_no_others() {
    for (name, change, shut, open) in DOORS {
        let flags = with(*change);
        for request in *shut {
            let refusal = refused(&flags, &door(request));
            assert!(refusal.flag.is_none_or(|flag| flag == *name), "{request}: {}", refusal.rule);
            assert!(
                refusal.flag.is_none() || refusal.rule.contains("rsession.conf:3"),
                "{request}: {}",
                refusal.rule
            );
            assert!(!refusal.text.is_empty() && !refusal.text.contains('\n'), "{request}: {}", refusal.text);
            // Open again when the flag is: unless it is refused always.
            if refusal.status == 403 && !request.contains("localhost:") && !request.contains("PATCH") {
                forwarded(&Flags::default(), &door(request));
            }
        }
        for request in *open {
            forwarded(&flags, &door(request));
        }
    }
}

#[test]
fn no_spelling_of_a_shut_door_is_open() {
    let spellings = |path: &str| {
        let rest = &path[1..];
        let (first, tail) = rest.split_once('/').unwrap_or((rest, ""));
        vec![
            format!("//{rest}"),
            format!("///{rest}"),
            format!("/./{rest}"),
            format!("/x/../{rest}"),
            format!("/%2e/{rest}"),
            format!("/%2e%2e/{rest}"),
            format!("/x/%2E%2e/{rest}"),
            format!("/{rest}/."),
            format!("/{rest}/%2e"),
            format!("/{rest};a=b"),
            format!("/;/{rest}"),
            format!("/{rest}%20"),
            format!("/{rest}%09"),
            format!("/{rest}%00"),
            format!("/{rest}."),
            format!("/{rest}%2f"),
            format!("/%2f{rest}"),
            format!("/{rest}#a"),
            format!("/{rest}\\"),
            format!("\\{rest}"),
            format!("/{}", rest.to_uppercase()),
            format!("/{first}//{tail}"),
            format!("/{first}%2f{tail}"),
            format!("/{first}%5c{tail}"),
            format!("/{first}%252f{tail}"),
            format!("/{first};/{tail}"),
            format!("/{first}/./{tail}"),
            format!("/{first}/..;/{first}/{tail}"),
            format!("/%{:02x}{}", rest.as_bytes()[0], &rest[1..]),
            format!("/%25{:02x}{}", rest.as_bytes()[0], &rest[1..]),
            format!(
                "/{first}/%{:02x}{}",
                tail.bytes().next().unwrap_or(b'x'),
                tail.get(1..).unwrap_or_default()
            ),
            format!("/{rest}/"),
        ]
    };
    let mut tried = 0;
    for (_, change, shut, _) in DOORS {
        let flags = with(*change);
        for request in shut.iter().filter(|request| !request.contains('?') && !request.contains("%61")) {
            let plain = door(request);
            for path in spellings(plain.path) {
                tried += 1;
                // A file's name may be spelt in many ways, and is one door in all of them.
                refused(&flags, &Ask { path: &path, ..plain });
            }
        }
    }
    assert!(tried > 1000, "{tried}");
}

#[test]
fn methods_that_no_ide_uses_are_refused_always() {
    for method in ["TRACE", "CONNECT", "PROPFIND", "get", "Get", "G<>T", "", "PURGE"] {
        assert_eq!(refused(&Flags::default(), &ask(method, "/lab")).status, 405, "{method}");
    }
    let post = Ask { upgrade: true, ..ask("POST", "/api/kernels/1/channels") };
    assert_eq!(refused(&Flags::default(), &post).status, 405);
    let extended = Ask { upgrade: true, ..ask("CONNECT", "/api/kernels/1/channels") };
    assert_eq!(forwarded(&Flags::default(), &extended).socket, SocketRule::JupyterKernel);
}

#[test]
fn unknown_routes_are_refused_and_named_while_any_flag_restricts() {
    for change in ALL {
        let flags = with(change);
        for request in [
            "GET /new/thing",
            "POST /api/contents2",
            "PUT /api/kernels",
            "WS /new/socket",
            "WS /lab",
            "WS /api/contents/a",
            "OPTIONS /new/thing",
            "POST /login",
            "GET /lab/anything",
            "GET /API/kernels",
            "GET /labx",
            "GET /rstudio/",
            "POST /api/collaboration/session/a",
        ] {
            let refusal = refused(&flags, &door(request));
            let path = request.split_once(' ').map_or("", |(_, path)| path);
            assert_eq!(refusal.capability, Capability::Unknown, "{request}");
            assert!(
                refusal.rule.contains(path) && refusal.rule.contains("rsession.conf:3"),
                "{}",
                refusal.rule
            );
        }
        refused(&flags, &door("GET /proxy/8080/"));
        refused(&flags, &door("POST /git/a/unheard_of"));
    }
}

#[test]
fn only_loopback_ports_are_ever_proxied() {
    let flags = Flags::default();
    for good in ["/proxy/8080", "/proxy/8080/", "/proxy/8080/a/b", "/proxy/absolute/8080/a", "/proxy/65535/"]
    {
        assert_eq!(forwarded(&flags, &ask("GET", good)).capability, Capability::PortProxy);
        assert_eq!(forwarded(&flags, &socket(good)).socket, SocketRule::Opaque);
        // Whose program listens there is the server's question, whatever the method.
        let port = Some(if good.contains("65535") { 65535 } else { 8080 });
        for ask in [ask("GET", good), ask("OPTIONS", good), ask("POST", good), socket(good)] {
            assert_eq!(forwarded(&flags, &ask).port, port, "{} {good}", ask.method);
        }
    }
    assert_eq!(forwarded(&flags, &ask("GET", "/lab")).port, None);
    assert!(forwarded(&flags, &ask("POST", "/proxy/8080/a")).activity);
    assert!(!forwarded(&flags, &ask("GET", "/proxy/8080/a")).activity);
    for bad in [
        "/proxy",
        "/proxy/",
        "/proxy/22/",
        "/proxy/0/",
        "/proxy/65536/",
        "/proxy/-1/",
        "/proxy/+80/",
        "/proxy/08080/",
        "/proxy/0x50/",
        "/proxy/%38080/",
        "/proxy/169.254.169.254:80/",
        "/proxy/localhost:8080/",
        "/proxy/absolute/10.0.0.1:80/",
        "/proxy/8080x/",
        "/proxy//8080/",
        "/proxy/absolute/absolute/8080",
    ] {
        assert_eq!(refused(&flags, &ask("GET", bad)).capability, Capability::PortProxy, "{bad}");
    }
}

#[test]
fn the_decision_is_what_the_browser_reads() {
    let refusal = refused(&with(SHELL), &ask("POST", "/api/terminals"));
    let (_, body) = refusal_body(Ide::Jupyter, &refusal, "1234", false);
    assert!(body.contains("allow-shell=0 (rsession.conf:3)"), "{body}");
    let flags = with(SHELL);
    let denial: Denial<'_> = flags.denies(Capability::Shell).expect("it is off");
    assert_eq!(denial.rule(), refusal.rule);
}
