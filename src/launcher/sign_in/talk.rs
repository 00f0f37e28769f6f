//! What launcher and PAM helper say to each other over the helper's descriptor 3.

use portcullis_model::Secret;
use portcullis_model::sign_in::{Denied, Principal};
use portcullis_wire::{Message, Prompt};
use serde::{Deserialize, Serialize};

/// Launcher to helper.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToHelper {
    /// First and once: what to do.
    Job(Job),
    /// Answers to the prompts last sent.
    Answers(Vec<Secret>),
}

/// One sign-in.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// PAM service.
    pub(crate) service: String,
    /// The name as typed.
    pub(crate) user: String,
    /// The client's address.
    pub(crate) remote: String,
    /// What was typed as password.
    pub(crate) password: Secret,
    /// Whether it answers only prompts that read like `Password:`.
    pub(crate) only_password_prompts: bool,
}

/// Helper to launcher.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromHelper {
    /// Modules ask or tell.
    Prompts(Vec<Prompt>),
    /// PAM let this account in.
    Accepted(Principal),
    /// It did not.
    Refused {
        /// Why.
        reason: Denied,
        /// What PAM said, for the audit log.
        detail: String,
    },
}

// Both ends are the same program.
impl Message for ToHelper {
    const VERSION: u8 = 1;
}

impl Message for FromHelper {
    const VERSION: u8 = 1;
}
