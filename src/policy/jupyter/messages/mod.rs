//! Messages on the sockets of kernels and terminals: which there are, what they take, and what the audit of consoles keeps.
//!
//! [`MESSAGES`] is the whole list of what a browser may send to a kernel. The reference prints it; [`Kernel`] decides by it. A cell
//! that calls pip, git or a shell is an `execute_request` like any other: what code does can't be told from its text, so no row
//! pretends to.

mod answer;
mod content;
mod framing;
mod kernel;
mod output;
mod terminal;
#[cfg(test)]
mod tests;

pub(crate) use kernel::Kernel;
pub(crate) use terminal::Terminal;

use crate::Capability;
use crate::doors::{Said, Spoken};

/// The channels of a kernel that a browser may write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Shell,
    Control,
    Stdin,
}

impl Channel {
    /// From its name on the wire. `iopub` is the kernel's own.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Shell, Self::Control, Self::Stdin].into_iter().find(|channel| channel.word() == name)
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Control => "control",
            Self::Stdin => "stdin",
        }
    }
}

/// What of a message is kept when consoles are audited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Nothing: it carries nothing that a person typed.
    Nothing,
    /// `code`, `user_expressions`, and `user_variables` of old clients.
    Execute,
    /// `code`, or `line` of old clients.
    Code,
    /// `value`.
    Reply,
    /// All of it, unless the command only looks.
    Debug,
    /// All of it.
    Whole,
}

impl Kept {
    /// A content that has it.
    const fn example(self) -> &'static str {
        match self {
            Self::Nothing | Self::Whole => "{}",
            Self::Execute => {
                r#"{"code":"1+1","silent":false,"user_expressions":{"x":"1"},"allow_stdin":false,"stop_on_error":true}"#
            }
            Self::Code => r#"{"code":"x","cursor_pos":1}"#,
            Self::Reply => r#"{"value":"x"}"#,
            Self::Debug => r#"{"type":"request","seq":1,"command":"evaluate","arguments":{}}"#,
        }
    }

    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Execute => "`code`, `user_expressions`, silent or not",
            Self::Code => "`code`",
            Self::Reply => "`value`; «hidden» at a prompt for a password",
            Self::Debug => "the whole request, unless its command only looks",
            Self::Whole => "the whole content",
        }
    }
}

/// A kind of message.
#[derive(Debug)]
pub(crate) struct Message {
    /// Channels it is taken on.
    pub(crate) channels: &'static [Channel],
    /// `msg_type` of its header.
    pub(crate) kind: &'static str,
    /// What it takes.
    pub(crate) takes: Capability,
    /// Whether it is a person's act; an untouched tab never sends it by itself.
    pub(crate) act: bool,
    /// What the audit of consoles keeps of it.
    pub(crate) kept: Kept,
}

const SHELL: &[Channel] = &[Channel::Shell];
const CONTROL: &[Channel] = &[Channel::Control];
/// ipykernel takes on control whatever it takes on shell.
const BOTH: &[Channel] = &[Channel::Shell, Channel::Control];

const fn message(
    channels: &'static [Channel],
    kind: &'static str,
    takes: Capability,
    act: bool,
    kept: Kept,
) -> Message {
    Message { channels, kind, takes, act, kept }
}

/// Messages from the browser (Jupyter's messaging 5.4, ipykernel 7.4 `kernelbase.py`, IRkernel 1.3.2). `apply_request` and
/// `abort_request`, which ipykernel had before 7, run code that can't be read: they are in no row.
pub(crate) const MESSAGES: &[Message] = &[
    message(BOTH, "execute_request", Capability::ExecuteCode, true, Kept::Execute),
    message(&[Channel::Stdin], "input_reply", Capability::ExecuteCode, true, Kept::Reply),
    message(CONTROL, "debug_request", Capability::ExecuteCode, false, Kept::Debug),
    message(BOTH, "complete_request", Capability::ExecuteCode, true, Kept::Code),
    message(BOTH, "inspect_request", Capability::ExecuteCode, true, Kept::Code),
    message(SHELL, "comm_open", Capability::ExecuteCode, false, Kept::Whole),
    message(SHELL, "comm_msg", Capability::ExecuteCode, true, Kept::Whole),
    message(SHELL, "comm_close", Capability::ExecuteCode, false, Kept::Whole),
    message(BOTH, "is_complete_request", Capability::Ui, false, Kept::Nothing),
    message(BOTH, "history_request", Capability::Ui, false, Kept::Nothing),
    message(BOTH, "comm_info_request", Capability::Ui, false, Kept::Nothing),
    message(BOTH, "kernel_info_request", Capability::Ui, false, Kept::Nothing),
    message(BOTH, "connect_request", Capability::Ui, false, Kept::Nothing),
    message(BOTH, "interrupt_request", Capability::Ui, true, Kept::Nothing),
    message(BOTH, "shutdown_request", Capability::Ui, true, Kept::Nothing),
    message(CONTROL, "usage_request", Capability::Ui, false, Kept::Nothing),
    message(CONTROL, "create_subshell_request", Capability::Ui, false, Kept::Nothing),
    message(CONTROL, "delete_subshell_request", Capability::Ui, false, Kept::Nothing),
    message(CONTROL, "list_subshell_request", Capability::Ui, false, Kept::Nothing),
];

/// Of these no kernel's browser says anything: an old type that runs code, and known types where they are not taken.
const UNKNOWN: [(&str, &str); 6] = [
    ("shell", "apply_request"),
    ("control", "apply_request"),
    ("stdin", "execute_request"),
    ("iopub", "execute_request"),
    ("shell", "debug_request"),
    ("shell", "input_reply"),
];

/// All that is said to a kernel, on each channel that takes it, and some that no row knows.
pub(super) fn spoken() -> Vec<Spoken> {
    let one = |needs, channel, kind, content| Spoken {
        needs,
        message: format!("{channel} {kind}"),
        socket: "/api/kernels/*/channels",
        source: "Jupyter's messaging 5.4",
        said: Said::Kernel { channel, kind, content },
        hidden: false,
    };
    let known = MESSAGES.iter().flat_map(|message| {
        let needs = std::slice::from_ref(&message.takes);
        message
            .channels
            .iter()
            .map(move |channel| one(needs, channel.word(), message.kind, message.kept.example()))
    });
    let unknown = UNKNOWN.iter().map(|(channel, kind)| one(&[Capability::Unknown], *channel, *kind, "{}"));
    known.chain(unknown).collect()
}

/// The row of a message.
pub(crate) fn find(channel: Channel, kind: &str) -> Option<&'static Message> {
    MESSAGES.iter().find(|row| row.kind == kind && row.channels.contains(&channel))
}
