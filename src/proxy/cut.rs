//! A handle that ends streams from afar: all tunnels and answers of a sign-in, or of a session, at once.
//!
//! The caller keeps one [`Cut`] per sign-in and one per session and passes both with every forward and
//! tunnel; pulling it ends whatever hangs on it. Reading it costs one atomic load a request; only streams
//! that wait register a waker, and those of one HTTP/1 connection once for all.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

mod open;

pub use open::Open;
pub(crate) use open::{Held, Kind};

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
struct Shard {
    list: Mutex<Waiting>,
    /// What is open, by kind.
    open: [AtomicU32; open::KINDS],
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
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
///
/// One thread's. Clones share their place in the handles' lists: whoever forwards request after request of one
/// connection keeps one of these, and registers once.
#[derive(Debug, Clone, Default)]
pub struct Cuts(Option<Rc<Hang>>);

impl Cuts {
    /// Hangs on nothing.
    pub fn none() -> Self {
        Self::default()
    }

    fn of(handles: [Option<Cut>; 3]) -> Self {
        Self(Some(Rc::new(Hang::new(handles))))
    }

    /// Ends with `one`.
    pub fn one(one: &Cut) -> Self {
        Self::of([Some(one.clone()), None, None])
    }

    /// Ends with whichever is cut first.
    pub fn both(one: &Cut, other: &Cut) -> Self {
        Self::of([Some(one.clone()), Some(other.clone()), None])
    }

    pub(crate) fn and(self, ours: &Cut) -> Self {
        let [one, other, _] = self.0.map(|hang| hang.handles.clone()).unwrap_or_default();
        Self::of([one, other, Some(ours.clone())])
    }

    /// The reason, once one was cut.
    pub fn reason(&self) -> Option<Reason> {
        self.0.as_ref().and_then(|hang| hang.reason())
    }
}

/// Handles, and one waker's place in their lists; leaves them when dropped.
#[derive(Debug)]
struct Hang {
    handles: [Option<Cut>; 3],
    /// In which of their lists.
    shard: usize,
    registered: RefCell<Option<Registered>>,
}

#[derive(Debug)]
struct Registered {
    waker: Waker,
    places: [Option<usize>; 3],
}

impl Hang {
    fn new(handles: [Option<Cut>; 3]) -> Self {
        Self { handles, shard: own_shard(), registered: RefCell::new(None) }
    }

    fn reason(&self) -> Option<Reason> {
        self.handles.iter().flatten().find_map(Cut::reason)
    }

    /// Whether a cut will wake this waker: the first that asks is registered.
    fn wakes(&self, waker: &Waker) -> bool {
        let mut registered = self.registered.borrow_mut();
        if let Some(known) = &*registered {
            return known.waker.will_wake(waker);
        }
        *registered = Some(self.register(waker, [None; 3]));
        true
    }

    /// Makes it this waker, whoever it was.
    fn wake(&self, waker: &Waker) {
        let mut registered = self.registered.borrow_mut();
        let places = match &*registered {
            Some(known) if known.waker.will_wake(waker) => return,
            known => known.as_ref().map_or([None; 3], |known| known.places),
        };
        *registered = Some(self.register(waker, places));
    }

    fn register(&self, waker: &Waker, mut places: [Option<usize>; 3]) -> Registered {
        for (handle, place) in self.handles.iter().zip(&mut places) {
            let Some(cut) = handle else { continue };
            let mut waiting = cut.0.waiting[self.shard].lock();
            let at = place.or_else(|| waiting.free.pop()).unwrap_or(waiting.wakers.len());
            if at >= waiting.wakers.len() {
                waiting.wakers.resize(at + 1, None);
            }
            if let Some(slot) = waiting.wakers.get_mut(at) {
                *slot = Some(waker.clone());
            }
            *place = Some(at);
        }
        Registered { waker: waker.clone(), places }
    }
}

impl Drop for Hang {
    fn drop(&mut self) {
        let Some(Registered { places, .. }) = self.registered.get_mut() else { return };
        for (handle, place) in self.handles.iter().zip(places) {
            let (Some(cut), Some(at)) = (handle, place) else { continue };
            let mut waiting = cut.0.waiting[self.shard].lock();
            // After a cut the list is a fresh, empty one, and nobody registers in it for long.
            if let Some(slot) = waiting.wakers.get_mut(*at) {
                *slot = None;
                waiting.free.push(*at);
            }
        }
    }
}

/// A stream that looks at its handles while it waits.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    cuts: Cuts,
    /// A place of its own: the shared one wakes another task (another stream of an HTTP/2 connection).
    own: Option<Hang>,
}

impl Watch {
    pub(crate) fn new(cuts: Cuts) -> Self {
        Self { cuts, own: None }
    }

    /// The reason, if it was cut; registers nothing.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.cuts.reason()
    }

    /// Ready when cut; else the task is woken when it is.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Reason> {
        let Some(hang) = &self.cuts.0 else { return Poll::Pending };
        if !hang.wakes(cx.waker()) {
            self.own.get_or_insert_with(|| Hang::new(hang.handles.clone())).wake(cx.waker());
        }
        hang.reason().map_or(Poll::Pending, Poll::Ready)
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
        let local = tokio::task::LocalSet::new();
        let waits = local.spawn_local(async move { poll_fn(|cx| watch.poll(cx)).await });
        local.run_until(tokio::task::yield_now()).await;
        session.cut(Reason::GoingAway);
        session.cut(Reason::Revoked);
        assert_eq!(local.run_until(waits).await.expect("joined"), Reason::GoingAway);
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

    #[tokio::test(flavor = "current_thread")]
    async fn every_task_that_shares_one_is_woken_and_requests_in_a_row_register_once() {
        let cut = Cut::new();
        let cuts = Cuts::one(&cut);
        let listed =
            || cut.0.waiting.iter().map(|shard| shard.lock().wakers.iter().flatten().count()).sum::<usize>();
        let local = tokio::task::LocalSet::new();
        let wait = |cuts: Cuts| async move {
            let mut watch = Watch::new(cuts);
            poll_fn(|cx| watch.poll(cx)).await
        };
        let waiting: Vec<_> = (0..3).map(|_| local.spawn_local(wait(cuts.clone()))).collect();
        local.run_until(tokio::task::yield_now()).await;
        assert_eq!(listed(), 3);
        cut.cut(Reason::Revoked);
        for wait in waiting {
            assert_eq!(local.run_until(wait).await.expect("joined"), Reason::Revoked);
        }

        let cut = Cut::new();
        let listed =
            || cut.0.waiting.iter().map(|shard| shard.lock().wakers.iter().flatten().count()).sum::<usize>();
        let cuts = Cuts::one(&cut);
        for _ in 0..3 {
            let mut watch = Watch::new(cuts.clone());
            poll_fn(|cx| {
                assert!(watch.poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            drop(watch);
            assert_eq!(listed(), 1);
        }
        drop(cuts);
        assert_eq!(listed(), 0);
    }
}
