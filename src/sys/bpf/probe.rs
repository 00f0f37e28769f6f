//! Whether rules can be had on this machine, and whether those of this process hold: by trying.
//!
//! A kernel may take the programs and not ask them (control groups of version 1 that count packets switched them off before
//! 5.15), so what is said here was seen. Called by the launcher at its start, by `portcullis doctor`, and by the session process
//! before its IDE starts.

use std::ffi::CString;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, socket};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::ForkResult;

use super::{BpfError, Destination, Rules, attach, telling};
use crate::cgroup::{Hierarchies, Quota};

/// What this machine can do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Rules can be put on a group, and hold.
    pub rules: bool,
    /// So can the one on neighbours, and what is refused can be told (kernels from 5.8).
    pub neighbours: bool,
    /// Why not all of it.
    pub why: Option<String>,
}

/// The discard port: nobody listens, and a datagram socket that is connected to it sends nothing.
const DISCARD: u16 = 9;
/// An address for documentation (RFC 5737).
const NOWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Makes a group below our own, puts rules on it, tries a connection from inside, and removes it.
pub fn probe() -> Abilities {
    // Not by the number of this process: another of the same number may try at the same time, in a namespace of its own.
    let random = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default();
    let name = format!("probe-{}-{}", std::process::id(), random.trim());
    let made = Hierarchies::find().make(0, &name, &Quota::default(), &Quota::default());
    let group = match made {
        Ok(group) => group,
        Err(error) => return Abilities { why: Some(chain(&error)), ..Abilities::default() },
    };
    let found = match group.unified() {
        Some(path) => tried(path),
        None => Abilities {
            why: Some("no control groups of version 2 are mounted and writable".into()),
            ..Abilities::default()
        },
    };
    // An empty group that stays is in nobody's way; its name is used again by nobody.
    let _ = group.remove();
    found
}

fn tried(group: &Path) -> Abilities {
    let target = Destination { address: NOWHERE.into(), prefix: 32, ports: None };
    let rules = Rules { refused: vec![target], neighbours: true, ..Rules::default() };
    let found = |neighbours| match refuses_inside(group) {
        Ok(true) => Abilities { rules: true, neighbours, why: None },
        Ok(false) => Abilities { why: Some(chain(&BpfError::Idle)), ..Abilities::default() },
        Err(errno) => Abilities { why: Some(errno.to_string()), ..Abilities::default() },
    };
    let whole = telling().and_then(|ring| attach(group, &rules, Some(ring.as_fd())));
    match whole {
        Ok(()) => found(true),
        Err(first) => match attach(group, &Rules { neighbours: false, ..rules }, None) {
            Ok(()) => Abilities { why: Some(chain(&first)), ..found(false) },
            Err(error) => Abilities { why: Some(chain(&error)), ..Abilities::default() },
        },
    }
}

/// Whether a child in the group is refused the connection.
fn refuses_inside(group: &Path) -> Result<bool, Errno> {
    let path = CString::new(group.join("cgroup.procs").as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let address = SockaddrStorage::from(SocketAddr::from((NOWHERE, DISCARD)));
    // SAFETY: the child makes system calls only, on memory made ready before the fork, and leaves by `_exit`.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Child => {
            let status = inside(&path, &address);
            // SAFETY: ends the process; takes a number and does not return.
            unsafe { libc::_exit(status) }
        }
        ForkResult::Parent { child } => loop {
            match waitpid(child, None) {
                Ok(WaitStatus::Exited(_, 0)) => return Ok(false),
                Ok(WaitStatus::Exited(_, number)) if number == Errno::EPERM as i32 => return Ok(true),
                Ok(WaitStatus::Exited(_, number)) => return Err(Errno::from_raw(number)),
                Ok(_) => return Err(Errno::ECHILD),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        },
    }
}

/// In the child: 0 when the connection could be made, else an error's number.
fn inside(procs: &CString, address: &SockaddrStorage) -> i32 {
    use nix::sys::socket::SockaddrLike;
    // SAFETY: a path that ends with a zero, one byte of a static text, an address with its length.
    unsafe {
        let file = libc::open(procs.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file < 0 || libc::write(file, c"0".as_ptr().cast(), 1) != 1 {
            return libc::EACCES;
        }
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if libc::connect(socket, address.as_ptr(), address.len()) == 0 { 0 } else { Errno::last_raw() }
    }
}

/// Whether this process may not connect to an address, by rules on its group. Nothing is sent; where there is no route, or no such
/// protocol, nothing refuses it either.
pub fn refuses(to: SocketAddr) -> bool {
    let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let Ok(socket) = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None) else { return false };
    connect(socket.as_raw_fd(), &SockaddrStorage::from(to)) == Err(Errno::EPERM)
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
