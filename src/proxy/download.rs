//! An answer's body on its way from a session to the client; also drives what is left of the request.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::body::{BodyError, Transferred};
use crate::cut::{Held, Kind, Watch};
use crate::forward::{OnEnd, OnPiece};
use crate::h1::answer::Framing;
use crate::h1::chunks::{Chunks, Piece};
use crate::h1::link::Link;
use crate::h1::pump::Pump;
use crate::pool;
use crate::upstream::Upstream;

#[derive(Debug)]
enum Left {
    Length(u64),
    Chunked(Chunks),
    UntilClose,
    Nothing,
}

/// A streamed answer.
pub(crate) struct Download {
    link: Option<Link>,
    left: Left,
    pump: Option<Pump>,
    upstream: Upstream,
    reusable: bool,
    watch: Watch,
    /// Counted as open until the last byte was read from the session, or it was given up.
    held: Option<Held>,
    ended: Ended,
}

/// Reports the end once, however it comes.
#[derive(Default)]
pub(crate) struct Ended {
    pub(crate) sum: Transferred,
    pub(crate) hook: Option<OnEnd>,
    pub(crate) on_piece: Option<OnPiece>,
}

impl Ended {
    /// A piece of the answer passes.
    pub(crate) fn saw(&mut self, piece: &[u8]) {
        if let Some(on_piece) = &mut self.on_piece {
            on_piece(piece);
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(hook) = self.hook.take() {
            hook(self.sum);
        }
    }
}

impl Download {
    pub(crate) fn new(
        link: Link,
        framing: Framing,
        pump: Option<Pump>,
        upstream: Upstream,
        reusable: bool,
        watch: Watch,
        ended: Ended,
    ) -> Self {
        let left = match framing {
            Framing::None => Left::Nothing,
            Framing::Length(length) => Left::Length(length),
            Framing::Chunked => Left::Chunked(Chunks::new()),
            Framing::UntilClose => Left::UntilClose,
        };
        let held = Some(watch.hold(Kind::Transfer));
        Self { link: Some(link), left, pump, upstream, reusable, watch, held, ended }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let result = ready!(self.poll_piece(cx));
        match &result {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.ended.saw(data);
                    let down = &mut self.ended.sum.down;
                    *down = down.saturating_add(data.len().try_into().unwrap_or(u64::MAX));
                }
                // The end is told with the last piece where it is known, so that the connection is free
                // for the client's next request.
                if matches!(self.left, Left::Nothing) {
                    self.finish();
                }
            }
            Some(Err(_)) => {
                self.link = None;
                self.held = None;
            }
            None => {}
        }
        Poll::Ready(result)
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(link) = &mut self.link else { return Poll::Ready(None) };
        // Looked at for each piece: a stream that always flows would never wait and never learn of it.
        if let Some(reason) = self.watch.reason() {
            return Poll::Ready(Some(Err(BodyError::Cut(reason))));
        }
        // What is left of the request goes first: the session may wait for it.
        if let Some(pump) = &mut self.pump {
            match pump.poll(cx, &mut link.stream) {
                Poll::Ready(Ok(())) => {
                    self.ended.sum.up = pump.bytes;
                    self.pump = None;
                }
                // The session stopped reading but still answers: that is its right; hand the answer on.
                Poll::Ready(Err(crate::h1::pump::PumpError::Session(_))) => {
                    self.reusable = false;
                    self.pump = None;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Some(Err(BodyError::Upload))),
                Poll::Pending => self.ended.sum.up = pump.bytes,
            }
        }
        loop {
            let want = match &mut self.left {
                Left::Nothing => {
                    self.finish();
                    return Poll::Ready(None);
                }
                Left::Length(left) => {
                    if !link.read.is_empty() {
                        let all = link.read.len();
                        let here = usize::try_from(*left).unwrap_or(usize::MAX).min(all);
                        let data = link.read.split_to(here).freeze();
                        *left -= u64::try_from(here).unwrap_or(*left);
                        if *left == 0 {
                            self.left = Left::Nothing;
                        }
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                    *left
                }
                Left::Chunked(chunks) => match chunks.take(&mut link.read) {
                    Ok(Piece::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                    Ok(Piece::End(trailers)) => {
                        self.left = Left::Nothing;
                        match trailers {
                            Some(trailers) => {
                                return Poll::Ready(Some(Ok(Frame::<Bytes>::trailers(trailers))));
                            }
                            None => continue,
                        }
                    }
                    Ok(Piece::More) => chunks.want(),
                    Err(what) => return Poll::Ready(Some(Err(BodyError::BadAnswer(what)))),
                },
                Left::UntilClose => {
                    if !link.read.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(link.read.split().freeze()))));
                    }
                    u64::MAX
                }
            };
            match link.poll_fill(cx, want) {
                Poll::Ready(Ok(0)) => {
                    if matches!(self.left, Left::UntilClose) {
                        self.left = Left::Nothing;
                        continue;
                    }
                    let error = io::Error::from(io::ErrorKind::UnexpectedEof);
                    return Poll::Ready(Some(Err(BodyError::Broken(error))));
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(BodyError::Broken(error)))),
                Poll::Pending => {
                    return self.watch.poll(cx).map(|reason| Some(Err(BodyError::Cut(reason))));
                }
            }
        }
    }

    /// Ready when it was cut.
    pub(crate) fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.watch.poll(cx).map(drop)
    }

    fn finish(&mut self) {
        let Some(link) = self.link.take() else { return };
        self.held = None;
        let sent = self.pump.is_none();
        self.ended.sum.complete = sent;
        if sent && self.reusable {
            pool::put(&self.upstream, link);
        }
        if let Some(hook) = self.ended.hook.take() {
            hook(self.ended.sum);
        }
    }

    pub(crate) fn is_end(&self) -> bool {
        self.link.is_none()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match &self.left {
            Left::Length(left) => SizeHint::with_exact(*left),
            Left::Nothing => SizeHint::with_exact(0),
            Left::Chunked(_) | Left::UntilClose => SizeHint::default(),
        }
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download")
            .field("left", &self.left)
            .field("sum", &self.ended.sum)
            .finish_non_exhaustive()
    }
}
