//! Telling the service manager (`sd_notify(3)`): ready, reloading, status.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends `text` (lines of `NAME=value`) to the socket that `NOTIFY_SOCKET` names: a path, or `@` and an abstract name.
///
/// # Errors
/// When it can't be reached, or is neither.
pub fn notify(socket: &OsStr, text: &str) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(socket)?,
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    UnixDatagram::unbound()?.send_to_addr(text.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_address_are_reached() {
        let name = format!("portcullis-notify-{}", std::process::id());
        let path = std::env::temp_dir().join(&name);
        let abstract_address = SocketAddr::from_abstract_name(&name).expect("a name");
        for (socket, receiver) in [
            (path.clone().into_os_string(), UnixDatagram::bind(&path)),
            (format!("@{name}").into(), UnixDatagram::bind_addr(&abstract_address)),
        ] {
            let receiver = receiver.expect("a socket");
            notify(&socket, "READY=1\n").expect("sent");
            let mut buffer = [0; 32];
            let length = receiver.recv(&mut buffer).expect("received");
            assert_eq!(&buffer[..length], b"READY=1\n");
        }
        std::fs::remove_file(&path).expect("removed");
        assert!(notify(OsStr::new("vsock:1"), "x").is_err());
    }
}
