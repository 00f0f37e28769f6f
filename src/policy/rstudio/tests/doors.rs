//! Doors by address: what each flag shuts, which files are named, which spellings are refused, who answers.

use super::*;
use crate::{Effect, SocketRule};

fn claims(forward: &Forward) -> Vec<String> {
    forward.paths.claims().iter().map(|claim| claim.under("/home/a")).collect()
}

#[test]
fn the_holes_that_the_session_leaves_open_are_shut() {
    for (change, doors) in [
        (SHELL, vec!["POST /rpc/start_terminal", "POST /rpc/process_start", "POST /rpc/process_write_stdin"]),
        (
            DOWNLOADS,
            vec![
                "GET /export/x?name=x&file=~/x",
                "HEAD /export/x?name=x&file=~/x",
                "GET /export/x",
                "GET /files/x",
                "GET /file_show?path=~/x",
                "GET /view_pdf?path=/x",
                "GET /rmd_output/1/data.csv",
                "GET /html_preview/data.xlsx",
                "GET /session/x.zip",
                "OPTIONS /export/x",
            ],
        ),
        (UPLOADS, vec!["POST /upload", "POST /rpc/complete_upload", "POST /rpc/rmd_save_base64_images"]),
        (
            PACKAGES,
            vec!["POST /rpc/install_dependencies", "POST /rpc/renv_init", "POST /rpc/install_packrat"],
        ),
        (
            VCS,
            vec![
                "POST /rpc/git_push",
                "POST /rpc/svn_commit",
                "POST /rpc/vcs_clone",
                "POST /rpc/create_ssh_key",
            ],
        ),
        (PUBLISH, vec!["POST /rpc/rsconnect_publish", "POST /rpc/rpubs_upload", "POST /rpc/git_push"]),
        (
            EXTERNAL,
            vec![
                "POST /rpc/rpubs_upload",
                "POST /rpc/git_push_branch",
                "POST /rpc/connect_rsconnect_account",
            ],
        ),
        (RPUBS, vec!["POST /rpc/rpubs_upload", "POST /rpc/viewer_create_rpubs_html"]),
    ] {
        let flags = with(change);
        for door in doors {
            let (method, target) = door.split_once(' ').expect("two words");
            let refusal = refused(&flags, &ask(method, target));
            assert!(
                refusal.flag.is_some() && refusal.rule.contains("rsession.conf:3"),
                "{door}: {}",
                refusal.rule
            );
            forwarded(&free(), &ask(method, target));
        }
    }
}

#[test]
fn publishing_goes_by_its_order() {
    let name = |flags: &Flags, method: &str| refused(flags, &ask("POST", method)).flag;
    let mut flags = with(RPUBS);
    assert_eq!(name(&flags, "/rpc/rpubs_upload"), Some("allow-rpubs-publish"));
    forwarded(&flags, &ask("POST", "/rpc/rsconnect_publish"));
    EXTERNAL(&mut flags);
    assert_eq!(name(&flags, "/rpc/rpubs_upload"), Some("allow-external-publish"));
    PUBLISH(&mut flags);
    assert_eq!(name(&flags, "/rpc/rpubs_upload"), Some("allow-publish"));
    assert_eq!(name(&flags, "/rpc/rsconnect_publish"), Some("allow-publish"));
}

#[test]
fn what_pages_are_made_of_passes_while_downloads_do_not() {
    let flags = with(DOWNLOADS);
    for path in
        ["/rmd_output/1/", "/rmd_output/1/a_files/x.js", "/html_preview/", "/session/x.PNG", "/presentation/"]
    {
        forwarded(&flags, &ask("GET", path));
    }
    for path in ["/rmd_output/1/x.html.zip", "/session/.Rprofile", "/html_preview/x%2ecsv"] {
        refused(&flags, &ask("GET", path));
    }
}

#[test]
fn files_in_addresses_are_named_as_the_session_reads_them() {
    let flags = with(DIRECTORIES);
    for (target, files) in [
        ("/export/x?name=x&file=~/a", vec!["/home/a/a"]),
        ("/export/x?name=x&file=%2Fetc%2Fpasswd", vec!["/etc/passwd"]),
        ("/export/z?name=z&parent=/etc&file0=passwd&file1=shadow", vec!["/etc/passwd", "/etc/shadow"]),
        ("/file_show?path=/etc/passwd", vec!["/etc/passwd"]),
        ("/view_pdf?path=/srv/x.pdf", vec!["/srv/x.pdf"]),
        ("/files/a+b/c", vec!["/home/a/a+b/c"]),
        ("/files/a%2fb", vec!["/home/a/a/b"]),
        ("/files//etc/passwd", vec!["/home/a/etc/passwd"]),
        ("/help/x?file=/etc/passwd", vec!["/etc/passwd"]),
        ("/presentation/?file=~/x.Rpres", vec!["/home/a/x.Rpres"]),
    ] {
        let forward = forwarded(&flags, &ask("GET", target));
        assert_eq!(claims(&forward), files, "{target}");
        assert_eq!(forwarded(&free(), &ask("GET", target)).paths, PathRule::None);
    }
    // What is sent on is the spelling that was decided on.
    assert_eq!(
        forwarded(&flags, &ask("GET", "/files//etc/passwd")).spelt.as_deref(),
        Some("/files/etc/passwd")
    );
    let spelt = forwarded(&flags, &ask("GET", "/files/a+b/c")).spelt.expect("another spelling");
    assert_eq!(spelt.to_ascii_lowercase(), "/files/a%2bb/c", "a plus would be read as a blank");
    assert!(matches!(
        forwarded(&flags, &ask("GET", "/export/z?name=z&parent=~&file0=d")).paths,
        PathRule::Files(_)
    ));
    for bad in [
        "/export/x?name=x&file=~/x&file=/etc/passwd",
        "/export/x?name=x&file=../../etc/passwd",
        "/export/x?name=x&file=x",
        "/export/x?name=x&file=~root/x",
        "/export/x?name=x&file=~/x%",
        "/file_show?path=~/a/%2e%2e/%2e%2e/b",
        "/file_show?path=~/a&path=/etc/passwd",
        "/view_pdf?path=x.pdf",
        "/files/a?/../../etc/passwd",
        "/files/a?%2f..%2f..%2fetc",
    ] {
        let refusal = refused(&flags, &ask("GET", bad));
        assert_eq!(refusal.flag, Some("restrict-directory-view"), "{bad}");
    }
    for bad in ["/files/../x", "/files/%2e%2e/x", "/files/a%00"] {
        assert!(matches!(decide(&free(), &ask("GET", bad)), Verdict::Refuse(_)), "{bad}");
    }
}

#[test]
fn calls_have_no_query_while_a_flag_restricts() {
    // rsession looks at the end of the whole address for the calls that it answers at once.
    for target in ["/rpc/stat?x=/rpc/abort", "/rpc/stat?rpc/suspend_session", "/rpc/stat?x=rpc/client_init"] {
        assert_eq!(refused(&with(SHELL), &ask("POST", target)).status, 400, "{target}");
        forwarded(&free(), &ask("POST", target));
    }
    forwarded(&with(SHELL), &ask("POST", "/rpc/stat?"));
}

#[test]
fn a_terminal_is_a_terminal_and_a_port_is_a_port() {
    let socket = |target: &'static str| Ask { upgrade: true, ..ask("GET", target) };
    let terminal = socket("/p/112f8af0/terminal/0123ABCD/");
    let forward = forwarded(&free(), &terminal);
    assert_eq!(forward.socket, SocketRule::RstudioTerminal);
    assert_eq!(forward.target, Target::Port { port: 7436, six: false, skip: 11 });
    assert_eq!(forward.port, Some(7436), "its listener must be the person's");
    assert_eq!(refused(&with(SHELL), &terminal).flag, Some("allow-shell"));
    assert_eq!(refused(&with(SOCKETS), &terminal).flag, Some("allow-terminal-websockets"));
    forwarded(&with(UPLOADS), &terminal);
    // The same port under another address is a port, and ports are shut while anything is.
    for target in ["/p/112f8af0/x/terminal/0123ABCD/", "/p/112f8af0/", "/p/112f8af0/terminal/a/b"] {
        assert_eq!(refused(&with(UPLOADS), &socket(target)).capability, Capability::PortProxy, "{target}");
        forwarded(&free(), &socket(target));
    }
    let six = forwarded(&free(), &ask("GET", "/p6/112f8af0/x"));
    assert_eq!(six.target, Target::Port { port: 7436, six: true, skip: 12 });
    for (token, target) in [
        (None, "/p/112f8af0/"),
        (Some("63962fb32008"), "/p/112f8af1/"),
        (Some("63962fb32008"), "/p/9112f8af0/"),
        (Some("x"), "/p/112f8af0/"),
    ] {
        assert_eq!(
            refused(&free(), &Ask { port_token: token, ..ask("GET", target) }).status,
            403,
            "{target}"
        );
    }
}

#[test]
fn what_rserver_answered_is_answered_here() {
    for (method, target, own) in [
        ("GET", "/", Own::Index),
        ("GET", "/?view=shiny", Own::Index),
        ("GET", "/rstudio/rstudio.nocache.js", Own::File),
        ("GET", "/progress", Own::Progress),
        ("POST", "/log", Own::Null),
        ("POST", "/auth-sign-out", Own::Home),
        ("GET", "/auth-sign-in?appUri=x", Own::Session),
    ] {
        assert_eq!(forwarded(&with(SHELL), &ask(method, target)).target, Target::Own(own), "{target}");
    }
    for path in ["/templates/x.htm", "/rstudio-prefs.json", "/www/x"] {
        assert_eq!(forwarded(&free(), &ask("GET", path)).target, Target::Session, "{path}");
    }
    let refusal = refused(&free(), &ask("POST", "/rsession-local/postback/x"));
    assert_eq!((refusal.status, refusal.flag), (403, None));
}

#[test]
fn an_upload_is_measured_by_its_head_too() {
    let flags = with(SIZE);
    let of = |length| Ask { content_length: Some(length), ..ask("POST", "/upload") };
    assert_eq!(refused(&flags, &of((1 << 20) + FORM_SLACK + 1)).status, 413);
    assert_eq!(forwarded(&flags, &of(1 << 20)).body, BodyRule::Form);
    assert_eq!(forwarded(&free(), &of(1 << 30)).body, BodyRule::Stream);
}

#[test]
fn acts_are_those_of_persons() {
    for (target, act) in [
        ("/rpc/console_input", true),
        ("/rpc/save_document_diff", true),
        ("/rpc/set_client_state", false),
        ("/rpc/set_workbench_metrics", false),
        ("/rpc/check_for_external_edit", false),
        ("/rpc/client_init", false),
        ("/rpc/ping", false),
        ("/rpc/git_all_status", false),
        ("/events/get_events", false),
        ("/upload", true),
    ] {
        assert_eq!(forwarded(&free(), &ask("POST", target)).activity, act, "{target}");
    }
}

#[test]
fn an_effect_of_audit_forwards_and_notes() {
    let mut flags = free();
    flags.audited = Some(Box::new(with(SHELL)));
    let forward = forwarded(&flags, &ask("POST", "/rpc/start_terminal"));
    assert_eq!(forward.noted.expect("noted").flag, Some("allow-shell"));
    assert_eq!(Effect::Audit.word(), "audit");
}

#[test]
fn a_refusal_is_an_error_of_a_call() {
    let refusal = refused(&with(SHELL), &ask("POST", "/rpc/start_terminal"));
    let (status, kind, body) = refusal_answer("/rpc/start_terminal", &refusal, "id1").expect("a call's");
    assert_eq!((status, kind), (200, "application/json"));
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let message = body["error"]["error"]["message"].as_str().expect("text");
    assert!(message.contains("allow-shell=0") && body["portcullis"]["id"] == "id1", "{message}");
    let (status, kind, body) = refusal_answer("/upload", &refusal, "id1").expect("a form's");
    assert!(status == 200 && kind.starts_with("text/html") && !body.contains('<'));
    assert_eq!(refusal_answer("/export/x", &refusal, "id1"), None);
}

#[test]
fn a_question_about_a_door_is_no_way_through_it() {
    for target in ["/rpc/stat", "/upload", "/export/x?name=x&file=/etc/passwd", "/files/a+b"] {
        for flags in [with(DIRECTORIES), free()] {
            assert_eq!(forwarded(&flags, &ask("OPTIONS", target)).body, BodyRule::Limit(0), "{target}");
        }
    }
    let flags = with(DIRECTORIES);
    assert_eq!(
        claims(&forwarded(&flags, &ask("OPTIONS", "/export/x?name=x&file=/etc/passwd"))),
        ["/etc/passwd"]
    );
    assert!(matches!(
        forwarded(&free(), &ask("OPTIONS", "/p/112f8af0/x")).target,
        Target::Port { port: 7436, .. }
    ));
}

#[test]
fn a_terminal_is_read_in_whatever_spelling() {
    let socket = |target: &str| {
        let ask = Ask { upgrade: true, method: "GET", ..ask("GET", target) };
        forwarded(&free(), &ask).socket
    };
    for target in [
        "/p/112f8af0/terminal/AABBCCDD/",
        "/p/112f8af0//terminal/AABBCCDD/",
        "/p/112f8af0/terminal/AABBCCDD/x",
        "/p/112f8af0/x/AABBCCDD/",
        "/p/112f8af0/?/terminal/AABBCCDD/",
        "/p6/112f8af0/terminal/AABBCCDD/",
    ] {
        assert_eq!(socket(target), SocketRule::RstudioTerminal, "{target}");
    }
    for target in ["/p/112f8af0/websocket/", "/p6/112f8af0/", "/p/112f8af0/terminals?x=1"] {
        assert_eq!(socket(target), SocketRule::Opaque, "{target}");
    }
}
