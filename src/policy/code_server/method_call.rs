//! A call of the extension host's socket: its method, and of an extension's command its name.
//!
//! Called by [`socket`](super::socket).

use portcullis_model::session::Ide;
use serde_json::json;

use super::methods::{self, EXECUTE, Method};
use super::value::Lack;
use crate::{Capability, Flags, Refusal};

/// Bytes of the first argument that are looked at: names of commands are shorter.
const ARGUMENT_MAX: usize = 512;
/// Stands for the method of a refused call; what follows says what it would have taken.
const REFUSED: &str = "portcullis:";

/// What a message asks for, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MethodCall<'b> {
    /// Its number.
    number: [u8; 4],
    /// Which object is asked.
    object: u8,
    /// The method.
    pub(super) method: &'b str,
    /// The extension's command, when the method runs one; `None` inside when it can't be read.
    pub(super) command: Option<Option<String>>,
}

/// Reads the start of a message of `total` bytes; `None` when it is no call.
pub(super) fn read(body: &[u8], total: usize) -> Result<Option<MethodCall<'_>>, Lack> {
    let slice = |from: usize, to: usize| {
        if from > to || to > total {
            return Err(Lack::Malformed("a call is longer than its message"));
        }
        body.get(from..to).ok_or(Lack::More(to))
    };
    let kind = slice(0, 1)?[0];
    if !(1..=4).contains(&kind) {
        return Ok(None);
    }
    let head = slice(0, 7)?;
    let end = 7 + usize::from(head[6]);
    let method = std::str::from_utf8(slice(7, end)?).map_err(|_| Lack::Malformed("a method is not UTF-8"))?;
    let command = if method == EXECUTE {
        // Lists start with a length, mixed ones with their count, the kind of the first and its length.
        let at = end + if kind < 3 { 4 } else { 6 };
        let start = slice(at, at.saturating_add(ARGUMENT_MAX).min(total))?;
        let start = if kind < 3 { start.strip_prefix(b"[") } else { Some(start) };
        Some(start.and_then(first_text))
    } else {
        None
    };
    let number = [head[1], head[2], head[3], head[4]];
    Ok(Some(MethodCall { number, object: head[5], method, command }))
}

/// The text that JSON starts with.
fn first_text(json: &[u8]) -> Option<String> {
    let mut values = serde_json::Deserializer::from_slice(json).into_iter::<String>();
    values.next()?.ok()
}

impl MethodCall<'_> {
    /// The entries that say what it takes.
    fn entry(&self) -> Option<&'static Method> {
        match &self.command {
            Some(Some(name)) => methods::command(name),
            _ => methods::find(self.method),
        }
    }

    /// Whether it is a person's act: running a command is.
    pub(super) fn is_act(&self) -> bool {
        self.command.is_some() || self.entry().is_some_and(|entry| entry.act)
    }

    /// In words for the audit log.
    pub(super) fn what(&self) -> String {
        match &self.command {
            Some(Some(name)) => format!("extension host {name}"),
            _ => format!("extension host {}", self.method),
        }
    }

    /// Why it is refused.
    pub(super) fn decide(&self, flags: &Flags) -> Result<(), Box<Refusal>> {
        if self.command == Some(None) {
            if let Some(denial) = flags.restriction_in(Ide::CodeServer) {
                let why = "the name of an extension's command can't be read";
                return Err(Refusal::by_flag_because(Capability::Unknown, &denial, why).into());
            }
        }
        for capability in self.entry().map_or(&[][..], |entry| entry.needs) {
            if let Some(refusal) = refusal_of(flags, *capability) {
                return Err(refusal.into());
            }
        }
        Ok(())
    }

    /// The message that goes on in place of a refused call.
    pub(super) fn refusal(&self, capability: Capability) -> Vec<u8> {
        let name = format!("{REFUSED}{}", capability.word());
        let mut body = vec![1];
        body.extend_from_slice(&self.number);
        body.push(self.object);
        body.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&2_u32.to_be_bytes());
        body.extend_from_slice(b"[]");
        body
    }
}

fn refusal_of(flags: &Flags, capability: Capability) -> Option<Refusal> {
    let denial = flags.denies_in(Ide::CodeServer, capability)?;
    Some(match capability {
        Capability::PortProxy => Refusal::port_proxy(&denial),
        Capability::Unknown => {
            Refusal::by_flag_because(capability, &denial, "the name of an extension's command can't be read")
        }
        other => Refusal::by_flag(other, &denial),
    })
}

/// The answer that goes on in place of the extension host's, when that is its answer to [`MethodCall::refusal`].
pub(super) fn answer(flags: &Flags, body: &[u8]) -> Option<Vec<u8>> {
    // An error with its cause: 10 in older releases, 11 since answers may carry buffers.
    let (head, json) = body.split_at_checked(9).filter(|(head, _)| matches!(head[0], 10 | 11))?;
    let error: serde_json::Value = serde_json::from_slice(json).ok()?;
    let said = error["message"].as_str()?.strip_prefix("Unknown method ")?.strip_prefix(REFUSED)?;
    let capability = Capability::from_word(said.split(' ').next()?)?;
    let text = refusal_of(flags, capability)?.text.replace('`', "");
    let error = json!({ "$isError": true, "name": "Error", "message": text, "stack": "" }).to_string();
    let mut answer = head[..5].to_vec();
    answer.extend_from_slice(&u32::try_from(error.len()).ok()?.to_be_bytes());
    answer.extend_from_slice(error.as_bytes());
    Some(answer)
}
