//! What is measured: an address with its cookie, and the processes whose time and memory count.

use std::net::SocketAddr;

/// One thing to load.
#[derive(Debug, Clone)]
pub struct Target {
    /// Name in the tables.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// Path prefix in front of the double's own paths.
    pub prefix: String,
    /// `name=value` for the `Cookie` header; the same length everywhere, so that parsing costs alike.
    pub cookie: String,
    /// Its own processes, without the upstream's. Empty for `direct`.
    pub pids: Vec<i32>,
}
