//! Every way into a kernel is seen in both framings, however it is cut, and what can't be read goes nowhere.

use std::sync::Arc;

use portcullis_conf::ConsoleAudit;
use portcullis_model::session::Ide;
use serde_json::{Value, json};

use super::framing::{Framing, write};
use super::{Kernel, MESSAGES, Terminal};
use crate::inspect::{Acts, Close, Flow, HIDDEN, Inspect, Judgement, Note, Opcode, Place};
use crate::{Flags, Setting};

fn flags(console: ConsoleAudit) -> Arc<Flags> {
    Arc::new(Flags {
        console: Setting { value: console, origin: crate::Origin::Default },
        ..Flags::default()
    })
}

fn kernel(framing: Framing, flags: &Arc<Flags>) -> Kernel {
    let mut kernel = Kernel::new(Ide::Jupyter, flags.clone());
    kernel.opened((framing == Framing::V1).then_some("v1.kernel.websocket.jupyter.org"));
    kernel
}

fn message(framing: Framing, channel: &str, kind: &str, content: &Value) -> (Opcode, Vec<u8>) {
    let header =
        json!({ "date": "2026-01-01", "msg_id": "m", "msg_type": kind, "version": "5.3" }).to_string();
    let (text, bytes) = write(framing, channel, &header, "{}", &content.to_string());
    (if text { Opcode::Text } else { Opcode::Binary }, bytes)
}

/// Sends a message in pieces of `step` bytes; what comes out, and what was done.
fn send(
    inspect: &mut dyn Inspect,
    (opcode, bytes): &(Opcode, Vec<u8>),
    step: usize,
    to_session: bool,
) -> Result<(Vec<u8>, Acts), Close> {
    let (mut out, mut acts) = (Vec::new(), Acts::default());
    let pieces: Vec<_> = bytes.chunks(step).collect();
    for (at, piece) in pieces.iter().enumerate() {
        let place = Place { opcode: *opcode, first: at == 0, last: at + 1 == pieces.len() };
        let mut piece = piece.to_vec();
        let judged = if to_session {
            inspect.from_client(place, &mut piece, &mut acts)?
        } else {
            inspect.from_session(place, &mut piece, &mut acts)?
        };
        assert_eq!(judged, Judgement::Pass);
        out.extend(piece);
    }
    Ok((out, acts))
}

fn console(acts: &Acts) -> Vec<(&str, &str)> {
    acts.notes
        .iter()
        .filter_map(|note| match note {
            Note::Console { channel, text, .. } => Some((channel.as_ref(), text.as_str())),
            _ => None,
        })
        .collect()
}

const BOTH: [Framing; 2] = [Framing::Legacy, Framing::V1];

#[test]
fn each_route_into_a_kernel_is_recorded_in_each_framing() {
    let cases = [
        ("shell", "execute_request", json!({ "code": "1+1" }), vec![("shell execute_request", "1+1")]),
        (
            "shell",
            "execute_request",
            json!({ "code": "", "silent": true, "user_expressions": { "x": "os.popen('id')" } }),
            vec![("shell execute_request silent user_expressions", "x = os.popen('id')")],
        ),
        (
            "shell",
            "execute_request",
            json!({ "code": "", "user_variables": ["evil()"] }),
            vec![("shell execute_request user_expressions", "evil()")],
        ),
        (
            "control",
            "execute_request",
            json!({ "code": "a\u{1b}b" }),
            vec![("control execute_request", "a\\x1bb")],
        ),
        ("stdin", "input_reply", json!({ "value": "print(1)" }), vec![("stdin input_reply", "print(1)")]),
        (
            "control",
            "debug_request",
            json!({ "command": "evaluate", "arguments": { "expression": "evil()" } }),
            vec![("control debug_request", r#"{"command":"evaluate","arguments":{"expression":"evil()"}}"#)],
        ),
        ("control", "debug_request", json!({ "command": "debugInfo" }), vec![]),
        ("shell", "complete_request", json!({ "code": "o.e" }), vec![("shell complete_request", "o.e")]),
        ("shell", "complete_request", json!({ "line": "o.e" }), vec![("shell complete_request", "o.e")]),
        ("shell", "comm_msg", json!({ "data": 1 }), vec![("shell comm_msg", r#"{"data":1}"#)]),
        ("shell", "kernel_info_request", json!({}), vec![]),
    ];
    for framing in BOTH {
        for (channel, kind, content, recorded) in &cases {
            for step in [1, 9, 100_000] {
                let message = message(framing, channel, kind, content);
                let mut socket = kernel(framing, &flags(ConsoleAudit::Input));
                let (out, acts) = send(&mut socket, &message, step, true).expect("it is read");
                assert_eq!(out, message.1, "it goes on unchanged");
                assert_eq!(&console(&acts), recorded, "{kind} {framing:?}");
                // The control: without the audit nothing is recorded.
                let mut socket = kernel(framing, &flags(ConsoleAudit::None));
                let (_, acts) = send(&mut socket, &message, step, true).expect("it is read");
                assert_eq!(console(&acts), []);
            }
        }
    }
}

#[test]
fn what_nobody_knows_is_answered_and_goes_nowhere() {
    let strict = Flags { shell: Setting::at(false, "rsession.conf", 3), ..Flags::default() };
    for (flags, rule) in [
        (Arc::new(strict), "allow-shell=0 (rsession.conf:3)"),
        (flags(ConsoleAudit::Input), "audit-r-console=input (default)"),
    ] {
        for framing in BOTH {
            for (channel, kind) in [
                ("shell", "apply_request"),
                ("iopub", "execute_request"),
                ("heartbeat", "execute_request"),
                ("stdin", "execute_request"),
                ("shell", "input_reply"),
                ("shell", "debug_request"),
                ("shell", "Execute_request"),
            ] {
                let mut socket = kernel(framing, &flags);
                let asked = message(framing, channel, kind, &json!({ "code": "x" }));
                let (out, acts) = send(&mut socket, &asked, 7, true).expect("it is read");
                assert!(out.is_empty(), "{channel} {kind}");
                let [Note::Refused { what, refusal, passed: false }] = &acts.notes[..] else {
                    panic!("{acts:?}")
                };
                assert_eq!(*what, format!("{channel} {kind}"));
                assert!(refusal.rule.contains(rule), "{}", refusal.rule);
                let shown = acts
                    .to_client
                    .iter()
                    .map(|(_, bytes)| String::from_utf8_lossy(bytes))
                    .collect::<String>();
                assert!(
                    shown.contains(r#""ename":"Portcullis""#) && shown.contains(r#""msg_type":"error""#),
                    "{shown}"
                );
                assert!(shown.contains(r#""msg_id":"m""#), "it answers the request: {shown}");
                // The next message is read as if nothing had been.
                let fine = message(framing, "shell", "execute_request", &json!({ "code": "x" }));
                assert_eq!(send(&mut socket, &fine, 7, true).expect("it is read").0, fine.1);
            }
        }
    }
}

#[test]
fn an_effect_of_audit_lets_through_and_notes() {
    let strict = Flags { shell: Setting::at(false, "rsession.conf", 3), ..Flags::default() };
    let flags = Arc::new(Flags { audited: Some(Box::new(strict)), ..Flags::default() });
    let asked = message(Framing::V1, "shell", "apply_request", &json!({}));
    let (out, acts) = send(&mut kernel(Framing::V1, &flags), &asked, 9, true).expect("it is read");
    assert_eq!(out, asked.1);
    assert!(matches!(&acts.notes[..], [Note::Refused { passed: true, .. }]), "{acts:?}");
    assert!(acts.to_client.is_empty());
}

#[test]
fn what_two_readers_might_read_differently_ends_the_socket() {
    let good = message(Framing::V1, "shell", "execute_request", &json!({ "code": "x" })).1;
    let offset = |at: usize, value: u64| {
        let mut bytes = good.clone();
        bytes[8 * at..8 * at + 8].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    let text = |content: &str| {
        let header = r#"{"msg_type":"execute_request"}"#;
        write(Framing::V1, "shell", header, "{}", content).1
    };
    let header = |header: &str| write(Framing::V1, "shell", header, "{}", r#"{"code":"x"}"#).1;
    let binary = [
        offset(0, 5),
        offset(0, 1 << 40),
        offset(1, 57),
        offset(3, 10),
        offset(6, u64::MAX),
        good[..40].to_vec(),
        good[..good.len() - 3].to_vec(),
        text(r#"{"code":"x","code":"y"}"#),
        text(r#"["x"]"#),
        text(r#"{"codex":"x"}"#),
        text(r#"{"code":["x"]}"#),
        text(r#"{"code":"x""#),
        text("{\"code\":\"\u{0}\"}\u{0}"),
        header(r#"{"msg_type":"execute_request","msg_type":"kernel_info_request"}"#),
        header(r#"["execute_request"]"#),
        header("{}"),
    ];
    for bytes in binary {
        let mut socket = kernel(Framing::V1, &flags(ConsoleAudit::Input));
        let close =
            send(&mut socket, &(Opcode::Binary, bytes.clone()), 13, true).expect_err("it can't be read");
        assert!(matches!(close.code, 1007 | 1009), "{close:?}");
    }
    let not_utf8 = [&good[..good.len() - 3], b"\xff\"}"].concat();
    assert!(
        send(&mut kernel(Framing::V1, &flags(ConsoleAudit::Input)), &(Opcode::Binary, not_utf8), 99, true)
            .is_err()
    );
    assert!(
        send(&mut kernel(Framing::V1, &flags(ConsoleAudit::Input)), &(Opcode::Text, good.clone()), 99, true)
            .is_err()
    );

    let legacy = [
        r#"{"header":{"msg_type":"execute_request"},"content":{"code":"x"},"channel":"shell","channel":"stdin"}"#,
        r#"{"header":{"msg_type":"execute_request"},"content":{"code":"x"},"content":{"code":"y"}}"#,
        r#"{"header":{"msg_type":"execute_request"}}"#,
        r#"[{"msg_type":"execute_request"},{"code":"x"}]"#,
        "{}",
        "x",
    ];
    for text in legacy {
        let mut socket = kernel(Framing::Legacy, &flags(ConsoleAudit::Input));
        assert!(send(&mut socket, &(Opcode::Text, text.into()), 13, true).is_err(), "{text}");
    }
    // Binary messages without the subprotocol hold the same JSON behind big-endian offsets; no channel is shell.
    let json = r#"{"header":{"msg_type":"execute_request"},"content":{"code":"x"}}"#;
    let mut framed = [1_u32.to_be_bytes(), 8_u32.to_be_bytes()].concat();
    framed.extend(json.as_bytes());
    let mut socket = kernel(Framing::Legacy, &flags(ConsoleAudit::Input));
    let (_, acts) = send(&mut socket, &(Opcode::Binary, framed.clone()), 5, true).expect("it is read");
    assert_eq!(console(&acts), [("shell execute_request", "x")]);
    framed[7] = 9;
    assert!(send(&mut socket, &(Opcode::Binary, framed), 5, true).is_err());
}

#[test]
fn half_a_surrogate_pair_is_no_reason_to_end_a_socket() {
    let header = r#"{"msg_type":"execute_request"}"#;
    let bytes = write(Framing::V1, "shell", header, "{}", r#"{"code":"a\ud83d"}"#).1;
    let mut socket = kernel(Framing::V1, &flags(ConsoleAudit::Input));
    let (_, acts) = send(&mut socket, &(Opcode::Binary, bytes), 99, true).expect("it is read");
    assert!(console(&acts)[0].1.starts_with('a'));
}

#[test]
fn too_long_a_message_is_not_kept_and_buffers_stream() {
    let mut socket = kernel(Framing::Legacy, &flags(ConsoleAudit::Input));
    let long = vec![b' '; super::framing::READ_MAX + 1];
    assert_eq!(send(&mut socket, &(Opcode::Text, long), 65_536, true).expect_err("too long").code, 1009);
    // Buffers behind the content are not kept.
    let (_, mut bytes) = message(Framing::V1, "shell", "comm_msg", &json!({ "data": {} }));
    bytes.extend(vec![7; 9 * 1024 * 1024]);
    let mut socket = kernel(Framing::V1, &flags(ConsoleAudit::Input));
    let (out, _) = send(&mut socket, &(Opcode::Binary, bytes.clone()), 65_536, true).expect("it is read");
    assert_eq!(out.len(), bytes.len());
    assert_eq!(socket.kept.capacity(), 0);
}

#[test]
fn what_is_typed_at_a_hidden_prompt_is_hidden() {
    for framing in BOTH {
        let mut socket = kernel(framing, &flags(ConsoleAudit::Input));
        assert!(socket.wants_session());
        let reply = message(framing, "stdin", "input_reply", &json!({ "value": "s3cret" }));
        for (password, shown) in [(true, HIDDEN), (false, "s3cret")] {
            let prompt =
                message(framing, "stdin", "input_request", &json!({ "prompt": "?", "password": password }));
            send(&mut socket, &prompt, 11, false).expect("it passes");
            let (_, acts) = send(&mut socket, &reply, 11, true).expect("it is read");
            assert_eq!(console(&acts), [("stdin input_reply", shown)]);
        }
    }
}

#[test]
fn what_is_shown_is_recorded_when_all_is() {
    let cases = [
        ("iopub", "stream", json!({ "name": "stdout", "text": "a\u{1b}[1mb" }), "ab"),
        ("iopub", "execute_result", json!({ "data": { "text/plain": ["1", "2"] } }), "12"),
        ("iopub", "error", json!({ "ename": "E", "evalue": "v", "traceback": [] }), "E: v"),
        (
            "shell",
            "execute_reply",
            json!({ "user_expressions": { "x": { "data": { "text/plain": "root" } } } }),
            "x = root",
        ),
        (
            "control",
            "debug_reply",
            json!({ "command": "evaluate", "body": { "result": "7" } }),
            r#"{"result":"7"}"#,
        ),
        ("stdin", "input_request", json!({ "prompt": "name?" }), "name?"),
    ];
    for framing in BOTH {
        for (channel, kind, content, shown) in &cases {
            let said = message(framing, channel, kind, content);
            let (out, acts) =
                send(&mut kernel(framing, &flags(ConsoleAudit::All)), &said, 10, false).expect("it passes");
            assert_eq!(out, said.1);
            assert_eq!(console(&acts), [(&*format!("{channel} {kind}"), *shown)]);
            assert!(matches!(acts.notes[..], [Note::Console { flow: Flow::Output, .. }]));
            let (_, acts) =
                send(&mut kernel(framing, &flags(ConsoleAudit::Input)), &said, 10, false).expect("it passes");
            assert!(acts.notes.is_empty());
        }
        let long = message(framing, "iopub", "stream", &json!({ "text": "x".repeat(1 << 20) }));
        let (out, acts) =
            send(&mut kernel(framing, &flags(ConsoleAudit::All)), &long, 65_536, false).expect("it passes");
        assert_eq!(out, long.1);
        assert!(console(&acts)[0].1.len() > 200_000);
    }
}

#[test]
fn acts_are_those_that_keep_a_session_alive() {
    let acts: Vec<_> = MESSAGES.iter().filter(|row| row.act).map(|row| row.kind).collect();
    let known = [
        "execute_request",
        "input_reply",
        "complete_request",
        "inspect_request",
        "comm_msg",
        "interrupt_request",
        "shutdown_request",
    ];
    assert_eq!(acts, known);
    let execute = message(Framing::V1, "shell", "execute_request", &json!({ "code": "" }));
    let (_, acts) =
        send(&mut kernel(Framing::V1, &flags(ConsoleAudit::None)), &execute, 99, true).expect("read");
    assert_eq!(acts.notes, [Note::Act]);
    let info = message(Framing::V1, "shell", "kernel_info_request", &json!({}));
    let (_, acts) =
        send(&mut kernel(Framing::V1, &flags(ConsoleAudit::None)), &info, 99, true).expect("read");
    assert_eq!(acts.notes, []);
}

#[test]
fn a_terminal_is_recorded_by_line() {
    let mut socket = Terminal::new(&flags(ConsoleAudit::All));
    let mut typed = |text: &str| {
        let message = (Opcode::Text, text.as_bytes().to_vec());
        let (out, acts) = send(&mut socket, &message, 3, true)?;
        assert_eq!(out, message.1);
        Ok::<_, Close>(acts)
    };
    assert_eq!(typed(r#"["set_size",24,80,1,1]"#).expect("read").notes, []);
    assert_eq!(typed(r#"["stdin","i"]"#).expect("read").notes, [Note::Act]);
    assert_eq!(console(&typed(r#"["stdin","d\u0003\r"]"#).expect("read")), [("terminal", "id\\x03")]);
    for bad in
        [r#"["stdin"]"#, r#"["stdin",["x"]]"#, r#"["other","x"]"#, r#"{"0":"stdin","1":"x"}"#, "x", "[]"]
    {
        assert!(typed(bad).is_err(), "{bad}");
    }
    let binary = (Opcode::Binary, br#"["stdin","x"]"#.to_vec());
    assert_eq!(
        send(&mut Terminal::new(&flags(ConsoleAudit::Input)), &binary, 9, true).expect_err("binary").code,
        1003
    );
    let shown = (Opcode::Text, br#"["stdout","\u001b[31muid=0\r\n"]"#.to_vec());
    let (_, acts) = send(&mut socket, &shown, 9, false).expect("it passes");
    assert_eq!(console(&acts), [("terminal", "uid=0\n")]);
    send(&mut socket, &(Opcode::Text, br#"["stdin","left"]"#.to_vec()), 99, true).expect("read");
    let mut acts = Acts::default();
    socket.ended(&mut acts);
    assert_eq!(console(&acts), [("terminal", "left")]);
}

#[test]
fn what_is_kept_back_is_counted() {
    let mut kernel = kernel(Framing::Legacy, &Arc::new(Flags::default()));
    let (mut piece, mut acts) = (vec![b' '; 1000], Acts::default());
    let place = Place { opcode: Opcode::Text, first: true, last: false };
    assert_eq!(kernel.from_client(place, &mut piece, &mut acts), Ok(Judgement::Pass));
    assert_eq!((piece.len(), kernel.kept()), (0, 1000));
    let whole = message(Framing::Legacy, "shell", "kernel_info_request", &json!({}));
    send(&mut kernel, &whole, 10, true).expect("it is read");
    assert_eq!(kernel.kept(), 0);
}
