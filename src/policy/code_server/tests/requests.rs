//! HTTP requests and handshakes.

use std::sync::Arc;

use portcullis_model::session::Ide;

use super::{flags, no, no_shell};
use crate::{
    Adapters, Ask, Capability, Direction, Flags, Forward, PathRule, Refusal, SocketRule, Verdict, decide,
};

fn ask<'a>(method: &'a str, target: &'a str, upgrade: bool) -> Ask<'a> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    Ask {
        method,
        path,
        query,
        upgrade,
        subprotocol: None,
        content_length: None,
        wants_html: false,
        port_token: None,
    }
}

fn of(flags: &Arc<Flags>, method: &str, target: &str, upgrade: bool) -> Verdict {
    decide(&Adapters::default(), Ide::CodeServer, flags, &ask(method, target, upgrade))
}

fn forwarded(verdict: Verdict) -> Forward {
    match verdict {
        Verdict::Forward(forward) => forward,
        Verdict::Refuse(refusal) => panic!("{}", refusal.rule),
    }
}

fn refused(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::Refuse(refusal) => *refusal,
        Verdict::Forward(forward) => panic!("forwarded: {forward:?}"),
    }
}

const SOCKET: &str = "/stable-53c2/?reconnectionToken=0b5cbc30-0000-4000-8000-000000000000&reconnection=false&skipWebSocketFrames=false";

#[test]
fn every_upgrade_is_the_editors_on_whatever_path() {
    for flags in [flags(|_| {}), no_shell()] {
        for path in ["/stable-53c2", "/", "/foo/bar", "/vscode", "/robots.txt"] {
            let target = SOCKET.replace("/stable-53c2/", path);
            assert_eq!(forwarded(of(&flags, "GET", &target, true)).socket, SocketRule::CodeServer, "{path}");
        }
        for bad in [
            "/",
            "/?reconnectionToken=a",
            "/?reconnectionToken=a&skipWebSocketFrames=true",
            "/?reconnectionToken=a&skipWebSocketFrames=false&skipWebSocketFrames=true",
            "/?reconnectionToken=a&skipWebSocketFrames=false&%73kipWebSocketFrames=true",
            "/?reconnectionToken=a&reconnectionToken=b&skipWebSocketFrames=false",
            "/?reconnectionToken=&skipWebSocketFrames=false",
            "/?reconnectionToken=a%20b&skipWebSocketFrames=false",
            "/?reconnectionToken=a&skipWebSocketFrames=false&reconnection=1",
        ] {
            assert_eq!(refused(of(&flags, "GET", bad, true)).status, 403, "{bad}");
        }
    }
    assert_eq!(forwarded(of(&no_shell(), "GET", "/healthz", true)).socket, SocketRule::None);
}

#[test]
fn files_of_extensions_are_served_and_others_are_downloads() {
    let off = flags(|flags| flags.downloads = no(false));
    let extension = "path=/usr/lib/code-server/lib/vscode/extensions/theme/x.json";
    for path in [
        "/vscode-remote-resource",
        "/vscode/vscode-remote-resource",
        "/stable-53c2/vscode-remote-resource",
        "/vscode/stable-53c2/vscode-remote-resource",
        "/anything/vscode-remote-resource/",
    ] {
        let target = |query: &str| format!("{path}?{query}");
        let forward = forwarded(of(&off, "GET", &target(&format!("{extension}&tkn=")), false));
        assert_eq!((forward.capability, forward.transfer), (Capability::Ui, None));
        for bad in [
            "path=/etc/passwd",
            "path=%2fetc%2fpasswd",
            "path=/usr/lib/vscode/extensions/../../etc/passwd",
            "path=/x/lib/vscode/extensions/a&path=/etc/passwd",
            "%70ath=/etc/passwd",
            "path=etc/passwd",
        ] {
            assert_eq!(
                refused(of(&off, "GET", &target(bad), false)).flag,
                Some("allow-file-downloads"),
                "{bad}"
            );
        }
        let forward = forwarded(of(&flags(|_| {}), "GET", &target("path=/home/a/big.bin"), false));
        assert_eq!(forward.capability, Capability::Download);
        let transfer = forward.transfer.expect("it is recorded");
        assert_eq!((transfer.direction, transfer.path.as_str()), (Direction::Download, "/home/a/big.bin"));
    }
    let restricted = flags(|flags| flags.restrict_directories = no(true));
    let forward = forwarded(of(&restricted, "GET", "/vscode-remote-resource?path=/etc/passwd", false));
    assert!(
        matches!(forward.paths, PathRule::Resolve(claim) if claim.absolute && claim.tail == "etc/passwd")
    );
    let own = "/vscode-remote-resource?path=/home/a/lib/vscode/extensions/link";
    assert!(matches!(forwarded(of(&restricted, "GET", own, false)).paths, PathRule::Resolve(_)));
    let installed = format!("/vscode-remote-resource?{extension}");
    assert_eq!(forwarded(of(&restricted, "GET", &installed, false)).paths, PathRule::None);
}

#[test]
fn ports_are_named_in_one_spelling() {
    let open = flags(|_| {});
    for path in ["/proxy/8123/", "/absproxy/8123/x"] {
        for upgrade in [false, true] {
            assert!(forwarded(of(&open, "GET", path, upgrade)).port == Some(8123), "{path}");
            assert_eq!(refused(of(&no_shell(), "GET", path, upgrade)).capability, Capability::PortProxy);
        }
    }
    for bad in
        ["/Proxy/8123/", "/PROXY/8123", "/aBsproxy/8123/", "//proxy/8123/", "/proxy/8123abc/", "/proxy/80/"]
    {
        let target = SOCKET.replace("/stable-53c2/", bad);
        assert_eq!(refused(of(&open, "GET", bad, false)).capability, Capability::PortProxy, "{bad}");
        assert_eq!(refused(of(&open, "GET", &target, true)).capability, Capability::PortProxy, "{bad}");
    }
}

#[test]
fn the_folder_of_a_page_is_asked_for_while_directories_are_restricted() {
    let on = flags(|flags| flags.restrict_directories = no(true));
    for (target, wanted) in [
        ("/?folder=/etc", Some("etc")),
        ("/?workspace=/srv/a.code-workspace", Some("srv/a.code-workspace")),
        ("/vscode?folder=/etc", Some("etc")),
        ("/?ew=true", None),
        ("/", None),
    ] {
        match (forwarded(of(&on, "GET", target, false)).paths, wanted) {
            (PathRule::Resolve(claim), Some(wanted)) => assert_eq!(claim.tail, wanted),
            (PathRule::None, None) => {}
            other => panic!("{target}: {other:?}"),
        }
    }
    for bad in ["/?folder=/etc&folder=/home/a", "/?folder=etc", "/?folder=/home/a/../b"] {
        assert_eq!(refused(of(&on, "GET", bad, false)).flag, Some("restrict-directory-view"), "{bad}");
    }
}

#[test]
fn what_is_in_no_row_is_refused_while_a_flag_takes_something_away() {
    for target in ["/unknown", "/stable-53c2/other", "/STABLE-53c2/static/x", "/static/../x", "/_static//x"] {
        assert!(!of(&no_shell(), "GET", target, false).is_forward(), "{target}");
    }
    assert!(of(&flags(|_| {}), "GET", "/unknown", false).is_forward());
    for target in
        ["/", "/_static/src/x.png", "/stable-53c2/static/out/x.js", "/manifest.json", "/update/check"]
    {
        assert!(of(&no_shell(), "GET", target, false).is_forward(), "{target}");
    }
    assert!(of(&no_shell(), "POST", "/mint-key", false).is_forward());
}
