//! The signal to finish: no new connections, requests in progress may end, then all is closed.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Starts the drain of every [`serve`](crate::serve()) it was passed to. Clones are the same signal.
#[derive(Debug, Clone)]
pub struct Drain(watch::Sender<Option<Instant>>);

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}

impl Drain {
    /// Not started.
    pub fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Stops accepting at once, lets requests in progress finish, cuts what is left after `within`.
    /// A second call moves the deadline.
    pub fn start(&self, within: Duration) {
        self.0.send_replace(Some(Instant::now() + within));
    }

    /// Whether it was started.
    pub fn started(&self) -> bool {
        self.0.borrow().is_some()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Option<Instant>> {
        self.0.subscribe()
    }
}
