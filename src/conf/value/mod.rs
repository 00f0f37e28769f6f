//! The kinds of values: each reads its text, and names itself for the reference.
//!
//! A kind is a marker type; what a caller gets is its [`Value::Out`], an ordinary type. Parsers say what is wrong with the
//! text and never which option it belongs to: the reader adds file, line and option.

mod accounts;
mod code_server;
mod flags;
mod identity;
mod listening;
mod network;
mod plain;
mod sandbox;
mod session;
mod sign_in;

pub use accounts::{
    DatabaseProvider, DatabaseProviderWord, DefaultRoleWord, EditableBy, EditableByWord, FactorKinds,
    FormWanted, FormWord, GroupLines, MappingWord, MembershipChange, MembershipChangeWord, OptionalSslMode,
    OptionalSslModeWord, Origin, Prefixes, RoleWord,
};
pub use code_server::{CodeServerArgs, upstream_code_server_default};
pub use flags::{FlagNames, MinimumLevels};
pub use identity::{HeaderName, HttpsAddress, Networks, OptionalAccount, OwnAddress, RewriteRule, WebTarget};
pub use listening::{
    Address, AllowedOrigin, FrameOrigin, FrameOriginWords, Header, HeaderLine, OptionalPort, ProtocolWords,
    Protocols, RootPath, SameSite, SameSiteWord,
};
pub use network::{SessionNetwork, SessionNetworkList};
pub use plain::{
    Bool, Colons, Commas, ConsoleAudit, ConsoleAuditWord, Each, Int, NfsAcl, OptionalConsoleAudit,
    OptionalInt, OptionalPath, RecordForm, SignatureHash, Signed, Spaces, SsoInitiation, Text, YesNoAsk,
    one_of,
};
pub use sandbox::{Processors, SandboxWord, Wanted};
pub use session::{LabArgs, OptionalPortRange, PortRange, Transport, TransportWord, ours, upstream_default};
pub use sign_in::{Account, MinimumUid, MinimumUidWord, PamService};

/// A kind of value.
pub trait Value {
    /// What the text becomes.
    type Out;
    /// Whether the option may be given several times.
    const LIST: bool = false;
    /// The kind in words, for the reference.
    fn words() -> String;
    /// Reads a text, already without white space around it.
    ///
    /// # Errors
    /// [`Bad`] says why the text is no such value.
    fn parse(text: &str) -> Result<Self::Out, Bad>;
    /// Reads the texts of all places where the option is given, at least one.
    ///
    /// # Errors
    /// [`Bad`] says why a text is no such value.
    fn gather(texts: &[&str]) -> Result<Self::Out, Bad> {
        Self::parse(texts.last().copied().unwrap_or_default())
    }
}

/// Why a text is not a value of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// What is wrong, beginning with the text in backquotes where that helps.
    pub text: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

impl Bad {
    /// With a hint.
    pub(crate) fn with(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { text: text.into(), hint: Some(hint.into()) }
    }
}
