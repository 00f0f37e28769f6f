//! What a person is asked on the way to a sign-in.

use serde::{Deserialize, Serialize};

/// One message of a PAM conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// What kind.
    pub style: PromptStyle,
    /// The module's text, cut to 1,024 characters, control characters replaced.
    pub text: String,
}

/// Kinds of PAM messages (`pam_conv(3)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PromptStyle {
    /// Wants an answer that is not shown.
    Hidden,
    /// Wants an answer that is shown.
    Shown,
    /// Tells something.
    Info,
    /// Tells of an error.
    Error,
    /// Wants a passkey's answer, as the browser's JSON, or an empty one; the text has the options for it. The launcher's alone: no
    /// module of PAM asks so.
    Passkey,
}

impl PromptStyle {
    /// Whether it wants an answer.
    pub const fn wants_answer(self) -> bool {
        matches!(self, Self::Hidden | Self::Shown | Self::Passkey)
    }
}
