//! The end of a connection: what is still said, and how it is closed so that the last answer arrives.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client_io::ClientIo;

/// Read at once and dropped.
const SINK: usize = 8192;

/// Tells a client whose head did not come in time. It may have gone: no waiting.
pub(super) async fn say_timeout(io: &mut ClientIo) {
    const TIMEOUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let write = async {
        io.write_all(TIMEOUT).await?;
        io.flush().await
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), write).await;
}

/// Reads and drops what the client still sends, so that closing does not destroy the answer on its way
/// (a socket closed with unread bytes resets the connection). At most 2 s without a byte, 10 s in all.
pub(super) async fn linger(mut io: ClientIo) {
    let drain = async {
        if io.shutdown().await.is_err() {
            return;
        }
        let mut sink = vec![0; SINK];
        let pause = Duration::from_secs(2);
        while let Ok(Ok(1..)) = tokio::time::timeout(pause, io.read(&mut sink)).await {}
    };
    let _ = tokio::time::timeout(Duration::from_secs(10), drain).await;
}
