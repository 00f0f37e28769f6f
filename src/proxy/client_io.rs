//! The client's socket, plain or TLS, as one type; notes what the connection is doing as bytes pass.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::conn::State;
use crate::gauges::Gauges;

/// Plain or TLS. The TLS state is large, so it is boxed: once a connection.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A client's socket.
#[derive(Debug)]
pub(crate) struct ClientIo {
    socket: Socket,
    state: Arc<State>,
    gauges: Arc<Gauges>,
    /// HTTP/2, whose requests are not told apart here.
    mixed: bool,
}

impl ClientIo {
    pub(crate) fn new(socket: Socket, state: Arc<State>, gauges: Arc<Gauges>, mixed: bool) -> Self {
        Self { socket, state, gauges, mixed }
    }

    fn wrote(&self, polled: &Poll<io::Result<usize>>) {
        self.state.wrote(polled.is_pending());
        if let Poll::Ready(Ok(bytes)) = polled {
            self.gauges.count_sent(*bytes);
        }
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = match &mut this.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Socket::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        };
        this.gauges.count_received(buf.filled().len().saturating_sub(before));
        match polled {
            Poll::Ready(Ok(())) if buf.filled().len() == before => this.state.eof.store(true, Relaxed),
            Poll::Ready(Ok(())) if this.mixed => this.state.came_mixed(),
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => this.state.eof.store(true, Relaxed),
            Poll::Pending => {}
        }
        polled
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = match &mut this.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Socket::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        };
        this.wrote(&polled);
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = match &mut this.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Socket::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        };
        this.wrote(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.socket {
            Socket::Plain(_) => Poll::Ready(Ok(())),
            Socket::Tls(tls) => {
                let polled = Pin::new(tls).poll_flush(cx);
                this.state.wrote(polled.is_pending());
                polled
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Socket::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
