//! The body of a request on its way to a session.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// What is sent as the request's body.
#[derive(Debug, Default)]
pub enum Upload {
    /// None.
    #[default]
    Empty,
    /// Already read (and judged).
    Full(Bytes),
    /// Passed on as it comes.
    Stream(Incoming),
}

impl From<Incoming> for Upload {
    fn from(body: Incoming) -> Self {
        if body.is_end_stream() { Self::Empty } else { Self::Stream(body) }
    }
}

impl From<Bytes> for Upload {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Full(bytes) }
    }
}

/// Why a body could not be read whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// Longer than allowed.
    #[error("the request's body is longer than {limit} bytes")]
    TooLarge {
        /// The limit it passed.
        limit: u64,
    },
    /// It broke off.
    #[error("the request's body broke off")]
    Broken(#[source] hyper::Error),
    /// It took too long.
    #[error("the request's body did not come within {0:?}")]
    Slow(Duration),
}

/// Reads a body whole, for judging it or for our own forms; never more than `limit` bytes, never longer than
/// `within`.
pub async fn collect(body: Incoming, limit: u64, within: Duration) -> Result<Bytes, CollectError> {
    let whole = tokio::time::timeout(within, read_whole(body, limit)).await;
    whole.unwrap_or(Err(CollectError::Slow(within)))
}

async fn read_whole(mut body: Incoming, limit: u64) -> Result<Bytes, CollectError> {
    if body.size_hint().lower() > limit {
        return Err(CollectError::TooLarge { limit });
    }
    let mut whole = BytesMut::new();
    let mut only = Bytes::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(CollectError::Broken)?.into_data() else { continue };
        let sum = whole.len().saturating_add(only.len()).saturating_add(data.len());
        if u64::try_from(sum).unwrap_or(u64::MAX) > limit {
            return Err(CollectError::TooLarge { limit });
        }
        // One frame, the common case, is passed on without copying.
        if whole.is_empty() && only.is_empty() {
            only = data;
        } else {
            if !only.is_empty() {
                whole.extend_from_slice(&std::mem::take(&mut only));
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(if only.is_empty() { whole.freeze() } else { only })
}
