//! What becomes of streams.

use serde_json::json;

use super::stream::{
    Arg, bodies, body, call, context, hello, listen, message, not_found, regular, uri, write_file,
};
use super::{Wire, flags, no, no_shell};
use crate::Flags;
use crate::inspect::{Acts, Inspect as _, Opcode, Place};

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
