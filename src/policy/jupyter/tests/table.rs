//! The table against the real program's routes.

use std::path::Path;

use super::super::reference::{reference, shut};
use super::*;
use crate::flag;

/// The routes of the real program.
const ROUTES: &str = include_str!("../../testdata/jupyterlab-4.6.6.routes");

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
];

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
            let (row, _) =
                find(method, &ask).unwrap_or_else(|| panic!("{method} {path} of {handler} is in no row"));
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
    for row in rows().filter(|row| !row.needs.contains(&Capability::Unknown)) {
        assert!(ROUTES.contains(&format!("\t{}\t", row.source)), "{} names {}", row.path, row.source);
        assert!(!row.needs.is_empty() && !row.seen.is_empty());
    }
}

#[test]
fn every_row_can_be_reached() {
    for (at, row) in rows().enumerate() {
        let path = row.path.replace("***", "*/a/b").replace("**", "/a/b").replace('*', "x");
        let path = if row.check == Check::LoopbackPort { "/proxy/8080/".to_owned() } else { path };
        for method in row.methods.words() {
            let ask = Ask { upgrade: row.socket.is_some() && !row.either, ..ask(method, &path) };
            let found = find(method, &ask).expect("it fits");
            let found = found.0;
            assert!(std::ptr::eq(found, row), "row {at} {method} {path} is hidden by {}", found.path);
        }
    }
}

#[test]
fn every_row_is_shut_by_a_flag_or_listed_as_open() {
    for row in rows().filter(|row| row.capability() != Capability::Ui) {
        let by_flag = flag::ALL.iter().any(|about| shut(row, about))
            || row.needs.iter().any(|need| matches!(need, Capability::PortProxy | Capability::Unknown));
        let open = OPEN.iter().any(|(capability, why)| *capability == row.capability() && !why.is_empty());
        assert!(by_flag != open || shut(row, &flag::DIRECTORIES), "{} {:?}", row.path, row.needs);
        // And the decision agrees with the table: shut by each flag that takes something of the row's.
        let path = row
            .path
            .replace("/proxy**", "/proxy/8080/")
            .replace("***", "*/a/b")
            .replace("**", "/a/b")
            .replace('*', "1");
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
    for row in rows() {
        let path = row
            .path
            .replace("/proxy**", "/proxy/8080/")
            .replace("***", "*/a/b")
            .replace("**", "/a/b")
            .replace('*', "1");
        for method in row.methods.words() {
            forwarded(&flags, &ask(method, &path));
        }
    }
    forwarded(&flags, &ask("POST", "/some/extension"));
    assert_eq!(forwarded(&flags, &socket("/some/extension")).socket, SocketRule::Opaque);
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
