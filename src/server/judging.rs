//! Memory for bodies that are read whole before they go on: so much for each person, so much for all.
//!
//! Without it, a person who may not upload could have the server hold as many 64 MiB bodies as connections carry. Called by
//! `ide` before it reads a body; what doesn't fit waits, and the client is not read meanwhile. Messages of WebSockets, which
//! may stay incomplete for ever, have a room of their own, which `inspecting` asks for and doesn't wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counted in KiB: permits are `u32`.
const UNIT: u64 = 1024;
/// For one person, in KiB: two of the largest bodies that are judged, or many small ones.
const EACH: u32 = 128 * 1024;
/// For all, in KiB: four people at their limit, on a machine that runs IDEs for them.
const ALL: u32 = 512 * 1024;

/// For one person's messages, in KiB: four of the largest.
const MESSAGES_EACH: u32 = 32 * 1024;

/// The room that is left.
#[derive(Debug)]
pub(crate) struct Judging {
    each: u32,
    all: Arc<Semaphore>,
    people: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// Room that is taken, until it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

impl Default for Judging {
    fn default() -> Self {
        Self::of(EACH)
    }
}

impl Judging {
    fn of(each: u32) -> Self {
        Self { each, all: Arc::new(Semaphore::new(ALL as usize)), people: Mutex::default() }
    }

    /// For messages of WebSockets.
    pub(crate) fn messages() -> Self {
        Self::of(MESSAGES_EACH)
    }

    /// Room for so many bytes, if there is some now.
    pub(crate) fn room_now(&self, user: &str, bytes: u64) -> Option<Room> {
        let kib = u32::try_from(bytes.div_ceil(UNIT)).ok()?;
        let own = self.own(user).try_acquire_many_owned(kib).ok()?;
        let all = self.all.clone().try_acquire_many_owned(kib).ok()?;
        Some(Room { _all: all, _own: own })
    }

    /// Waits for room for so many bytes. More than a person may have at all counts as that much.
    pub(crate) async fn room(&self, user: &str, bytes: u64) -> Room {
        let kib = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(self.each).clamp(1, self.each);
        let closed = "the semaphores are never closed";
        // ORDER: one's own first, so that whoever waits for their own room keeps nobody else's.
        let own = self.own(user).acquire_many_owned(kib).await.expect(closed);
        let all = self.all.clone().acquire_many_owned(kib).await.expect(closed);
        Room { _all: all, _own: own }
    }

    fn own(&self, user: &str) -> Arc<Semaphore> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = people.get(user).and_then(Weak::upgrade) {
            return own;
        }
        people.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Semaphore::new(self.each as usize));
        people.insert(user.to_owned(), Arc::downgrade(&own));
        own
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LARGEST: u64 = 64 << 20;

    async fn fits(judging: &Judging, user: &str, bytes: u64) -> Option<Room> {
        tokio::time::timeout(Duration::from_millis(10), judging.room(user, bytes)).await.ok()
    }

    #[test]
    fn messages_have_a_room_of_their_own_and_wait_for_nothing() {
        let messages = Judging::messages();
        let held: Vec<_> = (0..4).map(|_| messages.room_now("ann", 8 << 20).expect("room")).collect();
        assert!(messages.room_now("ann", 1).is_none() && messages.room_now("bob", 1).is_some());
        drop(held);
        assert!(messages.room_now("ann", 32 << 20).is_some());
        assert!(messages.room_now("ann", u64::MAX).is_none());
    }

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn a_person_and_all_people_have_a_limit() {
        let judging = Judging::default();
        let mut held = Vec::new();
        for user in ["ann", "bob", "cat", "dan"] {
            for _ in 0..2 {
                held.push(fits(&judging, user, LARGEST).await.expect("room"));
            }
            assert!(fits(&judging, user, 1).await.is_none(), "{user} has no room left");
        }
        assert!(fits(&judging, "eve", 1).await.is_none(), "nobody has");
        held.clear();
        assert!(judging.own("ann").available_permits() == EACH as usize);
        assert!(fits(&judging, "eve", u64::MAX).await.is_some());
        assert!(
            judging.people.lock().expect("unpoisoned").len() <= 2,
            "those who hold nothing are forgotten"
        );
    }
}
