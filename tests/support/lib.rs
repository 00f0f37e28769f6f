//! What black-box tests stand on: real programs, real PAM, real accounts, a double of an IDE, and an end check that no
//! test can forget.
//!
//! A test is a function of a [`Stage`]. It builds a [`World`] from configuration texts, talks to it as a [`Client`] or in
//! raw bytes, and looks at the audit log and at `/proc`. When the test is over, whatever its outcome, the world is ended
//! and checked: no unexpected warning in any process's log, the audit chain whole, no process of its accounts left.
//!
//! Tests run inside the namespaces of `cargo xtask test`; elsewhere they say that they were skipped.

pub mod account;
pub mod audit;
mod book;
pub mod browser;
pub mod builder;
pub mod client;
pub mod crowd;
pub mod editor;
pub mod http1;
pub mod http2;
pub mod hung;
pub mod kernel;
pub mod log;
pub mod module;
pub mod place;
pub mod process;
pub mod readiness;
mod replaced;
pub mod saml;
pub mod samples;
pub mod servers;
pub mod stage;
pub mod steps;
pub mod tls;
pub mod traffic;
pub mod until;
pub mod websocket;
pub mod world;

pub use account::Account;
pub use client::Client;
pub use http1::Response;
pub use hung::Hung;
pub use stage::{Stage, case, on_both};
pub use world::World;
