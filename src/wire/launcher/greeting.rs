//! What a server is started with, and what a reload changes.

use portcullis_model::Secret;
use portcullis_model::cookie::Key;
use portcullis_model::host::HostFacts;
use serde::{Deserialize, Serialize};

/// A configuration file's text as the launcher read it, so that both processes decide on the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfFile {
    /// Name below the configuration directory, e.g. `rsession.conf`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The first message to a server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hello {
    /// Everything that a reload can change.
    pub configuration: Configuration,
    /// Directory with `control/<session>.sock`.
    pub run_dir: String,
    /// How many of the descriptors beside this message are main listeners; the rest redirect to https.
    pub listeners: u8,
}

/// What a reload can change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Configuration {
    /// Counts up from 1.
    pub generation: u64,
    /// Where the files came from, for messages.
    pub config_dir: String,
    /// The files that exist.
    pub files: Vec<ConfFile>,
    /// The key ring for cookies.
    pub keys: Vec<Key>,
    /// Certificate chain and private key as PEM, when `ssl-enabled=1`. Root read them; root didn't parse them.
    pub tls: Option<TlsMaterial>,
    /// What the machine's kernel can hold, for the pages.
    pub host: HostFacts,
    /// The header by which a proxy names people, when it is a secret (`secure-proxy-user-header`).
    pub proxy_header: Option<Secret>,
}

/// PEM texts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TlsMaterial {
    /// `ssl-certificate`.
    pub certificate: Vec<u8>,
    /// `ssl-certificate-key`.
    pub key: Secret,
}
