//! Sockets with the options that matter set before anyone can see them. All are close-on-exec.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::sockopt::{Ipv6V6Only, ReuseAddr, ReusePort};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, UnixAddr, accept4, bind, connect, listen,
    setsockopt, socket,
};
use nix::sys::stat::{Mode, fchmod};

/// Connections that may wait; the kernel caps it at `net.core.somaxconn` (4096 by default).
const BACKLOG: i32 = 4096;

/// A listening TCP socket, non-blocking. An IPv6 address serves IPv6 only, so that `0.0.0.0` and `[::]` go side by side.
///
/// `shared` sets `SO_REUSEPORT`: several sockets of the same user on one address share its connections. Never for a session's
/// port: there the second to bind must fail.
///
/// # Errors
/// The kernel's, e.g. `EADDRINUSE`.
pub fn listen_tcp(address: SocketAddr, shared: bool) -> Result<TcpListener, Errno> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let fd = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
    setsockopt(&fd, ReuseAddr, &true)?; // connections of the last process in TIME_WAIT must not keep the port from the next
    if shared {
        setsockopt(&fd, ReusePort, &true)?;
    }
    if address.is_ipv6() {
        setsockopt(&fd, Ipv6V6Only, &true)?;
    }
    bind(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
    listen(&fd, backlog()?)?;
    Ok(TcpListener::from(fd))
}

/// A listening `SOCK_SEQPACKET` socket at `path`, non-blocking, with mode and owner.
///
/// The directory belongs to the caller alone (others may pass through it, not write), so the name can't be changed meanwhile.
/// What stands there already is an error; see [`remove_socket`].
///
/// # Errors
/// The kernel's; `ENAMETOOLONG` from 108 bytes on.
pub fn listen_seqpacket(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
    // ORDER: Linux gives the name the mode of the unbound socket (less the umask), so it is closed to others from its birth;
    // then the owner, then the mode that lets others in.
    fchmod(&fd, Mode::S_IRUSR | Mode::S_IWUSR)?;
    bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    if let Some((uid, gid)) = owner {
        std::os::unix::fs::lchown(path, Some(uid), Some(gid)).map_err(|error| errno_of(&error))?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(|error| errno_of(&error))?;
    listen(&fd, backlog()?)?;
    Ok(fd)
}

/// Removes a socket that was left behind; anything else at that path stays and is an error. Nothing there is fine.
///
/// # Errors
/// `EEXIST` when it is no socket, else the kernel's.
pub fn remove_socket(path: &Path) -> Result<(), Errno> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(errno_of(&error)),
        Ok(found) if !found.file_type().is_socket() => Err(Errno::EEXIST),
        Ok(_) => std::fs::remove_file(path).map_err(|error| errno_of(&error)),
    }
}

/// The next connection that waits, non-blocking; `None` when there is none now.
///
/// # Errors
/// `EMFILE` and the like: the connection waits on, so the caller pauses before it tries again.
pub fn accept(listener: BorrowedFd<'_>) -> Result<Option<OwnedFd>, Errno> {
    loop {
        match accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK) {
            // SAFETY: the kernel has just opened this descriptor for us; nobody else owns it.
            Ok(fd) => return Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) })),
            Err(Errno::EAGAIN) => return Ok(None),
            Err(Errno::EINTR | Errno::ECONNABORTED | Errno::EPROTO) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Connects to a Unix stream socket; the descriptor is non-blocking. It never waits.
///
/// # Errors
/// `EAGAIN` when the listener's queue is full (try later), `ENOENT` or `ECONNREFUSED` when nobody listens.
pub fn connect_stream(path: &Path) -> Result<OwnedFd, Errno> {
    connect_unix(path, SockType::Stream)
}

/// Connects to a Unix `SOCK_SEQPACKET` socket; the descriptor is non-blocking. It never waits.
///
/// # Errors
/// As [`connect_stream`].
pub fn connect_seqpacket(path: &Path) -> Result<OwnedFd, Errno> {
    connect_unix(path, SockType::SeqPacket)
}

fn connect_unix(path: &Path, kind: SockType) -> Result<OwnedFd, Errno> {
    let fd = socket(AddressFamily::Unix, kind, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
    connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(fd)
}

fn backlog() -> Result<Backlog, Errno> {
    Backlog::new(BACKLOG)
}

fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_port_is_taken_once_unless_shared() {
        let first = listen_tcp("127.0.0.1:0".parse().expect("an address"), false).expect("a port");
        let address = first.local_addr().expect("bound");
        assert_eq!(listen_tcp(address, false).expect_err("taken"), Errno::EADDRINUSE);
        assert_eq!(listen_tcp(address, true).expect_err("taken"), Errno::EADDRINUSE);
        let shared = listen_tcp("127.0.0.1:0".parse().expect("an address"), true).expect("a port");
        listen_tcp(shared.local_addr().expect("bound"), true).expect("shared");
    }

    #[test]
    fn a_seqpacket_socket_has_its_mode_and_is_not_overwritten() {
        let dir = std::env::temp_dir().join(format!("portcullis-sys-{}", std::process::id()));
        std::fs::create_dir(&dir).expect("a directory");
        let path = dir.join("a.sock");
        let listener = listen_seqpacket(&path, 0o620, None).expect("a listener");
        assert_eq!(std::fs::metadata(&path).expect("there").mode() & 0o7777, 0o620);
        assert_eq!(listen_seqpacket(&path, 0o600, None).expect_err("taken"), Errno::EADDRINUSE);
        assert!(accept(listener.as_fd()).expect("no error").is_none());
        let _client = connect_seqpacket(&path).expect("connected");
        assert!(accept(listener.as_fd()).expect("no error").is_some());
        remove_socket(&path).expect("removed");
        remove_socket(&path).expect("nothing to do");
        std::fs::write(&path, "x").expect("a file");
        assert_eq!(remove_socket(&path).expect_err("no socket"), Errno::EEXIST);
        std::fs::remove_dir_all(&dir).expect("removed");
    }
}
