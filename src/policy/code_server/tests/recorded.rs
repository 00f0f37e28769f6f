//! The audit of consoles: what is typed into terminals and started by them is recorded, and what can't be goes nowhere.

use portcullis_conf::ConsoleAudit;
use serde_json::json;

use super::stream::{Arg, call, hello, message, regular};
use super::*;
use crate::code_server::value::Writer;

const PTY: &str = "remoteterminal";

fn on() -> Arc<Flags> {
    flags(|flags| flags.console = no(ConsoleAudit::Input))
}

/// A call whose argument is no list, as terminals are made.
fn made(description: &serde_json::Value) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.array(4).int(100).int(5).text(PTY).text("$createProcess").object(description);
    regular(6, &writer.0)
}

/// `$input` with its list in JSON, which the server reads as well.
fn in_json() -> Vec<u8> {
    let mut writer = Writer::default();
    writer.array(4).int(100).int(5).text(PTY).text("$input").object(&json!([1, "id\r"]));
    regular(6, &writer.0)
}

fn texts(wire: &Wire) -> Vec<(String, String)> {
    let console = |note: &Note| match note {
        Note::Console { channel, text, .. } => Some((channel.to_string(), text.clone())),
        _ => None,
    };
    wire.out.notes.iter().filter_map(console).collect()
}

#[test]
fn keys_and_programs_are_recorded_by_each_of_their_ways() {
    let program = json!({"shellLaunchConfig": {"executable": "/bin/sh", "args": ["-c", "id"]}});
    for (bytes, channel, text) in [
        (call(5, PTY, "$input", &[Arg::Int(1), Arg::Text("id\r")]), "terminal", "id"),
        (call(5, PTY, "$processBinary", &[Arg::Int(1), Arg::Text("id\r")]), "terminal", "id"),
        (made(&program), "terminal start", program.to_string().as_str()),
    ] {
        let mut wire = Wire::open(&on());
        wire.up(&bytes);
        assert_eq!(texts(&wire), [(channel.to_owned(), text.to_owned())]);
        assert_eq!(wire.out.up, bytes);
        let mut wire = Wire::open(&flags(|_| {}));
        wire.up(&bytes);
        assert!(texts(&wire).is_empty(), "the control");
        assert_eq!(wire.out.up, bytes);
    }
}

#[test]
fn what_cannot_be_recorded_is_refused() {
    for bytes in [
        in_json(),
        call(5, PTY, "$input", &[Arg::Text("1"), Arg::Text("id\r")]),
        call(5, PTY, "$processBinary", &[Arg::Int(1), Arg::Bytes(b"id\r".to_vec())]),
        call(5, PTY, "$createProcess", &[Arg::Json(json!({}))]),
        made(&json!({"shellLaunchConfig": {"args": ["-c", "x".repeat(70_000)]}})),
        call(5, PTY, "$installAutoReply", &[Arg::Text("$ "), Arg::Text("id\r")]),
        call(5, PTY, "$reviveTerminalProcesses", &[Arg::Text("w"), Arg::Nothing, Arg::Nothing]),
        call(5, PTY, "$typedInAnotherWay", &[Arg::Int(1), Arg::Text("id\r")]),
    ] {
        let mut wire = Wire::open(&on());
        wire.up(&bytes);
        assert_eq!(wire.out.refused().len(), 1, "{:?}", wire.out);
        assert_ne!(wire.out.up, bytes);
        assert!(texts(&wire).is_empty());
        let mut wire = Wire::open(&flags(|_| {}));
        wire.up(&bytes);
        assert_eq!(wire.out.up, bytes, "the control");
    }
    // What is about no terminal passes.
    let mut wire = Wire::open(&on());
    wire.up(&call(5, "newChannel", "new", &[]));
    wire.up(&call(6, PTY, "$resize", &[Arg::Int(1)]));
    assert!(wire.out.refused().is_empty());
}

#[test]
fn what_cannot_be_read_ends_the_socket() {
    for bytes in [hello(9), [hello(1), regular(1, b"x"), regular(2, b"junk")].concat(), message(1, 1, b"x")] {
        for (flags, closed) in [(on(), true), (flags(|_| {}), false)] {
            let mut wire = Wire::new(&flags);
            wire.up(&bytes);
            assert_eq!(wire.out.closed.is_some(), closed, "{bytes:?}");
        }
    }
    let (mut piece, mut acts) = (b"x".to_vec(), Acts::default());
    let place = Place { opcode: Opcode::Text, first: true, last: true };
    assert!(Wire::open(&on()).socket.from_client(place, &mut piece, &mut acts).is_err(), "text");
}
