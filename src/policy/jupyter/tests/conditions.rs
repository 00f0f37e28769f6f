//! How allowed requests are sent on: paths, query, activity, transfers.

use super::*;

#[test]
fn paths_are_claimed_only_while_directories_are_restricted() {
    let flags = with(FOLDERS);
    for (request, tail) in [
        ("GET /api/contents", ""),
        ("GET /api/contents/a%20b/c.txt?content=1", "a b/c.txt"),
        ("PUT /api/contents/link/x", "link/x"),
        ("GET /files/%61.txt", "a.txt"),
        ("GET /files/a%2fb", "a/b"),
        ("GET /files/.%2fa", "a"),
        ("GET /files/%252e%252e/x", "%2e%2e/x"),
        ("GET /nbconvert/html/a/b.ipynb", "a/b.ipynb"),
        ("POST /api/contents/a/checkpoints", "a"),
        ("POST /git/a/b/status", "a/b"),
        ("GET /tree/a", "a"),
        ("GET /view/a", "a"),
    ] {
        let claim = PathClaim { tail: tail.to_owned(), absolute: false };
        assert_eq!(forwarded(&flags, &door(request)).paths, PathRule::Resolve(claim), "{request}");
        assert_eq!(forwarded(&Flags::default(), &door(request)).paths, PathRule::None, "{request}");
    }
    assert_eq!(forwarded(&flags, &ask("GET", "/lab/tree/a%2fb")).paths, PathRule::None);
    for bad in [
        "/files/..%2fb",
        "/files/%2e%2e/b",
        "/files/a/../../b",
        "/files/%00",
        "/files/%c0%ae%c0%ae/b",
        "/lab/tree/%ff",
    ] {
        assert_eq!(refused(&Flags::default(), &ask("GET", bad)).status, 400, "{bad}");
    }
}

#[test]
fn the_format_of_files_is_pinned_while_downloads_are_off() {
    let flags = with(DOWNLOADS);
    for (target, query, capability) in [
        ("/api/contents?content=1&hash=0", QueryRule::Add("format=text"), Capability::Browse),
        ("/api/contents/a", QueryRule::Add("format=text"), Capability::Browse),
        ("/api/contents/a?type=file&content=1", QueryRule::Add("format=text"), Capability::Read),
        ("/api/contents/a?content=%30&type=file", QueryRule::Keep, Capability::Read),
        ("/api/contents/a?type=file&format=text", QueryRule::Keep, Capability::Read),
        ("/api/contents/a?type=notebook", QueryRule::Keep, Capability::Read),
        ("/api/contents/a?type=directory", QueryRule::Keep, Capability::Browse),
        ("/api/contents/a?content=2", QueryRule::Add("format=text"), Capability::Browse),
    ] {
        let forward = forwarded(&flags, &ask("GET", target));
        assert_eq!((forward.query, forward.capability), (query, capability), "{target}");
        assert_eq!(forwarded(&Flags::default(), &ask("GET", target)).query, QueryRule::Keep);
    }
    let binary = forwarded(&Flags::default(), &ask("GET", "/api/contents/a/b.png?type=file&format=base64"));
    let transfer =
        Transfer::new(Direction::Download, "a/b.png".into()).form(Form::Model { base64: Some(true) });
    assert_eq!((binary.capability, binary.transfer), (Capability::Download, Some(transfer)));
}

#[test]
fn activity_is_a_positive_list() {
    let flags = Flags::default();
    for idle in [
        "GET /api/kernels",
        "GET /api/sessions",
        "GET /api/terminals",
        "GET /api/contents?content=1&hash=0&1234567890123",
        "GET /api/contents/dir?content=1&hash=0",
        "GET /api/contents/a?content=0&hash=1",
        "GET /lab/api/workspaces",
        "PUT /lab/api/workspaces/default",
        "GET /api/me",
        "GET /api/kernelspecs",
        "POST /git/branch",
        "POST /git/a/tags",
        "POST /git/a/status",
        "POST /git/a/show_prefix",
        "GET /git/a/stash",
        "GET /git/a/remote/show",
        "WS /api/events/subscribe",
        "WS /api/kernels/1/channels",
        "GET /lab",
        "OPTIONS /api/kernels",
    ] {
        assert!(!forwarded(&flags, &door(idle)).activity, "{idle}");
    }
    for act in [
        "POST /api/sessions",
        "PATCH /api/sessions/1",
        "DELETE /api/kernels/1",
        "POST /api/kernels/1/interrupt",
        "PUT /api/contents/a",
        "POST /api/contents",
        "PUT /lab/api/settings/x",
        "GET /api/contents/a?type=file&content=1&format=text",
        "GET /files/a",
        "GET /nbconvert/html/a",
        "POST /api/terminals",
        "POST /git/a/commit",
        "POST /unknown/thing",
    ] {
        assert!(forwarded(&flags, &door(act)).activity, "{act}");
    }
    assert_eq!(forwarded(&flags, &door("WS /api/events/subscribe")).socket, SocketRule::None);
    assert_eq!(forwarded(&flags, &door("WS /api/kernels/1/channels")).socket, SocketRule::JupyterKernel);
    assert_eq!(forwarded(&flags, &door("WS /terminals/websocket/1")).socket, SocketRule::JupyterTerminal);
}

#[test]
fn transfers_name_the_file() {
    let flags = Flags::default();
    let of = |request: &str| forwarded(&flags, &door(request)).transfer.map(|transfer| transfer.path);
    assert_eq!(of("GET /files/a%20b/c").as_deref(), Some("a b/c"));
    assert_eq!(of("GET /nbconvert/html/a.ipynb").as_deref(), Some("a.ipynb"));
    assert_eq!(of("POST /nbconvert/html").as_deref(), Some("(unsaved document)"));
    assert_eq!(of("HEAD /files/a"), None);
    assert_eq!(of("GET /api/contents/a?type=file&format=text"), None);
}
