//! The connections a listener has open: found by the sweep, the drain and nobody else.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

use tokio::sync::Notify;

use crate::conn::{Entry, Late, Order};
use crate::listen::Limits;
use crate::{clock, pool};

/// The list. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Open(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    entries: RefCell<Vec<Option<Rc<Entry>>>>,
    free: RefCell<Vec<usize>>,
    count: Cell<usize>,
    gone: Notify,
}

/// A connection's place in the list; leaves it when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    open: Open,
    at: usize,
    entry: Rc<Entry>,
}

impl Deref for Place {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.entry
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let inner = &self.open.0;
        if let Some(slot) = inner.entries.borrow_mut().get_mut(self.at) {
            *slot = None;
        }
        inner.free.borrow_mut().push(self.at);
        inner.count.set(inner.count.get().saturating_sub(1));
        inner.gone.notify_one();
    }
}

impl Open {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.count.get()
    }

    /// Resolves when a connection has ended since the last call.
    pub(crate) async fn gone(&self) {
        self.0.gone.notified().await;
    }

    pub(crate) fn add(&self) -> Place {
        let entry = Rc::new(Entry::new());
        let mut entries = self.0.entries.borrow_mut();
        let at = self.0.free.borrow_mut().pop().unwrap_or(entries.len());
        if at == entries.len() {
            entries.push(None);
        }
        if let Some(slot) = entries.get_mut(at) {
            *slot = Some(entry.clone());
        }
        self.0.count.set(self.0.count.get() + 1);
        Place { open: self.clone(), at, entry }
    }

    /// Once a tick: moves the clock, closes what has waited too long.
    pub(crate) fn sweep(&self, limits: &Limits) {
        clock::advance();
        pool::sweep();
        for entry in self.0.entries.borrow().iter().flatten() {
            match entry.state.late(limits) {
                // An idle one is asked first, so that HTTP/2 clients hear of it.
                Some(Late::Idle) if matches!(entry.last(), Order::None | Order::Last) => {
                    entry.give(Order::Finish);
                }
                Some(late) => entry.give(Order::End(Some(late))),
                None => {}
            }
        }
    }

    /// Closes the connection that has waited longest without a request under way, if there is one. Its place is free a moment
    /// later; so many may be open beyond the limit.
    pub(crate) fn make_room(&self) -> bool {
        let entries = self.0.entries.borrow();
        let silent = entries.iter().flatten().filter(|entry| entry.last() == Order::None);
        let longest =
            silent.filter_map(|entry| Some((entry.state.silent_since()?, entry))).min_by_key(|found| found.0);
        longest.inspect(|(_, entry)| entry.give(Order::End(None))).is_some()
    }

    /// Asks all to finish what they do.
    pub(crate) fn finish(&self) {
        for entry in self.0.entries.borrow().iter().flatten() {
            // hyper would wait for a first request on a connection that never had one.
            entry.give(if entry.state.is_fresh() { Order::End(None) } else { Order::Finish });
        }
    }

    /// Asks all to answer one more request where none is under way, and to say that it is the last.
    pub(crate) fn last(&self) {
        self.0.entries.borrow().iter().flatten().for_each(|entry| entry.give(Order::Last));
    }

    /// How many have a request under way.
    pub(crate) fn busy(&self) -> u64 {
        let entries = self.0.entries.borrow();
        let busy = entries.iter().flatten().filter(|entry| entry.state.silent_since().is_none());
        busy.fold(0, |count, _| count + 1)
    }

    /// Ends all.
    pub(crate) fn end(&self) {
        self.0.entries.borrow().iter().flatten().for_each(|entry| entry.give(Order::End(None)));
    }
}
