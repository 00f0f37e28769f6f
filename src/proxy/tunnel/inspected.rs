//! An inspected tunnel: its two directions (`framed`) polled as one task, and its end, with a reason where there is one.
//!
//! Tunnels without an inspector are in `lanes`.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::time::{Sleep, timeout};

use super::TunnelEnd;
use super::framed::{Lane, Seen, Stop};
use super::lanes::{GOODBYE, GRACE};
use crate::cut::{Cuts, Watch};
use crate::h1::link::Link;
use crate::incoming::Upgraded;
use crate::inspect::{Inspect, Outbox, Side};
use crate::stream::Stream;

/// Time for the client to take a close frame with its reason: what it still sends would otherwise make the kernel drop both.
const LINGER: Duration = Duration::from_secs(2);

/// An inspected tunnel, but for the client's side.
pub(super) struct Inspected {
    session: Stream,
    up: Lane,
    down: Lane,
    seen: Seen,
    watch: Watch,
}

impl Inspected {
    /// What the session sent behind its 101 is first on the way down.
    pub(super) fn new(mut link: Link, inspect: Box<dyn Inspect>, cuts: Cuts) -> Self {
        let mut down = Lane::new(Side::Session);
        down.take_over(link.read.split().freeze());
        let seen = Seen { inspect, out: Outbox::default() };
        Self { session: link.stream, up: Lane::new(Side::Client), down, seen, watch: Watch::new(cuts) }
    }

    /// Runs until both sides have ended, one fails, it is cut, or the inspector ends it.
    pub(super) async fn run(mut self, upgraded: Upgraded) -> TunnelEnd {
        match upgraded {
            Upgraded::One((io, read)) => {
                self.up.take_over(read);
                self.drive(io).await
            }
            Upgraded::Two(io) => self.drive(io).await,
        }
    }

    async fn drive<C: AsyncRead + AsyncWrite + Unpin>(mut self, mut client: C) -> TunnelEnd {
        let mut grace: Option<Pin<Box<Sleep>>> = None;
        let stop = poll_fn(|cx| {
            if let Poll::Ready(reason) = self.watch.poll(cx) {
                return Poll::Ready(Some(Stop::Cut(reason)));
            }
            let Self { session, up, down, seen, .. } = &mut self;
            loop {
                let before = seen.out.moves();
                let up_ended = up.poll(cx, &mut client, session, seen);
                let down_ended = down.poll(cx, session, &mut client, seen);
                match (up_ended, down_ended) {
                    (Poll::Ready(Err(stop)), _) | (_, Poll::Ready(Err(stop))) => {
                        return Poll::Ready(Some(stop));
                    }
                    (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(None),
                    // One direction added to the other, or made room for it.
                    _ if seen.out.moves() != before => {}
                    (Poll::Pending, Poll::Pending) => return Poll::Pending,
                    (Poll::Ready(Ok(())), Poll::Pending) | (Poll::Pending, Poll::Ready(Ok(()))) => break,
                }
            }
            let grace = grace.get_or_insert_with(|| Box::pin(tokio::time::sleep(GRACE)));
            grace.as_mut().poll(cx).map(|()| None)
        })
        .await;
        let mut cut = None;
        match stop {
            None | Some(Stop::Io) => {}
            Some(Stop::Cut(reason)) => {
                cut = Some(reason);
                self.say_goodbye(&mut client, reason.close_code(), "").await;
            }
            Some(Stop::Close(close)) => {
                self.say_goodbye(&mut client, close.code, &close.reason).await;
                // The end of the wait is the end in any case.
                let _ = timeout(LINGER, read_off(&mut client)).await;
            }
        }
        TunnelEnd { up: self.up.bytes, down: self.down.bytes, cut }
    }

    /// Sends each side a close frame, unless its direction has had one.
    async fn say_goodbye<C: AsyncWrite + Unpin>(&mut self, client: &mut C, code: u16, reason: &str) {
        let Self { session, up, down, .. } = self;
        up.close(code, reason);
        down.close(code, reason);
        let both = poll_fn(|cx| {
            let upwards = up.poll_end(cx, session);
            let downwards = down.poll_end(cx, client);
            if upwards.is_ready() && downwards.is_ready() { Poll::Ready(()) } else { Poll::Pending }
        });
        // Whoever doesn't take it in time doesn't get it.
        let _ = timeout(GOODBYE, both).await;
    }
}

/// Reads and forgets until the other side has ended.
async fn read_off<C: AsyncRead + Unpin>(client: &mut C) {
    let mut rest = [0; 1024];
    while client.read(&mut rest).await.is_ok_and(|n| n > 0) {}
}
