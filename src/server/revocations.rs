//! Revocations under way: what an administrator cut, until it is closed.
//!
//! A cut tells streams to end; only when they have ended is a revocation done. What is open is counted before the cut, looked at
//! until nothing is left, and told to the launcher. Called by `launcher_link`, on the control thread.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portcullis_proxy::{Open, Reason};
use portcullis_wire::ToLauncher;
use portcullis_wire::launcher::REVOKED_WITHIN;
use tokio::sync::Notify;

use crate::state::SignInState;

/// Between two looks: streams end within a turn or two of their threads.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// One revocation.
#[derive(Debug)]
struct UnderWay {
    request: u64,
    cut: Vec<Arc<SignInState>>,
    open: Open,
    until: Instant,
}

impl UnderWay {
    fn left(&self) -> u32 {
        self.cut.iter().map(|one| one.cut.open()).sum::<Open>().all()
    }

    fn answer(&self, left: u32) -> ToLauncher {
        let Open { websockets, transfers } = self.open;
        ToLauncher::Revoked { request: self.request, websockets, transfers, left }
    }
}

/// Those under way.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    all: Mutex<Vec<UnderWay>>,
    begun: Notify,
}

impl Revocations {
    /// Cuts what hangs on these sign-ins, which stand in no snapshot any more; the answer comes by [`Revocations::answer`].
    pub(crate) fn begin(&self, request: u64, gone: Vec<Arc<SignInState>>) {
        // ORDER: counted before it is cut. What was on its way to begin meanwhile is not counted, but cut all the same.
        let open = gone.iter().map(|one| one.cut.open()).sum();
        gone.iter().for_each(|one| one.cut.cut(Reason::Revoked));
        let until = Instant::now() + REVOKED_WITHIN;
        let one = UnderWay { request, cut: gone, open, until };
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(one);
        self.begun.notify_one();
    }

    /// The next that is done. May be dropped and asked again at any moment.
    pub(crate) async fn answer(&self) -> ToLauncher {
        loop {
            match self.look(Instant::now()) {
                Look::Done(answer) => return *answer,
                Look::Waits => tokio::time::sleep(LOOK_EVERY).await,
                Look::Nothing => self.begun.notified().await,
            }
        }
    }

    fn look(&self, now: Instant) -> Look {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return Look::Nothing;
        }
        let done = all.iter().enumerate().find_map(|(at, one)| {
            let left = one.left();
            (left == 0 || now >= one.until).then(|| (at, one.answer(left)))
        });
        done.map_or(Look::Waits, |(at, answer)| {
            all.swap_remove(at);
            Look::Done(Box::new(answer))
        })
    }
}

/// What a look found.
enum Look {
    Nothing,
    Waits,
    Done(Box<ToLauncher>),
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use portcullis_model::SignInId;

    use super::*;
    use crate::generation::Generation;
    use crate::state::Table;
    use crate::state::tests::sign_in;

    #[tokio::test(flavor = "current_thread")]
    async fn what_hung_on_a_sign_in_is_cut_and_told() {
        let table = Table::new(Arc::new(Generation::for_tests(&[])));
        table.sign_in(sign_in("alice", 1));
        table.sign_in(sign_in("bob", 2));
        let id = |number| SignInId::from_bytes([number; 16]);
        let alice = table.load().people[&id(1)].clone();
        let revocations = Revocations::default();
        let mut waiting = Box::pin(revocations.answer());
        poll_fn(|cx| {
            assert!(waiting.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        revocations.begin(7, table.revoke(&[id(1), id(9)], &[]));
        assert_eq!(alice.presence.cut.reason(), Some(Reason::Revoked));
        assert!(!table.load().people.contains_key(&id(1)) && table.load().people.contains_key(&id(2)));
        assert!(matches!(waiting.await, ToLauncher::Revoked { request: 7, left: 0, .. }));
        assert!(matches!(revocations.look(Instant::now()), Look::Nothing));
    }
}
