//! Reads rserver.conf, rsession.conf and their companions from one declaration of every option.
//!
//! [`Sources::read`] is the only function here that touches the disk; [`load()`] is pure, so that launcher and server decide
//! on the same bytes. Problems are collected with file and line, all of them, never just the first. Nothing here looks up
//! accounts, opens certificates or acts on a setting. Called by launcher, server, policy, the administrator's command and
//! the generators of the reference ([`generate`]).
#![forbid(unsafe_code)]

mod accounts;
pub mod adapters;
mod administrators;
pub mod changes;
mod client;
mod conflicts;
mod database;
pub mod generate;
mod ini;
pub mod ip_rules;
pub mod ldap;
mod lifetime;
mod load;
pub mod option;
mod options;
mod other_files;
pub mod problem;
pub mod profiles;
mod settings;
pub mod show;
pub mod sign_in;
mod sources;
pub mod value;
mod values;

pub use adapters::Adapters;
pub use administrators::Rights;
pub use client::{CLIENT_FILE, CLIENT_FILE_MAX, Client, ClientError};
pub use ip_rules::{Access, IpRules};
pub use ldap::{Directory, Ldap};
pub use load::{Loaded, load};
pub use option::{FileKind, Opt, Reload, Status};
pub use options::database::Database;
pub use options::factors::Factors;
pub use options::jupyter::{JUPYTER_PLACES, Jupyter};
pub use options::kept::Kept;
pub use options::kerberos::Kerberos;
pub use options::membership::Membership;
pub use options::people::People;
pub use options::portcullis::Portcullis;
pub use options::profiles::Limits;
pub use options::roles::Roles;
pub use options::rserver::{RSTUDIO_PLACE, Rserver};
pub use options::rserver_names::Names;
pub use options::rserver_openid::Openid;
pub use options::rserver_operation::Operation;
pub use options::rserver_proxy::ProxyHeader;
pub use options::rserver_saml::Saml;
pub use options::rsession::Rsession;
pub use options::sandbox::Confinement;
pub use options::sign_in::Methods;
pub use options::vscode::{CODE_SERVER_PLACES, Vscode};
pub use options::ways::Ways;
pub use problem::{Problem, Severity};
pub use profiles::{Profiles, SessionOptions};
pub use settings::{HealthCheck, Settings};
pub use sources::{ConfText, FILE_MAX, ReadError, Sources, default_dir};
pub use value::{
    ConsoleAudit, DatabaseProvider, EditableBy, FormWanted, FrameOrigin, Header, MembershipChange,
    MinimumUid, OptionalSslMode, PortRange, Protocols, SameSite, SessionNetwork, Transport, Wanted,
};
pub use values::Origin;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod round_trip;
