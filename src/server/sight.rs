//! What is seen of a session that is no person's act, and yet says whether it is used: a browser that is there, files on their
//! way, kernels that compute. Told to the launcher, which decides. Noted by `ide`, `transfers` and `busy`; told from here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis_model::SessionId;
use portcullis_model::lifetime::{Seen, Sign};
use portcullis_model::session::State;
use portcullis_wire::ToLauncher;
use portcullis_wire::launcher::SEEN_AT_ONCE;

use crate::state::{Live, now};
use crate::world::World;

/// How often the launcher is told (the wire's rule): the shortest clock is a minute long.
const EVERY: Duration = Duration::from_secs(10);

/// What was seen, each with its last moment in seconds since 1970; 0 is never.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    browser: AtomicU64,
    transfer: AtomicU64,
    kernel: AtomicU64,
    told: AtomicU64,
}

impl Sight {
    /// A browser sent something.
    pub(crate) fn browser(&self, at: u64) {
        self.browser.store(at, Ordering::Relaxed);
    }

    /// Bytes of a file passed.
    pub(crate) fn transfer(&self, at: u64) {
        self.transfer.store(at, Ordering::Relaxed);
    }

    /// A body that is read whole: when that takes its time, it is a transfer. Whoever reads it has an end to that time.
    pub(crate) async fn while_it_lasts<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(EVERY / 2) => self.transfer(now()),
            }
        }
    }

    /// A kernel computes.
    pub(crate) fn kernel(&self, at: u64) {
        self.kernel.store(at, Ordering::Relaxed);
    }

    /// When a kernel was seen to compute last.
    pub(crate) fn last_kernel(&self) -> u64 {
        self.kernel.load(Ordering::Relaxed)
    }

    /// When bytes of a file passed last.
    #[cfg(test)]
    pub(crate) fn last_transfer(&self) -> u64 {
        self.transfer.load(Ordering::Relaxed)
    }

    fn seen(&self) -> Seen {
        let [browser, transfer, kernel] =
            [&self.browser, &self.transfer, &self.kernel].map(|at| at.load(Ordering::Relaxed));
        Seen { act: Sign::Start, browser, transfer, kernel, ..Seen::default() }
    }

    /// What the launcher hasn't been told yet.
    fn news(&self) -> Option<Seen> {
        let seen = self.seen();
        let latest = seen.browser.max(seen.transfer).max(seen.kernel);
        (self.told.swap(latest, Ordering::Relaxed) != latest).then_some(seen)
    }
}

/// Tells for ever.
pub(crate) async fn tell(world: Arc<World>) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let snapshot = world.table.load();
        let all: Vec<(SessionId, Seen)> =
            snapshot.sessions.values().filter_map(|live| news(live, now())).collect();
        for some in all.chunks(SEEN_AT_ONCE) {
            world.link.tell(ToLauncher::Seen(some.to_vec()));
        }
    }
}

fn news(live: &Live, at: u64) -> Option<(SessionId, Seen)> {
    if live.session.state != State::Running {
        return None;
    }
    // An open WebSocket is a browser: who closes the page closes it, and an IDE's own pings find out who vanished.
    if live.way.cut.open().websockets > 0 {
        live.way.sight.browser(at);
    }
    live.way.sight.news().map(|seen| (live.session.id, seen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::Generation;
    use crate::state::Table;
    use crate::state::tests::session;
    use portcullis_model::session::Session;

    #[test]
    fn the_launcher_is_told_what_is_new() {
        let sight = Sight::default();
        assert_eq!(sight.news(), None);
        sight.browser(10);
        sight.transfer(7);
        let told = sight.news().expect("news");
        assert_eq!((told.browser, told.transfer, told.kernel), (10, 7, 0));
        assert_eq!(sight.news(), None);
        sight.kernel(11);
        assert_eq!(sight.news().map(|told| told.kernel), Some(11));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_takes_its_time_is_a_transfer_and_a_quick_one_is_none() {
        let sight = Sight::default();
        sight.while_it_lasts(tokio::time::sleep(Duration::from_secs(4))).await;
        assert_eq!(sight.seen().transfer, 0);
        assert_eq!(
            sight.while_it_lasts(async { tokio::time::sleep(Duration::from_secs(6)).await }).await,
            ()
        );
        assert!(sight.seen().transfer > 0);
    }

    #[test]
    fn only_running_sessions_are_told_of() {
        let table = Table::new(Arc::new(Generation::for_tests(&[])));
        table.session(Session { state: State::Running, ..session("alice", 7) });
        table.session(session("alice", 8));
        let snapshot = table.load();
        snapshot.sessions.values().for_each(|live| live.way.sight.browser(5));
        let told: Vec<_> = snapshot.sessions.values().filter_map(|live| news(live, 9)).collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].1.browser, 5, "no WebSocket is open");
    }
}
