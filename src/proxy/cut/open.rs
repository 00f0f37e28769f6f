//! Counts what is open behind a handle: whoever cuts can say what there was, and see that it is gone.
//!
//! A count stands in the list of the thread that carries the stream, so that no two threads write the same cache line.

use std::sync::atomic::Ordering;

use super::{Cut, Cuts, Watch};

/// What counts as open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Kind {
    /// A tunnelled WebSocket.
    WebSocket = 0,
    /// An answer whose body is still on its way (with what is left of the request's).
    Transfer = 1,
}

/// How many kinds there are.
pub(super) const KINDS: usize = 2;

/// What is open at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Open {
    /// WebSockets.
    pub websockets: u32,
    /// Answers whose body is still on its way; those that come whole with their head are not seen.
    pub transfers: u32,
}

impl Open {
    /// All together.
    pub const fn all(self) -> u32 {
        self.websockets.saturating_add(self.transfers)
    }
}

impl std::ops::Add for Open {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            websockets: self.websockets.saturating_add(other.websockets),
            transfers: self.transfers.saturating_add(other.transfers),
        }
    }
}

impl std::iter::Sum for Open {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), std::ops::Add::add)
    }
}

/// Something that is open; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    cuts: Cuts,
    kind: Kind,
}

impl Cut {
    /// What hangs on it and is open now. After a cut it falls to nothing as streams end.
    pub fn open(&self) -> Open {
        let sum = |kind: Kind| {
            let of = |shard: &super::Shard| shard.open[kind as usize].load(Ordering::Relaxed);
            self.0.waiting.iter().map(of).fold(0, u32::saturating_add)
        };
        Open { websockets: sum(Kind::WebSocket), transfers: sum(Kind::Transfer) }
    }
}

impl Cuts {
    /// Counts something that is open with each handle it hangs on.
    pub(crate) fn hold(&self, kind: Kind) -> Held {
        self.count(kind, |count| count.fetch_add(1, Ordering::Relaxed));
        Held { cuts: self.clone(), kind }
    }

    fn count(&self, kind: Kind, change: impl Fn(&std::sync::atomic::AtomicU32) -> u32) {
        let Some(hang) = &self.0 else { return };
        for cut in hang.handles.iter().flatten() {
            change(&cut.0.waiting[hang.shard].open[kind as usize]);
        }
    }
}

impl Watch {
    /// Counts something that is open with each handle that it looks at.
    pub(crate) fn hold(&self, kind: Kind) -> Held {
        self.cuts.hold(kind)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // The list is the one that was counted in: a handle's threads don't change.
        self.cuts.count(self.kind, |count| count.fetch_sub(1, Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    #[test]
    fn what_is_open_is_counted_with_each_handle_until_it_ends() {
        let (sign_in, session, other) = (Cut::new(), Cut::new(), Cut::new());
        let cuts = Cuts::both(&sign_in, &session);
        let socket = cuts.hold(Kind::WebSocket);
        let transfer = Watch::new(cuts.clone()).hold(Kind::Transfer);
        let one_more = Cuts::both(&sign_in, &other).hold(Kind::WebSocket);
        assert_eq!(sign_in.open(), Open { websockets: 2, transfers: 1 });
        assert_eq!(session.open(), Open { websockets: 1, transfers: 1 });
        sign_in.cut(Reason::Revoked);
        assert_eq!(sign_in.open().all(), 3, "told to end is not ended");
        drop((socket, transfer, one_more));
        assert_eq!([&sign_in, &session, &other].map(Cut::open), [Open::default(); 3]);
        assert_eq!([session.open(), other.open()].into_iter().sum::<Open>(), Open::default());
        drop(Cuts::none().hold(Kind::Transfer));
    }
}
