//! What can go wrong between taking a request and having its answer, and whose fault it is.
//!
//! Only kinds and causes: the caller turns them into pages and statuses.

use std::io;
use std::time::Duration;

use crate::cut::Reason;
use crate::incoming::IncomingError;

/// Whose fault it is; decides between a 4xx, a 502/504 and a 500, and the log level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The browser's side: it sent nonsense, too much, or went away.
    Client,
    /// The session's side: it is not there, or answers nonsense.
    Session,
    /// Neither: we ended it on purpose, or lack something.
    Ours,
}

/// Why there is no answer to hand on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// The upstream was closed by [`Upstream::close`](crate::Upstream::close).
    #[error("the session has ended")]
    Closed,
    /// A [`Cut`](crate::Cut) was pulled.
    #[error("ended on purpose ({0:?})")]
    Cut(Reason),
    /// The connector failed.
    #[error("cannot connect to the session")]
    Connect(#[source] io::Error),
    /// The connector took too long.
    #[error("connecting to the session took longer than {0:?}")]
    ConnectTimeout(Duration),
    /// The connection broke before the answer's head was complete.
    #[error("the session closed the connection before it answered")]
    Broken(#[source] io::Error),
    /// No answer within the limit.
    #[error("the session did not answer within {0:?}")]
    AnswerTimeout(Duration),
    /// The answer breaks HTTP; names what is wrong.
    #[error("the session's answer is not valid HTTP: {0}")]
    BadAnswer(&'static str),
    /// The request's body is longer than allowed.
    #[error("the request's body is longer than {limit} bytes")]
    TooLarge {
        /// The limit it passed.
        limit: u64,
    },
    /// The request's body could not be read to its end.
    #[error("the request's body broke off")]
    Upload(#[source] IncomingError),
    /// Whoever looked at the request's body ended it.
    #[error("the request's body was not let through")]
    Stopped,
    /// The client stopped sending its body.
    #[error("the client sent nothing of its body for {0:?}")]
    UploadStalled(Duration),
    /// The request is not a WebSocket handshake that may be passed on; names what is wrong.
    #[error("not a valid websocket handshake: {0}")]
    Handshake(&'static str),
}

impl ForwardError {
    /// Whose fault it is.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Closed | Self::Cut(_) | Self::Stopped => Blame::Ours,
            Self::Connect(_)
            | Self::ConnectTimeout(_)
            | Self::Broken(_)
            | Self::AnswerTimeout(_)
            | Self::BadAnswer(_) => Blame::Session,
            Self::TooLarge { .. } | Self::Upload(_) | Self::UploadStalled(_) | Self::Handshake(_) => {
                Blame::Client
            }
        }
    }
}
