//! What becomes of calls to the extension host; what is recorded beside.

use serde_json::json;

use super::stream::{Arg, bodies, call, listen, message, method, regular, uri, write_file};
use super::{Wire, flags, no, no_shell};
use crate::Flags;
use crate::inspect::Note;

const FILES: &str = "remoteFilesystem";

#[test]
fn the_extension_host_is_refused_what_its_interface_would_do() {
    let off = flags(|flags| {
        flags.vcs = no(false);
        flags.shell = no(false);
    });
    let refused = |name: &str, args: &str| {
        let mut wire = Wire::extensions(&off);
        wire.up(&method(9, name, args));
        assert_eq!(wire.out.closed, None);
        let (kind, id, _) = bodies(&wire.out.up).remove(0);
        assert_eq!((kind, id), (1, 10));
        !wire.out.refused().is_empty()
    };
    assert!(refused("$executeContributedCommand", r#"["git.stageAll",1]"#));
    assert!(refused("$executeContributedCommand", r#"["g\u0069t.commit"]"#));
    assert!(refused("$executeContributedCommand", r#"[ "npm.runScript"]"#));
    assert!(refused("$executeContributedCommand", r#"[["git.stageAll"]]"#), "it can't be read");
    assert!(!refused("$executeContributedCommand", r#"["markdown.preview"]"#));
    assert!(refused("$startDASession", "[1]"));
    assert!(!refused("$provideHover", &format!("[{}]", "1,".repeat(5000))));
    let mut wire = Wire::extensions(&flags(|_| {}));
    let bytes = method(9, "$executeContributedCommand", r#"["git.stageAll"]"#);
    wire.up(&bytes);
    assert_eq!((wire.out.up.clone(), wire.out.acts()), (bytes, 1));
}

#[test]
fn the_extension_hosts_reason_comes_back() {
    let off = flags(|flags| flags.vcs = no(false));
    let bytes =
        method(9, "$executeContributedCommand", &format!(r#"["git.stageAll","{}"]"#, "x".repeat(900)));
    for cut in 1..bytes.len() {
        let mut wire = Wire::extensions(&off);
        wire.up(&bytes[..cut]);
        wire.up(&bytes[cut..]);
        let sent = bodies(&wire.out.up);
        assert!(String::from_utf8_lossy(&sent[0].2).contains("portcullis:vcs"), "cut at {cut}");
        let error = json!({"$isError": true, "name": "Error",
            "message": "Unknown method portcullis:vcs on actor ExtHostCommands", "stack": "at x"});
        let error = error.to_string();
        let mut answer = vec![11, 0, 0, 0, 9];
        answer.extend_from_slice(&u32::try_from(error.len()).expect("short").to_be_bytes());
        answer.extend_from_slice(error.as_bytes());
        wire.down(&regular(4, &answer));
        let shown = bodies(&wire.out.down);
        let shown = String::from_utf8_lossy(&shown[0].2).into_owned();
        assert!(shown.contains("Version control in the interface is switched off here"), "{shown}");
    }
}

#[test]
fn calls_of_the_extension_host_that_lie_about_their_length_end_the_socket() {
    let mut bytes = method(9, "$x", "[]");
    // The method's name is said to be longer than the message.
    bytes[13 + 6] = 200;
    let mut wire = Wire::extensions(&no_shell());
    wire.up(&bytes);
    assert_eq!(wire.out.closed.as_ref().map(|close| close.code), Some(1007));
}

#[test]
fn only_a_persons_acts_are_acts() {
    let own = "/home/a/.local/share/code-server/User/workspaceStorage/x/state.json";
    for (bytes, act) in [
        (call(5, "telemetry", "ping", &[]), false),
        (call(5, FILES, "stat", &[uri("/home/a/x")]), false),
        (write_file(5, own, b"{}"), false),
        (write_file(5, "/home/a/x", b"{}"), true),
        (listen(5, FILES, "readFileStream", &[uri("/home/a/x"), Arg::Nothing]), true),
        (call(5, "agentHostProxy", "send", &[Arg::Text("{}")]), false),
        (call(5, "remoteterminal", "$input", &[Arg::Int(1), Arg::Text("x")]), true),
        (call(5, "remoteterminal", "$resize", &[Arg::Int(1)]), false),
        (message(9, 0, b""), false),
    ] {
        let mut wire = Wire::open(&flags(|_| {}));
        wire.up(&bytes);
        assert_eq!(wire.out.acts() == 1, act, "{bytes:?}");
    }
}

#[test]
fn what_is_typed_is_recorded_where_consoles_are() {
    let on = flags(|flags| flags.console = no(portcullis_conf::ConsoleAudit::Input));
    let mut wire = Wire::open(&on);
    for key in ["l", "s", "\r"] {
        wire.up(&call(5, "remoteterminal", "$input", &[Arg::Int(1), Arg::Text(key)]));
    }
    let recorded =
        wire.out.notes.iter().any(|note| matches!(note, Note::Console { text, .. } if text == "ls"));
    assert!(recorded, "{:?}", wire.out.notes);
}

#[test]
fn what_would_be_refused_is_noted_where_a_flag_only_audits() {
    let audit = flags(|flags| {
        let strict = Flags { shell: no(false), ..Flags::default() };
        flags.audited = Some(Box::new(strict));
    });
    let mut wire = Wire::open(&audit);
    let bytes = call(3, "remoteterminal", "$createProcess", &[Arg::Json(json!({}))]);
    wire.up(&bytes);
    assert_eq!(wire.out.up, bytes);
    assert!(wire.out.notes.iter().any(|note| matches!(note, Note::Refused { passed: true, .. })));
}
