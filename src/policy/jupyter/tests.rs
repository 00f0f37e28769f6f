//! Every door, open and shut: the table against the real program's routes, and the flags against every spelling.

use std::path::Path;

use super::reference::shut;
use super::*;
use crate::flag;
use crate::{Denial, Setting, judge_body, refusal_body};
use portcullis_model::session::Ide;

/// The routes of the real program.
const ROUTES: &str = include_str!("../testdata/jupyterlab-4.6.6.routes");

/// Rows that no flag of its own shuts, with the reason.
const OPEN: &[(Capability, &str)] = &[
    (Capability::Browse, "folders are bounded by restrict-directory-view, through the path"),
    (Capability::Read, "opening documents is what an IDE is for; bytes of other files are Download"),
    (Capability::Write, "saving is what an IDE is for; uploads are told by the body"),
    (Capability::ExecuteCode, "no flag forbids code; what code may do is the kernel's to bound"),
    (Capability::EndSession, "people may end what is theirs"),
];

/// Routes of the real program that are in no row, with the reason.
const UNKNOWN_ON_PURPOSE: &[(&str, &str, &str)] = &[
    ("(.*)$", "", "the page for what doesn't exist"),
    ("/.*/$", "", "redirects to the same path without its last slash: decided as that path"),
    ("/lab/.*$", "", "the page for what doesn't exist below /lab"),
    ("/login$", "POST", "nobody signs in to the session itself; the proxy adds its token"),
    ("/git(?P<path>(?:(?:/[^/]+)+|/?))/remote/(?P<name>\\w+)$", "never", ""),
];

fn ask<'a>(method: &'a str, target: &'a str) -> Ask<'a> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let content_length = matches!(method, "PUT" | "POST" | "PATCH").then_some(100);
    Ask { method, path, query, upgrade: false, subprotocol: None, content_length, wants_html: false }
}

fn socket<'a>(target: &'a str) -> Ask<'a> {
    Ask { upgrade: true, ..ask("GET", target) }
}

type Change = fn(&mut Flags);

const SHELL: Change = |f| f.shell = Setting::at(false, "rsession.conf", 3);
const UPLOADS: Change = |f| f.uploads = Setting::at(false, "rsession.conf", 3);
const DOWNLOADS: Change = |f| f.downloads = Setting::at(false, "rsession.conf", 3);
const PACKAGES: Change = |f| f.packages = Setting::at(false, "rsession.conf", 3);
const PUBLISH: Change = |f| f.publish = Setting::at(false, "rsession.conf", 3);
const EXTERNAL: Change = |f| f.external_publish = Setting::at(false, "rsession.conf", 3);
const VCS: Change = |f| f.vcs = Setting::at(false, "rsession.conf", 3);
const FOLDERS: Change = |f| f.restrict_directories = Setting::at(true, "rsession.conf", 3);
const LIMIT: Change = |f| f.upload_limit_mb = Setting::at(1, "rsession.conf", 3);
const ALL: [Change; 9] = [SHELL, UPLOADS, DOWNLOADS, PACKAGES, PUBLISH, EXTERNAL, VCS, FOLDERS, LIMIT];

fn with(change: Change) -> Flags {
    let mut flags = Flags::default();
    change(&mut flags);
    flags
}

#[track_caller]
fn forwarded(flags: &Flags, ask: &Ask<'_>) -> Forward {
    match decide(flags, ask) {
        Verdict::Forward(forward) => forward,
        Verdict::Refuse(refusal) => panic!("{} {} was refused: {}", ask.method, ask.path, refusal.rule),
    }
}

#[track_caller]
fn refused(flags: &Flags, ask: &Ask<'_>) -> Refusal {
    match decide(flags, ask) {
        Verdict::Refuse(refusal) => *refusal,
        Verdict::Forward(forward) => panic!("{} {} was forwarded: {forward:?}", ask.method, ask.path),
    }
}

/// A path that one of Tornado's patterns matches.
fn example(pattern: &str) -> String {
    let mut path = pattern.trim_end_matches('$').to_owned();
    for (group, text) in [
        (r"(?P<path>(?:(?:/[^/]+)+|/?))", "/dir/x.txt"),
        (
            r"(?P<mode>lab|doc)(?P<workspace>/workspaces/[a-zA-Z0-9\-\_]+)?(?P<tree>/tree/.*)?",
            "lab/workspaces/w/tree/a",
        ),
        (r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)", "0-1-2-3-4"),
        (r"(?P<session_id>\w+-\w+-\w+-\w+-\w+)", "0-1-2-3-4"),
        (r"(?P<action>restart|interrupt)", "restart"),
        (r"(?P<checkpoint_id>[\w-]+)", "checkpoint"),
        (r"(?P<section_name>\w+)", "notebook"),
        (r"(?P<kernel_name>[\w\.\-%]+)", "python3"),
        (r"(?P<format>\w+)", "html"),
        (r"(?P<name>\w+)", "origin"),
        (r"(?P<schema_name>.+)", "@jupyterlab/shell:plugin"),
        (r"(?P<space_name>.+)", "default"),
        (r"(?P<locale>.*)", "default"),
        (r"(?P<language_server>.*)", "pylsp"),
        (r"/(?P<path>.*)", "/logo-svg.svg"),
        (r"(favicon\.ico)", "favicon.ico"),
        (r"(robots\.txt|favicon\.ico)", "favicon.ico"),
        (r"(robots\.txt)", "robots.txt"),
        (r"([^/:@]+):(\d+)(/.*|)", "localhost:8080/x"),
        (r"(\d+)(/.*|)", "8080/x"),
        (r"terminals/(.*)", "terminals/1"),
        (r"(\w+)", "1"),
        ("listings/(.*)", "listings/blocked"),
        ("icon/(.*)", "icon/x"),
        ("/?(.*)", "/a/b"),
        ("/(.*)", "/a/b"),
        ("(.*)", "/a/b"),
        ("/?", "/"),
    ] {
        path = path.replace(group, text);
    }
    assert!(!path.contains(['(', '[', '\\', '*']), "no example for {pattern}: {path}");
    path
}

#[test]
fn every_route_of_the_real_program_is_in_a_row_or_unknown_on_purpose() {
    let mut routes = 0;
    for line in ROUTES.lines().filter(|line| !line.starts_with('#')) {
        routes += 1;
        let [pattern, handler, kind, methods] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("not a route: {line}")
        };
        let on_purpose = |method: &str| {
            UNKNOWN_ON_PURPOSE.iter().any(|(p, m, _)| *p == pattern && (m.is_empty() || *m == method))
        };
        let mut asked =
            methods.split(',').filter(|method| *method != "OPTIONS" && !method.is_empty()).peekable();
        assert!(asked.peek().is_some() || on_purpose(""), "{line}");
        for method in asked.filter(|method| !on_purpose(method)) {
            let path = example(pattern);
            let ask = if kind == "WS" && method == "GET" { socket(&path) } else { ask(method, &path) };
            let (row, _) = find(Methods::named(method).expect("a method"), &ask)
                .unwrap_or_else(|| panic!("{method} {path} of {handler} is in no row"));
            assert!(
                !row.needs.contains(&Capability::Unknown),
                "{method} {path} of {handler} is only in a catch-all"
            );
            let same = row.source == handler
                || handler.contains("FileFind")
                || handler.contains("PublicStatic")
                || handler.contains("RemoteProxy");
            assert!(same, "{method} {path} of {handler} is taken for {}", row.source);
        }
    }
    assert_eq!(routes, 124, "the list is whole");
}

#[test]
fn every_row_comes_from_the_real_program() {
    for row in ROWS.iter().filter(|row| !row.needs.contains(&Capability::Unknown)) {
        assert!(ROUTES.contains(&format!("\t{}\t", row.source)), "{} names {}", row.path, row.source);
        assert!(!row.needs.is_empty() && !row.seen.is_empty());
    }
}

#[test]
fn every_row_can_be_reached() {
    for (at, row) in ROWS.iter().enumerate() {
        let path = row.path.replace("**", "/a/b").replace('*', "8080");
        let path = if row.check == Check::LoopbackPort { "/proxy/8080/".to_owned() } else { path };
        let path = path.replace("8080/remote", "x/remote");
        for method in row.methods.words() {
            let ask = Ask { upgrade: row.socket.is_some() && !row.either, ..ask(method, &path) };
            let found = find(Methods::named(method).expect("a method"), &ask).expect("it fits").0;
            assert!(std::ptr::eq(found, row), "row {at} {method} {path} is hidden by {}", found.path);
        }
    }
}

#[test]
fn every_row_is_shut_by_a_flag_or_listed_as_open() {
    for row in ROWS.iter().filter(|row| row.capability() != Capability::Ui) {
        let by_flag = flag::ALL.iter().any(|about| shut(row, about))
            || row.needs.iter().any(|need| matches!(need, Capability::PortProxy | Capability::Unknown));
        let open = OPEN.iter().any(|(capability, why)| *capability == row.capability() && !why.is_empty());
        assert!(by_flag != open || shut(row, &flag::DIRECTORIES), "{} {:?}", row.path, row.needs);
        // And the decision agrees with the table: shut by each flag that takes something of the row's.
        let path = row.path.replace("/proxy**", "/proxy/8080/").replace("**", "/a/b").replace('*', "1");
        for change in ALL {
            let flags = with(change);
            let denied = row.needs.iter().any(|need| flags.denies(*need).is_some())
                || (row.check == Check::HiddenPaths && flags.restrict_directories.value);
            for method in row.methods.words() {
                let ask = Ask { upgrade: row.socket.is_some() && !row.either, ..ask(method, &path) };
                assert_eq!(
                    decide(&flags, &ask).is_forward(),
                    !denied,
                    "{method} {path} {:?}",
                    flags.restriction()
                );
                if denied {
                    assert!(
                        !decide(&flags, &super::tests::ask("OPTIONS", &path)).is_forward(),
                        "OPTIONS {path}"
                    );
                }
            }
        }
    }
}

#[test]
fn an_untouched_installation_refuses_nothing_of_the_real_program() {
    let flags = Flags::default();
    for row in ROWS {
        let path = row.path.replace("/proxy**", "/proxy/8080/").replace("**", "/a/b").replace('*', "1");
        for method in row.methods.words() {
            forwarded(&flags, &ask(method, &path));
        }
    }
    forwarded(&flags, &ask("POST", "/some/extension"));
    assert_eq!(forwarded(&flags, &socket("/some/extension")).socket, SocketRule::Opaque);
}

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

fn door<'a>(request: &'a str) -> Ask<'a> {
    let (method, target) = request.split_once(' ').expect("method and target");
    if method == "WS" { socket(target) } else { ask(method, target) }
}

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
    }
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
    let transfer = Transfer { direction: Direction::Download, path: "a/b.png".into() };
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

#[test]
fn the_reference_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ides/jupyter.md");
    if std::env::var_os("PORTCULLIS_GENERATE").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("it can be made");
        std::fs::write(&file, reference()).expect("it can be written");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == reference(), "docs/ides/jupyter.md is stale: PORTCULLIS_GENERATE=1 writes it");
}

mod bodies {
    use super::*;

    fn judged(change: Change, method: &str, path: &str, body: &str) -> Verdict {
        judge_body(Ide::Jupyter, &with(change), &ask(method, path), body.as_bytes())
    }

    #[test]
    fn what_is_held_depends_on_flags_and_length() {
        let rule = |flags: &Flags, method: &str, length: Option<u64>| {
            let forward = forwarded(flags, &Ask { content_length: length, ..ask(method, "/api/contents/a") });
            (forward.body, forward.transfer.is_some())
        };
        let free = Flags::default();
        assert_eq!(rule(&free, "PUT", Some(100)), (BodyRule::Judge { limit: body::TELL_MAX }, false));
        assert_eq!(rule(&free, "PUT", Some(1 << 30)), (BodyRule::Stream, true));
        assert_eq!(rule(&free, "PUT", None), (BodyRule::Stream, true));
        assert_eq!(rule(&free, "POST", Some(100)), (BodyRule::Stream, false));
        let off = with(UPLOADS);
        assert_eq!(rule(&off, "PUT", Some(1 << 30)), (BodyRule::Judge { limit: body::JUDGE_MAX }, false));
        assert_eq!(rule(&off, "PATCH", None), (BodyRule::Judge { limit: body::NAMES_MAX }, false));
        let limited = with(LIMIT);
        assert_eq!(rule(&limited, "PUT", Some(1 << 20)), (BodyRule::Judge { limit: body::JUDGE_MAX }, false));
        assert!(matches!(rule(&limited, "PUT", Some(1 << 30)), (BodyRule::Limit(_), true)));
        assert_eq!(rule(&with(FOLDERS), "POST", None), (BodyRule::Judge { limit: body::NAMES_MAX }, false));
    }

    #[test]
    fn an_upload_is_told_from_a_save() {
        let uploads = [
            r#"{"type":"file","format":"base64","name":"up.txt","content":"aGk=","path":"up.txt"}"#,
            r#"{"type":"file","format":"base64","name":"up.txt","content":"aGk=","chunk":1}"#,
            r#"{"type":"file","format":"base64","content":"aGk=","chunk":-1}"#,
            r#"{"type":"file","format":"text","content":"hi","chunk":2}"#,
            r#"{"type":"file","format":"text","content":"hi","chunk":false}"#,
            r#"{"type":"file","format":"base64","content":"aGk="}"#,
            r#"{"type":"file","content":"aGk="}"#,
            r#"{"type":"other","format":"base64","content":"aGk="}"#,
            r#"{"content":"aGk=","format":"Text"}"#,
            r#"{"type":"notebook","format":"json","name":"n.ipynb","content":{"cells":[]}}"#,
            r#"{"type":"notebook","format":"json","n\u0061me":"n.ipynb","content":{"cells":[]}}"#,
            r#"{"type":"file","form\u0061t":"base64","content":"aGk="}"#,
            r#"{"type":"file","format":"text","content":{"a":1}}"#,
            r#"{"type":"file","format":"text","content":[1]}"#,
        ];
        for body in uploads {
            let verdict = judged(UPLOADS, "PUT", "/api/contents/up.txt", body);
            let Verdict::Refuse(refusal) = verdict else { panic!("{body} passed") };
            assert_eq!(refusal.flag, Some("allow-file-uploads"), "{body}");
            assert!(
                judge_body(
                    Ide::Jupyter,
                    &Flags::default(),
                    &ask("PUT", "/api/contents/up.txt"),
                    body.as_bytes()
                )
                .is_forward()
            );
        }
        for body in [
            r#"{"type":"file","format":"text","content":"hi","path":"a.txt"}"#,
            r#"{"type":"notebook","format":"json","content":{"cells":[],"metadata":{}},"path":"a.ipynb"}"#,
            r#"{"type":"notebook","content":{"cells":[],"path":"x","path":"y"}}"#,
            r#"{"type":"directory"}"#,
            r#"{"type":"file","format":"text","content":"hi","chunk":null,"name":null}"#,
            r#"{}"#,
            "null",
            "",
            "  \r\n",
        ] {
            let verdict = judged(UPLOADS, "PUT", "/api/contents/a.txt", body);
            let Verdict::Forward(forward) = verdict else { panic!("{body} was refused: {verdict:?}") };
            assert_eq!(
                (forward.capability, forward.transfer, forward.body),
                (Capability::Write, None, BodyRule::Stream)
            );
        }
        for (method, body) in [
            ("POST", r#"{"type":"file","ext":".txt"}"#),
            ("POST", r#"{"type":"notebook"}"#),
            ("POST", r#"{"copy_from":"/a/b.txt"}"#),
            ("PATCH", r#"{"path":"new.txt"}"#),
        ] {
            assert!(judged(UPLOADS, method, "/api/contents/a", body).is_forward(), "{method} {body}");
        }
        assert!(
            !judged(
                UPLOADS,
                "POST",
                "/api/contents/a",
                r#"{"type":"file","format":"base64","content":"aGk="}"#
            )
            .is_forward()
        );
    }

    #[test]
    fn a_body_that_can_be_read_in_two_ways_is_refused() {
        for body in [
            r#"{"format":"text","format":"base64","content":"aGk="}"#,
            r#"{"format":"base64","form\u0061t":"text","content":"aGk="}"#,
            r#"{"content":"x","content":"y","format":"text"}"#,
            r#"{"chunk":1,"chunk":null}"#,
            "\u{feff}{}",
            "{} {}",
            "[]",
            "\"x\"",
            "{\"content\":\"x\",}",
            "{/* */}",
            "\u{1f}\u{8b}gzip",
            "{'a':1}",
        ] {
            let Verdict::Refuse(refusal) = judged(UPLOADS, "PUT", "/api/contents/a", body) else {
                panic!("{body} passed")
            };
            assert_eq!(refusal.status, 400, "{body}");
            assert!(
                judge_body(Ide::Jupyter, &Flags::default(), &ask("PUT", "/api/contents/a"), body.as_bytes())
                    .is_forward()
            );
        }
    }

    #[test]
    fn an_upload_of_an_allowed_person_is_recorded() {
        let body = br#"{"type":"file","format":"base64","name":"up.txt","content":"aGk=","chunk":3}"#;
        let verdict =
            judge_body(Ide::Jupyter, &Flags::default(), &ask("PUT", "/api/contents/d%20d/up.txt"), body);
        let Verdict::Forward(forward) = verdict else { panic!("{verdict:?}") };
        let transfer = Transfer { direction: Direction::Upload, path: "d d/up.txt".into() };
        assert_eq!((forward.capability, forward.transfer), (Capability::Upload, Some(transfer)));
    }

    #[test]
    fn the_limit_counts_decoded_bytes_and_pieces() {
        let sized = |fields: &str, bytes: usize| {
            format!(r#"{{"type":"file",{fields},"content":"{}"}}"#, "QUFB".repeat(bytes / 3))
        };
        let mib = 1024 * 1024;
        let fine = sized(r#""format":"base64","name":"a""#, mib - 3);
        assert!(judged(LIMIT, "PUT", "/api/contents/a", &fine).is_forward());
        let large = sized(r#""format":"base64","name":"a""#, mib + 3);
        let Verdict::Refuse(refusal) = judged(LIMIT, "PUT", "/api/contents/a", &large) else {
            panic!("it passed")
        };
        assert_eq!((refusal.status, refusal.flag), (413, Some("limit-file-upload-size-mb")));
        let second = sized(r#""format":"base64","name":"a","chunk":2"#, 300);
        assert!(!judged(LIMIT, "PUT", "/api/contents/a", &second).is_forward());
        let first = sized(r#""format":"base64","name":"a","chunk":1"#, mib - 3);
        assert!(judged(LIMIT, "PUT", "/api/contents/a", &first).is_forward());
        let save = sized(r#""format":"text""#, 2 * mib);
        assert!(judged(LIMIT, "PUT", "/api/contents/a", &save).is_forward());
        let huge = sized(r#""format":"text""#, 9 * mib);
        assert!(!judged(LIMIT, "PUT", "/api/contents/a", &huge).is_forward());
        assert!(!judged(UPLOADS, "PUT", "/api/contents/a", &huge).is_forward());
    }

    #[test]
    fn paths_in_bodies_are_claimed() {
        let claim = |tail: &str| PathRule::Resolve(PathClaim { tail: tail.into(), absolute: false });
        for (method, body, paths) in [
            ("POST", r#"{"copy_from":"/link/passwd"}"#, claim("link/passwd")),
            ("POST", r#"{"type":"file"}"#, PathRule::None),
            ("PATCH", r#"{"path":"a/./b"}"#, claim("a/b")),
            ("PUT", r#"{"path":"elsewhere","type":"file","format":"text","content":""}"#, PathRule::None),
        ] {
            let Verdict::Forward(forward) = judged(FOLDERS, method, "/api/contents/a", body) else {
                panic!("{body}")
            };
            assert_eq!(forward.paths, paths, "{body}");
        }
        for body in
            [r#"{"copy_from":"a/../../etc/passwd"}"#, r#"{"copy_from":["a"]}"#, r#"{"copy_from":"a\u0000"}"#]
        {
            let Verdict::Refuse(refusal) = judged(FOLDERS, "POST", "/api/contents/a", body) else {
                panic!("{body}")
            };
            assert_eq!(refusal.status, 400, "{body}");
        }
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
