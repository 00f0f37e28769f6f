//! One end of a channel: send and receive whole messages with descriptors beside them.
//!
//! Blocking or not is the descriptor's own mode; a caller that polls sets `O_NONBLOCK` and treats
//! [`WireError::WouldBlock`] as "later". The server wraps the descriptor in its runtime's `AsyncFd`.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use portcullis_sys::fd;
use portcullis_sys::socket::connect_seqpacket;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use zeroize::Zeroize as _;

use crate::{FDS_MAX, MESSAGE_MAX, Message};

/// Why a message was not sent or taken.
#[derive(Debug, Error)]
pub enum WireError {
    /// The other end is gone.
    #[error("the other end closed the channel")]
    Closed,
    /// Nothing to read, or no room to write, at the moment.
    #[error("the channel is not ready")]
    WouldBlock,
    /// Larger than [`MESSAGE_MAX`], or more descriptors than [`FDS_MAX`].
    #[error("the message is larger than {MESSAGE_MAX} bytes or has more than {FDS_MAX} descriptors")]
    TooLarge,
    /// Not a message of this protocol and version.
    #[error("the message is malformed or of another version")]
    Malformed,
    /// The kernel refused.
    #[error("the channel failed")]
    System(#[source] Errno),
}

impl From<Errno> for WireError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::EAGAIN => Self::WouldBlock,
            Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN => Self::Closed,
            Errno::EMSGSIZE => Self::TooLarge,
            other => Self::System(other),
        }
    }
}

/// One end of a channel.
#[derive(Debug)]
pub struct Channel(OwnedFd);

impl Channel {
    /// Two connected ends, both close-on-exec and blocking.
    ///
    /// # Errors
    /// When the kernel has no descriptors left.
    pub fn pair() -> Result<(Self, Self), WireError> {
        let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        Ok((Self(a), Self(b)))
    }

    /// Connects to a `SOCK_SEQPACKET` socket; blocking. `ENOENT` and `ECONNREFUSED` say that nobody listens, `EACCES` that it is
    /// not for the caller.
    ///
    /// # Errors
    /// The kernel's.
    pub fn connect(path: &Path) -> Result<Self, WireError> {
        let channel = Self(connect_seqpacket(path).map_err(WireError::System)?);
        channel.set_nonblocking(false)?;
        Ok(channel)
    }

    /// Takes over a connected `SOCK_SEQPACKET` descriptor.
    pub const fn from_fd(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Makes it blocking or not.
    ///
    /// # Errors
    /// Never in practice.
    pub fn set_nonblocking(&self, yes: bool) -> Result<(), WireError> {
        Ok(fd::set_nonblocking(self.0.as_fd(), yes)?)
    }

    /// Takes over descriptor 3, which a child of the launcher was started with, and closes all above it. Call it first in
    /// `main`; `None` when there is none or it was taken before.
    ///
    /// # Errors
    /// When the kernel can't close the others.
    pub fn inherited() -> Result<Option<Self>, WireError> {
        Ok(fd::take_inherited(3)?.into_iter().next().flatten().map(Self))
    }

    /// Gives the descriptor back.
    pub fn into_fd(self) -> OwnedFd {
        self.0
    }

    /// Sends one message with descriptors beside it.
    ///
    /// # Errors
    /// See [`WireError`]; nothing was sent then.
    pub fn send<T: Message + Serialize>(&self, message: &T, fds: &[BorrowedFd<'_>]) -> Result<(), WireError> {
        if fds.len() > FDS_MAX {
            return Err(WireError::TooLarge);
        }
        // Zeroizing and of fixed size: a message may carry a password, and a growing buffer would leave copies behind.
        let mut buffer = Buffer::new();
        buffer.bytes[0] = T::VERSION;
        let body = postcard::to_slice(message, &mut buffer.bytes[1..]).map_err(|error| match error {
            postcard::Error::SerializeBufferFull => WireError::TooLarge,
            _ => WireError::Malformed,
        })?;
        let length = body.len() + 1;
        buffer.used = length;
        fd::send(self.0.as_fd(), &buffer.bytes[..length], fds)?;
        Ok(())
    }

    /// Takes one message and the descriptors beside it (close-on-exec).
    ///
    /// # Errors
    /// [`WireError::Closed`] at the end; [`WireError::Malformed`] when it is none of ours: the caller ends the channel then.
    pub fn receive<T: Message + DeserializeOwned>(&self) -> Result<(T, Vec<OwnedFd>), WireError> {
        let mut buffer = Buffer::new();
        let received = fd::receive(self.0.as_fd(), &mut buffer.bytes)?;
        buffer.used = received.length;
        if received.length == 0 {
            return Err(WireError::Closed);
        }
        if received.truncated {
            return Err(WireError::TooLarge);
        }
        match buffer.bytes[..received.length].split_first() {
            Some((version, body)) if *version == T::VERSION => match postcard::take_from_bytes(body) {
                Ok((message, [])) => Ok((message, received.fds)),
                _ => Err(WireError::Malformed),
            },
            _ => Err(WireError::Malformed),
        }
    }
}

/// Room for one message. What a message filled is wiped afterwards; wiping all of it would cost more than the message.
struct Buffer {
    bytes: Vec<u8>,
    /// Bytes to wipe: all of them until it is known how many were written.
    used: usize,
}

impl Buffer {
    fn new() -> Self {
        Self { bytes: vec![0; MESSAGE_MAX], used: MESSAGE_MAX }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let used = self.used.min(self.bytes.len());
        self.bytes[..used].zeroize();
    }
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::SESSION;
    use crate::{Ask, Order};

    #[test]
    fn a_message_arrives_whole_with_its_descriptors() {
        let (a, b) = Channel::pair().expect("a pair");
        let (extra, _other) = Channel::pair().expect("a pair");
        a.send(&Ask::Resolve { paths: vec!["/x".into()] }, &[extra.as_fd()]).expect("sent");
        let (ask, fds) = b.receive::<Ask>().expect("received");
        assert!(matches!(ask, Ask::Resolve { paths } if paths == ["/x"]));
        assert_eq!(fds.len(), 1);
        drop(a);
        assert!(matches!(b.receive::<Ask>(), Err(WireError::Closed)));
    }

    #[test]
    fn large_foreign_and_trailing_bytes_are_refused() {
        let (a, b) = Channel::pair().expect("a pair");
        let huge = Ask::Resolve { paths: vec!["x".repeat(MESSAGE_MAX)] };
        assert!(matches!(a.send(&huge, &[]), Err(WireError::TooLarge)));
        for bad in [&[SESSION + 1, 0][..], &[SESSION], &[SESSION, 0, 0], &[SESSION, 250]] {
            fd::send(a.as_fd(), bad, &[]).expect("sent");
            assert!(matches!(b.receive::<Order>(), Err(WireError::Malformed)), "{bad:?}");
        }
    }
}
