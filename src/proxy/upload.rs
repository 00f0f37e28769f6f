//! The body of a request on its way to a session.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use crate::incoming::{Incoming, IncomingError};

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
    /// Passed on as it comes, each piece looked at before.
    Watched(Box<Watched>),
}

/// What a piece waits for.
type Answer = Pin<Box<dyn Future<Output = bool>>>;

/// What becomes of a piece of a watched body.
pub enum Watch {
    /// It goes on.
    Pass,
    /// It waits for this answer; `false` ends the body as [`Watch::Stop`] does.
    Wait(Answer),
    /// Neither it nor anything after it goes on.
    Stop,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "Pass",
            Self::Wait(_) => "Wait",
            Self::Stop => "Stop",
        })
    }
}

/// Looks at each piece of a body, in order, before it goes on; at `None` when the body is over.
///
/// Stopping at the end keeps nothing back: it only has the exchange fail.
pub type Watcher = Box<dyn FnMut(Option<&[u8]>) -> Watch>;

/// A body that is looked at.
pub struct Watched {
    body: Incoming,
    watcher: Watcher,
    held: Option<(Bytes, Answer)>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

/// Why a watched body gave nothing more.
#[derive(Debug)]
pub(crate) enum WatchedError {
    Client(IncomingError),
    Stopped,
}

impl Upload {
    /// A body to be passed on as it comes, looked at by `watcher`.
    pub fn watched(body: Incoming, watcher: Watcher) -> Self {
        Self::Watched(Box::new(Watched { body, watcher, held: None }))
    }
}

impl Watched {
    pub(crate) fn size(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// The next piece that may go on.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, WatchedError>>> {
        loop {
            if let Some((piece, answer)) = &mut self.held {
                let good = std::task::ready!(answer.as_mut().poll(cx));
                let piece = std::mem::take(piece);
                self.held = None;
                return Poll::Ready(Some(if good { Ok(piece) } else { Err(WatchedError::Stopped) }));
            }
            let piece = match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => {
                    let over = (self.watcher)(None);
                    return Poll::Ready(matches!(over, Watch::Stop).then_some(Err(WatchedError::Stopped)));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(WatchedError::Client(error)))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => data,
                    _ => continue,
                },
            };
            match (self.watcher)(Some(&piece)) {
                Watch::Pass => return Poll::Ready(Some(Ok(piece))),
                Watch::Wait(answer) => self.held = Some((piece, answer)),
                Watch::Stop => return Poll::Ready(Some(Err(WatchedError::Stopped))),
            }
        }
    }
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
    Broken(#[source] IncomingError),
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
