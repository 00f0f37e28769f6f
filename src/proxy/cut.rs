//! A handle that ends streams from afar: all tunnels and answers of a sign-in, or of a session, at once.
//!
//! The caller keeps one [`Cut`] per sign-in and one per session and passes both with every forward and
//! tunnel; pulling it ends whatever hangs on it. Reading it costs one atomic load a request; only streams
//! that wait register a waker.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Why streams are ended; decides the WebSocket close code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// Permission was withdrawn: signed out, disabled, flag changed. Close code 1008.
    Revoked = 1,
    /// The session or the server goes away. Close code 1001.
    GoingAway = 2,
}

impl Reason {
    /// The WebSocket close code (RFC 6455, 7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Self::Revoked => 1008,
            Self::GoingAway => 1001,
        }
    }
}

/// Ends all streams it was passed to. Clones are the same handle.
#[derive(Clone, Default)]
pub struct Cut(Arc<Shared>);

#[derive(Default)]
struct Shared {
    reason: AtomicU8,
    /// A list per serving thread (threads beyond that number share), so that none waits for another's lock
    /// and registering moves no cache line between processors.
    waiting: [Shard; SHARDS],
}

/// As many lists as the most serving threads; each takes a cache line.
const SHARDS: usize = 8;

#[derive(Default)]
#[repr(align(64))]
struct Shard(Mutex<Waiting>);

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This thread's list: threads are numbered as they first ask.
fn own_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    OWN.with(|own| *own)
}

#[derive(Default)]
struct Waiting {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Cut {
    /// A handle nothing hangs on yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends everything that hangs on it, now and later. The first reason stays.
    pub fn cut(&self, reason: Reason) {
        let first = self.0.reason.compare_exchange(0, reason as u8, Ordering::AcqRel, Ordering::Acquire);
        if first.is_err() {
            return;
        }
        // ORDER: the reason is stored before a list is taken, and `Watch` registers before it reads the
        // reason, so a stream either sees the reason or is in a list.
        for shard in &self.0.waiting {
            let waiting = std::mem::take(&mut *shard.lock());
            waiting.wakers.into_iter().flatten().for_each(Waker::wake);
        }
    }

    /// The reason, once it was cut.
    pub fn reason(&self) -> Option<Reason> {
        match self.0.reason.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Reason::Revoked),
            _ => Some(Reason::GoingAway),
        }
    }
}

impl fmt::Debug for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cut").field(&self.reason()).finish()
    }
}

/// What a stream hangs on: nothing, one handle, or two (sign-in and session). The third place is ours: tunnels
/// also end with their listener.
#[derive(Debug, Clone, Default)]
pub struct Cuts([Option<Cut>; 3]);

impl Cuts {
    /// Hangs on nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Ends with `one`.
    pub fn one(one: &Cut) -> Self {
        Self([Some(one.clone()), None, None])
    }

    /// Ends with whichever is cut first.
    pub fn both(one: &Cut, other: &Cut) -> Self {
        Self([Some(one.clone()), Some(other.clone()), None])
    }

    pub(crate) fn and(mut self, ours: &Cut) -> Self {
        self.0[2] = Some(ours.clone());
        self
    }

    /// The reason, once one was cut.
    pub fn reason(&self) -> Option<Reason> {
        self.0.iter().flatten().find_map(Cut::reason)
    }
}

/// A stream's place in the lists of its handles; leaves them when dropped.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    cuts: Cuts,
    places: [Option<usize>; 3],
    /// In which of their lists.
    shard: usize,
    registered: Option<Waker>,
}

impl Watch {
    pub(crate) fn new(cuts: Cuts) -> Self {
        Self { cuts, places: [None, None, None], shard: own_shard(), registered: None }
    }

    /// The reason, if it was cut; registers nothing.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.cuts.reason()
    }

    /// Ready when cut; else the task is woken when it is.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Reason> {
        let known = self.registered.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !known {
            for (cut, place) in self.cuts.0.iter().zip(&mut self.places) {
                let Some(cut) = cut else { continue };
                let mut waiting = cut.0.waiting[self.shard].lock();
                let at = place.or_else(|| waiting.free.pop()).unwrap_or(waiting.wakers.len());
                if at >= waiting.wakers.len() {
                    waiting.wakers.resize(at + 1, None);
                }
                if let Some(slot) = waiting.wakers.get_mut(at) {
                    *slot = Some(cx.waker().clone());
                }
                *place = Some(at);
            }
            self.registered = Some(cx.waker().clone());
        }
        self.cuts.reason().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for (cut, place) in self.cuts.0.iter().zip(self.places) {
            let (Some(cut), Some(at)) = (cut, place) else { continue };
            let mut waiting = cut.0.waiting[self.shard].lock();
            // After a cut the list is a fresh, empty one, and nobody registers in it for long.
            if let Some(slot) = waiting.wakers.get_mut(at) {
                *slot = None;
                waiting.free.push(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test(flavor = "current_thread")]
    async fn a_cut_wakes_and_keeps_its_first_reason() {
        let (sign_in, session) = (Cut::new(), Cut::new());
        let mut watch = Watch::new(Cuts::both(&sign_in, &session));
        let waits = tokio::spawn(async move { poll_fn(|cx| watch.poll(cx)).await });
        tokio::task::yield_now().await;
        session.cut(Reason::GoingAway);
        session.cut(Reason::Revoked);
        assert_eq!(waits.await.expect("joined"), Reason::GoingAway);
        assert_eq!(session.reason(), Some(Reason::GoingAway));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn places_are_used_again() {
        let cut = Cut::new();
        for _ in 0..100 {
            let mut watch = Watch::new(Cuts::one(&cut));
            poll_fn(|cx| {
                assert!(watch.poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
        }
        let kept: usize = cut.0.waiting.iter().map(|shard| shard.lock().wakers.len()).sum();
        assert_eq!(kept, 1);
    }
}
