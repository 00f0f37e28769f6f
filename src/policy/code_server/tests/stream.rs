//! Builders of the editor's bytes.

use serde_json::{Value, json};

use crate::code_server::value::Writer;

/// A message of the protocol.
pub(super) fn message(kind: u8, id: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    for number in [id, 7, u32::try_from(body.len()).expect("short")] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(body);
    bytes
}

/// A counted one.
pub(super) fn regular(id: u32, body: &[u8]) -> Vec<u8> {
    message(1, id, body)
}

/// The first words.
pub(super) fn hello(kind: u8) -> Vec<u8> {
    let mut bytes = message(2, 0, br#"{"type":"auth","auth":"00000000000000000000","data":"x"}"#);
    let wish =
        json!({"type": "connectionType", "commit": "c", "signedData": "s", "desiredConnectionType": kind});
    bytes.extend(message(2, 0, wish.to_string().as_bytes()));
    bytes
}

/// The first message: who calls.
pub(super) fn context() -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(&json!({"remoteAuthority": "x", "clientId": "renderer"}));
    writer.0
}

/// An argument.
pub(super) enum Arg {
    Json(Value),
    Bytes(Vec<u8>),
    Int(u32),
    Text(&'static str),
    Nothing,
}

/// The address of a file.
pub(super) fn uri(path: &str) -> Arg {
    Arg::Json(json!({"$mid": 1, "path": path, "scheme": "vscode-remote", "authority": "x"}))
}

/// The body of a call.
pub(super) fn body(kind: u32, id: u32, channel: &str, name: &str, args: Option<&[Arg]>) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.array(4).int(kind).int(id).text(channel).text(name);
    match args {
        None => {
            writer.undefined();
        }
        Some(args) => {
            writer.array(args.len());
            for arg in args {
                match arg {
                    Arg::Json(value) => {
                        writer.object(value);
                    }
                    Arg::Bytes(bytes) => {
                        writer.0.push(3);
                        writer.varint(bytes.len());
                        writer.0.extend_from_slice(bytes);
                    }
                    Arg::Int(number) => {
                        writer.int(*number);
                    }
                    Arg::Text(text) => {
                        writer.text(text);
                    }
                    Arg::Nothing => {
                        writer.undefined();
                    }
                }
            }
        }
    }
    writer.0
}

/// A call as a whole message.
pub(super) fn call(id: u32, channel: &str, name: &str, args: &[Arg]) -> Vec<u8> {
    regular(id + 1, &body(100, id, channel, name, Some(args)))
}

/// An event asked for.
pub(super) fn listen(id: u32, channel: &str, name: &str, args: &[Arg]) -> Vec<u8> {
    regular(id + 1, &body(102, id, channel, name, Some(args)))
}

/// `writeFile` with options as the editor sends them.
pub(super) fn write_file(id: u32, path: &str, content: &[u8]) -> Vec<u8> {
    let options =
        json!({"create": true, "overwrite": true, "unlock": false, "atomic": false, "append": false});
    let args = [uri(path), Arg::Bytes(content.to_vec()), Arg::Json(options)];
    call(id, "remoteFilesystem", "writeFile", &args)
}

/// The server's answer to a call of a name that it doesn't know.
pub(super) fn not_found(id: u32, name: &str) -> Vec<u8> {
    let error =
        json!({"message": format!("IPC Command {name} not found"), "name": "Error", "stack": ["at x"]});
    let mut writer = Writer::default();
    writer.array(2).int(202).int(id).object(&error);
    regular(50, &writer.0)
}

/// A call to the extension host.
pub(super) fn method(id: u32, name: &str, args: &str) -> Vec<u8> {
    let mut body = vec![1];
    body.extend_from_slice(&id.to_be_bytes());
    body.push(42);
    body.push(u8::try_from(name.len()).expect("short"));
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(&u32::try_from(args.len()).expect("short").to_be_bytes());
    body.extend_from_slice(args.as_bytes());
    regular(id + 1, &body)
}

/// The bodies of whole messages.
pub(super) fn bodies(mut bytes: &[u8]) -> Vec<(u8, u32, Vec<u8>)> {
    let mut bodies = Vec::new();
    while !bytes.is_empty() {
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let end = 13 + usize::try_from(number(9)).expect("short");
        bodies.push((bytes[0], number(1), bytes[13..end].to_vec()));
        bytes = &bytes[end..];
    }
    bodies
}
