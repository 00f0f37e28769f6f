//! The signal to finish: no new connections, requests in progress may end, then all is closed.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Until when, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until {
    /// What is left then is cut.
    pub(crate) at: Instant,
    /// Somebody else takes what is new: nobody is hurried.
    pub(crate) gently: bool,
}

/// Starts the drain of every [`serve`](crate::serve()) it was passed to. Clones are the same signal.
#[derive(Debug, Clone)]
pub struct Drain(watch::Sender<Option<Until>>);

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

    /// Stops accepting at once, lets requests in progress finish, closes connections that ask nothing, cuts what is left after
    /// `within`. A second call moves the deadline.
    pub fn start(&self, within: Duration) {
        self.0.send_replace(Some(Until { at: Instant::now() + within, gently: false }));
    }

    /// The same for when another process accepts on the same sockets: a connection that asks nothing is left its next request,
    /// whose answer says that it is the last one, for no client can tell a closed connection from one that is about to be. A
    /// second call moves the deadline. After [`start`](Self::start) it changes nothing: what is to end is not let go on.
    pub fn hand_over(&self, within: Duration) {
        self.0.send_if_modified(|until| {
            let may = until.is_none_or(|until| until.gently);
            if may {
                *until = Some(Until { at: Instant::now() + within, gently: true });
            }
            may
        });
    }

    /// Whether it was started.
    pub fn started(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Whether another process takes what is new.
    pub fn handed_over(&self) -> bool {
        self.0.borrow().is_some_and(|until| until.gently)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Option<Until>> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_to_end_is_not_let_go_on() {
        let (now, day) = (Duration::ZERO, Duration::from_secs(86_400));
        let drain = Drain::new();
        drain.hand_over(day);
        assert!(drain.started() && drain.handed_over());
        drain.start(now);
        drain.hand_over(day);
        assert!(drain.started() && !drain.handed_over());
        assert!(drain.watch().borrow().is_some_and(|until| until.at == Instant::now()));
    }
}
