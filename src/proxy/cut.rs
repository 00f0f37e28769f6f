//! A handle that ends streams from afar: all tunnels and answers of a sign-in, or of a session, at once.
//!
//! The caller keeps one [`Cut`] per sign-in and one per session and passes both with every forward and
//! tunnel; pulling it ends whatever hangs on it. Reading it costs one atomic load a request; only streams
//! that wait register a waker.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
    waiting: Mutex<Waiting>,
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
        // ORDER: the reason is stored before the list is taken, and `Watch` registers before it reads the
        // reason, so a stream either sees the reason or is in the list.
        let waiting = std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.wakers.into_iter().flatten().for_each(Waker::wake);
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
    registered: Option<Waker>,
}

impl Watch {
    pub(crate) fn new(cuts: Cuts) -> Self {
        Self { cuts, places: [None, None, None], registered: None }
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
                let mut waiting = cut.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
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
            let mut waiting = cut.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
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
        assert_eq!(cut.0.waiting.lock().expect("not poisoned").wakers.len(), 1);
    }
}
