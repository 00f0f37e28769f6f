//! A thread's hold on the snapshot, so that a request counts no references that other threads count.
//!
//! Threads that count references to the same thing wait for each other's caches on every request. Called by `world`.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::watch;

use crate::state::{Snapshot, Table};

/// The snapshot of a moment: shared by all threads, its holders on this one counted apart.
#[derive(Debug)]
pub(crate) struct Moment(Arc<Snapshot>);

impl Deref for Moment {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

/// What a thread holds.
#[derive(Debug)]
pub(crate) struct Held(RefCell<Inner>);

#[derive(Debug)]
struct Inner {
    changes: watch::Receiver<u64>,
    snapshot: Rc<Moment>,
}

impl Held {
    /// Of this table.
    pub(crate) fn new(table: &Table) -> Self {
        // ORDER: whoever changes the table stores the snapshot before they tell of it, and here it is asked for news before the
        // snapshot is loaded: a change in between is loaded twice, none is missed.
        let changes = table.changes();
        Self(RefCell::new(Inner { changes, snapshot: Rc::new(Moment(table.load())) }))
    }

    /// The snapshot of this moment.
    pub(crate) fn latest(&self, table: &Table) -> Rc<Moment> {
        let Inner { changes, snapshot } = &mut *self.0.borrow_mut();
        if changes.has_changed().unwrap_or(true) {
            changes.mark_unchanged();
            *snapshot = Rc::new(Moment(table.load()));
        }
        snapshot.clone()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::SignInId;

    use super::*;
    use crate::generation::Generation;
    use crate::state::tests::sign_in;

    #[test]
    fn a_thread_holds_the_snapshot_until_there_is_another() {
        let table = Table::new(Arc::new(Generation::for_tests(&[])));
        let held = Held::new(&table);
        let first = held.latest(&table);
        assert!(Rc::ptr_eq(&first, &held.latest(&table)) && Arc::ptr_eq(&first.0, &table.load()));
        table.sign_in(sign_in("alice", 1));
        assert_eq!((first.people.len(), held.latest(&table).people.len()), (0, 1));
        table.sign_in_ended(SignInId::from_bytes([1; 16]));
        assert!(held.latest(&table).people.is_empty());
        assert!(Arc::ptr_eq(&held.latest(&table).0, &table.load()));
    }
}
