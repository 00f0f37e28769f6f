//! A channel on a runtime: whole messages, waited for without a thread. Called by the server's doors and link, and by the identity program.
//!
//! Readiness comes from a second descriptor of the same socket, so that nothing here needs `unsafe`.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use portcullis_wire::{Channel, Let, Message, WireError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// A channel that waits.
#[derive(Debug)]
pub struct Wire {
    channel: Channel,
    ready: UnixStream,
}

impl Wire {
    /// Takes over a channel. Must be called on a runtime.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn new(channel: Channel) -> io::Result<Self> {
        channel.set_nonblocking(true).map_err(io::Error::other)?;
        let second = channel.as_fd().try_clone_to_owned()?;
        let ready = UnixStream::from_std(std::os::unix::net::UnixStream::from(second))?;
        Ok(Self { channel, ready })
    }

    /// The next message with its descriptors. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// As [`Channel::receive`], but for "not now".
    pub async fn receive<T: Message + DeserializeOwned>(&self) -> Result<(T, Vec<OwnedFd>), WireError> {
        self.when(Interest::READABLE, || self.channel.receive()).await
    }

    /// Sends a message; waits for room.
    ///
    /// # Errors
    /// As [`Channel::send`], but for "not now".
    pub async fn send<T: Message + Serialize>(&self, message: &T) -> Result<(), WireError> {
        self.when(Interest::WRITABLE, || self.channel.send(message, &[])).await
    }

    /// Whether a launcher lets this server in.
    ///
    /// # Errors
    /// As [`Let::receive`].
    pub async fn let_in(&self) -> Result<Let, WireError> {
        self.when(Interest::READABLE, || Let::receive(&self.channel)).await
    }

    async fn when<T>(
        &self,
        interest: Interest,
        mut act: impl FnMut() -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        loop {
            self.ready.ready(interest).await.map_err(|_| WireError::Closed)?;
            let tried = self.ready.try_io(interest, || match act() {
                Err(WireError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
                done => Ok(done),
            });
            match tried {
                Ok(done) => return done,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(WireError::Closed),
            }
        }
    }
}
