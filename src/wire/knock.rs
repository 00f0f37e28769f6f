//! How a server that outlived its launcher comes back: what it says at the next one's door, `server.sock` in the run directory.
//!
//! These bytes never change, whatever the version of the protocol behind them: a server of another version hands its listening
//! sockets over all the same, so that nobody's connection is refused, and is told that it isn't let in.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use portcullis_sys::fd;

use crate::launcher::Carried;
use crate::{Channel, WireError};

/// Where the launcher listens for servers that come back.
pub fn socket_path(run_dir: &Path) -> PathBuf {
    run_dir.join("server.sock")
}

const MAGIC: &[u8; 8] = b"pcknock\x01";
const LENGTH: usize = MAGIC.len() + 3 + 3 * 4;

/// A server's first words. Its listening sockets come beside: the main ones, then those that redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Knock {
    /// Of its protocol ([`versions::SERVER`](crate::versions::SERVER)).
    pub version: u8,
    /// How many of the descriptors are main listeners. None: it accepts no more.
    pub mains: u8,
    /// Whether it was told to finish.
    pub draining: bool,
    /// What hangs on it.
    pub carried: Carried,
}

impl Knock {
    /// Says it.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn send(&self, door: &Channel, listeners: &[BorrowedFd<'_>]) -> Result<(), WireError> {
        fd::send(door.as_fd(), &self.bytes(), listeners)?;
        Ok(())
    }

    /// Hears one.
    ///
    /// # Errors
    /// [`WireError::Malformed`] when it is none.
    pub fn receive(door: &Channel) -> Result<(Self, Vec<OwnedFd>), WireError> {
        let mut bytes = [0; LENGTH + 1];
        let received = fd::receive(door.as_fd(), &mut bytes)?;
        if received.length == 0 {
            return Err(WireError::Closed);
        }
        let knock = bytes.get(..received.length).and_then(Self::of).filter(|_| !received.truncated);
        Ok((knock.ok_or(WireError::Malformed)?, received.fds))
    }

    fn bytes(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..11].copy_from_slice(&[self.version, self.mains, u8::from(self.draining)]);
        let Carried { connections, websockets, busy } = self.carried;
        for (at, number) in [connections, websockets, busy].into_iter().enumerate() {
            bytes[11 + at * 4..15 + at * 4].copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        if bytes[..8] != *MAGIC || bytes[10] > 1 {
            return None;
        }
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let carried = Carried { connections: number(11), websockets: number(15), busy: number(19) };
        Some(Self { version: bytes[8], mains: bytes[9], draining: bytes[10] == 1, carried })
    }
}

/// The answer at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Let {
    /// Come in: [`ToServer`](crate::ToServer) follows, from the configuration on to what lives.
    In,
    /// Another version: end what hangs on you, for what is revoked can't reach it any more.
    OtherVersion,
}

impl Let {
    /// Says it.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn send(self, server: &Channel) -> Result<(), WireError> {
        fd::send(server.as_fd(), &[u8::from(self == Self::In)], &[])?;
        Ok(())
    }

    /// Hears it.
    ///
    /// # Errors
    /// [`WireError::Closed`] when this is no server that the launcher knows.
    pub fn receive(door: &Channel) -> Result<Self, WireError> {
        let mut bytes = [0; 2];
        let received = fd::receive(door.as_fd(), &mut bytes)?;
        match bytes.get(..received.length) {
            Some([1]) => Ok(Self::In),
            Some([0]) => Ok(Self::OtherVersion),
            Some([]) => Err(WireError::Closed),
            _ => Err(WireError::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_knock_never_changes() {
        let knock = Knock {
            version: 2,
            mains: 3,
            draining: true,
            carried: Carried { connections: 1, websockets: 2, busy: 0x0403_0201 },
        };
        let bytes = knock.bytes();
        assert_eq!(bytes, *b"pcknock\x01\x02\x03\x01\x01\0\0\0\x02\0\0\0\x01\x02\x03\x04");
        assert_eq!(Knock::of(&bytes), Some(knock));
    }

    #[test]
    fn what_is_no_knock_is_refused_and_its_descriptors_are_closed() {
        let (a, b) = Channel::pair().expect("a pair");
        for bad in [&b"x"[..], &[0; LENGTH], &[0; LENGTH + 9]] {
            fd::send(a.as_fd(), bad, &[a.as_fd()]).expect("sent");
            assert!(matches!(Knock::receive(&b), Err(WireError::Malformed)));
        }
        Let::In.send(&a).expect("sent");
        Let::OtherVersion.send(&a).expect("sent");
        assert_eq!(Let::receive(&b).expect("an answer"), Let::In);
        assert_eq!(Let::receive(&b).expect("an answer"), Let::OtherVersion);
        drop(a);
        assert!(matches!(Let::receive(&b), Err(WireError::Closed)));
    }
}
