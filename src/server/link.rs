//! What every thread can say to the launcher: a bounded queue to the control thread, and answers by number.
//!
//! Nothing waits on it in the hot path: a full queue loses audit and activity messages, and their number is told as soon as there
//! is room. Requests that somebody waits for wait for room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use portcullis_model::audit::{Event, Lost};
use portcullis_wire::ToLauncher;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// Messages that may wait for the launcher: a second's worth of a busy server's refusals and transfers.
pub(crate) const QUEUE: usize = 1024;

/// The launcher is gone, or this server is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the launcher does not answer")]
pub(crate) struct LinkDown;

/// The sending side.
#[derive(Debug)]
pub(crate) struct Link {
    queue: mpsc::Sender<ToLauncher>,
    lost: Mutex<Lost>,
    /// Whether any are lost: asked for each record.
    losing: AtomicBool,
}

impl Link {
    /// The link and the queue that the control thread empties.
    pub(crate) fn new() -> (Self, mpsc::Receiver<ToLauncher>) {
        let (queue, receiver) = mpsc::channel(QUEUE);
        (Self { queue, lost: Mutex::default(), losing: AtomicBool::new(false) }, receiver)
    }

    /// Says something nobody waits for.
    pub(crate) fn tell(&self, message: ToLauncher) {
        let (mpsc::error::TrySendError::Full(message) | mpsc::error::TrySendError::Closed(message)) =
            match self.queue.try_send(message) {
                Ok(()) => return,
                Err(error) => error,
            };
        if let ToLauncher::Audit(event) = message {
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).note(&event);
            self.losing.store(true, Ordering::Relaxed);
        }
    }

    /// Writes to the audit log.
    pub(crate) fn audit(&self, event: Event) {
        if self.losing.swap(false, Ordering::Relaxed) {
            let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).take();
            // What there is no room for is counted again.
            lost.for_each(|event| self.tell(ToLauncher::Audit(event)));
        }
        self.tell(ToLauncher::Audit(event));
    }

    /// Counts a record that nobody could send.
    pub(crate) fn lose(&self, kind: &'static str) {
        let event = Event::Overflow { kind: kind.to_owned(), lost: 1 };
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).note(&event);
        self.losing.store(true, Ordering::Relaxed);
    }

    /// Writes to the audit log what must not be lost, while there is plenty of room; else gives it back, to be sent with
    /// [`Link::ask`] by somebody who waits.
    pub(crate) fn try_audit(&self, event: Event) -> Result<(), Box<ToLauncher>> {
        if self.queue.capacity() < QUEUE / 2 {
            return Err(Box::new(ToLauncher::Audit(event)));
        }
        self.audit(event);
        Ok(())
    }

    /// Says something whose answer somebody waits for.
    ///
    /// # Errors
    /// When nobody listens any more.
    pub(crate) async fn ask(&self, message: ToLauncher) -> Result<(), LinkDown> {
        self.queue.send(message).await.map_err(|_| LinkDown)
    }
}

/// Requests under way, by number.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<T>>>,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self { next: AtomicU64::new(1), waiting: Mutex::default() }
    }
}

impl<T> Pending<T> {
    /// A new number and where its answer will come.
    pub(crate) fn begin(&self) -> (u64, oneshot::Receiver<T>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Those who went away are swept here, so that the table can't grow.
        waiting.retain(|_, sender| !sender.is_closed());
        waiting.insert(number, sender);
        (number, receiver)
    }

    /// Hands an answer over; one that nobody waits for is dropped.
    pub(crate) fn answer(&self, number: u64, answer: T) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        if let Some(sender) = waiting {
            // The asker went away meanwhile: nobody to tell.
            let _ = sender.send(answer);
        }
    }

    /// Nobody will be answered: those who wait are told so by their end of it.
    pub(crate) fn forget_all(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_told() {
        let (link, mut queue) = Link::new();
        for _ in 0..QUEUE + 5 {
            link.audit(Event::Stopped { why: String::new() });
        }
        for _ in 0..2 {
            queue.try_recv().expect("a message");
        }
        link.audit(Event::Stopped { why: String::new() });
        let mut last = Vec::new();
        while let Ok(message) = queue.try_recv() {
            last.push(message);
        }
        assert!(
            last.iter().any(|message| matches!(message, ToLauncher::Audit(Event::Overflow { lost: 5, .. })))
        );
    }

    #[test]
    fn answers_find_their_asker_and_no_other() {
        let pending = Pending::default();
        let (first, mut one) = pending.begin();
        let (second, two) = pending.begin();
        drop(two);
        pending.answer(second, 2);
        pending.answer(99, 3);
        pending.answer(first, 1);
        assert_eq!(one.try_recv(), Ok(1));
        assert!(pending.waiting.lock().expect("unpoisoned").is_empty());
    }
}
