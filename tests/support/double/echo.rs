//! WebSockets that send back what they get: text and binary as they came, ping as pong, close as close.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream};

/// No test sends more in one frame.
const FRAME_MAX: u64 = 16 * 1024 * 1024;

/// Answers 101 and echoes.
pub(crate) fn accept(mut request: Request<Incoming>) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let mut answer = Response::new(Empty::new().boxed_unsync());
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) else {
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        return answer;
    };
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    let first =
        |value: &HeaderValue| value.to_str().ok()?.split(',').next().map(|name| name.trim().to_owned());
    if let Some(Ok(protocol)) = request
        .headers()
        .get(header::SEC_WEBSOCKET_PROTOCOL)
        .and_then(first)
        .map(|name| HeaderValue::from_str(&name))
    {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    tokio::task::spawn_local(async move {
        if let Ok(upgraded) = hyper::upgrade::on(&mut request).await {
            // A peer that goes away in the middle is the peer's business.
            let _ = echo(BufStream::new(TokioIo::new(upgraded))).await;
        }
    });
    answer
}

async fn echo<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    mut stream: BufStream<S>,
) -> std::io::Result<()> {
    let mut payload = Vec::new();
    loop {
        let (first, second) = (stream.read_u8().await?, stream.read_u8().await?);
        let length = match second & 0x7f {
            126 => u64::from(stream.read_u16().await?),
            127 => stream.read_u64().await?,
            short => u64::from(short),
        };
        if second & 0x80 == 0 || length > FRAME_MAX {
            return Err(std::io::Error::other("an unmasked or huge frame"));
        }
        let mut mask = [0; 4];
        stream.read_exact(&mut mask).await?;
        payload.resize(usize::try_from(length).unwrap_or(0), 0);
        stream.read_exact(&mut payload).await?;
        for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= key;
        }
        // Opcode 9 is a ping: it becomes 10, a pong.
        let opcode = if first & 0x0f == 9 { (first & 0xf0) | 10 } else { first };
        stream.write_u8(opcode).await?;
        match length {
            0..=125 => stream.write_u8(second & 0x7f).await?,
            126..=0xffff => {
                stream.write_u8(126).await?;
                stream.write_u16(u16::try_from(length).unwrap_or(0)).await?;
            }
            _ => {
                stream.write_u8(127).await?;
                stream.write_u64(length).await?;
            }
        }
        stream.write_all(&payload).await?;
        stream.flush().await?;
        if first & 0x0f == 8 {
            return Ok(());
        }
    }
}
