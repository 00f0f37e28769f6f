//! The forwarding engine: HTTP/1.1, HTTP/2 and WebSockets in, HTTP/1.1 to the sessions out.
//!
//! It knows streams and limits, not users: who may do what is decided by the caller, between
//! [`serve`]'s handler being called and its calling [`forward()`] or
//! [`tunnel()`]. It must not read configuration, write pages or keep sign-ins.
//!
//! Everything here runs on one thread per accept loop ([`threads`]): nothing needs to be `Send`, nothing
//! is shared between threads but [`Upstream`], [`Cut`], [`Drain`] and the counters.
//!
//! Life of a request: `listen` accepts, `client` (HTTP/1) or hyper (HTTP/2) reads a head → `admit` refuses
//! what is ambiguous, removes hop-by-hop fields, brings HTTP/1 and HTTP/2 to one form → the caller's handler →
//! `forward` (takes a connection from the pool, writes the head, streams both ways) or `tunnel` → `Body` back to
//! `client` or hyper.
#![forbid(unsafe_code)]

pub mod body;
pub mod cut;
pub mod drain;
pub mod error;
pub mod forward;
#[cfg(feature = "fuzz")]
pub mod fuzz;
pub mod gauges;
pub mod incoming;
pub mod inspect;
pub mod lines;
pub mod listen;
pub mod stream;
pub mod threads;
pub mod tls;
pub mod tunnel;
pub mod upload;
pub mod upstream;

mod admit;
mod client;
mod client_io;
mod clock;
mod conn;
mod connection;
mod download;
mod frames;
mod h1;
mod hop;
mod open;
mod pool;

pub use admit::WebSocketAsk;
pub use body::{Body, BodyError, BodySender, Transferred};
pub use cut::{Cut, Cuts, Open, Reason};
pub use drain::Drain;
pub use error::{Blame, ForwardError};
pub use forward::{ForwardOptions, OnPiece, forward};
pub use gauges::Gauges;
pub use incoming::{Incoming, IncomingError};
pub use inspect::{Answer, Close, Inspect, Kind, Outbox, Place, Side, Step};
pub use lines::Lines;
pub use listen::{ConnInfo, Limits, Listen, serve};
pub use stream::Stream;
pub use tls::TlsConfig;
pub use tunnel::{TunnelEnd, TunnelOptions, tunnel};
pub use upload::{CollectError, Upload, Watch, Watcher, collect};
pub use upstream::Upstream;
