//! Descriptors that a service manager hands to a daemon at its start (`sd_listen_fds(3)`), and keeps for the next start
//! (`sd_pid_notify_with_fds(3)`).

use std::ffi::OsStr;
use std::os::fd::{AsFd as _, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, io};

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::AcceptConn;
use nix::sys::stat::fstat;

/// The first descriptor (`SD_LISTEN_FDS_START`).
const FIRST: RawFd = 3;
/// Most that are taken: a thousand times a daemon's listeners.
const MOST: RawFd = 4096;
/// The variables that tell of them.
const NAMES: [&str; 3] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// A descriptor and the name that the manager knows it by.
#[derive(Debug)]
pub struct Given {
    /// Close-on-exec.
    pub fd: OwnedFd,
    /// `FDNAME`, or that of the socket unit.
    pub name: String,
}

/// How many the environment promises to the process `pid`; `None` when it is for another one or says nothing that can be read.
fn promised(pid: &str, listen_pid: Option<&str>, listen_fds: Option<&str>) -> Option<RawFd> {
    if listen_pid? != pid {
        return None;
    }
    listen_fds?.parse().ok().filter(|count| (0..=MOST).contains(count))
}

/// Takes what this process was given, and takes the variables out of its environment. A second call gets nothing.
///
/// Call it before there are threads.
#[expect(clippy::disallowed_methods, reason = "what this process was given is not its children's")]
pub fn take() -> Vec<Given> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Vec::new();
    }
    let [pid, fds, names] = NAMES.map(|name| env::var(name).ok());
    for name in NAMES {
        // SAFETY: by contract no other thread runs that could read the environment meanwhile.
        unsafe { env::remove_var(name) };
    }
    let own = std::process::id().to_string();
    let count = promised(&own, pid.as_deref(), fds.as_deref()).unwrap_or(0);
    let names: Vec<&str> = names.as_deref().map(|text| text.split(':').collect()).unwrap_or_default();
    let mut given = Vec::new();
    for (at, number) in (FIRST..FIRST + count).enumerate() {
        // SAFETY: F_SETFD on a number; fails when it is no descriptor.
        if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } != 0 {
            continue;
        }
        // SAFETY: it is open, was promised to this process by whoever started it, and this runs once: nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(number) };
        given.push(Given { fd, name: names.get(at).copied().unwrap_or_default().to_owned() });
    }
    given
}

/// Whether it is a socket that listens.
pub fn is_listening(fd: BorrowedFd<'_>) -> bool {
    getsockopt(&fd, AcceptConn).unwrap_or(false)
}

/// A number that two descriptors share when, and only when, they are the same socket.
///
/// # Errors
/// Never for an open descriptor.
pub fn identity(fd: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(fstat(fd)?.st_ino)
}

/// Tells the service manager (`sd_notify(3)`) lines of `NAME=value`, with descriptors beside them: `FDSTORE=1` keeps them for the next
/// start. `socket` is what `NOTIFY_SOCKET` names: a path, or `@` and an abstract name. It never waits.
///
/// # Errors
/// When it can't be reached or has no room.
pub fn notify_with(socket: &OsStr, text: &str, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(socket)?,
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    let ours = UnixDatagram::unbound()?;
    ours.set_nonblocking(true)?;
    ours.connect_addr(&address)?;
    crate::fd::send(ours.as_fd(), text.as_bytes(), fds).map(drop).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::fork::child_for_test;

    #[test]
    fn only_what_is_promised_to_this_process_is_taken() {
        assert_eq!(promised("7", Some("7"), Some("2")), Some(2));
        assert_eq!(promised("7", Some("8"), Some("2")), None, "for another one");
        assert_eq!(promised("7", None, Some("2")), None);
        assert_eq!(promised("7", Some("7"), None), None);
        for wrong in ["-1", "", "x", "99999", " 1"] {
            assert_eq!(promised("7", Some("7"), Some(wrong)), None, "{wrong}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a child of one thread")]
    fn descriptors_are_taken_with_their_names_and_the_environment_is_clean() {
        let code = child_for_test(|| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let number = std::os::fd::AsRawFd::as_raw_fd(&listener);
            // SAFETY: a child of one thread; 3 and 4 are of no use to it.
            unsafe {
                libc::dup2(number, 3);
                libc::close(4);
                env::set_var("LISTEN_PID", std::process::id().to_string());
                env::set_var("LISTEN_FDS", "2");
                env::set_var("LISTEN_FDNAMES", "web:other");
            }
            let given = take();
            let ok = given.len() == 1
                && given[0].name == "web"
                && is_listening(given[0].fd.as_fd())
                && crate::fd::is_inherited(given[0].fd.as_fd()) == Ok(false)
                && NAMES.iter().all(|name| env::var_os(name).is_none())
                && take().is_empty();
            std::mem::forget((given, listener));
            u8::from(!ok)
        });
        assert_eq!(code, 0);
    }

    #[test]
    fn copies_are_the_same_socket_and_another_one_is_not() {
        let one = TcpListener::bind("127.0.0.1:0").expect("a port");
        let other = TcpListener::bind("127.0.0.1:0").expect("a port");
        let copy = one.try_clone().expect("a copy");
        let of = |listener: &TcpListener| identity(listener.as_fd()).expect("open");
        assert_eq!(of(&one), of(&copy));
        assert_ne!(of(&one), of(&other));
        let client = std::net::TcpStream::connect(one.local_addr().expect("bound")).expect("connected");
        assert!(is_listening(one.as_fd()) && !is_listening(client.as_fd()));
    }

    #[test]
    fn descriptors_go_beside_a_notification() {
        let path = env::temp_dir().join(format!("portcullis-store-{}", std::process::id()));
        let manager = UnixDatagram::bind(&path).expect("a socket");
        let kept = TcpListener::bind("127.0.0.1:0").expect("a port");
        notify_with(path.as_os_str(), "FDSTORE=1\nFDNAME=x\n", &[kept.as_fd()]).expect("sent");
        let mut text = [0; 64];
        let received = crate::fd::receive(manager.as_fd(), &mut text).expect("received");
        assert_eq!(&text[..received.length], b"FDSTORE=1\nFDNAME=x\n");
        let again = identity(received.fds[0].as_fd()).expect("open");
        assert_eq!(again, identity(kept.as_fd()).expect("open"));
        std::fs::remove_file(&path).expect("removed");
    }

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
            notify_with(&socket, "READY=1\n", &[]).expect("sent");
            let mut buffer = [0; 32];
            let length = receiver.recv(&mut buffer).expect("received");
            assert_eq!(&buffer[..length], b"READY=1\n");
        }
        std::fs::remove_file(&path).expect("removed");
        assert!(notify_with(OsStr::new("vsock:1"), "x", &[]).is_err());
    }
}
