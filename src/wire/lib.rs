//! Typed, bounded messages between launcher, server and session.
//!
//! Four channels, all `SOCK_SEQPACKET` Unix sockets, so a message keeps its edges; each message is postcard, prefixed by the
//! protocol's version byte, and capped. Descriptors travel beside a message (`SCM_RIGHTS`).
//!
//! * server → launcher [`ToLauncher`], launcher → server [`ToServer`]: a socket pair the launcher makes.
//! * launcher → session [`Order`], session → launcher [`Report`]: the session's control socket, peer uid 0.
//! * root's command → launcher [`admin::ToDaemon`], launcher → root's command [`admin::FromDaemon`]: the administrator's socket.
//! * server → session [`Ask`], session → server [`Answer`]: the same socket, peer uid of the proxy's account.
//!
//! This crate must not decide anything: it says what can be said.
#![forbid(unsafe_code)]

pub mod admin;
pub mod channel;
pub mod host;
pub mod launcher;
pub mod session;

pub use channel::{Channel, WireError};
pub use launcher::{ConfFile, Hello, Prompt, PromptStyle, ToLauncher, ToServer};
pub use session::{Answer, Ask, Go, Order, Report, SessionSpec};

/// First byte of every message; a process of another version is refused at its first message.
pub const VERSION: u8 = 1;
/// Largest message, in bytes: room for a configuration of many profiles; below the kernel's default socket buffer.
pub const MESSAGE_MAX: usize = 128 * 1024;
/// Most descriptors beside one message: listeners of 8 threads and a redirect listener, with room.
pub const FDS_MAX: usize = 16;
