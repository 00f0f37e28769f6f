//! What the launcher and the identity program say to each other, each role over a channel of its own (descriptor 3).
//!
//! The launcher asks and is answered; nothing comes unasked but what others changed ([`FromStore::Changed`] and those behind it), and [`FromAsk::Step`].
//! Every request has a number and a deadline, both the launcher's. What is in a message was checked by nobody: the receiver judges
//! sizes and meaning.

use portcullis_model::account::Identity;
use portcullis_model::proof::{Begin, Evidence, Failure, Flow, Membership, Proven, Step};
use portcullis_model::saml_provider::SamlProvider;
use portcullis_model::{NodeId, Secret};
use serde::{Deserialize, Serialize};

use crate::launcher::ConfFile;

mod rows;
mod store;

pub use rows::{
    AccountAct, AccountChange, Elsewhere, EndedRow, GroupAct, GroupRow, HistoryRow, KeyElsewhere, Machine,
    Opening, RevokedRow, Select,
};
pub use store::{FromStore, StoreAnswer, StoreAsk, StoreRefusal, ToStore};

/// Rows of sign-ins in one message: each is some 300 bytes.
pub const ROWS_AT_ONCE: usize = 128;
/// Accounts in one message: each may have a thousand groups, of which a list shows none.
pub const ACCOUNTS_AT_ONCE: usize = 32;
/// Bytes of a fetched document in one message: half of what one takes.
pub const PIECE_MAX: usize = 64 * 1024;
/// Longest reason of a refusal, in characters: a line of log.
pub const WHY_MAX: usize = 300;

/// What a role is started with, and told again when the configuration changes. Files that others keep secret stand in it as the
/// launcher read them; descriptors beside it are named by the role.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Counts up with each configuration.
    pub generation: u64,
    /// Where the files came from, for messages.
    pub config_dir: String,
    /// The configuration's files that this role reads, as the launcher read them.
    pub files: Vec<ConfFile>,
    /// Contents of files that the configuration names (a password, a client secret, a key), by option, `section/option` in
    /// `ldap.conf`.
    pub secrets: Vec<NamedSecret>,
    /// Which machine this is among those that share a database.
    pub node: NodeId,
    /// The folder that is the role's own.
    pub folder: String,
    /// What is known of the SAML provider, for the roles that speak with it or of it.
    pub provider: Option<Box<SamlProvider>>,
    /// The ids of this machine's cookie keys: they must be the same on all that share a database.
    pub ring: Vec<String>,
}

/// A secret and what it is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NamedSecret {
    /// The option that names its file.
    pub name: String,
    /// The file's bytes.
    pub bytes: Secret,
}

/// Launcher to the role `ask`.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToAsk {
    /// First, and when the configuration changed. The bundle of the system's authorities comes beside it, as a file.
    Job(Box<Job>),
    /// Where is somebody sent? Answered by [`AskAnswer::Begin`].
    Begin {
        /// Names the answer.
        request: u64,
        /// What it is to carry.
        flow: Flow,
    },
    /// Who is that? Answered by [`AskAnswer::Proven`].
    Prove {
        /// Names the answer.
        request: u64,
        /// What they brought.
        evidence: Evidence,
        /// Whether steps are told, for `portcullis ldap test`.
        told: bool,
    },
    /// What is this person a member of now? Answered by [`AskAnswer::Members`].
    Members {
        /// Names the answer.
        request: u64,
        /// Whose.
        identity: Identity,
    },
    /// What does the SAML provider say of itself? Answered by pieces of its metadata, then [`AskAnswer::Fetched`].
    Fetch {
        /// Names the answer.
        request: u64,
    },
    /// What do we tell the SAML provider of ourselves? Answered by [`AskAnswer::Described`].
    Describe {
        /// Names the answer.
        request: u64,
    },
    /// Who is the SAML provider? Its metadata, or its certificate where there are none, came beside the job. Answered by
    /// [`AskAnswer::Provider`].
    Provider {
        /// Names the answer.
        request: u64,
    },
}

/// The role `ask` to the launcher.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromAsk {
    /// The configuration can be used; asks are answered from here on.
    Ready,
    /// To a request.
    Answer {
        /// Which.
        request: u64,
        /// What, or why not.
        result: Result<AskAnswer, Failure>,
    },
    /// A step on the way to an answer.
    Step {
        /// Which request.
        request: u64,
        /// What was done.
        step: Step,
    },
    /// The next part of what was fetched; at most [`PIECE_MAX`] bytes.
    Piece {
        /// Which request.
        request: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// What `ask` answers.
#[derive(Debug, Serialize, Deserialize)]
pub enum AskAnswer {
    /// To [`ToAsk::Begin`].
    Begin(Begin),
    /// To [`ToAsk::Prove`].
    Proven(Box<Proven>),
    /// To [`ToAsk::Members`].
    Members(Box<Membership>),
    /// To [`ToAsk::Fetch`]: that was all of it.
    Fetched,
    /// To [`ToAsk::Describe`]: a document.
    Described(String),
    /// To [`ToAsk::Provider`].
    Provider(Box<SamlProvider>),
    /// To [`ToAsk::Prove`], for a proof that counts once.
    Asserted {
        /// Who it is.
        proven: Box<Proven>,
        /// What names the proof at its provider.
        id: String,
        /// Until when it could be believed again, in seconds since 1970.
        until: u64,
    },
}
