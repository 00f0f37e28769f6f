//! A Unix socket as an IDE's event loop has it (asyncio, libuv): told of what can be read, of room to write only once there was none.
//!
//! tokio's own socket asks for both at once. Then every read at the other end wakes this process for nothing, at the cost of the reader:
//! a proxy in front would be measured with a cost that no IDE causes.

#![expect(
    deprecated,
    reason = "what replaces it is unsafe; these own their descriptors, so it stays open while registered"
)]

use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// The socket.
#[derive(Debug)]
pub(crate) struct Socket {
    readable: AsyncFd<UnixStream>,
    /// A second descriptor of it, from the first time that there was no room.
    writable: Option<AsyncFd<OwnedFd>>,
}

impl Socket {
    /// Of a connection.
    pub(crate) fn new(stream: tokio::net::UnixStream) -> io::Result<Self> {
        let readable = AsyncFd::with_interest(stream.into_std()?, Interest::READABLE)?;
        Ok(Self { readable, writable: None })
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.readable.poll_read_ready(cx))?;
            let read = guard.try_io(|socket| socket.get_ref().read(buf.initialize_unfilled()));
            match read {
                Ok(Ok(n)) => {
                    // A short read emptied it: asking again would be told so.
                    if n > 0 && n < buf.remaining() {
                        guard.clear_ready();
                    }
                    buf.advance(n);
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_) => {}
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.readable.get_ref().write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
            if self.writable.is_none() {
                let second: OwnedFd = self.readable.get_ref().try_clone()?.into();
                self.writable = Some(AsyncFd::with_interest(second, Interest::WRITABLE)?);
            }
            let writable = self.writable.as_ref().expect("made above");
            // Room that was seen before the write is none.
            ready!(writable.poll_write_ready(cx))?.clear_ready();
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.readable.get_ref().shutdown(std::net::Shutdown::Write))
    }
}
