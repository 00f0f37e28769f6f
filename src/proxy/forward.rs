//! One exchange: the request to the session, its answer back, both bodies streamed.
//!
//! It decides nothing about who may: the caller has edited the request by then. It must not hold bodies.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response};

use crate::body::{Body, Transferred};
use crate::cut::{Cuts, Watch};
use crate::download::{Download, Ended};
use crate::error::ForwardError;
use crate::h1::answer::{self, Answer, Framing, Step};
use crate::h1::link::{FIRST_READ, Link};
use crate::h1::pump::{Pump, PumpError};
use crate::h1::question;
use crate::lines::Lines;
use crate::pool;
use crate::stream::Stream;
use crate::upload::Upload;
use crate::upstream::Upstream;

/// Most interim answers (100, 102, 103) before the final one; more is a flood.
const MOST_INTERIM: u32 = 16;

/// Called once, when both bodies have ended or were given up.
pub type OnEnd = Box<dyn FnOnce(Transferred)>;

/// Sees each piece of a body as it passes, once and in order.
pub type OnPiece = Box<dyn FnMut(&[u8])>;

/// How to forward one request.
pub struct ForwardOptions {
    /// What ends it from afar.
    pub cuts: Cuts,
    /// Header lines that stand for the request's own fields of their names.
    pub lines: Option<Rc<Lines>>,
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
    /// Sees the request's body. As `on_end`: only for transfers.
    pub on_upload: Option<OnPiece>,
    /// Sees the answer's body.
    pub on_download: Option<OnPiece>,
}

impl Default for ForwardOptions {
    fn default() -> Self {
        Self {
            cuts: Cuts::none(),
            lines: None,
            body_limit: None,
            connect_within: Duration::from_secs(10),
            answer_within: None,
            upload_pause: Duration::from_secs(60),
            on_end: None,
            on_upload: None,
            on_download: None,
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

/// Forwards `request` with the body `upload` to `upstream` and returns its answer, the body still to come.
///
/// The request (whose headers are taken, and whose own body isn't looked at) came through [`serve`](crate::serve()) (so its hop-by-hop fields are gone); the caller has
/// edited headers and path in place: they are sent as they stand, with our own framing. `connect` is
/// called when no kept connection can be used, at most once. A kept connection that turns out closed
/// before a byte of the answer came is replaced once, if the request can be sent again: nothing of it was
/// written, or its method is idempotent and its body not lost.
/// Hop-by-hop fields of the answer are removed, its other headers are passed in place.
pub async fn forward<B, C>(
    upstream: &Upstream,
    request: &mut Request<B>,
    upload: Upload,
    options: ForwardOptions,
    connect: C,
) -> Result<Response<Body>, ForwardError>
where
    C: AsyncFnOnce() -> io::Result<Stream>,
{
    let ForwardOptions { cuts, body_limit, connect_within, answer_within, upload_pause, .. } = options;
    let mut ended =
        Ended { sum: Transferred::default(), hook: options.on_end, on_piece: options.on_download };
    check(upstream, &cuts)?;
    let framing = Pump::framing(&upload);
    if let (Some(limit), question::Framing::Length(length)) = (body_limit, framing) {
        if length > limit {
            return Err(ForwardError::TooLarge { limit });
        }
    }
    let mut connect = Some(connect);
    let mut link = match pool::take(upstream) {
        Some(link) => link,
        None => dial(&mut connect, connect_within).await?,
    };
    let mut out = std::mem::take(&mut link.out);
    question::write(&mut out, request, options.lines.as_deref(), framing, false);
    let pump = Pump::new(out, upload, body_limit, upload_pause).seen_by(options.on_upload);
    let mut exchange = Exchange::new(link, pump, cuts, std::mem::take(request.headers_mut()));
    // Requests that came together go out together: a session that is woken for the first finds the others.
    tokio::task::yield_now().await;
    let answer = loop {
        match exchange.answer(request.method(), answer_within, &mut ended).await {
            Ok(answer) => break answer,
            Err(Failure::Stale(_)) if exchange.can_retry(request.method()) && connect.is_some() => {
                exchange.link = dial(&mut connect, connect_within).await?;
                exchange.sending = true;
                exchange.pump.rewind();
            }
            Err(Failure::Stale(error)) => return Err(ForwardError::Broken(error)),
            Err(Failure::Final(error)) => return Err(error),
        }
    };
    Ok(exchange.into_response(answer, upstream, ended))
}

/// Refuses what must not start any more.
pub(crate) fn check(upstream: &Upstream, cuts: &Cuts) -> Result<(), ForwardError> {
    if upstream.is_closed() {
        return Err(ForwardError::Closed);
    }
    cuts.reason().map_or(Ok(()), |reason| Err(ForwardError::Cut(reason)))
}

/// Calls the connector, once, with a deadline.
pub(crate) async fn dial<C>(connect: &mut Option<C>, within: Duration) -> Result<Link, ForwardError>
where
    C: AsyncFnOnce() -> io::Result<Stream>,
{
    let connect = connect.take().expect("a connector is called at most once");
    let connected = tokio::time::timeout(within, connect()).await;
    let stream = connected.map_err(|_| ForwardError::ConnectTimeout(within))?;
    Ok(Link::new(stream.map_err(ForwardError::Connect)?))
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection ended before a byte of the answer.
    Stale(io::Error),
    /// Anything else.
    Final(ForwardError),
}

impl From<ForwardError> for Failure {
    fn from(error: ForwardError) -> Self {
        Self::Final(error)
    }
}

/// A request being sent and its answer's head being read, by one task.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) link: Link,
    pump: Pump,
    watch: Watch,
    pub(crate) headers: HeaderMap,
    searched: usize,
    interim: u32,
    sending: bool,
    /// A 101 is welcome.
    pub(crate) upgrade: bool,
}

impl Exchange {
    /// `headers` is the request's map, written out by now: it becomes the answer's, so that nothing is
    /// allocated.
    pub(crate) fn new(link: Link, pump: Pump, cuts: Cuts, headers: HeaderMap) -> Self {
        let watch = Watch::new(cuts);
        Self { link, pump, watch, headers, searched: 0, interim: 0, sending: true, upgrade: false }
    }

    /// Sends and reads until the final head is there.
    pub(crate) async fn answer(
        &mut self,
        method: &Method,
        within: Option<Duration>,
        ended: &mut Ended,
    ) -> Result<Answer, Failure> {
        let answer = poll_fn(|cx| {
            let polled = self.poll(cx, method);
            ended.sum.up = self.pump.bytes;
            polled
        });
        match within {
            None => answer.await,
            Some(within) => match tokio::time::timeout(within, answer).await {
                Ok(answer) => answer,
                Err(_) => Err(ForwardError::AnswerTimeout(within).into()),
            },
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, method: &Method) -> Poll<Result<Answer, Failure>> {
        // Before a byte goes out: connecting may have taken seconds.
        if let Some(reason) = self.watch.reason() {
            return Poll::Ready(Err(ForwardError::Cut(reason).into()));
        }
        if self.sending {
            match self.pump.poll(cx, &mut self.link.stream) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.sending = false,
                Poll::Ready(Err(PumpError::Session(error))) => {
                    self.sending = false;
                    if !self.pump.touched {
                        return Poll::Ready(Err(Failure::Stale(error)));
                    }
                    // It may have answered before it stopped reading: look.
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(upload_error(error).into())),
            }
        }
        loop {
            let filled = match self.link.poll_fill(cx, FIRST_READ as u64) {
                Poll::Ready(Ok(0)) => Err(io::ErrorKind::UnexpectedEof.into()),
                Poll::Ready(result) => result,
                Poll::Pending => {
                    return self.watch.poll(cx).map(|reason| Err(ForwardError::Cut(reason).into()));
                }
            };
            if let Err(error) = filled {
                let nothing = self.link.read.is_empty() && self.interim == 0;
                let failure =
                    if nothing { Failure::Stale(error) } else { ForwardError::Broken(error).into() };
                return Poll::Ready(Err(failure));
            }
            if let Some(result) = self.take_head(method).transpose() {
                return Poll::Ready(result.map_err(|what| ForwardError::BadAnswer(what).into()));
            }
        }
    }

    fn take_head(&mut self, method: &Method) -> Result<Option<Answer>, &'static str> {
        while !self.link.read.is_empty() {
            let Self { link, headers, searched, upgrade, .. } = self;
            match answer::take(&mut link.read, searched, headers, method, *upgrade)? {
                Step::More => return Ok(None),
                Step::Final(answer) => return Ok(Some(answer)),
                Step::Interim => {
                    self.interim += 1;
                    if self.interim > MOST_INTERIM {
                        return Err("more interim answers than anyone needs");
                    }
                }
            }
        }
        Ok(None)
    }

    /// Whether the same request may be sent on another connection: this one was kept, and either nothing
    /// of the request was written, or doing it twice is doing it once (RFC 9110, 9.2.2).
    fn can_retry(&self, method: &Method) -> bool {
        self.link.reused && self.pump.can_rewind() && (!self.pump.touched || method.is_idempotent())
    }

    /// The answer, its body in place if it has been read already, else streamed.
    pub(crate) fn into_response(
        mut self,
        answer: Answer,
        upstream: &Upstream,
        mut ended: Ended,
    ) -> Response<Body> {
        self.link.keep = answer.keep;
        let sent = self.pump.is_done();
        if sent {
            self.link.out = self.pump.take_out();
        }
        let here = match answer.framing {
            Framing::None => Some(0),
            Framing::Length(length) => usize::try_from(length).ok().filter(|n| *n <= self.link.read.len()),
            Framing::Chunked | Framing::UntilClose => None,
        };
        let body = match here {
            Some(length) if sent => {
                let bytes = self.link.read.split_to(length).freeze();
                ended.saw(&bytes);
                let body = Body::full(bytes);
                ended.sum.down = length.try_into().unwrap_or(u64::MAX);
                ended.sum.complete = true;
                if answer.reusable {
                    pool::put(upstream, self.link);
                }
                body
            }
            _ => Body::streamed(Download::new(
                self.link,
                answer.framing,
                (!sent).then_some(self.pump),
                upstream.clone(),
                answer.reusable,
                self.watch,
                ended,
            )),
        };
        let mut response = Response::new(body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = self.headers;
        response
    }
}

fn upload_error(error: PumpError) -> ForwardError {
    match error {
        PumpError::TooLarge { limit } => ForwardError::TooLarge { limit },
        PumpError::Client(error) => ForwardError::Upload(error),
        PumpError::Stopped => ForwardError::Stopped,
        PumpError::Stalled(pause) => ForwardError::UploadStalled(pause),
        PumpError::Session(error) => ForwardError::Broken(error),
    }
}
