//! Rows of `adapters.conf`: each alone with each flag, beside built-in rows, and where there are none.

use super::*;
use crate::{BodyRule, Capability, Direction, Forward, PathRule, SocketRule};

const SHINY: &str = "[app shiny]
command = /usr/bin/Rscript /srv/run.R {socket}
route = GET /session/*/download/** download name download
route = POST /session/*/upload/** upload name upload act
route = GET /home/** read file
route = PUT /home/** write file
route = GET /websocket ui socket act
route = GET /quiet ui socket
route = ANY /term/** shell
route = GET /loose download
route = ANY /ports/** port-proxy
route = POST /state ui
route = GET ** ui
";

fn forward(change: Change, request: &str) -> Forward {
    match verdict(&adapters(SHINY), app("shiny"), change, request) {
        Verdict::Forward(forward) => forward,
        Verdict::Refuse(refusal) => panic!("{request}: {}", refusal.rule),
    }
}

#[test]
fn conf_and_policy_have_the_same_words() {
    let ours: Vec<&str> = Capability::ALL
        .into_iter()
        .filter(|capability| *capability != Capability::Unknown)
        .map(Capability::word)
        .collect();
    assert_eq!(portcullis_conf::adapters::CAPABILITIES.to_vec(), ours);
}

#[test]
fn every_flag_shuts_its_rows_and_no_other() {
    let (rows, ide) = (adapters(SHINY), app("shiny"));
    let doors = [
        ("GET /", ""),
        ("HEAD /shared/a.js", ""),
        ("WS /websocket/", ""),
        ("POST /state", ""),
        ("GET /session/1/download/x.csv", "d"),
        ("HEAD /session/1/download/x.csv", "d"),
        ("GET /loose", "df"),
        ("POST /session/1/upload/7", "u"),
        ("GET /home/a.txt", ""),
        ("PUT /home/a.txt", ""),
        ("POST /term/1", "s"),
        ("GET /ports/8123/", "duvsfl"),
        ("POST /new", "duvsfl"),
        ("WS /new", "duvsfl"),
        ("DELETE /", "duvsfl"),
    ];
    let flags: [(char, Change); 6] =
        [('d', DOWNLOADS), ('u', UPLOADS), ('v', VCS), ('s', SHELL), ('f', FOLDERS), ('l', LIMIT)];
    for (request, shut) in doors {
        assert!(passes(&rows, ide, |_| (), request), "{request} without flags");
        for (letter, change) in flags {
            assert_eq!(passes(&rows, ide, change, request), !shut.contains(letter), "{request} {letter}");
        }
    }
}

#[test]
fn conditions_are_those_of_the_line() {
    let found = forward(|_| (), "GET /session/1/download/a%20b.csv");
    let transfer = found.transfer.expect("a file");
    assert_eq!((transfer.direction, transfer.path.as_str()), (Direction::Download, "a b.csv"));
    assert!(forward(|_| (), "HEAD /session/1/download/x").transfer.is_none());
    let found = forward(LIMIT, "POST /session/1/upload/7");
    assert_eq!((found.activity, found.body), (true, BodyRule::Limit(1024 * 1024)));
    assert_eq!(forward(|_| (), "POST /session/1/upload/7").body, BodyRule::Stream);
    // What comes in as something else is no way around the flag.
    assert_eq!(forward(UPLOADS, "POST /state").body, BodyRule::Limit(1024 * 1024));
    assert_eq!(forward(UPLOADS, "PUT /home/a").body, BodyRule::Limit(8 * 1024 * 1024));
    assert_eq!(forward(|_| (), "POST /state").body, BodyRule::Stream);
    assert_eq!(forward(|_| (), "WS /websocket").socket, SocketRule::Opaque);
    assert_eq!(forward(|_| (), "WS /quiet").socket, SocketRule::None);
    let PathRule::Resolve(claim) = forward(FOLDERS, "GET /home/a/%62").paths else { panic!("no path") };
    assert_eq!((claim.tail.as_str(), claim.absolute), ("a/b", false));
    assert_eq!(forward(|_| (), "GET /ports/8123/x").port, Some(8123));
    assert!(!passes(&adapters(SHINY), app("shiny"), |_| (), "GET /ports/80/"));
}

#[test]
fn a_refusal_names_the_route_and_spellings_stay_shut() {
    let (rows, ide) = (adapters(SHINY), app("shiny"));
    let refusal = refusal(&rows, ide, SHELL, "POST /new/door");
    assert_eq!(refusal.rule, "unknown route `POST /new/door`; refused while allow-shell=0 (rsession.conf:3)");
    assert_eq!(refusal.capability, Capability::Unknown);
    for bad in ["GET //a", "GET /%74erm/1", "GET /a/./b", "GET /a;b"] {
        assert!(!passes(&rows, ide, SHELL, bad), "{bad}");
        assert!(passes(&rows, ide, |_| (), bad), "{bad}");
    }
    assert!(!passes(&rows, ide, |_| (), "GET /a/../b") && !passes(&rows, ide, |_| (), "TRACE /"));
}

#[test]
fn without_a_route_pages_pass_and_nothing_that_could_be_more() {
    let bare = adapters("[app bare]\ncommand=/bin/x {socket}\n");
    let ide = app("bare");
    for request in ["GET /", "GET /a/b.js", "HEAD /x"] {
        assert!(passes(&bare, ide, |_| (), request) && passes(&bare, ide, SHELL, request), "{request}");
        assert!(!passes(&bare, ide, DOWNLOADS, request), "{request}: it may bring a file");
        assert!(!passes(&bare, ide, FOLDERS, request), "{request}: of any directory");
    }
    for request in ["POST /", "WS /ws", "DELETE /x"] {
        assert!(passes(&bare, ide, |_| (), request) && !passes(&bare, ide, SHELL, request), "{request}");
    }
    assert_eq!(bare.rows(ide)[0].source, "adapters.conf:1 (no route)");
}

#[test]
fn a_session_whose_application_is_gone_gets_nothing() {
    let none = Adapters::default();
    assert!(!passes(&none, app("gone"), |_| (), "GET /"));
    assert!(refusal(&none, app("gone"), |_| (), "GET /").text.contains("no longer declared"));
}

#[test]
fn a_line_adds_a_route_to_an_ide() {
    let rows = adapters("[jupyter]\nroute = GET,POST /myext/** ui\nroute=GET /live ui socket\n");
    let none = Adapters::default();
    for request in ["GET /myext/a", "POST /myext/a/b", "WS /live"] {
        assert!(!passes(&none, Ide::Jupyter, SHELL, request), "{request}");
        assert!(passes(&rows, Ide::Jupyter, SHELL, request), "{request}");
    }
    for request in ["DELETE /myext/a", "GET /myextra", "WS /myext/a", "GET /other", "GET /%6dyext/a"] {
        assert!(!passes(&rows, Ide::Jupyter, SHELL, request), "{request}");
    }
    assert!(!passes(&rows, Ide::Rstudio, SHELL, "GET /myext/a"), "another IDE's line");
    assert_eq!(
        (rows.rows(Ide::Jupyter)[0].source.as_ref(), rows.rows(Ide::Jupyter)[0].seen.as_ref()),
        ("adapters.conf:2", "administrator")
    );
}

#[test]
fn rules_are_compared_without_their_places() {
    let one = adapters("[jupyter]\nroute = GET /a ui\n");
    assert!(one.same_rules(&adapters("# moved\n[jupyter]\n\nroute = GET /a/ ui\n")));
    for other in [
        "",
        "[jupyter]\nroute = GET /b ui\n",
        "[rstudio]\nroute = GET /a ui\n",
        "[jupyter]\nroute = GET /a ui act\n",
    ] {
        assert!(!one.same_rules(&adapters(other)) && !adapters(other).same_rules(&one), "{other}");
    }
}

#[test]
fn lines_beside_built_in_rows_are_found() {
    let rows = adapters(
        "[jupyter]\nroute = GET /mine ui\nroute = GET /files/** ui file\nroute = POST /api/terminals ui\n",
    );
    let found: Vec<(String, String)> = rows
        .overlaps()
        .into_iter()
        .map(|(own, row)| (own.source.to_string(), row.path.to_string()))
        .collect();
    let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
    assert_eq!(found, [pair("adapters.conf:3", "/files**"), pair("adapters.conf:4", "/api/terminals")]);
    assert!(Adapters::default().overlaps().is_empty());
}

#[test]
fn a_line_makes_a_built_in_route_stricter_and_never_looser() {
    let loose = adapters("[jupyter]\nroute = ANY ** ui\nroute = GET ** ui socket\n");
    for (change, request) in [
        (SHELL, "GET /api/terminals"),
        (SHELL, "POST /api/terminals"),
        (SHELL, "WS /terminals/websocket/1"),
        (SHELL, "WS /api/terminals"),
        (SHELL, "GET /proxy/8123/"),
        (DOWNLOADS, "GET /files/a"),
        (DOWNLOADS, "HEAD /files/a"),
        (DOWNLOADS, "GET /nbconvert/html/a"),
        (VCS, "POST /git/status"),
        (SHELL, "OPTIONS /api/terminals"),
    ] {
        assert!(!passes(&loose, Ide::Jupyter, change, request), "{request}");
        assert!(passes(&loose, Ide::Jupyter, |_| (), request) || request.starts_with("WS /api"), "{request}");
    }
    assert!(!passes(&loose, Ide::Jupyter, |_| (), "GET /proxy/80/"), "a system port");
    // Conditions are the built-in row's: the body is judged, the path resolved, the file recorded.
    let with = |change: Change, request: &str| match verdict(&loose, Ide::Jupyter, change, request) {
        Verdict::Forward(forward) => forward,
        Verdict::Refuse(refusal) => panic!("{request}: {}", refusal.rule),
    };
    assert!(matches!(with(UPLOADS, "PUT /api/contents/a").body, BodyRule::Judge { .. }));
    assert!(matches!(with(FOLDERS, "GET /files/a").paths, PathRule::Resolve(_)));
    assert!(with(|_| (), "GET /files/a").transfer.is_some());
    let id = "0-1-2-3-4";
    let kernel = format!("WS /api/kernels/{id}/channels");
    assert_eq!(with(SHELL, &kernel).socket, SocketRule::JupyterKernel);
    // A name that decodes to a route of the IDE's takes what that takes.
    let named = adapters("[jupyter]\nroute = ANY /api/** ui file\n");
    assert!(!passes(&named, Ide::Jupyter, SHELL, "GET /api/%74erminals"));
    assert!(!passes(&named, Ide::Jupyter, SHELL, "GET /api//terminals"));
    assert!(passes(&named, Ide::Jupyter, SHELL, "GET /api/%20terminals"));
    // And stricter it may be.
    let strict = adapters("[jupyter]\nroute = GET /lab/** ui+download\n");
    assert!(passes(&strict, Ide::Jupyter, SHELL, "GET /lab"));
    assert!(!passes(&strict, Ide::Jupyter, DOWNLOADS, "GET /lab"));
    assert!(passes(&Adapters::default(), Ide::Jupyter, DOWNLOADS, "GET /lab"));
}

#[test]
fn a_line_for_everything_opens_nothing_that_is_never_taken() {
    let loose = adapters("[code-server]\nroute = ANY /** ui\n[rstudio]\nroute = ANY /** ui\n");
    for (ide, request) in [
        (Ide::CodeServer, "GET /PROXY/8123/"),
        (Ide::CodeServer, "POST /AbsProxy/22/x"),
        (Ide::CodeServer, "GET //proxy/22/"),
        (Ide::Rstudio, "GET /rsession-local/x"),
    ] {
        for change in [SHELL, |_: &mut Flags| ()] {
            assert!(!passes(&loose, ide, change, request), "{request}");
        }
    }
    assert!(passes(&loose, Ide::CodeServer, SHELL, "GET /mine"), "the control");
    assert!(passes(&loose, Ide::Rstudio, SHELL, "GET /mine"), "the control");
}
