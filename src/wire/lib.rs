//! Typed, bounded messages between launcher, server and session.
//!
//! Five channels, all `SOCK_SEQPACKET` Unix sockets, so a message keeps its edges; each message is postcard, prefixed by the
//! protocol's version byte, and capped. Descriptors travel beside a message (`SCM_RIGHTS`).
//!
//! * server → launcher [`ToLauncher`], launcher → server [`ToServer`]: a socket pair the launcher makes, or what a server that
//!   outlived its launcher is let in by ([`knock`]).
//! * launcher → session [`Order`], session → launcher [`Report`]: the session's control socket, peer uid 0.
//! * root's command → launcher [`admin::ToDaemon`], launcher → root's command [`admin::FromDaemon`]: the administrator's socket.
//! * launcher → identity program [`identity::ToStore`], [`identity::ToAsk`] and back: a socket pair the launcher makes.
//! * server → session [`Ask`], session → server [`Answer`]: the same socket, peer uid of the proxy's account.
//!
//! This crate must not decide anything: it says what can be said.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod admin;
pub mod batches;
pub mod channel;
pub mod factors;
pub mod host;
pub mod identity;
pub mod keys;
pub mod knock;
pub mod launcher;
mod open;
pub mod owned;
pub mod session;
pub mod watch;

pub use channel::{Channel, WireError};
pub use knock::{Knock, Let};
pub use launcher::{ConfFile, Hello, Prompt, PromptStyle, ToLauncher, ToServer};
pub use session::{Answer, Ask, Go, Order, Report, SessionSpec};

/// What can be sent over a [`Channel`]: knows the version of its protocol, which is the first byte of every message. A process
/// of another version is refused at its first message.
pub trait Message {
    /// Of its protocol.
    const VERSION: u8;
}

/// Versions of the protocols. Each counts up when a message that was released changes, and alone: a server of before an upgrade
/// is ended by another [`SERVER`](versions::SERVER), sessions would be by another [`SESSION`](versions::SESSION).
pub mod versions {
    /// Between launcher and server.
    pub const SERVER: u8 = 3;
    /// Between root's command and launcher.
    pub const ADMIN: u8 = 3;
    /// Between launcher and identity program, which dies with it.
    pub const IDENTITY: u8 = 1;
    /// Of sessions, which live through upgrades: a new variant stands behind the others, and what was there stays as it is, so
    /// that this never counts up.
    pub const SESSION: u8 = 1;
}

macro_rules! messages {
    ($($version:ident: $($message:ty),*;)*) => {
        $($(impl Message for $message { const VERSION: u8 = versions::$version; })*)*
    };
}

messages! {
    SERVER: ToLauncher, ToServer;
    ADMIN: admin::ToDaemon, admin::FromDaemon;
    IDENTITY: identity::ToStore, identity::FromStore, identity::ToAsk, identity::FromAsk;
    SESSION: Order, Report, Ask, Answer, SessionSpec, Go;
}

/// Largest message, in bytes: room for a configuration of many profiles; below the kernel's default socket buffer.
pub const MESSAGE_MAX: usize = 128 * 1024;
/// Most descriptors beside one message: listeners of 8 threads and a redirect listener, with room.
pub const FDS_MAX: usize = 16;
