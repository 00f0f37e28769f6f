//! What the start of a call says: the command, the places it names, how much it writes.
//!
//! Reads only as far as the command's row asks for; a large content stays where it is. Called by [`judge`](super::judge).

use serde_json::Value as Json;

use super::call::{self, Call, Message};
use super::command::{Command, Look};
use super::commands;
use super::place::Place;
use super::value::{Lack, Reader, Value};

/// Bytes at the start of a content that say whether it is text.
pub(super) const SAMPLE: usize = 512;

/// What is known of a call.
#[derive(Debug)]
pub(super) struct Facts<'b> {
    /// Who is asked for what.
    pub(super) call: Call<'b>,
    /// Its row, when there is one.
    pub(super) command: Option<&'static Command>,
    /// The places it names, or why one can't be read.
    pub(super) places: Vec<Result<Place, &'static str>>,
    /// Its options.
    pub(super) options: Json,
    /// Where a piece is written.
    pub(super) position: u64,
    /// Bytes it writes.
    pub(super) bytes: u64,
    /// The first of them.
    pub(super) sample: &'b [u8],
    /// Where in the message they begin.
    pub(super) begins: usize,
    /// Of a terminal: its number and what is typed.
    pub(super) input: Option<(u32, &'b str)>,
    /// Of a terminal that is to be made: what describes it, as JSON.
    pub(super) launch: Option<&'b [u8]>,
    /// Why its arguments can't be read.
    pub(super) unreadable: Option<&'static str>,
}

/// Reads a message; `None` when nothing is asked for by it.
pub(super) fn read(body: &[u8], total: usize) -> Result<Option<Facts<'_>>, Lack> {
    let mut reader = Reader::new(body, total);
    let Message::Ask(call) = call::read(&mut reader)? else { return Ok(None) };
    let command = commands::find(call.channel, call.name, call.way);
    let mut facts = Facts {
        call,
        command,
        places: Vec::new(),
        options: Json::Null,
        position: 0,
        bytes: 0,
        sample: &[],
        begins: 0,
        input: None,
        launch: None,
        unreadable: None,
    };
    let Some(command) = command else { return Ok(Some(facts)) };
    match facts.arguments(command, &mut reader) {
        Ok(()) => {}
        Err(more @ Lack::More(_)) => return Err(more),
        Err(Lack::Malformed(why)) => facts.unreadable = Some(why),
        Err(Lack::TooLong) => facts.unreadable = Some("an argument is longer than any of the editor's"),
    }
    Ok(Some(facts))
}

impl<'b> Facts<'b> {
    fn arguments(&mut self, command: &Command, reader: &mut Reader<'b>) -> Result<(), Lack> {
        if command.look == Look::Launch {
            // The one call of which the argument is no list. What can't be read is no way round a flag: it is given or not.
            match reader.value() {
                Ok(Value::Object(description)) => self.launch = Some(description),
                Err(more @ Lack::More(_)) => return Err(more),
                Ok(_) | Err(_) => {}
            }
            return Ok(());
        }
        let last = command.paths.iter().max().copied();
        if last.is_none() && !matches!(command.look, Look::WritePiece | Look::Input) {
            return Ok(());
        }
        let Value::Array(count) = reader.value()? else {
            return Err(Lack::Malformed("its arguments are no list"));
        };
        match command.look {
            Look::Input => {
                let number = reader.int()?;
                self.input = Some((number, reader.text()?));
                return Ok(());
            }
            Look::WritePiece => {
                reader.int()?;
                self.position = position(reader.value()?)?;
                return self.content(reader);
            }
            _ => {}
        }
        for index in 0..=last.unwrap_or_default() {
            if index >= count {
                return Err(Lack::Malformed("an argument is missing"));
            }
            match reader.value()? {
                Value::Object(address) if command.paths.contains(&index) => {
                    self.places.push(Place::of_address(address));
                }
                Value::Array(_) | Value::Buffer(_) => {
                    return Err(Lack::Malformed("an argument is of another kind"));
                }
                // An extension is uninstalled by no address, an optional one may be missing.
                _ if command.paths.contains(&index) => self.places.push(Err("it is no address")),
                _ => {}
            }
        }
        match command.look {
            Look::WriteWhole => self.content(reader),
            Look::ReadWhole | Look::ReadStream | Look::Open if count > 1 => {
                if let Value::Object(options) = reader.value()? {
                    self.options = serde_json::from_slice(options)
                        .map_err(|_| Lack::Malformed("its options are no JSON"))?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn content(&mut self, reader: &mut Reader<'b>) -> Result<(), Lack> {
        let Value::Buffer(bytes) = reader.value()? else {
            return Err(Lack::Malformed("its content is missing"));
        };
        self.bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.begins = reader.at();
        self.sample = reader.peek(bytes.min(SAMPLE))?;
        Ok(())
    }

    /// `remoteFilesystem.stat /etc`: the command and the first file it names.
    pub(super) fn what(&self) -> String {
        let name = format!("{}.{}", self.call.channel, self.call.name);
        match self.places.first() {
            Some(Ok(place)) => format!("{name} {}", place.shown()),
            _ => name,
        }
    }

    /// Whether a member of the options is true.
    pub(super) fn option(&self, name: &str) -> bool {
        self.options[name] == true
    }

    /// Whether the content starts as text does: UTF-8 without zero bytes.
    pub(super) fn is_text(&self) -> bool {
        let text = match std::str::from_utf8(self.sample) {
            Ok(_) => true,
            // A character may be cut off at the end of the sample.
            Err(error) => error.error_len().is_none() && self.sample.len() == SAMPLE,
        };
        text && !self.sample.contains(&0)
    }
}

/// A place in a file: a number of 32 bits, or of more in JSON.
fn position(value: Value<'_>) -> Result<u64, Lack> {
    match value {
        Value::Int(number) => Ok(u64::from(number)),
        Value::Object(json) => {
            serde_json::from_slice(json).map_err(|_| Lack::Malformed("a position is no number"))
        }
        _ => Err(Lack::Malformed("a position is no number")),
    }
}
