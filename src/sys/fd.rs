//! Descriptors: those a process starts with, and bytes with descriptors beside them.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

/// Most descriptors that [`receive`] takes beside one message.
pub const FDS_MAX: usize = 16;
/// Most that Linux passes beside one message (`unix(7)`).
const SCM_MAX_FD: usize = 253;

/// What [`receive`] got.
#[derive(Debug)]
pub struct Received {
    /// Bytes written to the buffer; 0 at the end of a stream or sequence.
    pub length: usize,
    /// Descriptors beside them, close-on-exec.
    pub fds: Vec<OwnedFd>,
    /// Bytes or descriptors were cut off.
    pub truncated: bool,
}

/// Sends bytes in one message with descriptors beside them; never raises `SIGPIPE`.
///
/// # Errors
/// The kernel's error; nothing was sent then.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<usize, Errno> {
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let beside: &[ControlMessage<'_>] = if raw.is_empty() { &[] } else { &rights };
    loop {
        match sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(bytes)], beside, MsgFlags::MSG_NOSIGNAL, None)
        {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

/// Receives one message with at most [`FDS_MAX`] descriptors beside it.
///
/// When the other end closed without having read everything, Linux says `ECONNRESET` once before it hands out what that end
/// had sent: its last words. That error is passed over; after the last message comes the end.
///
/// # Errors
/// The kernel's error.
pub fn receive(socket: BorrowedFd<'_>, into: &mut [u8]) -> Result<Received, Errno> {
    // Room for all that the kernel ever passes beside one message: those that found no room would stay open here for ever,
    // since nobody is told their numbers.
    let mut space = nix::cmsg_space!([RawFd; SCM_MAX_FD]);
    let mut slices = [IoSliceMut::new(into)];
    let mut was_reset = false;
    let message = loop {
        match recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC) {
            Err(Errno::EINTR) => {}
            Err(Errno::ECONNRESET) if !std::mem::replace(&mut was_reset, true) => {}
            other => break other?,
        }
    };
    let mut fds = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = control {
            // SAFETY: the kernel has just installed these descriptors for us in this very call; nobody else owns them.
            fds.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    let truncated =
        message.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC) || fds.len() > FDS_MAX;
    Ok(Received { length: message.bytes, fds, truncated })
}

/// The descriptors this process was started with, from 3 to `highest`, close-on-exec from now on; all above are closed.
/// Place 0 of the answer is descriptor 3. A second call gets none: they have an owner by then.
///
/// Call it first in `main`, before anything is opened: it takes what has these numbers for inherited.
///
/// # Errors
/// The kernel's, e.g. when it has no `close_range` (before Linux 5.9); nothing may go on then.
pub fn take_inherited(highest: RawFd) -> Result<Vec<Option<OwnedFd>>, Errno> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Ok((3..=highest).map(|_| None).collect());
    }
    let above = libc::c_uint::try_from(highest + 1).map_err(|_| Errno::EINVAL)?;
    // SAFETY: numbers only. By contract nothing in this process has opened a descriptor yet, so no owner loses one.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, above, libc::c_uint::MAX, 0) })?;
    let mut found = Vec::new();
    for number in 3..=highest {
        // SAFETY: F_SETFD on a number; fails when it is no descriptor.
        let open = unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } == 0;
        // SAFETY: it is open, was inherited by contract, and this runs once: nobody else owns it.
        found.push(open.then(|| unsafe { OwnedFd::from_raw_fd(number) }));
    }
    Ok(found)
}

/// A pipe: its reading and its writing end, close-on-exec, blocking.
///
/// # Errors
/// When there are no descriptors left.
pub fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC)
}

/// Makes reads and writes return at once. It is a property of what is open, shared with every copy of the descriptor.
///
/// # Errors
/// Never in practice.
pub fn set_nonblocking(fd: BorrowedFd<'_>, yes: bool) -> Result<(), Errno> {
    let mut flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    flags.set(OFlag::O_NONBLOCK, yes);
    fcntl(fd, FcntlArg::F_SETFL(flags)).map(drop)
}

/// Whether a program that is started gets this descriptor without being given it.
///
/// # Errors
/// Never in practice.
pub fn is_inherited(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(!FdFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFD)?).contains(FdFlag::FD_CLOEXEC))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fork::child_for_test;
    use std::os::fd::AsFd;

    #[test]
    fn last_words_are_heard_though_not_everything_was_read() {
        use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).expect("a pair");
        send(a.as_fd(), b"last words", &[]).expect("sent");
        send(b.as_fd(), b"unread", &[]).expect("sent");
        drop(a);
        let mut buffer = [0; 32];
        assert_eq!(receive(b.as_fd(), &mut buffer).expect("a message").length, 10);
        assert_eq!(receive(b.as_fd(), &mut buffer).expect("the end").length, 0);
    }

    #[test]
    fn a_message_with_too_many_descriptors_leaves_none_behind() {
        use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
        let code = child_for_test(|| {
            let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
                .expect("a pair");
            // SAFETY: F_GETFD only asks whether a number is a descriptor.
            let open = || (0..1000).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0).count();
            let before = open();
            send(a.as_fd(), b"x", &vec![a.as_fd(); 100]).expect("sent");
            let truncated = receive(b.as_fd(), &mut [0; 8]).is_ok_and(|received| received.truncated);
            u8::from(!truncated) + 2 * u8::from(open() != before)
        });
        assert_eq!(code, 0);
    }

    #[test]
    fn inherited_descriptors_are_taken_once_and_the_rest_closed() {
        let code = child_for_test(|| {
            let (a, _b) = pipe().expect("a pipe");
            let high = fcntl(a.as_fd(), FcntlArg::F_DUPFD(200)).expect("a copy");
            // SAFETY: dup2 onto 3 in a child that has no other use for the number.
            unsafe { libc::dup2(a.as_raw_fd(), 3) };
            let taken = take_inherited(4).expect("taken");
            let again = take_inherited(4).expect("taken");
            // SAFETY: only asks.
            let closed = unsafe { libc::fcntl(high, libc::F_GETFD) } < 0;
            let own = taken[0].as_ref().is_some_and(|fd| !is_inherited(fd.as_fd()).expect("open"));
            let none = again.iter().all(Option::is_none);
            std::mem::forget((a, _b, taken)); // the numbers were closed or taken over under them
            u8::from(!(own && closed && none))
        });
        assert_eq!(code, 0);
    }
}
