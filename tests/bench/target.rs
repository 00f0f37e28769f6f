//! What is measured: an address with its cookie, and the processes whose time and memory count.

use std::net::SocketAddr;

/// One thing to load.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Name in the tables.
    pub(crate) name: &'static str,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Path prefix in front of the double's own paths.
    pub(crate) prefix: String,
    /// `name=value` for the `Cookie` header; the same length everywhere, so that parsing costs alike.
    pub(crate) cookie: String,
    /// The upstream's token, sent to every target alike; Portcullis puts its own in its place.
    pub(crate) token: String,
    /// Its own processes, without the upstream's. Empty for `direct`.
    pub(crate) pids: Vec<i32>,
}
