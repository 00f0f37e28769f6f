//! What a kernel says: prompts that hide what is typed, and the text it shows, when that is recorded too.
//!
//! Nothing is kept back or changed; a copy of a message's beginning is read when it is long enough. What is longer than that is
//! recorded as it came, cut.

use serde::Deserialize;
use serde_json::Value;

use super::content::object;
use super::framing::{Framing, needs, read};
use crate::console::shown;
use crate::inspect::{Acts, Flow, Opcode, Place};

/// Most that is copied of a message: more than a record takes.
const COPY_MAX: usize = 256 * 1024;
/// Copied of a message when only prompts are looked for: prompts are short.
const PROMPT_MAX: usize = 16 * 1024;

/// The kernel's side of a socket.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) framing: Framing,
    /// What is shown is recorded.
    all: bool,
    copy: Vec<u8>,
    /// The message was read, or is not worth reading.
    done: bool,
    /// The kernel asked for something that is not shown while it is typed.
    hidden: bool,
}

#[derive(Deserialize)]
struct Prompt {
    #[serde(default)]
    password: bool,
}

impl Output {
    pub(super) fn new(all: bool) -> Self {
        Self { framing: Framing::default(), all, copy: Vec::new(), done: false, hidden: false }
    }

    /// The browser answered a prompt; whether that hid what was typed.
    pub(super) fn answered(&mut self) -> bool {
        std::mem::take(&mut self.hidden)
    }

    pub(super) fn take(&mut self, place: Place, piece: &[u8], acts: &mut Acts) {
        if place.first {
            self.done = false;
            self.copy = Vec::new();
        }
        if self.done {
            return;
        }
        let most = if self.all { COPY_MAX } else { PROMPT_MAX };
        let room = most.saturating_sub(self.copy.len()).min(piece.len());
        self.copy.extend_from_slice(&piece[..room]);
        let text = place.opcode == Opcode::Text;
        let enough = needs(self.framing, text, &self.copy)
            .map(|needs| needs.is_some_and(|needs| self.copy.len() >= needs));
        if place.last || self.copy.len() >= most || enough != Ok(false) {
            self.done = true;
            let copy = std::mem::take(&mut self.copy);
            self.look(text, &copy, acts);
        }
    }

    fn look(&mut self, text: bool, copy: &[u8], acts: &mut Acts) {
        let Ok(parts) = read(self.framing, text, copy) else {
            if self.all {
                let raw = copy.iter().position(|byte| *byte == b'{').map_or(copy, |at| &copy[at..]);
                acts.console("kernel, unread", Flow::Output, shown(&String::from_utf8_lossy(raw)));
            }
            return;
        };
        let kind = parts.header.msg_type.0.as_ref();
        if kind == "input_request" {
            self.hidden = object::<Prompt>(parts.content).is_some_and(|prompt| prompt.password);
        }
        if !self.all {
            return;
        }
        let Some(content) = object::<Value>(parts.content) else { return };
        let said = said(kind, &content);
        acts.console(
            format!("{} {}", parts.channel, kind.chars().take(64).collect::<String>()),
            Flow::Output,
            shown(&said),
        );
    }
}

/// The text that a message shows.
fn said(kind: &str, content: &Value) -> String {
    let field = |name: &str| text(&content[name]);
    match kind {
        "stream" => field("text"),
        "input_request" => field("prompt"),
        "execute_result" | "display_data" | "update_display_data" | "inspect_reply" => {
            text(&content["data"]["text/plain"])
        }
        "error" => {
            let lines =
                content["traceback"].as_array().map(|lines| lines.iter().map(text).collect::<Vec<_>>());
            lines
                .filter(|lines| !lines.is_empty())
                .map_or_else(|| format!("{}: {}", field("ename"), field("evalue")), |lines| lines.join("\n"))
        }
        "execute_reply" => match content["user_expressions"].as_object() {
            Some(all) if !all.is_empty() => {
                let line = |(name, value): (&String, &Value)| {
                    let shown = text(&value["data"]["text/plain"]);
                    let shown = if shown.is_empty() { text(&value["evalue"]) } else { shown };
                    format!("{name} = {shown}")
                };
                all.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            _ => String::new(),
        },
        "debug_reply" if content["command"] == "evaluate" => content["body"].to_string(),
        _ => String::new(),
    }
}

/// Text, which notebooks also write as a list of lines.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}
