//! The double of an IDE as the upstream of the peers: one process on a Unix socket, one on TCP.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result};
use portcullis_testing::{place, until};

use crate::peers::{Upstream, service};

/// The path prefix, as long as that of a session of Portcullis.
const PREFIX: &str = "/s/0123456789abcdef/";
/// The double's token; no secret, it only has to be the same everywhere.
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Both doubles; they end when dropped.
#[derive(Debug)]
pub(crate) struct Doubles {
    children: Vec<Child>,
    /// Where they listen.
    pub(crate) upstream: Upstream,
}

impl Drop for Doubles {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts both.
///
/// # Errors
/// When one does not listen.
pub(crate) fn start(scratch: &Path) -> Result<Doubles> {
    let socket = scratch.join("ide.sock");
    let address: SocketAddr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let children = vec![
        double(&format!("--ServerApp.sock={}", socket.display()))?,
        double(&format!("--double-port={}", address.port()))?,
    ];
    let doubles = Doubles {
        children,
        upstream: Upstream { socket: socket.clone(), address, prefix: PREFIX.into(), token: TOKEN.into() },
    };
    until::is("the doubles listen", 20, || {
        UnixStream::connect(&socket).is_ok() && TcpStream::connect(address).is_ok()
    })?;
    Ok(doubles)
}

fn double(listen: &str) -> Result<Child> {
    service(place::program("portcullis-double-ide"))
        .args([listen, &format!("--ServerApp.base_url={PREFIX}")])
        .env("JUPYTER_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start the double of an IDE")
}
