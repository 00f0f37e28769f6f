//! A call of the management socket, read from the start of its message: who is asked for what, and how it is refused.
//!
//! A refused call is not dropped: its message carries a number that the other side counts. In its place a call goes on that the
//! server answers with an error, and that error carries the reason: nothing has to be remembered, also not over a new
//! connection. Called by [`socket`](super::socket).

use serde_json::json;

use super::command::Way;
use super::value::{Lack, Reader, Value, Writer};

/// What the message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message<'b> {
    /// Something is asked for.
    Ask(Call<'b>),
    /// It ends or answers something.
    Other,
}

/// Who is asked for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call<'b> {
    /// Its number.
    pub(super) id: u32,
    /// How.
    pub(super) way: Way,
    /// The channel.
    pub(super) channel: &'b str,
    /// The command.
    pub(super) name: &'b str,
}

/// The same, kept while something is found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owned {
    /// Its number.
    pub(super) id: u32,
    way: Way,
    channel: String,
    name: String,
}

impl Call<'_> {
    /// To be kept.
    pub(super) fn owned(&self) -> Owned {
        Owned { id: self.id, way: self.way, channel: self.channel.to_owned(), name: self.name.to_owned() }
    }
}

impl Owned {
    /// As it was.
    pub(super) fn borrowed(&self) -> Call<'_> {
        Call { id: self.id, way: self.way, channel: &self.channel, name: &self.name }
    }
}

/// Longest name of a channel or command.
const NAME_MAX: usize = 256;

/// Reads the head.
pub(super) fn read<'b>(reader: &mut Reader<'b>) -> Result<Message<'b>, Lack> {
    let Value::Array(members) = reader.value()? else {
        return Err(Lack::Malformed("a call does not start with its head"));
    };
    let kind = reader.int()?;
    let way = match (kind, members) {
        (100, 4) => Way::Call,
        (102, 4) => Way::Listen,
        (101 | 103 | 201..=204, 2) | (200, 1) => return Ok(Message::Other),
        _ => return Err(Lack::Malformed("a call has an unknown head")),
    };
    let id = reader.int()?;
    let channel = reader.text()?;
    let name = reader.text()?;
    if channel.len() > NAME_MAX || name.len() > NAME_MAX {
        return Err(Lack::Malformed("a name is longer than any known"));
    }
    Ok(Message::Ask(Call { id, way, channel, name }))
}

/// A channel that answers an unknown command with its name.
const CHANNEL: &str = "telemetry";
/// Refused as a call.
const REFUSED: &str = "portcullis:refused:";
/// Refused as a call about a file.
const FILE: &str = "portcullis:file:";
/// Refused as a file that is read as a stream.
const STREAM: &str = "portcullis:stream:";
/// Refused as a terminal that is made: it is answered as if it were, because VS Code shows only why one can't be started.
const TERMINAL: &str = "portcullis:terminal:";
/// Refused as a terminal that is started.
const LAUNCH: &str = "portcullis:launch:";
/// The number of a terminal that doesn't exist; the server counts from 1.
const NO_TERMINAL: u32 = 0x7fff_ffff;
/// The channel of files.
const FILES: &str = "remoteFilesystem";

/// The message that goes on in place of a refused call.
pub(super) fn refusal(call: &Call<'_>, text: &str) -> Vec<u8> {
    let text = text.replace('`', "");
    let (kind, name) = match (call.way, call.channel) {
        (Way::Call, FILES) => (100, format!("{FILE}{text}")),
        (Way::Call, "remoteterminal") if call.name == "$createProcess" => (100, format!("{TERMINAL}{text}")),
        (Way::Call, "remoteterminal") if call.name == "$start" => (100, format!("{LAUNCH}{text}")),
        (Way::Call, _) => (100, format!("{REFUSED}{text}")),
        // Asked as a call, so that it is answered; the answer is made an event again on its way back.
        (Way::Listen, FILES) if call.name == "readFileStream" => (100, format!("{STREAM}{text}")),
        // Nobody waits for an answer: the event never comes.
        (Way::Listen, _) => (102, REFUSED.to_owned()),
    };
    let mut writer = Writer::default();
    writer.array(4).int(kind).int(call.id).text(CHANNEL).text(&name).undefined();
    writer.0
}

/// The answer that goes on in place of the server's, when that is its answer to [`refusal`].
pub(super) fn answer(body: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(body, body.len());
    if reader.value() != Ok(Value::Array(2)) || reader.int() != Ok(202) {
        return None;
    }
    let id = reader.int().ok()?;
    let Ok(Value::Object(error)) = reader.value() else { return None };
    let error: serde_json::Value = serde_json::from_slice(error).ok()?;
    let message = error["message"].as_str()?;
    let said = message.strip_prefix("IPC Command ")?.strip_suffix(" not found")?;
    let mut writer = Writer::default();
    writer.array(2);
    if let Some(text) = said.strip_prefix(REFUSED) {
        writer.int(202).int(id).object(&json!({ "message": text, "name": "Error", "stack": [] }));
    } else if let Some(text) = said.strip_prefix(FILE) {
        let name = "NoPermissions (FileSystemError)";
        writer.int(202).int(id).object(&json!({ "message": text, "name": name, "stack": [] }));
    } else if said.starts_with(TERMINAL) {
        let made = json!({ "persistentTerminalId": NO_TERMINAL, "resolvedShellLaunchConfig": {} });
        writer.int(201).int(id).object(&made);
    } else if let Some(text) = said.strip_prefix(LAUNCH) {
        writer.int(201).int(id).object(&json!({ "message": text }));
    } else {
        let text = said.strip_prefix(STREAM)?;
        writer.int(204).int(id).object(&json!({ "message": text, "code": "NoPermissions" }));
    }
    Some(writer.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(kind: u32, members: usize) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.array(members).int(kind).int(7).text("remoteFilesystem").text("stat");
        writer.0
    }

    #[test]
    fn heads_that_the_server_could_read_otherwise_are_malformed() {
        let read_all = |bytes: &[u8]| match read(&mut Reader::new(bytes, bytes.len())) {
            Ok(message) => Ok(format!("{message:?}")),
            Err(lack) => Err(lack),
        };
        assert!(read_all(&head(100, 4)).is_ok_and(|text| text.contains("stat")));
        assert!(read_all(&head(102, 4)).is_ok_and(|text| text.contains("Listen")));
        for bytes in [head(100, 5), head(99, 4), head(104, 2), head(201, 3)] {
            assert!(matches!(read_all(&bytes), Err(Lack::Malformed(_))));
        }
        let mut json = Writer::default();
        json.object(&json!([100, 7, "remoteFilesystem", "stat"]));
        assert!(matches!(read_all(&json.0), Err(Lack::Malformed(_))));
        assert_eq!(read(&mut Reader::new(&[4], 40)), Err(Lack::More(2)));
    }

    #[test]
    fn the_reason_comes_back_with_the_servers_own_answer() {
        let asked = Call { id: 9, way: Way::Call, channel: FILES, name: "stat" };
        for (call, kind) in [
            (asked, 202),
            (Call { channel: "extensions", ..asked }, 202),
            (Call { way: Way::Listen, name: "readFileStream", ..asked }, 204),
        ] {
            let sent = refusal(&call, "No `x` here.");
            let mut reader = Reader::new(&sent, sent.len());
            let Ok(Message::Ask(sent)) = read(&mut reader) else { panic!("no call") };
            assert_eq!((sent.id, sent.way), (9, Way::Call));
            let mut server = Writer::default();
            let message = format!("IPC Command {} not found", sent.name);
            server.array(2).int(202).int(sent.id);
            server.object(&json!({ "message": message, "name": "Error", "stack": ["a", "b"] }));
            let answer = answer(&server.0).expect("ours");
            let mut reader = Reader::new(&answer, answer.len());
            assert_eq!(reader.value(), Ok(Value::Array(2)));
            assert_eq!((reader.int(), reader.int()), (Ok(kind), Ok(9)));
            let Ok(Value::Object(error)) = reader.value() else { panic!("no error") };
            let error: serde_json::Value = serde_json::from_slice(error).expect("JSON");
            assert_eq!(error["message"], "No x here.");
        }
        let silent = refusal(&Call { way: Way::Listen, channel: "x", ..asked }, "No.");
        let mut reader = Reader::new(&silent, silent.len());
        let Ok(Message::Ask(silent)) = read(&mut reader) else { panic!("no call") };
        assert_eq!(silent.way, Way::Listen);
        let mut other = Writer::default();
        other.array(2).int(202).int(1).object(&json!({ "message": "IPC Command x not found" }));
        assert_eq!(answer(&other.0), None);
    }
}
