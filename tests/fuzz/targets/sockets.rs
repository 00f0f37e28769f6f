//! Messages of WebSockets: kernels in both framings, terminals, code-server's stream.

use portcullis_model::session::Ide;
use portcullis_policy::inspect::{Acts, Judgement, Opcode, Place};
use portcullis_policy::{SocketRule, inspector};

use crate::Target;
use crate::worlds::{ADAPTERS, FLAGS};

/// Kernel messages.
pub(super) const JUPYTER: Target = Target {
    name: "jupyter-message",
    run: jupyter,
    seeds: kernel_messages,
    words: &[
        "\"msg_type\":",
        "\"execute_request\"",
        "\"header\":",
        "\"content\":",
        "\"code\":",
        "\"channel\":\"shell\"",
        "\"control\"",
        "\"stdin\"",
        "\"user_expressions\":",
        "\"debug_request\"",
        "\\u0065",
        "{",
        "}",
        "[",
        "]",
        "\0\0\0\0",
        "\u{8}\0\0\0\0\0\0\0",
    ],
};

/// code-server's editor.
pub(super) const CODE_SERVER: Target = Target {
    name: "code-server-stream",
    run: code_server,
    seeds: editor_messages,
    words: &[
        "\u{1}",
        "\u{4}\0\0\0",
        "remoteterminal",
        "remoteFilesystem",
        "$createProcess",
        "readFile",
        "\u{6}",
        "{\"type\":\"connectionType\"",
        "\"auth\"",
    ],
};

/// Terminals.
pub(super) const TERMINALS: Target = Target {
    name: "terminal-message",
    run: terminals,
    seeds: || vec![b"\x00[\"stdin\",\"ls\\r\"]".to_vec(), b"\x01{\"input\":\"x\"}".to_vec()],
    words: &["[\"stdin\",", "[\"set_size\",", "\"", "\\r", "\\u0003", "]", "[", "{"],
};

/// Runs one message, cut in two places, through an inspector; what comes out is bounded, and two ways of cutting come to the same.
fn run(
    ide: Ide,
    rule: SocketRule,
    flags: u8,
    opcode: Opcode,
    message: &[u8],
    session: bool,
    subprotocol: Option<&str>,
) {
    let flags = &FLAGS[usize::from(flags) % FLAGS.len()].1;
    let through = |width: usize| {
        let mut inspector = inspector(&ADAPTERS, ide, rule, flags, "/home/alice")?;
        inspector.opened(subprotocol);
        let (mut out, mut acts) = (Vec::new(), Acts::default());
        let pieces = message.chunks(width.max(1)).count().max(1);
        for at in 0..pieces {
            let mut piece = message.chunks(width.max(1)).nth(at).unwrap_or_default().to_vec();
            let place = Place { opcode, first: at == 0, last: at + 1 == pieces };
            let judged = if session && inspector.wants_session() {
                inspector.from_session(place, &mut piece, &mut acts)
            } else {
                inspector.from_client(place, &mut piece, &mut acts)
            };
            let judged = match judged {
                Ok(Judgement::Ask(_)) => inspector.resolved(false, place, &mut piece, &mut acts),
                other => other,
            };
            match judged {
                Ok(Judgement::Pass) => out.extend_from_slice(&piece),
                // It asks for one path after the other: here it has none.
                Ok(Judgement::Ask(_)) => return None,
                Err(close) => return Some((Err(close.code), acts.to_client.len())),
            }
        }
        inspector.ended(&mut acts);
        let sent: usize = acts.to_client.iter().chain(&acts.to_session).map(|(_, sent)| sent.len()).sum();
        assert!(out.len() + sent <= message.len() * 4 + 64 * 1024, "more comes out than went in");
        Some((Ok(out), acts.to_client.len()))
    };
    let whole = through(message.len());
    for width in [1 + message.len() / 2, 1 + message.len() / 3] {
        assert_eq!(through(width), whole, "it depends on how the message is cut");
    }
}

const fn opcode(bits: u8) -> Opcode {
    if bits & 1 == 0 { Opcode::Text } else { Opcode::Binary }
}

fn jupyter(data: &[u8]) {
    let [flags, how, message @ ..] = data else { return };
    let framing = (how & 2 != 0).then_some("v1.kernel.websocket.jupyter.org");
    run(Ide::Jupyter, SocketRule::JupyterKernel, *flags, opcode(*how), message, how & 4 != 0, framing);
}

fn code_server(data: &[u8]) {
    let [flags, how, message @ ..] = data else { return };
    run(Ide::CodeServer, SocketRule::CodeServer, *flags, opcode(*how), message, how & 4 != 0, None);
}

fn terminals(data: &[u8]) {
    let [how, message @ ..] = data else { return };
    let (ide, rule) = match how & 1 {
        0 => (Ide::Jupyter, SocketRule::JupyterTerminal),
        _ => (Ide::Rstudio, SocketRule::RstudioTerminal),
    };
    run(ide, rule, how >> 3, opcode(how >> 1), message, how & 4 != 0, None);
}

fn kernel_messages() -> Vec<Vec<u8>> {
    let header = |kind: &str| {
        format!(r#"{{"msg_id":"1","msg_type":"{kind}","username":"","session":"s","version":"5.3"}}"#)
    };
    let mut all = Vec::new();
    for (at, (kind, content)) in [
        ("execute_request", r#"{"code":"1+1","silent":false,"user_expressions":{"a":"b"}}"#),
        ("input_reply", r#"{"value":"x"}"#),
        ("debug_request", r#"{"command":"evaluate","arguments":{"expression":"1"}}"#),
        ("comm_msg", r#"{"comm_id":"1","data":{}}"#),
    ]
    .into_iter()
    .enumerate()
    {
        let flags = u8::try_from(at).unwrap_or(0);
        let header = header(kind);
        let text = format!(
            r#"{{"channel":"shell","header":{header},"parent_header":{{}},"metadata":{{}},"content":{content},"buffers":[]}}"#
        );
        all.push([&[flags, 0], text.as_bytes()].concat());
        all.push([&[flags, 3], binary(&["shell", &header, "{}", "{}", content]).as_slice()].concat());
    }
    all
}

/// Jupyter's binary framing: count and offsets of the parts, 8 bytes each, little endian.
fn binary(parts: &[&str]) -> Vec<u8> {
    let number = |number: usize| u64::try_from(number).unwrap_or(0).to_le_bytes();
    let mut message = number(parts.len() + 1).to_vec();
    let mut at = 8 * (parts.len() + 2);
    message.extend(number(at));
    for part in parts {
        at += part.len();
        message.extend(number(at));
    }
    parts.iter().for_each(|part| message.extend(part.bytes()));
    message
}

fn editor_messages() -> Vec<Vec<u8>> {
    let frame = |kind: u8, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
        [&[0, 1, kind][..], &[0, 0, 0, 1, 0, 0, 0, 0], &length, body].concat()
    };
    vec![
        frame(2, br#"{"type":"auth","auth":"00000000000000000000","data":"x"}"#),
        frame(2, br#"{"type":"connectionType","commit":"x","signedData":"y","desiredConnectionType":1}"#),
        frame(
            1,
            &[
                4, 4, 6, 100, 6, 1, 1, 14, b'r', b'e', b'm', b'o', b't', b'e', b't', b'e', b'r', b'm', b'i',
                b'n', b'a', b'l',
            ],
        ),
        frame(3, b""),
    ]
}
