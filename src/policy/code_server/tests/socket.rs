//! What becomes of streams.

use serde_json::json;

use super::stream::{
    Arg, bodies, body, call, context, hello, listen, message, method, not_found, regular, uri, write_file,
};
use super::{Wire, flags, no, no_shell};
use crate::code_server::judge::{NEW_MAX, TEXT_MAX};
use crate::inspect::{Acts, Inspect as _, Note, Opcode, Place};
use crate::ledger::Digest;
use crate::{Direction, Flags};

const FILES: &str = "remoteFilesystem";

/// A whole conversation, with every kind of message in it.
fn conversation() -> Vec<u8> {
    let mut bytes = hello(1);
    bytes.extend(regular(1, &context()));
    bytes.extend(regular(2, &[4, 1, 6, 0xc8, 0x01, 0]));
    bytes.extend(call(2, "telemetry", "ping", &[]));
    bytes.extend(message(9, 0, b""));
    bytes.extend(message(3, 0, b""));
    bytes.extend(call(3, "remoteterminal", "$createProcess", &[Arg::Json(json!({"x": "y".repeat(300)}))]));
    bytes.extend(call(4, FILES, "stat", &[uri("/home/a/x")]));
    bytes.extend(listen(5, FILES, "readFileStream", &[uri("/home/a/x"), Arg::Json(json!({}))]));
    bytes.extend(write_file(6, "/home/a/x", &vec![b'x'; 2000]));
    bytes.extend(call(7, FILES, "rename", &[uri("/home/a/x"), uri("/etc/x"), Arg::Json(json!({}))]));
    bytes.extend(call(8, "nobody", "knows", &[Arg::Nothing]));
    bytes.extend(write_file(9, "/home/a/y.bin", &vec![0; 700]));
    bytes
}

fn strict() -> std::sync::Arc<Flags> {
    flags(|flags| {
        flags.shell = no(false);
        flags.uploads = no(false);
        flags.downloads = no(false);
        flags.restrict_directories = no(true);
    })
}

fn through(cuts: &[usize], bytes: &[u8]) -> (Vec<u8>, Vec<String>, usize, Vec<String>) {
    let mut wire = Wire::new(&strict());
    wire.allow = |claim| claim.tail.starts_with("home/a");
    let mut from = 0;
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        wire.up(&bytes[from..cut]);
        from = cut;
    }
    assert_eq!(wire.out.closed, None);
    let asked = wire.out.asked.iter().map(|claim| claim.tail.clone()).collect();
    (wire.out.up.clone(), wire.out.refused(), wire.out.acts(), asked)
}

#[test]
fn any_split_gives_the_same_bytes_and_the_same_decisions() {
    let bytes = conversation();
    let whole = through(&[], &bytes);
    assert_eq!(
        whole.1,
        [
            "remoteterminal.$createProcess",
            "remoteFilesystem.rename /home/a/x",
            "nobody.knows",
            "remoteFilesystem.writeFile /home/a/y.bin"
        ]
    );
    for cut in 1..bytes.len() {
        assert_eq!(through(&[cut], &bytes), whole, "cut at {cut}");
    }
    for step in [1, 2, 3, 7, 13, 64, 1000] {
        let cuts: Vec<usize> = (1..bytes.len()).step_by(step).collect();
        assert_eq!(through(&cuts, &bytes), whole, "pieces of {step}");
    }
}

#[test]
fn numbers_stay_as_they_are_whatever_is_refused() {
    let (up, ..) = through(&[], &conversation());
    let ids = |bytes: &[u8]| bodies(bytes).into_iter().map(|(kind, id, _)| (kind, id)).collect::<Vec<_>>();
    assert_eq!(ids(&up), ids(&conversation()));
}

#[test]
fn without_a_flag_nothing_is_changed() {
    let bytes = conversation();
    let mut wire = Wire::new(&flags(|_| {}));
    wire.up(&bytes);
    assert_eq!(wire.out.up, bytes);
    assert!(wire.out.refused().is_empty() && wire.out.asked.is_empty());
}

#[test]
fn a_terminal_is_refused_and_the_reason_comes_back() {
    let mut wire = Wire::open(&no_shell());
    wire.up(&call(3, "remoteterminal", "$createProcess", &[Arg::Json(json!({}))]));
    let sent = bodies(&wire.out.up);
    let text = String::from_utf8_lossy(&sent[0].2).into_owned();
    assert!(text.contains("telemetry") && !text.contains("createProcess"), "{text}");
    let name = &text[text.find("portcullis:").expect("our name")..text.len() - 1];
    wire.down(&not_found(3, name));
    // It is answered as if it were made: VS Code shows only why one can't be started.
    let made = bodies(&wire.out.down);
    assert!(String::from_utf8_lossy(&made[0].2).contains("\"persistentTerminalId\":2147483647"));
    for name in ["$start", "$input"] {
        let mut wire = Wire::open(&no_shell());
        wire.up(&call(4, "remoteterminal", name, &[Arg::Int(1), Arg::Text("x")]));
        let text = String::from_utf8_lossy(&bodies(&wire.out.up)[0].2).into_owned();
        let sent = &text[text.find("portcullis:").expect("our name")..text.len() - 1];
        wire.down(&not_found(4, sent));
        let shown = String::from_utf8_lossy(&bodies(&wire.out.down)[0].2).into_owned();
        assert!(
            shown.contains("Terminals are switched off here: the administrator has set allow-shell=0"),
            "{shown}"
        );
        assert!(!shown.contains("portcullis") && !shown.contains("at x"), "{shown}");
    }
    let mut wire = Wire::open(&flags(|_| {}));
    wire.up(&call(3, "remoteterminal", "$createProcess", &[Arg::Json(json!({}))]));
    assert!(wire.out.refused().is_empty() && wire.out.acts() == 1);
}

#[test]
fn other_answers_pass_as_they_are() {
    let mut wire = Wire::open(&no_shell());
    let mut bytes = not_found(3, "other");
    bytes.extend(regular(51, &[0x04, 0x01, 0x06, 0xc8, 0x01]));
    bytes.extend(regular(52, &[]));
    bytes.extend(regular(53, &[1]));
    bytes.extend(regular(54, &vec![4; 100_000]));
    bytes.extend(message(9, 0, b""));
    for at in 0..bytes.len().min(400) {
        let mut wire = Wire::open(&no_shell());
        wire.down(&bytes[..at]);
        wire.down(&bytes[at..]);
        assert_eq!(wire.out.down, bytes, "cut at {at}");
    }
    wire.down(&bytes);
    assert_eq!(wire.out.down, bytes);
}

#[test]
fn heads_that_hide_their_call_end_the_socket() {
    let mut json_head = vec![5];
    let head = json!([100, 3, "remoteterminal", "$createProcess"]).to_string();
    json_head.push(u8::try_from(head.len()).expect("short"));
    json_head.extend_from_slice(head.as_bytes());
    let long = body(100, 3, "remoteterminal", &"x".repeat(300), None);
    let mut five = body(100, 3, "remoteterminal", "$createProcess", None);
    five[1] = 5;
    for bad in [json_head, long, five, vec![], vec![9], vec![4, 4, 6, 0x80, 0x80, 0x80, 0x80, 0x80, 1]] {
        let mut wire = Wire::open(&no_shell());
        wire.up(&regular(3, &bad));
        assert_eq!(wire.out.closed.as_ref().map(|close| close.code), Some(1007), "{bad:?}");
        assert!(wire.out.up.is_empty());
        let mut wire = Wire::open(&flags(|_| {}));
        wire.up(&regular(3, &bad));
        assert_eq!(wire.out.up, regular(3, &bad), "nothing is taken away");
    }
}

#[test]
fn first_words_say_what_a_socket_is() {
    let late = regular(2, &body(100, 3, "remoteterminal", "$createProcess", None));
    for (bytes, code) in [
        (hello(3), 1008),
        (hello(4), 1007),
        (late.clone(), 1007),
        (message(2, 0, &vec![b' '; 300_000]), 1007),
    ] {
        let mut wire = Wire::new(&no_shell());
        wire.up(&bytes);
        assert_eq!(wire.out.closed.as_ref().map(|close| close.code), Some(code));
    }
    // A tunnel, where nothing is taken away, carries anything.
    let mut wire = Wire::new(&flags(|_| {}));
    wire.up(&hello(3));
    wire.out.up.clear();
    wire.up(b"GET / HTTP/1.1\r\n\r\n");
    wire.down(b"HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(wire.out.up, b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(wire.out.down, b"HTTP/1.1 200 OK\r\n\r\n");
    // Text is nothing that the editor sends.
    let mut socket = crate::code_server::Socket::new(&no_shell(), super::HOME);
    let place = Place { opcode: Opcode::Text, first: true, last: true };
    assert!(socket.from_client(place, &mut b"x".to_vec(), &mut Acts::default()).is_err());
}

#[test]
fn a_second_message_of_first_words_changes_nothing() {
    let mut wire = Wire::open(&no_shell());
    wire.up(&hello(3));
    wire.up(&call(3, "remoteterminal", "$input", &[Arg::Int(1), Arg::Text("id\r")]));
    assert_eq!(wire.out.refused(), ["remoteterminal.$input"]);
}

#[test]
fn a_new_connection_is_decided_again() {
    // Replayed messages have later numbers, and there is no context before them.
    let mut wire = Wire::new(&no_shell());
    wire.up(&hello(1));
    wire.up(&regular(77, &body(100, 9, "remoteterminal", "$createProcess", None)));
    assert_eq!(wire.out.refused(), ["remoteterminal.$createProcess"]);
}

#[test]
fn uploads_and_saves_are_told_apart_by_size_kind_and_what_was_opened() {
    let off = flags(|flags| flags.uploads = no(false));
    let new = usize::try_from(NEW_MAX).expect("small");
    let most = usize::try_from(TEXT_MAX).expect("small");
    let text = |size: usize| vec![b'x'; size];
    let refused = |opened: bool, path: &str, content: &[u8]| {
        let mut wire = Wire::open(&off);
        if opened {
            wire.up(&listen(5, FILES, "readFileStream", &[uri(path), Arg::Json(json!({}))]));
        }
        wire.up(&write_file(6, path, content));
        !wire.out.refused().is_empty()
    };
    assert!(!refused(false, "/home/a/x", &text(new)));
    assert!(refused(false, "/home/a/x", &text(new + 1)));
    assert!(!refused(true, "/home/a/x", &text(new + 1)));
    assert!(!refused(true, "/home/a/x", &text(most)));
    assert!(refused(true, "/home/a/x", &text(most + 1)));
    assert!(refused(true, "/home/a/x", b"\x7fELF\0\0"));
    assert!(refused(false, "/home/a/x", b"\xff\xfe"));
    assert!(!refused(false, "/home/a/x", "é".repeat(600).as_bytes()));
    let own = "/home/a/.local/share/code-server/User/x";
    assert!(!refused(false, own, &text(new + 1)));
    assert!(refused(false, "/home/b/.local/share/code-server/User/x", &text(new + 1)));
    // Made empty in the editor, then filled.
    let mut wire = Wire::open(&off);
    wire.up(&write_file(6, "/home/a/n", b""));
    wire.up(&write_file(7, "/home/a/n", &text(new + 1)));
    assert!(wire.out.refused().is_empty());
    // Piece by piece: how far a piece reaches counts.
    let piece = |position: Arg, size: usize| {
        call(8, FILES, "write", &[Arg::Int(3), position, Arg::Bytes(text(size)), Arg::Int(0), Arg::Int(9)])
    };
    for (position, size, passes) in [
        (Arg::Int(0), 10, true),
        (Arg::Int(u32::try_from(most).expect("small")), 1, false),
        (Arg::Json(json!(4_294_967_296_u64)), 1, false),
        (Arg::Json(json!(null)), 1, false),
        (Arg::Nothing, 1, false),
    ] {
        let mut wire = Wire::open(&off);
        wire.up(&piece(position, size));
        assert_eq!(wire.out.refused().is_empty(), passes);
    }
    for (create, passes) in [(json!({"create": true}), false), (json!({"create": false}), true)] {
        let mut wire = Wire::open(&off);
        wire.up(&call(9, FILES, "open", &[uri("/home/a/new"), Arg::Json(create)]));
        assert_eq!(wire.out.refused().is_empty(), passes);
    }
}

#[test]
fn a_large_save_streams_through_and_is_counted_once() {
    let bytes = write_file(6, "/home/a/x", &vec![b'x'; 3 << 20]);
    let mut wire = Wire::open(&flags(|_| {}));
    for piece in bytes.chunks(60_000) {
        let before = wire.out.up.len();
        wire.up(piece);
        assert!(wire.out.up.len() + 4096 > before + piece.len(), "nothing large is kept");
    }
    assert_eq!(wire.out.up, bytes);
    let transfers: Vec<_> = wire
        .out
        .notes
        .iter()
        .filter_map(|note| match note {
            Note::Moved(moved) => {
                let digest = {
                    let mut digest = Digest::new();
                    digest.update(&vec![b'x'; 3 << 20]);
                    digest.finish()
                };
                assert_eq!(moved.sum, digest);
                let transfer = &moved.transfer;
                Some((transfer.direction, transfer.path.as_str(), moved.sum.bytes, moved.complete))
            }
            _ => None,
        })
        .collect();
    assert_eq!(transfers, [(Direction::Upload, "/home/a/x", 3 << 20, true)]);
    let mut acts = Acts::default();
    let mut wire = Wire::open(&flags(|_| {}));
    wire.up(&bytes[..100_000]);
    wire.socket.ended(&mut acts);
    assert!(matches!(acts.notes.last(), Some(Note::Moved(moved)) if !moved.complete));
}

#[test]
fn a_limit_of_size_holds_where_uploads_are_allowed() {
    let limit = flags(|flags| flags.upload_limit_mb = no(1));
    for (size, passes) in [(1 << 20, true), ((1 << 20) + 1, false)] {
        let mut wire = Wire::open(&limit);
        wire.up(&write_file(6, "/home/a/x", &vec![0; size]));
        assert_eq!(wire.out.refused().is_empty(), passes, "{size}");
    }
}

#[test]
fn downloads_are_told_from_opening_and_from_settings() {
    let off = flags(|flags| flags.downloads = no(false));
    let read = |path: &str, options: Arg| {
        let mut wire = Wire::open(&off);
        wire.up(&call(5, FILES, "readFile", &[uri(path), options]));
        wire.out.refused().is_empty()
    };
    assert!(!read("/home/a/x", Arg::Nothing));
    assert!(!read("/home/a/x", Arg::Json(json!(null))));
    assert!(!read("/home/a/x", Arg::Json(json!({"atomic": false}))));
    assert!(!read("/home/a/x", Arg::Json(json!({"atomic": "true"}))));
    assert!(read("/home/a/x", Arg::Json(json!({"atomic": true}))));
    assert!(read("/home/a/.vscode/tasks.json", Arg::Nothing));
    assert!(read("/home/a/.local/share/code-server/User/settings.json", Arg::Nothing));
    assert!(read("/usr/lib/code-server/lib/vscode/extensions/x/package.json", Arg::Nothing));
    let mut wire = Wire::open(&off);
    wire.up(&listen(5, FILES, "readFileStream", &[uri("/home/a/x"), Arg::Json(json!({}))]));
    assert!(wire.out.refused().is_empty());
    wire.up(&call(6, FILES, "open", &[uri("/home/a/x"), Arg::Json(json!({"create": false}))]));
    assert_eq!(wire.out.refused(), ["remoteFilesystem.open /home/a/x"]);
    // An address with a second reading.
    let other =
        Arg::Json(json!({"$mid": 1, "path": "/vscode-resource", "query": "{}", "scheme": "vscode-remote"}));
    wire.up(&call(7, FILES, "readFile", &[other, Arg::Json(json!({"atomic": true}))]));
    assert_eq!(wire.out.refused().len(), 2);
}

#[test]
fn a_fetched_file_is_noted_with_the_size_of_the_answer() {
    let mut wire = Wire::open(&flags(|_| {}));
    wire.up(&call(5, FILES, "readFile", &[uri("/home/a/x"), Arg::Nothing]));
    let mut answer = vec![4, 2, 6, 0xc9, 0x01, 6, 5, 3, 0xe8, 0x07];
    answer.extend(vec![b'x'; 1000]);
    let bytes = regular(9, &answer);
    wire.down(&bytes);
    assert_eq!(wire.out.down, bytes);
    let noted = wire.out.notes.iter().any(|note| {
        matches!(note, Note::Moved(moved) if moved.complete && moved.sum.bytes == 1000
            && moved.transfer.path == "/home/a/x" && moved.transfer.direction == Direction::Download)
    });
    assert!(noted, "{:?}", wire.out.notes);
}

#[test]
fn every_path_of_a_call_is_asked_for_while_directories_are_restricted() {
    let on = flags(|flags| flags.restrict_directories = no(true));
    let mut wire = Wire::open(&on);
    wire.allow = |claim| claim.tail.starts_with("home/a/");
    wire.up(&call(5, FILES, "rename", &[uri("/home/a/x"), uri("/home/a/y"), Arg::Nothing]));
    assert_eq!(wire.out.asked.len(), 2);
    wire.up(&call(6, FILES, "watch", &[Arg::Text("s"), Arg::Int(1), uri("/etc"), Arg::Nothing]));
    wire.up(&listen(7, FILES, "readFileStream", &[uri("/etc/passwd"), Arg::Nothing]));
    wire.up(&call(8, FILES, "copy", &[uri("/etc/passwd"), uri("/home/a/p"), Arg::Nothing]));
    wire.up(&call(9, FILES, "copy", &[uri("/home/a/p"), uri("/etc/p"), Arg::Nothing]));
    assert_eq!(wire.out.refused().len(), 4, "{:?}", wire.out.refused());
    wire.up(&call(10, "extensions", "zip", &[Arg::Json(json!({}))]));
    assert_eq!(wire.out.refused().len(), 5);
    let asked = wire.out.asked.len();
    wire.up(&call(11, FILES, "stat", &[uri("/usr/lib/code-server/lib/vscode/extensions/git/package.json")]));
    assert_eq!(wire.out.asked.len(), asked, "the program's own are not asked for");
    for bad in ["/home/a/../b", "relative", "/c:/x"] {
        wire.up(&call(12, FILES, "stat", &[uri(bad)]));
    }
    assert_eq!(wire.out.refused().len(), 8);
    wire.up(&call(13, FILES, "stat", &[Arg::Text("/etc/passwd")]));
    wire.up(&regular(15, &body(100, 14, FILES, "stat", None)));
    assert_eq!(wire.out.refused().len(), 10);
}

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
