//! What launcher and PAM helper say to each other over the helper's descriptor 3.

use portcullis_model::Secret;
use portcullis_model::sign_in::{Denied, Principal};
use portcullis_wire::{Message, Prompt};
use serde::{Deserialize, Serialize};

use super::again::{Local, Standing};

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
    /// What of it.
    pub(crate) step: Step,
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

/// What PAM is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// Who it is, and whether the account may be used.
    Authenticate,
    /// Whether the account may be used: who it is, another method proved.
    Account,
    /// Who they are and whether they may still be here, of somebody who is signed in. Nobody is asked anything.
    Again,
}

/// Helper to launcher.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromHelper {
    /// Modules ask or tell.
    Prompts(Vec<Prompt>),
    /// PAM let this account in.
    Accepted {
        /// Who it is.
        principal: Principal,
        /// If it stands in the machine's own files.
        local: Option<Local>,
    },
    /// It did not.
    Refused {
        /// Why.
        reason: Denied,
        /// What PAM said, for the audit log.
        detail: String,
    },
    /// To [`Step::Again`].
    Stands(Standing),
}

// Both ends are the same program.
impl Message for ToHelper {
    const VERSION: u8 = 1;
}

impl Message for FromHelper {
    const VERSION: u8 = 1;
}
