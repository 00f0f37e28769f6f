//! Pure rules without I/O: names, ids, cookies, session states, audit events.
//!
//! Everything here decides or describes and returns data; nothing here opens a file, a socket or a clock.
//! Called by every other crate; depends on none of ours.
#![forbid(unsafe_code)]

pub mod account;
pub mod app_name;
pub mod audit;
pub mod cookie;
pub mod dn;
pub mod exemption;
pub mod factor;
pub mod flow;
pub mod host;
pub mod ids;
pub mod key;
pub mod ledger;
pub mod level;
pub mod lifetime;
pub mod load;
pub mod machine;
pub mod metrics;
pub mod name_rule;
pub mod offline;
pub mod permission;
pub mod proof;
pub mod role_rule;
pub mod saml_provider;
pub mod sandbox;
pub mod seal;
pub mod secret;
pub mod session;
pub mod sign_in;

pub use app_name::AppName;
pub use ids::{
    AccountId, ExemptionId, FactorId, Gid, GroupId, IdError, NodeId, Pid, Port, SessionId, SignInId, Uid,
    UserName,
};
pub use level::{Effect, Level};
pub use secret::Secret;
