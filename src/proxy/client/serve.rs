//! The life of a connection: head, answer, and again, until one side has had enough.

use std::cell::RefCell;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body as _;

use super::head;
use super::linger::{linger, say_timeout};
use super::reply::{self, Asker, Framing};
use super::wire::{Asked, Shared, Wire};
use crate::admit::{self, Look, Refused};
use crate::body::Body;
use crate::client_io::ClientIo;
use crate::conn::{Late, Order};
use crate::connection::Served;
use crate::incoming::Incoming;
use crate::listen::ConnInfo;

/// Why a connection serves no more requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// All is said: by us, or because the client asked for it.
    Said,
    /// The client has left, or its socket broke.
    Left,
    /// The accept loop wants it to.
    Ordered(Option<Late>),
    /// A tunnel has the socket.
    Handed,
}

/// Serves HTTP/1 on `io` to the end.
pub(crate) async fn serve<M, H>(io: ClientIo, served: &Served<M, H>)
where
    M: 'static,
    H: AsyncFn(Request<Incoming>, &ConnInfo<M>) -> Response<Body> + 'static,
{
    let state = served.place.state.clone();
    let wire = Rc::new(RefCell::new(Wire::new(io, state.clone())));
    let end = exchanges(&wire, served).await;
    // Nobody else has it any more: bodies end with their requests.
    let Some(wire) = Rc::into_inner(wire) else { return };
    let Wire { mut io, inlet, heir, .. } = wire.into_inner();
    if let (End::Handed, Some(heir)) = (end, heir) {
        // Whoever waited for it may have been given up: then the socket is closed here.
        let _ = heir.send((io, inlet.read.freeze()));
        return;
    }
    if end == End::Ordered(Some(Late::Head)) && state.is_reading_head() {
        say_timeout(&mut io).await;
    }
    if end == End::Handed || end == End::Ordered(Some(Late::Write)) || state.eof.load(Relaxed) {
        return;
    }
    let ended = poll_fn(|cx| match served.place.order(cx) {
        Order::End(None) => Poll::Ready(()),
        Order::End(Some(_)) | Order::Finish | Order::Last | Order::None => Poll::Pending,
    });
    tokio::select! {
        () = linger(io) => {}
        () = ended => {}
    }
}

async fn exchanges<M, H>(wire: &Shared, served: &Served<M, H>) -> End
where
    M: 'static,
    H: AsyncFn(Request<Incoming>, &ConnInfo<M>) -> Response<Body> + 'static,
{
    let limits = &served.shared.limits;
    let mut headers = HeaderMap::new();
    loop {
        let asked = poll_fn(|cx| {
            let mut wire = wire.borrow_mut();
            match served.place.order(cx) {
                Order::End(late) => return Poll::Ready(Err(End::Ordered(late))),
                Order::Finish if wire.is_idle() => return Poll::Ready(Err(End::Said)),
                // A request that has begun to come is answered yet.
                Order::Finish | Order::Last | Order::None => {}
            }
            wire.poll_head(cx, limits.header_bytes).map(Ok)
        });
        let asked = match asked.await {
            Ok(Asked::Head(bytes)) => head::read(&bytes, limits.headers, std::mem::take(&mut headers)),
            Ok(Asked::Refused(refused)) => Err(refused),
            Ok(Asked::Nothing) => return End::Left,
            Err(end) => return end,
        };
        served.place.state.begin();
        let exchanged = match asked {
            Ok((request, look)) => exchange(wire, served, request, look).await,
            Err(refused) => refuse(wire, served, refused, Asker::unknown()).await,
        };
        // ORDER: before the next head is looked for, so that its bytes count as its first.
        served.place.state.done();
        match exchanged {
            ControlFlow::Continue(map) => headers = map,
            ControlFlow::Break(end) => return end,
        }
    }
}

/// One request from its head to the end of its answer. Goes on with the emptied map, for the next.
async fn exchange<M, H>(
    wire: &Shared,
    served: &Served<M, H>,
    mut request: Request<()>,
    look: Look,
) -> ControlFlow<End, HeaderMap>
where
    M: 'static,
    H: AsyncFn(Request<Incoming>, &ConnInfo<M>) -> Response<Body> + 'static,
{
    let asker = Asker::of(&request, look.takes_trailers());
    let sent = match admit::admit_one(&mut request, &look, served) {
        Ok(sent) => sent,
        Err(refused) => return refuse(wire, served, refused, asker).await,
    };
    served.shared.gauges.count_request();
    let turn = wire.borrow_mut().begin(sent, asker.eleven && look.expects());
    let request = request.map(|()| Incoming::of_client(wire, turn, sent, look.asks_websocket()));
    let response = {
        let mut handler = pin!((served.shared.handler)(request, &served.info));
        let answered = poll_fn(|cx| match handler.as_mut().poll(cx) {
            Poll::Ready(response) => Poll::Ready(Ok(response)),
            Poll::Pending => interrupted(wire, served, cx).map(Err),
        });
        match answered.await {
            Ok(response) => response,
            Err(end) => return ControlFlow::Break(end),
        }
    };
    answer(wire, served, response, asker, asker.eleven && look.stays()).await
}

/// Whether there is no sense in going on with a request: its client has left, or its connection is to end.
fn interrupted<M, H>(wire: &Shared, served: &Served<M, H>, cx: &mut Context<'_>) -> Poll<End> {
    if let Order::End(late) = served.place.order(cx) {
        return Poll::Ready(End::Ordered(late));
    }
    wire.borrow_mut().poll_gone(cx).map(|()| End::Left)
}

/// Answers what goes no further, and closes: what follows may be part of the same confusion.
async fn refuse<M, H>(
    wire: &Shared,
    served: &Served<M, H>,
    refused: Refused,
    asker: Asker,
) -> ControlFlow<End, HeaderMap> {
    tracing::debug!(peer = %served.info.peer, why = refused.what.trim_end(), "request refused at the door");
    answer(wire, served, refused.response(), asker, false).await
}

async fn answer<M, H>(
    wire: &Shared,
    served: &Served<M, H>,
    response: Response<Body>,
    asker: Asker,
    keep: bool,
) -> ControlFlow<End, HeaderMap> {
    let (parts, mut body) = response.into_parts();
    served.shared.gauges.count_answer(parts.status);
    let mut headers = parts.headers;
    let whole = body.take_whole();
    let length = match &whole {
        Some(bytes) => Some(bytes.len().try_into().unwrap_or(u64::MAX)),
        None => body.size_hint().exact(),
    };
    let (framing, last) = {
        let mut wire = wire.borrow_mut();
        let mut last = !keep || served.place.last() != Order::None;
        last |= !wire.answering();
        // Nobody will read the rest of the request: skip it now, while the client can still be told that it can't be.
        last |= whole.is_some() && !wire.inlet.is_whole() && !wire.skip();
        last |= length.is_none() && !asker.eleven;
        let out = &mut wire.outlet.out;
        let framing = reply::write(out, asker, parts.status, &headers, length, last);
        if let (Some(bytes), Framing::Length(_)) = (whole, &framing) {
            wire.outlet.put(bytes, false, true);
        }
        (framing, last)
    };
    headers.clear();
    let streams = !body.is_whole() && !matches!(framing, Framing::None);
    let mut stream = Stream { body, framing, put: 0, ended: !streams, begun: !streams };
    // As with the request: answers that came together go out together.
    tokio::task::yield_now().await;
    let written = poll_fn(|cx| match stream.poll(wire, cx) {
        Poll::Ready(written) => Poll::Ready(written),
        Poll::Pending => interrupted(wire, served, cx).map(Err),
    });
    if let Err(end) = written.await {
        return ControlFlow::Break(end);
    }
    if stream.body.is_tunnel() {
        return ControlFlow::Break(End::Handed);
    }
    drop(stream);
    if wire.borrow_mut().done() && !last {
        ControlFlow::Continue(headers)
    } else {
        ControlFlow::Break(End::Said)
    }
}

/// An answer's body on its way out.
struct Stream {
    body: Body,
    framing: Framing,
    /// Bytes of the body so far.
    put: u64,
    ended: bool,
    /// The head has gone, or need not wait for a first piece.
    begun: bool,
}

impl Stream {
    fn poll(&mut self, wire: &Shared, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        loop {
            if self.begun {
                match wire.borrow_mut().poll_flush(cx) {
                    Poll::Ready(Ok(())) if self.ended => return Poll::Ready(Ok(())),
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(End::Left)),
                    // A client that takes nothing keeps nothing open that was cut.
                    Poll::Pending => return self.body.poll_cut(cx).map(|()| Err(End::Left)),
                }
            }
            let waits = self.poll_piece(wire, cx)?.is_pending();
            if waits && self.begun {
                return Poll::Pending;
            }
            self.begun = true;
        }
    }

    /// Takes the next piece and puts it behind what is there.
    fn poll_piece(&mut self, wire: &Shared, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(frame) => frame,
        };
        let mut wire = wire.borrow_mut();
        match frame {
            None => self.finish(&mut wire, None),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(piece) => self.put(&mut wire, piece),
                Err(frame) => self.finish(&mut wire, frame.into_trailers().ok().as_ref()),
            },
            // It must not look complete: the connection ends without an end of the body.
            Some(Err(error)) => {
                tracing::trace!(%error, "an answer broke off");
                Poll::Ready(Err(End::Said))
            }
        }
    }

    fn put(&mut self, wire: &mut Wire, piece: Bytes) -> Poll<Result<(), End>> {
        if piece.is_empty() {
            return Poll::Ready(Ok(())); // an empty chunk would end the body
        }
        self.put = self.put.saturating_add(piece.len().try_into().unwrap_or(u64::MAX));
        let chunked = matches!(self.framing, Framing::Chunked { .. });
        if let Framing::Length(length) = self.framing {
            if self.put > length {
                return Poll::Ready(Err(End::Said)); // what is too much would be taken for another answer
            }
            self.ended = self.put == length;
        } else {
            self.ended = self.body.is_end_stream();
        }
        wire.outlet.put(piece, chunked, self.ended);
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self, wire: &mut Wire, trailers: Option<&HeaderMap>) -> Poll<Result<(), End>> {
        if matches!(self.framing, Framing::Length(length) if self.put < length) {
            return Poll::Ready(Err(End::Said));
        }
        if !self.ended {
            self.ended = true;
            wire.outlet.end(&self.framing, trailers);
        }
        Poll::Ready(Ok(()))
    }
}
